// The keys of a screen: each presses the button, or focuses the field, of one keyed Streamlit element. It never acts
// while somebody types, repeats a key, or has a button of their own in focus that Enter belongs to.
function isTyping(event) {
  return event.composedPath().some((at) => /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName || "") || at.isContentEditable)
}

function ownsEnter(event) {
  return event.composedPath().some((at) => /^(BUTTON|A|SUMMARY)$/.test(at.tagName || ""))
}

export default function (component) {
  const { data, parentElement } = component
  const host = parentElement.querySelector(".keys")
  if (!host) return
  const press = (event) => {
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    const target = data.keys[key]
    if (!target || event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
    if (key === "Enter" && ownsEnter(event)) return
    const keyed = document.querySelector(".st-key-" + target)
    const hit = keyed?.querySelector("input, textarea, button:not([disabled])")
    if (!hit) return
    event.preventDefault()
    if (hit.tagName === "BUTTON") hit.click()
    else hit.focus()
  }
  if (host.press) document.removeEventListener("keydown", host.press)
  host.press = press
  document.addEventListener("keydown", press)
  // A button clicked with the mouse gives the keyboard back, so that Enter means the screen's own act again.
  const release = () => setTimeout(() => {
    const focused = document.activeElement
    if (/^(BUTTON|SUMMARY)$/.test(focused?.tagName) && !focused.closest("[role=dialog]")) focused.blur()
  }, 60)
  if (host.release) document.removeEventListener("pointerup", host.release, true)
  host.release = release
  document.addEventListener("pointerup", release, true)
  return () => {
    document.removeEventListener("keydown", host.press)
    document.removeEventListener("pointerup", host.release, true)
  }
}

// The keys of a screen: each presses the button, or focuses the field, of one keyed Streamlit element. It never acts
// while somebody types, repeats a key, or has a button of their own in focus that Enter belongs to. Escape leaves the
// field that somebody types in, and what is open over the screen, before it means anything else.
function isTyping(event) {
  return event.composedPath().some((at) => /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName || "") || at.isContentEditable)
}

function ownsEnter(event) {
  return event.composedPath().some((at) => /^(BUTTON|A|SUMMARY)$/.test(at.tagName || ""))
}

// A button that was pressed gives the keyboard back, so that Enter means the screen's own act again. Tab goes on from
// where it was.
function release(after) {
  setTimeout(() => {
    const focused = document.activeElement
    if (/^(BUTTON|SUMMARY)$/.test(focused?.tagName) && !focused.closest("[role=dialog]")) focused.blur()
  }, Number(after) || 60)
}

function isOpen(selector) {
  return Boolean(document.querySelector(selector))
}

export default function (component) {
  const { data, parentElement } = component
  const host = parentElement.querySelector(".keys")
  if (!host) return
  const OVER = "[data-testid=stPopoverBody], [data-baseweb=menu], [role=dialog]"
  // Asked before the screen's own parts hear of the key: they close what is open.
  const before = (event) => {
    if (event.key !== "Escape") return
    host.wasOver = isOpen(OVER)
    // What closes hands the focus back to its button at its own time.
    if (host.wasOver) for (const after of [60, 250, 600]) release(after)
  }
  const press = (event) => {
    if (event.isComposing) return
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key
    if (key === "Escape" && isTyping(event)) {
      event.preventDefault() // a search field would empty itself
      event.composedPath()[0].blur()
      return
    }
    if (key === "Escape" && host.wasOver) return
    const target = data.keys[key]
    if (!target || event.repeat || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
    if (key === "Enter" && ownsEnter(event)) return
    const keyed = target.split(" ").map((name) => document.querySelector(".st-key-" + name))
    const hit = keyed.find(Boolean)?.querySelector("input, textarea, button:not([disabled])")
    if (!hit) return
    event.preventDefault()
    if (hit.tagName === "BUTTON") {
      hit.click()
      release()
    } else hit.focus()
  }
  const clicked = (event) => {
    if (event.detail === 0 && event.target.closest?.(".stButton button")) release()
  }
  host.forget?.()
  window.addEventListener("keydown", before, true)
  document.addEventListener("keydown", press)
  document.addEventListener("pointerup", release, true)
  document.addEventListener("click", clicked, true)
  host.dataset.bound = "" // from here on a key is heard
  host.forget = () => {
    window.removeEventListener("keydown", before, true)
    document.removeEventListener("keydown", press)
    document.removeEventListener("pointerup", release, true)
    document.removeEventListener("click", clicked, true)
  }

  // A form that was just opened takes the keyboard, once.
  const focus = data.focus || ""
  if (focus && focus !== host.focused) {
    const until = Date.now() + 5000
    const take = () => {
      const field = document.querySelector(".st-key-" + focus + " :is(input, textarea)")
      if (field) field.focus()
      else if (Date.now() < until && host.focused === focus) setTimeout(take, 50)
    }
    setTimeout(take, 0)
  }
  host.focused = focus
  return () => host.forget()
}

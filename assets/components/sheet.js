// The bottom sheet of a narrow screen: one part of the screen at a time, by the tabs at its foot. It says on the body
// which part is open and how far, and the screen's own style sheet does the rest, without a way to the server.
const CLOSED = ""

export default function (component) {
  const { data, parentElement } = component
  const host = parentElement.querySelector(".sheet")
  if (!host) return
  const says = document.body.dataset
  const grip = host.querySelector(".grip")
  const tabs = host.querySelector(".tabs")

  const show = (part, size) => {
    says.sheet = part
    says.sheetSize = part === CLOSED ? "" : size || says.sheetSize || "half"
    mark()
  }
  const mark = () => {
    for (const tab of tabs.children) tab.setAttribute("aria-expanded", String(tab.dataset.part === says.sheet))
    grip.hidden = says.sheet === CLOSED
    grip.setAttribute("aria-label", says.sheetSize === "full" ? data.lower : data.raise)
  }

  const drawn = JSON.stringify(data.tabs)
  if (host.drawn !== drawn) {
    host.drawn = drawn
    tabs.replaceChildren(
      ...data.tabs.map(({ part, label, note, is_empty }) => {
        const tab = document.createElement("button")
        tab.dataset.part = part
        tab.disabled = is_empty
        const more = document.createElement("small")
        more.textContent = note
        tab.append(label, more)
        return tab
      }),
    )
  }
  tabs.onclick = (event) => {
    const part = event.target.closest("button:not([disabled])")?.dataset.part
    if (part) show(part === says.sheet ? CLOSED : part)
  }

  // Dragged up the sheet takes the whole screen, dragged down half of it and then none; a tap goes between the two.
  let from = null
  grip.onpointerdown = (event) => {
    from = event.clientY
    grip.setPointerCapture(event.pointerId)
  }
  grip.onpointerup = (event) => {
    const moved = from === null ? 0 : event.clientY - from
    from = null
    const isFull = says.sheetSize === "full"
    if (moved > 30) show(isFull ? says.sheet : CLOSED, "half")
    else if (moved < -30) show(says.sheet, "full")
    else show(says.sheet, isFull ? "half" : "full")
  }

  if (says.sheet === undefined) show(CLOSED)
  // What was just selected is what somebody wants to read; what was closed leads back to where it came from.
  const detail = data.detail || ""
  if (detail !== (host.detail ?? "")) {
    if (detail && says.sheet !== data.detail_part) {
      host.before = says.sheet
      show(data.detail_part, "half")
    } else if (!detail && says.sheet === data.detail_part) show(host.before || CLOSED)
  }
  host.detail = detail
  if (data.is_folded && !host.isFolded) show(CLOSED)
  host.isFolded = data.is_folded
  mark()
  return () => {
    delete says.sheet
    delete says.sheetSize
  }
}

// A list of cards of which one is picked: the queue and the candidates. Draws what it is given and says what was
// clicked; J and K step through the list when `data.steps` is set. Text is set as text, never as markup.
const REPEATS = new WeakMap()

function element(tag, className, text) {
  const made = document.createElement(tag)
  if (className) made.className = className
  if (text) made.textContent = text
  return made
}

function card(item, picked) {
  const root = element("div", "card" + (item.id === picked ? " picked" : "") + (item.faded ? " faded" : ""))
  root.dataset.id = item.id
  root.setAttribute("role", "option")
  root.setAttribute("aria-selected", String(item.id === picked))
  root.style.setProperty("--bar", item.colour || "transparent")
  if (item.mark) {
    const mark = element("span", "mark", item.mark)
    mark.style.setProperty("--ink", item.ink || "#fff")
    root.append(mark)
  }
  const body = element("div", "body")
  const first = element("div", "row")
  first.append(element("span", "title", item.title), element("span", "aside " + (item.tone || ""), item.aside))
  if (item.aside_hint) first.lastChild.title = item.aside_hint
  body.append(first)
  if (item.meta || item.tail) {
    const second = element("div", "row")
    second.append(element("span", "meta", item.meta), element("span", "tail", item.tail))
    body.append(second)
  }
  if (item.note) body.append(element("div", "note", item.note))
  root.append(body)
  return root
}

function isTyping(event) {
  return event.composedPath().some((at) => /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName || "") || at.isContentEditable)
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const list = parentElement.querySelector(".cards")
  if (!list) return
  const cards = data.cards || []
  list.setAttribute("aria-label", data.label || "")
  const before = list.dataset.picked
  // An answer to an earlier pick must not take back a later one that is still on its way.
  if (list.pending && (list.pending.id === data.picked || Date.now() - list.pending.at > 3000)) list.pending = null
  const now = list.pending ? list.pending.id : data.picked || ""
  list.dataset.picked = now
  const drawn = JSON.stringify([cards, now, data.empty])
  if (REPEATS.get(list) !== drawn) {
    REPEATS.set(list, drawn)
    list.replaceChildren(...cards.map((item) => card(item, now)))
    if (!cards.length) list.append(element("div", "empty", data.empty))
    const picked = list.querySelector(".picked")
    if (picked && before !== list.dataset.picked) picked.scrollIntoView({ block: "nearest" })
  }

  const pick = (id) => {
    for (const at of list.querySelectorAll(".card")) at.classList.toggle("picked", at.dataset.id === id)
    list.dataset.picked = id
    // A state and no trigger: a trigger is lost when another run of the screen overtakes it.
    list.pending = { id, at: Date.now() }
    setStateValue("picked", list.pending)
  }
  list.onclick = (event) => {
    const at = event.target.closest(".card")
    if (at) pick(at.dataset.id)
  }

  const step = (event) => {
    const by = { j: 1, k: -1 }[event.key.toLowerCase()]
    if (!by || event.ctrlKey || event.metaKey || event.altKey || isTyping(event)) return
    const ids = [...list.querySelectorAll(".card")].map((at) => at.dataset.id)
    if (!ids.length) return
    event.preventDefault()
    const from = ids.indexOf(list.dataset.picked)
    const to = from < 0 ? 0 : Math.min(Math.max(from + by, 0), ids.length - 1)
    if (to === from) return
    pick(ids[to])
    list.querySelector(".picked")?.scrollIntoView({ block: "nearest" })
  }
  if (list.step) document.removeEventListener("keydown", list.step)
  list.step = data.steps ? step : null
  if (list.step) document.addEventListener("keydown", list.step)
  return () => list.step && document.removeEventListener("keydown", list.step)
}

// A list of cards of which one is picked: the queue and the candidates. Draws what it is given and says what was
// clicked; J and K step through the list when `data.steps` is set, 1 to 9 pick the n-th where `data.digits` is. With the
// focus in the list the arrows move it, Enter and Space pick, and Escape gives the keyboard back. Text is set as text,
// never as markup.
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
  root.tabIndex = -1
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
  const at = (id) => [...list.querySelectorAll(".card")].find((each) => each.dataset.id === id)
  // One card at a time can be tabbed to: the one in focus, else the picked one, else the first.
  const reach = (focused) => {
    const one = at(focused) || list.querySelector(".picked") || list.querySelector(".card")
    for (const each of list.querySelectorAll(".card")) each.tabIndex = each === one ? 0 : -1
  }
  // An answer to an earlier pick must not take back a later one that is still on its way.
  if (list.pending && (list.pending.id === data.picked || Date.now() - list.pending.at > 3000)) list.pending = null
  const now = list.pending ? list.pending.id : data.picked || ""
  list.dataset.picked = now
  const drawn = JSON.stringify([cards, now, data.empty])
  if (REPEATS.get(list) !== drawn) {
    REPEATS.set(list, drawn)
    const focused = list.getRootNode().activeElement?.closest?.(".card")?.dataset.id
    list.replaceChildren(...cards.map((item) => card(item, now)))
    if (!cards.length) list.append(element("div", "empty", data.empty))
    reach(focused)
    if (focused) at(focused)?.focus({ preventScroll: true })
  }
  // Once for each pick: afterwards the list stays where somebody scrolled it to.
  const picked = list.querySelector(".picked")
  if (picked && list.shown !== now) {
    list.shown = now
    requestAnimationFrame(() => picked.scrollIntoView({ block: "nearest" }))
  }

  const pick = (id) => {
    for (const each of list.querySelectorAll(".card")) {
      each.classList.toggle("picked", each.dataset.id === id)
      each.setAttribute("aria-selected", String(each.dataset.id === id))
    }
    list.dataset.picked = list.shown = id
    reach()
    // A state and no trigger: a trigger is lost when another run of the screen overtakes it.
    list.pending = { id, at: Date.now() }
    setStateValue("picked", list.pending)
  }
  list.onclick = (event) => {
    const hit = event.target.closest(".card")
    if (!hit) return
    hit.blur() // a click isn't a walk by keys: Enter stays the screen's own
    pick(hit.dataset.id)
  }
  list.onkeydown = (event) => {
    const hit = event.target.closest(".card")
    if (!hit || event.ctrlKey || event.metaKey || event.altKey) return
    const all = [...list.querySelectorAll(".card")]
    const from = all.indexOf(hit)
    const to = { ArrowDown: from + 1, ArrowUp: from - 1, Home: 0, End: all.length - 1 }[event.key]
    if (to !== undefined) {
      const next = all[Math.min(Math.max(to, 0), all.length - 1)]
      reach(next.dataset.id)
      next.focus()
    } else if (event.key === "Enter" || event.key === " ") pick(hit.dataset.id)
    else if (event.key === "Escape") hit.blur()
    else return
    event.preventDefault()
    event.stopPropagation() // Enter picks here, and does nothing else
  }

  const step = (event) => {
    if (event.isComposing) return
    const nth = data.digits && /^[1-9]$/.test(event.key) ? cards[event.key - 1] : null
    if (nth && !event.repeat && !event.ctrlKey && !event.metaKey && !event.altKey && !isTyping(event)) {
      event.preventDefault()
      pick(nth.id)
      return
    }
    if (!data.steps) return
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
  list.step = data.steps || data.digits ? step : null
  if (list.step) document.addEventListener("keydown", list.step)
  return () => list.step && document.removeEventListener("keydown", list.step)
}

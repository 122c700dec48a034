// What happens on the wall's map that Streamlit doesn't tell: that somebody touched it, which place on it or which row
// with a grid was clicked, and how long a metre is. `data.held` says whether the view is somebody's already; then every touch of the
// screen keeps it theirs, told now and then, and a cookie keeps where it looks: a server that was started anew knows nothing of it.
const AGAIN_MS = 10000
const ONCE_MS = 600
const LOOK_MS = 200
const STILL_PX = 6
const KEYS = /^(Arrow|Page|[+=-]$)/

const onMap = (event) => Boolean(event.target.closest?.(".st-key-wall_map"))
// Above a map server's pictures lies more than the canvas.
const onGround = (event) => onMap(event) && event.target.closest(".deck-events-root") && !event.target.closest("a, button")
const canvasOf = () => document.querySelector(".st-key-wall_map canvas")

// deck.gl keeps its camera to itself. React's own notes at the canvas lead to it; where they don't, nothing is shown
// or done that could be wrong. (A click as deck.gl knows it won't do: where drawing is slow it takes it for a long press.)
const DECKS = new WeakMap()
function deckAt(canvas) {
  if (DECKS.has(canvas)) return DECKS.get(canvas)
  const name = Object.keys(canvas).find((key) => key.startsWith("__reactFiber$"))
  for (let fiber = canvas[name]; fiber; fiber = fiber.return) {
    for (let hook = fiber.memoizedState; hook && "next" in hook; hook = hook.next) {
      const deck = hook.memoizedState?.current?.deck
      if (deck?.isInitialized) {
        DECKS.set(canvas, deck)
        return deck
      }
    }
  }
  return null
}

function viewport() {
  const canvas = canvasOf()
  return canvas && deckAt(canvas)?.getViewports()[0]
}

function metresPerPx(data) {
  return viewport()?.metersPerPixel || (data.held ? 0 : data.metres)
}

// Another window's is left alone: what wasn't held here isn't forgotten here.
function keep(host, data) {
  const view = data.held && viewport()
  if (data.held && !view) return
  const place = view ? [data.held, view.longitude.toFixed(7), view.latitude.toFixed(7), view.zoom.toFixed(4)].join("~") : ""
  if (place === (host.kept ?? "")) return
  host.kept = place
  document.cookie = `gridcommand_view=${place};path=/;samesite=strict${place ? "" : ";max-age=0"}`
}

function draw(host, data) {
  const metres = metresPerPx(data)
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
  const most = metres * 9 * rem
  host.hidden = !(most > 0)
  if (host.hidden) return
  const ten = 10 ** Math.floor(Math.log10(most))
  const length = [5, 2, 1].map((n) => n * ten).find((n) => n <= most)
  const text = length < 1000 ? data.metre.replace("{}", length) : data.kilometre.replace("{}", length / 1000)
  const bar = host.querySelector("i")
  const label = host.querySelector("b")
  const width = (length / metres / rem).toFixed(2) + "rem"
  if (bar.style.width !== width) bar.style.width = width
  if (label.textContent !== text) label.textContent = text
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const host = parentElement.querySelector(".scale")
  if (!host) return
  host.said = host.said || 0
  const touched = (event) => {
    const isMap = onMap(event)
    if (!data.held && !isMap) return
    if (Date.now() - host.said < (data.held ? AGAIN_MS : ONCE_MS)) return
    host.said = Date.now()
    setStateValue("touched", { at: host.said, map: isMap })
  }
  const pressed = (event) => {
    if (event.key === "Enter" && event.target.closest?.("[data-grid]")) event.target.click()
    if (!onMap(event) || KEYS.test(event.key)) touched(event)
  }
  const down = (event) => {
    host.from = [event.clientX, event.clientY]
    touched(event)
  }
  const clicked = (event) => {
    const row = event.target.closest?.("[data-grid]")
    if (row) setStateValue("chosen", { at: Date.now(), grid: row.dataset.grid })
    if (!onGround(event) || event.detail > 1 || !host.from) return
    if (Math.hypot(event.clientX - host.from[0], event.clientY - host.from[1]) > STILL_PX) return
    const box = canvasOf().getBoundingClientRect()
    const place = viewport()?.unproject([event.clientX - box.left, event.clientY - box.top])
    if (place) setStateValue("placed", { at: Date.now(), place: place.slice(0, 2) })
  }
  const heard = [
    ["pointerdown", down],
    ["wheel", touched],
    ["keydown", pressed],
    ["click", clicked],
  ]
  host.forget?.()
  for (const [name, hear] of heard) window.addEventListener(name, hear, { capture: true, passive: true })
  const look = () => {
    draw(host, data)
    keep(host, data)
  }
  look()
  const timer = setInterval(look, LOOK_MS)
  host.forget = () => {
    clearInterval(timer)
    for (const [name, hear] of heard) window.removeEventListener(name, hear, { capture: true })
  }
  return () => host.forget()
}

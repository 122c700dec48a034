// What lies over a Streamlit map: a canvas of its size, redrawn whenever its view changes. Streamlit tells nobody where a
// map looks or where its bare ground was clicked, so the deck is found where React keeps it; without it nothing is drawn.
function deckOf(canvas) {
  const key = Object.keys(canvas).find((name) => name.startsWith("__reactFiber$"))
  for (let fiber = key && canvas[key]; fiber; fiber = fiber.return) {
    for (let hook = fiber.memoizedState; hook && typeof hook === "object" && "next" in hook; hook = hook.next) {
      const kept = hook.memoizedState
      const held = [kept, kept?.current, kept?.[0]].find((one) => one?.deck?.getViewports)
      if (held) return held.deck
    }
  }
  return null
}

// Draws what was asked for before the ground and the names: without a graphics card either takes seconds to be drawn for
// the first time, and data is what people wait for. They follow in the next frame, or when the data is late.
const PATIENCE_MS = 5000

function drawDataFirst(deck) {
  if (deck.isInitialized || Object.hasOwn(deck, "setProps")) return
  const isBeneath = (layer) => /^(base-|names|road-names)/.test(layer?.id)
  const until = performance.now() + PATIENCE_MS
  const set = deck.setProps.bind(deck)
  let asked = deck.props.layers
  deck.setProps = (props) => {
    asked = props.layers ?? asked
    set({ ...props, layers: asked.filter((layer) => !isBeneath(layer)) })
  }
  deck.setProps({})
  const look = () => {
    const isDrawn = deck.isInitialized && deck.props.layers.every((layer) => !layer || layer.isLoaded)
    if (!isDrawn && performance.now() < until) return requestAnimationFrame(look)
    requestAnimationFrame(() => requestAnimationFrame(() => {
      delete deck.setProps
      deck.setProps({ layers: asked })
    }))
  }
  look()
}

class DeckView {
  constructor(canvas, selector, draw) {
    this.canvas = canvas
    this.selector = selector
    this.paint = draw
    this.seen = ""
    const tick = (now) => {
      this.frame = requestAnimationFrame(tick)
      if (now) this.beat?.(now)
      const view = this.view()
      if (!view) return
      const seen = [view.longitude, view.latitude, view.zoom, view.bearing, view.pitch, view.width, view.height].join()
      if (seen !== this.seen) {
        this.seen = seen
        this.moved?.(view)
      } else if (!this.isStale) return
      this.isStale = false
      this.draw(view)
    }
    tick()
  }

  view() {
    if (!this.ground?.isConnected) {
      this.ground = document.querySelector(`${this.selector} canvas`)
      this.deck = null
    }
    if (this.ground && !this.deck) {
      this.deck = deckOf(this.ground)
      if (this.deck) drawDataFirst(this.deck)
    }
    try {
      return this.deck?.getViewports()[0]
    } catch {
      return null // the deck is being made
    }
  }

  at(event) {
    const box = this.ground.getBoundingClientRect()
    const [lon, lat] = this.view().unproject([event.clientX - box.left, event.clientY - box.top])
    return [Number(lon.toFixed(7)), Number(lat.toFixed(7))]
  }

  touch() {
    this.isStale = true
  }

  draw(view) {
    const ratio = window.devicePixelRatio || 1
    const [width, height] = [view.width, view.height]
    if (this.canvas.width !== Math.round(width * ratio) || this.canvas.height !== Math.round(height * ratio)) {
      this.canvas.width = Math.round(width * ratio)
      this.canvas.height = Math.round(height * ratio)
      this.canvas.style.width = `${width}px`
      this.canvas.style.height = `${height}px`
    }
    const pen = this.canvas.getContext("2d")
    pen.setTransform(ratio, 0, 0, ratio, 0, 0)
    pen.clearRect(0, 0, width, height)
    this.paint(pen, (place) => view.project(place), view)
  }

  end() {
    cancelAnimationFrame(this.frame)
  }
}

function isTypedInto(event) {
  return event.composedPath().some((at) => /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName || "") || at.isContentEditable)
}

function written(pen, text, x, y, { font, ink, halo }) {
  pen.font = font
  pen.textAlign = "center"
  pen.textBaseline = "middle"
  pen.lineJoin = "round"
  pen.lineWidth = 4
  pen.strokeStyle = halo
  pen.strokeText(text, x, y)
  pen.fillStyle = ink
  pen.fillText(text, x, y)
}

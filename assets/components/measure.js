// Over the officer's map: the place that was looked for, and a line or an area that is measured by clicks. Points go to
// the server, which measures on the ellipsoid and answers with the words to show. Also tells where the map looks, if
// somebody asks (`data.follow`).
const NEAR_PX = 14
const SETTLED_MS = 400
const TOOLS = new WeakMap()

class Tool {
  constructor(host) {
    this.host = host
    this.points = []
    this.isClosed = false
    this.data = {}
    this.over = new DeckView(host.querySelector("canvas"), ".st-key-map_chart", (pen, to) => this.draw(pen, to))
    this.over.moved = () => {
      clearTimeout(this.due)
      this.due = setTimeout(() => this.tellView(), SETTLED_MS)
    }
    this.panel = host.querySelector(".panel")
    const button = (name) => this.panel.querySelector("." + name)
    button("undo").onclick = () => this.undo()
    button("close").onclick = () => this.close()
    button("clear").onclick = () => this.clear()
    this.listen("pointerdown", (event) => {
      this.from = this.isOnGround(event) ? [event.clientX, event.clientY] : null
    })
    this.listen("pointermove", (event) => {
      if (!this.data.measuring || this.isClosed || !this.points.length || !this.over.view()) return
      this.pointer = this.isOnGround(event) && event.pointerType === "mouse" ? this.over.at(event) : null
      this.over.touch()
    })
    this.listen("pointerup", (event) => this.clicked(event))
    this.listen("keydown", (event) => this.pressed(event))
  }

  listen(kind, heard) {
    window.addEventListener(kind, heard, true)
    this.heard = [...(this.heard || []), [kind, heard]]
  }

  isOnGround(event) {
    return event.button <= 0 && event.composedPath().includes(this.over.ground?.closest(".deck-events-root, #deckgl-wrapper"))
  }

  clicked(event) {
    const from = this.from
    this.from = null
    if (!from || !this.data.measuring || this.isClosed || !this.over.view()) return
    if (Math.hypot(event.clientX - from[0], event.clientY - from[1]) > 6) return
    const view = this.over.view()
    const place = this.over.at(event)
    const here = view.project(place)
    const isNear = (point) => Math.hypot(view.project(point)[0] - here[0], view.project(point)[1] - here[1]) < NEAR_PX
    if (this.points.length > 2 && isNear(this.points[0])) return this.close()
    // The second half of a double click is no point of its own.
    if (this.points.length && isNear(this.points.at(-1)) && Date.now() - this.clickedAt < 400) return
    if (this.points.length >= this.data.most) return
    this.clickedAt = Date.now()
    this.points = [...this.points, place]
    this.told()
  }

  pressed(event) {
    if (!this.data.measuring || !this.points.length || isTypedInto(event) || event.isComposing) return
    const isUndo = event.key === "Backspace" || (event.key === "z" && (event.ctrlKey || event.metaKey))
    if (event.key === "Escape") this.clear()
    else if (isUndo) this.undo()
    else if (event.key === "Enter" && event.target === document.body) this.close()
    else return
    event.preventDefault()
  }

  undo() {
    if (this.isClosed) this.isClosed = false
    else this.points = this.points.slice(0, -1)
    this.told()
  }

  close() {
    if (this.points.length < 3) return
    this.isClosed = true
    this.told()
  }

  clear() {
    this.points = []
    this.isClosed = false
    this.told()
  }

  told() {
    this.pointer = null
    this.show()
    this.say("measured", { points: this.points, is_closed: this.isClosed })
  }

  // What was answered about other points than these has nothing to say yet.
  get answer() {
    const answer = this.data.answer
    return answer && JSON.stringify([answer.points, answer.is_closed]) === JSON.stringify([this.points, this.isClosed]) ? answer : null
  }

  tellView() {
    const view = this.data.follow && this.over.view()
    if (!view) return
    const bounds = view.getBounds().map((degrees) => Number(degrees.toFixed(5)))
    if (String(bounds) === String(this.bounds)) return
    this.bounds = bounds
    this.say("seen", bounds)
  }

  update(data, say) {
    this.say = say
    if (this.data.measuring && !data.measuring) {
      this.points = []
      this.isClosed = false
    }
    this.data = data
    if (!data.follow) this.bounds = null
    else if (!this.bounds) this.tellView()
    this.show()
  }

  show() {
    const { words, measuring, lets_go } = this.data
    // Streamlit takes a click on what it holds selected for the wish to drop it: what is shown no more must be let go.
    if (lets_go) document.querySelector('.st-key-map_chart [aria-label^="Clear selection"]')?.click()
    this.panel.hidden = !measuring
    const said = this.answer?.text
    this.panel.querySelector("output").textContent = said || (this.points.length ? words.reckoning : words.start)
    for (const name of ["undo", "close", "clear"]) this.panel.querySelector("." + name).textContent = words[name]
    this.panel.querySelector(".undo").disabled = this.panel.querySelector(".clear").disabled = !this.points.length
    this.panel.querySelector(".close").disabled = this.isClosed || this.points.length < 3
    const ground = document.querySelector(".st-key-map_chart")
    if (ground) ground.style.setProperty("--pointer", measuring ? "crosshair" : "")
    ground?.classList.toggle("is-measuring", Boolean(measuring))
    this.over.touch()
  }

  draw(pen, to) {
    const style = getComputedStyle(this.host)
    const tone = (name) => style.getPropertyValue(name).trim()
    const [accent, panel] = [tone("--accent"), tone("--panel")]
    const words = { font: `600 15px ${tone("--font")}`, ink: tone("--text"), halo: panel }
    if (this.data.measuring && this.points.length) this.drawLine(pen, to, { accent, panel, words })
    if (this.data.pin) this.drawPin(pen, to(this.data.pin), accent, panel)
  }

  drawLine(pen, to, { accent, panel, words }) {
    const line = this.points.map(to)
    pen.beginPath()
    line.forEach((at, n) => (n ? pen.lineTo(...at) : pen.moveTo(...at)))
    if (this.isClosed) {
      pen.closePath()
      pen.globalAlpha = 0.16
      pen.fillStyle = accent
      pen.fill()
      pen.globalAlpha = 1
    }
    pen.lineJoin = "round"
    for (const [width, ink] of [[6, panel], [3, accent]]) {
      pen.lineWidth = width
      pen.strokeStyle = ink
      pen.stroke()
    }
    if (this.pointer && !this.isClosed) {
      pen.beginPath()
      pen.moveTo(...line.at(-1))
      pen.lineTo(...to(this.pointer))
      pen.setLineDash([6, 6])
      pen.lineWidth = 2
      pen.stroke()
      pen.setLineDash([])
    }
    line.forEach(([x, y], n) => {
      pen.beginPath()
      pen.arc(x, y, n ? 5 : 7, 0, 2 * Math.PI)
      pen.fillStyle = panel
      pen.fill()
      pen.lineWidth = 3
      pen.strokeStyle = accent
      pen.stroke()
      const label = n ? this.answer?.running[n - 1] : ""
      if (label) written(pen, label, x, y - 18, words)
    })
    if (this.answer?.area) {
      const middle = [0, 1].map((axis) => line.reduce((sum, at) => sum + at[axis], 0) / line.length)
      written(pen, this.answer.area, ...middle, { ...words, font: words.font.replace("15px", "18px") })
    }
  }

  drawPin(pen, [x, y], accent, panel) {
    pen.beginPath()
    pen.moveTo(x, y)
    pen.bezierCurveTo(x - 4, y - 12, x - 13, y - 16, x - 13, y - 27)
    pen.arc(x, y - 27, 13, Math.PI, 0)
    pen.bezierCurveTo(x + 13, y - 16, x + 4, y - 12, x, y)
    pen.fillStyle = accent
    pen.fill()
    pen.lineWidth = 2
    pen.strokeStyle = panel
    pen.stroke()
    pen.beginPath()
    pen.arc(x, y - 27, 5, 0, 2 * Math.PI)
    pen.fillStyle = panel
    pen.fill()
  }

  end() {
    this.over.end()
    clearTimeout(this.due)
    for (const [kind, heard] of this.heard) window.removeEventListener(kind, heard, true)
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const host = parentElement.querySelector(".over")
  if (!host) return
  if (!TOOLS.has(host)) TOOLS.set(host, new Tool(host))
  TOOLS.get(host).update(data, setStateValue)
  return () => {
    TOOLS.get(host)?.end()
    TOOLS.delete(host)
  }
}

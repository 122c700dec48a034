// A map to point at a place: outlines from this server, drag to move, wheel to zoom, click to place the pin. Says the
// place in WGS 84 longitude and latitude, the CRS of the outlines it draws.
const MAPS = new WeakMap()
const LEVELS = ["street", "community", "quarter"]
const PATIENCE_MS = 5000

function ringsOf(geometry) {
  if (!geometry) return []
  if (geometry.type === "Polygon") return geometry.coordinates
  if (geometry.type === "MultiPolygon") return geometry.coordinates.flat()
  if (geometry.type === "LineString") return [geometry.coordinates]
  if (geometry.type === "MultiLineString") return geometry.coordinates
  return []
}

function middle(rings) {
  const ring = rings[0] || []
  let [w, s, e, n] = [180, 90, -180, -90]
  for (const [x, y] of ring) [w, s, e, n] = [Math.min(w, x), Math.min(s, y), Math.max(e, x), Math.max(n, y)]
  return [(w + e) / 2, (s + n) / 2]
}

class PlaceMap {
  constructor(host) {
    this.host = host
    this.canvas = host.querySelector("canvas")
    this.readout = host.querySelector(".readout")
    this.shapes = []
    this.data = {}
    this.say = () => {}
    this.size = new ResizeObserver(() => this.draw())
    this.size.observe(host)
    let from = null
    this.canvas.onpointerdown = (event) => {
      from = { x: event.offsetX, y: event.offsetY, lon: this.lon, lat: this.lat, moved: false }
      this.canvas.setPointerCapture(event.pointerId)
    }
    this.canvas.onpointermove = (event) => {
      const [lon, lat] = this.at(event.offsetX, event.offsetY)
      this.readout.textContent = `${lon.toFixed(6)}, ${lat.toFixed(6)}`
      if (!from) return
      const [dx, dy] = [event.offsetX - from.x, event.offsetY - from.y]
      if (Math.hypot(dx, dy) > 4) from.moved = true
      if (!from.moved) return
      this.lon = from.lon - dx / this.scale / this.squeeze
      this.lat = from.lat + dy / this.scale
      this.draw()
    }
    this.canvas.onpointerup = (event) => {
      if (from && !from.moved) {
        const place = this.at(event.offsetX, event.offsetY).map((value) => Number(value.toFixed(6)))
        this.data = { ...this.data, place }
        this.draw()
        this.say(place)
      }
      from = null
    }
    this.canvas.addEventListener("wheel", (event) => {
      event.preventDefault()
      this.zoom(event.deltaY < 0 ? 1.25 : 0.8, event.offsetX, event.offsetY)
    }, { passive: false })
    host.querySelector(".in").onclick = () => this.zoom(1.6)
    host.querySelector(".out").onclick = () => this.zoom(1 / 1.6)
  }

  async load() {
    const read = async (url) => {
      const answer = await fetch(url, { credentials: "same-origin" })
      if (!answer.ok) throw new Error(`${url}: ${answer.status}`)
      return (await answer.json()).features || []
    }
    // What is lost is fetched until it is there; meanwhile it is said that nobody needs to wait for it.
    const lost = () => (this.readout.textContent = this.data.lost)
    const late = setTimeout(lost, PATIENCE_MS)
    try {
      const parts = await Promise.all(this.data.outlines.map(read))
      this.shapes = parts.flatMap((features, index) => features.map((feature) => {
        const rings = ringsOf(feature.geometry)
        const { level, name, use, class: rank } = feature.properties
        const part = this.data.outlines[index].match(/([a-z]+)(\/items)?(\?|$)/)[1]
        return { part, rings, level, name, use, rank, middle: middle(rings) }
      }))
      if (this.readout.textContent === this.data.lost) this.readout.textContent = this.data.hint
    } catch {
      lost()
    }
    clearTimeout(late)
    this.draw()
  }

  update(data, say) {
    if (data.hint !== this.data.hint) {
      this.readout.textContent = data.hint
      this.host.querySelector(".in").setAttribute("aria-label", data.nearer)
      this.host.querySelector(".out").setAttribute("aria-label", data.farther)
    }
    const isFirst = !this.data.outlines
    const isElsewhere = JSON.stringify(data.place) !== JSON.stringify(this.data.place)
    this.data = data
    this.say = say
    if (isFirst) {
      const [w, s, e, n] = data.bounds
      this.lon = (w + e) / 2
      this.lat = (s + n) / 2
      this.squeeze = Math.cos((this.lat * Math.PI) / 180)
      this.fit = [w, s, e, n]
      this.load()
    }
    if (data.place && isElsewhere && this.scale) {
      const [x, y] = this.to(data.place)
      if (x < 40 || y < 40 || x > this.width - 40 || y > this.height - 40) [this.lon, this.lat] = data.place
    }
    this.draw()
  }

  at(x, y) {
    return [this.lon + (x - this.width / 2) / this.scale / this.squeeze, this.lat - (y - this.height / 2) / this.scale]
  }

  to([lon, lat]) {
    return [
      this.width / 2 + (lon - this.lon) * this.squeeze * this.scale,
      this.height / 2 - (lat - this.lat) * this.scale,
    ]
  }

  zoom(by, x = this.width / 2, y = this.height / 2) {
    const held = this.at(x, y)
    this.scale = Math.min(Math.max(this.scale * by, 300), 4e6)
    const [lon, lat] = this.at(x, y)
    this.lon += held[0] - lon
    this.lat += held[1] - lat
    this.draw()
  }

  path(pen, rings, isLine) {
    pen.beginPath()
    for (const ring of rings) {
      ring.forEach((point, index) => (index ? pen.lineTo(...this.to(point)) : pen.moveTo(...this.to(point))))
      if (!isLine) pen.closePath()
    }
  }

  draw() {
    const box = this.host.getBoundingClientRect()
    if (!box.width || !this.data.bounds) return
    this.width = box.width
    this.height = box.height
    const ratio = window.devicePixelRatio || 1
    this.canvas.width = box.width * ratio
    this.canvas.height = box.height * ratio
    if (!this.scale) {
      const [w, s, e, n] = this.fit
      this.scale = 0.92 * Math.min(box.width / ((e - w) * this.squeeze), box.height / (n - s))
    }
    const ink = getComputedStyle(this.host)
    const tone = (name) => ink.getPropertyValue(name).trim()
    const pen = this.canvas.getContext("2d")
    pen.scale(ratio, ratio)
    pen.fillStyle = tone("--land")
    pen.fillRect(0, 0, box.width, box.height)
    for (const shape of this.shapes) this.shape(pen, shape, tone)
    this.names(pen, tone)
    for (const near of this.data.near || []) this.dot(pen, this.to([near.lon, near.lat]), near.colour, near.label, tone)
    if (this.data.place) this.pin(pen, this.to(this.data.place), tone)
    this.host.classList.add("drawn")
  }

  shape(pen, { part, rings, level, use, rank }, tone) {
    const isRoad = part === "roads"
    this.path(pen, rings, isRoad)
    if (part === "blocks" || part === "water") {
      pen.fillStyle = tone(part === "water" ? "--water" : use === "park" ? "--park" : "--block")
      pen.fill()
    } else if (isRoad) {
      pen.strokeStyle = tone("--road")
      pen.lineWidth = Math.max({ main: 14, minor: 8 }[rank] || 10, 2) * (this.scale / 111320)
      pen.lineWidth = Math.max(pen.lineWidth, 1.5)
      pen.stroke()
    } else {
      pen.strokeStyle = tone(level === "quarter" ? "--grid-line" : "--grid-street")
      pen.globalAlpha = level === "quarter" ? 0.5 : 0.75
      pen.lineWidth = { street: 2.5, community: 1.6 }[level] || 1
      pen.stroke()
      pen.globalAlpha = 1
    }
  }

  names(pen, tone) {
    const isClose = this.scale > 28000
    const taken = []
    pen.textAlign = "center"
    pen.textBaseline = "middle"
    const named = this.shapes.filter(({ name, level }) => name && (level === "community" || (level === "quarter" && isClose)))
    named.sort((a, b) => LEVELS.indexOf(a.level) - LEVELS.indexOf(b.level))
    for (const { level, name, middle: at } of named) {
      const [x, y] = this.to(at)
      pen.font = `${level === "community" ? "600 16px" : "14px"} ${tone("--font")}`
      const half = pen.measureText(name).width / 2 + 4
      if (taken.some(([l, t, r, b]) => x - half < r && x + half > l && y - 10 < b && y + 10 > t)) continue
      taken.push([x - half, y - 10, x + half, y + 10])
      pen.lineWidth = 4
      pen.strokeStyle = tone("--panel")
      pen.strokeText(name, x, y)
      pen.fillStyle = level === "community" ? tone("--text") : tone("--muted")
      pen.fillText(name, x, y)
    }
  }

  dot(pen, [x, y], colour, label, tone) {
    pen.beginPath()
    pen.arc(x, y, 7, 0, 2 * Math.PI)
    pen.fillStyle = colour
    pen.fill()
    pen.lineWidth = 2
    pen.strokeStyle = tone("--panel")
    pen.stroke()
    pen.font = `14px ${tone("--font")}`
    pen.textAlign = "left"
    pen.lineWidth = 4
    pen.strokeText(label, x + 12, y)
    pen.fillStyle = tone("--text")
    pen.fillText(label, x + 12, y)
  }

  pin(pen, [x, y], tone) {
    pen.beginPath()
    pen.moveTo(x, y)
    pen.bezierCurveTo(x - 4, y - 12, x - 13, y - 16, x - 13, y - 27)
    pen.arc(x, y - 27, 13, Math.PI, 0)
    pen.bezierCurveTo(x + 13, y - 16, x + 4, y - 12, x, y)
    pen.fillStyle = tone("--accent")
    pen.fill()
    pen.lineWidth = 2
    pen.strokeStyle = tone("--panel")
    pen.stroke()
    pen.beginPath()
    pen.arc(x, y - 27, 5, 0, 2 * Math.PI)
    pen.fillStyle = tone("--panel")
    pen.fill()
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const host = parentElement.querySelector(".picker")
  if (!host) return
  if (!MAPS.has(host)) MAPS.set(host, new PlaceMap(host))
  // With the instant: a second click on the same pixel is a click too, though the place is the same.
  MAPS.get(host).update(data, (place) => setStateValue("placed", { place, at: Date.now() }))
  return () => MAPS.get(host)?.size.disconnect()
}

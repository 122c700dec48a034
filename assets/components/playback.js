// Plays the incidents of a span again: each stands on the map while its report lies in the window that moves along; and the
// way of one worker by the same clock. Fetched once for a span and a filter, then drawn here, frame by frame, without the
// server. Space plays and stops, the arrows step, "[" and "]" change the pace.
const WHOLE_MS = 40000
const SPEEDS = [1, 2, 4]
const BARS = 96
const PLAYERS = new WeakMap()

class Player {
  constructor(host) {
    this.host = host
    this.rows = []
    this.lines = []
    this.speed = 1
    this.chosen = 0
    this.panel = host.querySelector(".panel")
    const part = (name) => this.panel.querySelector("." + name)
    this.parts = Object.fromEntries(["back", "play", "on", "pace", "spans", "time", "who", "now", "bars", "slider"].map((name) => [name, part(name)]))
    this.over = new DeckView(host.querySelector("canvas"), ".st-key-map_chart", (pen, to) => this.draw(pen, to))
    this.over.beat = (at) => this.beat(at)
    this.parts.play.onclick = () => this.play(!this.isPlaying)
    this.parts.back.onclick = () => this.step(-1)
    this.parts.on.onclick = () => this.step(1)
    this.parts.pace.onclick = () => this.pace(1)
    this.parts.slider.oninput = () => {
      this.play(false)
      this.go(this.start + (this.end_ - this.start) * Number(this.parts.slider.value))
    }
    this.parts.spans.onclick = (event) => {
      const button = event.target.closest("button")
      if (button) this.choose(Number(button.dataset.n))
    }
    // After a click the keyboard means the player again; who came by Tab stays where they are.
    this.panel.addEventListener("click", (event) => event.detail && event.target.closest("button")?.blur())
    this.heard = (event) => this.pressed(event)
    window.addEventListener("keydown", this.heard, true)
  }

  pressed(event) {
    if (!this.data?.spans.length || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
    const isSlider = event.composedPath()[0] === this.parts.slider
    if ((isTypedInto(event) && !isSlider) || document.querySelector("[role=dialog], [data-testid=stPopoverBody]")) return
    const isButton = event.composedPath().some((at) => at.tagName === "BUTTON" || at.getAttribute?.("role") === "option")
    if (event.key === " " && !isButton) this.play(!this.isPlaying)
    else if (event.key === "ArrowLeft") this.step(-1)
    else if (event.key === "ArrowRight") this.step(1)
    else if (event.key === "]") this.pace(1)
    else if (event.key === "[") this.pace(-1)
    else return
    event.preventDefault()
    event.stopPropagation()
  }

  update(data) {
    this.data = data
    const drawn = JSON.stringify([data.spans.map((span) => span.label), data.words])
    if (this.drawn !== drawn) {
      this.drawn = drawn
      this.parts.spans.replaceChildren(
        ...data.spans.map((span, n) => {
          const button = document.createElement("button")
          button.textContent = span.label
          button.dataset.n = n
          return button
        }),
      )
      for (const [name, said] of Object.entries({ back: "back", on: "on", slider: "slider" }))
        this.parts[name].setAttribute("aria-label", data.words[said])
      this.parts.now.textContent = data.words.now
      this.when = new Intl.DateTimeFormat("zh-CN", {
        timeZone: data.zone, month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", hour12: false,
      })
    }
    this.choose(Math.min(this.chosen, data.spans.length - 1))
  }

  choose(n) {
    this.chosen = n
    const span = this.data.spans[n]
    ;[...this.parts.spans.children].forEach((button, m) => button.setAttribute("aria-pressed", String(m === n)))
    this.mark()
    if (!span) return
    if (span.url !== this.url) this.begin(span)
    this.follow(span)
  }

  begin(span) {
    this.url = span.url
    this.start = Date.parse(span.from)
    this.end_ = Date.parse(span.to)
    this.window = span.window_s * 1000
    this.rows = []
    this.go(this.start + (this.end_ - this.start) / 24)
    this.load(span.url)
  }

  async load(url) {
    this.state = "loading"
    this.tell()
    let rows = []
    let state = ""
    try {
      const answer = await fetch(url, { credentials: "same-origin" })
      if (!answer.ok) throw new Error(String(answer.status))
      rows = (await answer.json()).features.map(({ geometry, properties }) => ({
        place: geometry.coordinates, severity: properties.severity, at: Date.parse(properties.reported_at),
      }))
    } catch {
      state = "lost"
    }
    if (url !== this.url) return // another span was chosen meanwhile
    this.rows = rows.filter((row) => row.at <= this.end_).sort((a, b) => a.at - b.at)
    this.state = state || (this.rows.length ? "" : "none")
    this.drawBars()
    this.go(this.at)
  }

  // The lines of a worker's way: [longitude, latitude, seconds] in order of time, each between two silences.
  async follow(span) {
    const url = span.track_url
    const who = JSON.stringify([url, this.data.track])
    if (who === this.who) return
    this.who = who
    this.lines = []
    this.trackState = url ? "track_loading" : "track_long"
    this.tell()
    this.over.touch()
    if (!url) return
    let state = ""
    let lines = []
    try {
      const answer = await fetch(url, { credentials: "same-origin" })
      if (!answer.ok) throw new Error(String(answer.status))
      lines = (await answer.json()).tracks[0]?.lines ?? []
    } catch {
      state = "track_lost"
    }
    if (who !== this.who) return // another span or worker was chosen meanwhile
    this.lines = lines.map((line) => line.map(([lon, lat, at]) => ({ place: [lon, lat], at: at * 1000 })))
    this.trackState = state || (lines.length ? "" : "track_none")
    // What was asked for is seen at once, wherever the slider stood before the track begins.
    if (lines.length && this.at < this.lines[0][0].at) this.go(this.lines[0][0].at)
    else this.go(this.at)
  }

  // Where the worker is at the slider's instant: between two kept positions, or at the last one before a silence.
  get followed() {
    let last = null
    for (const line of this.lines) {
      if (line[0].at > this.at) break
      last = line
    }
    if (!last) return null
    const next = last.findIndex((seen) => seen.at > this.at)
    const before = last[(next < 0 ? last.length : next) - 1]
    if (next < 0) return { place: before.place, at: before.at, isSilent: this.at > before.at }
    const share = (this.at - before.at) / (last[next].at - before.at)
    const [lon, lat] = before.place
    const [toLon, toLat] = last[next].place
    return { place: [lon + share * (toLon - lon), lat + share * (toLat - lat)], at: before.at, isSilent: false }
  }

  play(isPlaying) {
    if (isPlaying && this.at >= this.end_) this.go(this.start)
    this.isPlaying = isPlaying
    this.beatAt = null
    this.mark()
  }

  pace(by) {
    const next = SPEEDS.indexOf(this.speed) + by
    this.speed = SPEEDS[(next + SPEEDS.length) % SPEEDS.length]
    this.mark()
  }

  step(by) {
    this.play(false)
    this.go(this.at + by * this.window)
  }

  go(at) {
    this.at = Math.min(Math.max(at, this.start), this.end_)
    this.parts.slider.value = String((this.at - this.start) / (this.end_ - this.start))
    this.tell()
    this.over.touch()
  }

  beat(now) {
    if (!this.isPlaying) return
    const passed = this.beatAt === null ? 0 : Math.min(now - this.beatAt, 250)
    this.beatAt = now
    this.go(this.at + (passed * this.speed * (this.end_ - this.start)) / WHOLE_MS)
    if (this.at >= this.end_) this.play(false)
  }

  // The rows are in order of time: those of the window are a stretch of them.
  get shown() {
    const after = (at) => {
      let [low, high] = [0, this.rows.length]
      while (low < high) {
        const middle = (low + high) >> 1
        if (this.rows[middle].at > at) high = middle
        else low = middle + 1
      }
      return low
    }
    return this.rows.slice(after(this.at - this.window), after(this.at))
  }

  mark() {
    const { words } = this.data
    this.parts.play.textContent = this.isPlaying ? "❚❚" : "▶"
    this.parts.play.setAttribute("aria-label", this.isPlaying ? words.pause : words.play)
    this.parts.pace.textContent = `${this.speed}×`
    this.parts.pace.setAttribute("aria-label", words.pace)
  }

  tell() {
    const { words } = this.data
    const from = this.when.format(Math.max(this.at - this.window, this.start))
    const told = words.shown.replace("{from}", from).replace("{to}", this.when.format(this.at))
    this.parts.time.textContent = this.state ? words[this.state] : told.replace("{n}", this.shown.length)
    this.parts.who.hidden = !this.data.track
    if (this.data.track) this.parts.who.textContent = this.tellTrack(words)
  }

  tellTrack(words) {
    const seen = this.followed
    const state = this.trackState || (!seen ? "track_before" : seen.isSilent ? "track_silent" : "track_at")
    const at = seen?.at ?? this.lines[0]?.[0].at
    return words[state].replace("{name}", this.data.track.name).replace("{at}", at ? this.when.format(at) : "")
  }

  drawBars() {
    const canvas = this.parts.bars
    const counts = new Array(BARS).fill(0)
    for (const row of this.rows) {
      counts[Math.min(BARS - 1, Math.floor(((row.at - this.start) / (this.end_ - this.start)) * BARS))] += 1
    }
    const most = Math.max(...counts, 1)
    const ratio = window.devicePixelRatio || 1
    canvas.width = canvas.clientWidth * ratio
    canvas.height = canvas.clientHeight * ratio
    const pen = canvas.getContext("2d")
    pen.fillStyle = getComputedStyle(this.host).getPropertyValue("--muted").trim()
    const wide = canvas.width / BARS
    counts.forEach((count, n) => {
      const high = (count / most) * canvas.height
      pen.fillRect(n * wide, canvas.height - high, Math.max(wide - ratio, 1), high)
    })
  }

  draw(pen, to) {
    const panel = getComputedStyle(this.host).getPropertyValue("--panel").trim()
    if (this.lines.length) this.drawTrack(pen, to, panel)
    for (const { place, severity, at } of this.shown) {
      const [x, y] = to(place)
      // New ones stand out, and fade as the window leaves them behind.
      const age = (this.at - at) / this.window
      pen.globalAlpha = 1 - 0.6 * age
      pen.beginPath()
      pen.arc(x, y, 13 + 5 * Math.max(0, 1 - age * 8), 0, 2 * Math.PI)
      pen.fillStyle = this.data.colours[severity]
      pen.fill()
      pen.lineWidth = 2
      pen.strokeStyle = panel
      pen.stroke()
      pen.fillStyle = this.data.ink
      pen.font = "700 12px Georgia, 'Noto Serif', serif"
      pen.textAlign = "center"
      pen.textBaseline = "middle"
      pen.fillText(this.data.numerals[severity], x, y)
    }
    pen.globalAlpha = 1
  }

  // The whole way is faint, what lies in the window stands out, and the dot is where the worker is.
  drawTrack(pen, to, panel) {
    const { colour, name } = this.data.track
    const { ink } = this.data
    const seen = this.followed
    const recent = []
    for (const line of this.lines) {
      this.stroke(pen, line.map((one) => to(one.place)), { panel, colour, alpha: 0.4, width: 3 })
      const part = line.filter((one) => one.at > this.at - this.window && one.at <= this.at)
      if (part.length) recent.push(part.map((one) => to(one.place)))
    }
    if (seen && !seen.isSilent && recent.length) recent.at(-1).push(to(seen.place))
    for (const part of recent) this.stroke(pen, part, { panel, colour, alpha: 1, width: 5 })
    if (!seen) return
    const [x, y] = to(seen.place)
    pen.beginPath()
    pen.arc(x, y, 9, 0, 2 * Math.PI)
    pen.fillStyle = seen.isSilent ? panel : colour
    pen.fill()
    pen.lineWidth = 3
    pen.strokeStyle = seen.isSilent ? colour : panel
    pen.stroke()
    written(pen, name, x, y - 22, { font: "600 15px " + getComputedStyle(this.host).fontFamily, ink, halo: panel })
  }

  stroke(pen, places, { panel, colour, alpha, width }) {
    pen.lineJoin = pen.lineCap = "round"
    for (const [style, wide, strength] of [[panel, width + 3, alpha * 0.8], [colour, width, alpha]]) {
      pen.globalAlpha = strength
      pen.strokeStyle = style
      pen.lineWidth = wide
      pen.beginPath()
      places.forEach(([x, y], n) => (n ? pen.lineTo(x, y) : pen.moveTo(x, y)))
      if (places.length === 1) pen.lineTo(...places[0])
      pen.stroke()
    }
    pen.globalAlpha = 1
  }

  end() {
    this.over.end()
    window.removeEventListener("keydown", this.heard, true)
  }
}

export default function (component) {
  const { data, parentElement } = component
  const host = parentElement.querySelector(".over")
  if (!host) return
  if (!PLAYERS.has(host)) PLAYERS.set(host, new Player(host))
  PLAYERS.get(host).update(data)
  return () => {
    PLAYERS.get(host)?.end()
    PLAYERS.delete(host)
  }
}

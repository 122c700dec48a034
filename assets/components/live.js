// Runs its fragment when the server's change feed tells of a change, each layer no more often than `data.layers` allows
// (seconds), and without any change `data.again_s` seconds after its last run. All of a page's fragments share one stream.
// Of a page whose fragment names a `data.proof`, what each of its runs draws last with the instant in `data-at`, it also
// judges whether the picture is alive: `data-cut-at` of the page says since when the server is out of reach, by the
// stream or by the picture's own channel, and `data-lost-at` since when the server's database is. Both stay until a
// picture was drawn that began afterwards. Of other pages both are of the stream alone.
const SILENT_MS = 12000
const RETRY_MS = 2000
const APART_MS = 60
const STEP_MS = 500
const STEP_MOST_MS = 8000
const LOOK_MS = 1000
// A slow server draws for a hundred screens within some six seconds.
const UNDRAWN_MS = 12000
const UNDRAWN_OFFLINE_MS = 5000
const ASK_AGAIN_MS = 4000
// A server that was started anew knows none of the fragments: then the whole page is asked for.
const WHOLE_MS = 6000
// Streamlit runs one fragment for all that a page says to it at once, be it that a click went with what was asked here.
const UNANSWERED_MS = 8000

function open() {
  const root = document.documentElement.dataset
  const feed = { revisions: {}, isLive: true, listeners: new Set(), turns: new Set(), proof: "", path: "" }
  // Back and Forward: until the page is drawn by the address, a run would bring along what the widgets were before.
  let steppedAt = -Infinity
  window.addEventListener("popstate", () => { steppedAt = Date.now() })
  const isStepping = () => {
    const passed = Date.now() - steppedAt
    const state = document.querySelector("[data-test-script-state]")?.dataset.testScriptState
    return passed < STEP_MS || (passed < STEP_MOST_MS && Boolean(state) && state !== "notRunning")
  }
  // So that no two are said at once, each begins after the one before it, however late a busy page has come to that.
  let isTaken = false
  const take = () => {
    const [run] = feed.turns
    isTaken = Boolean(run)
    if (!run) return
    setTimeout(take, APART_MS)
    if (isStepping()) return
    feed.turns.delete(run)
    run()
  }
  feed.inTurn = (run) => {
    feed.turns.add(run)
    if (!isTaken) take()
  }
  const tell = () => feed.listeners.forEach((listen) => listen())
  let heardAt = Date.now()
  let failures = 0
  let isSilent = false
  let saidAt = 0
  // By the server's clock: what was drawn of an earlier instant is an old picture.
  let freshFrom = 0
  let lostAt = ""
  // What was asked for and not drawn yet, and how long the page has waited for it with its eyes open.
  let wait = null
  let lookedAt = Date.now()
  let wholeAt = 0
  let kept = null
  let last = null

  const isProved = () => feed.proof && feed.path === location.pathname
  const shown = () => document.querySelector(`${feed.proof}:not(.kept)`)
  const drawnAt = () => Number(shown()?.dataset.at ?? 0)
  const isFresh = () => !isProved() || (!wait && drawnAt() >= freshFrom)
  const isUndrawn = () => isProved() && wait && wait.ms >= (navigator.onLine ? UNDRAWN_MS : UNDRAWN_OFFLINE_MS)

  feed.asked = () => {
    wait ||= { was: drawnAt(), at: Date.now(), ms: 0 }
  }
  // Whether the page waits for nothing but a new picture to be alive again.
  feed.wantsPicture = () => Boolean(root.cutAt || root.lostAt) && !isSilent && feed.isLive && !isFresh()

  const judge = () => {
    if (wait && shown() && drawnAt() !== wait.was) wait = null
    if (isSilent) root.cutAt ||= new Date(heardAt).toISOString()
    else if (!feed.isLive) {
      delete root.cutAt
      root.lostAt ||= lostAt
    } else if (isUndrawn()) root.cutAt ||= new Date(wait.at).toISOString()
    else if (isFresh()) {
      delete root.cutAt
      delete root.lostAt
    }
  }
  // A hidden page draws late and a busy one looks late: neither is held against the server.
  const look = () => {
    const passed = Date.now() - lookedAt
    lookedAt = Date.now()
    if (wait && feed.isLive && !isSilent && !document.hidden) wait.ms += Math.max(0, Math.min(passed, 1.5 * LOOK_MS))
    judge()
    if (!feed.wantsPicture()) return
    tell()
    if (!wait || wait.ms < WHOLE_MS || Date.now() < wholeAt + WHOLE_MS) return
    wholeAt = Date.now()
    document.dispatchEvent(new Event("gridcommand-whole"))
  }
  // What is taken away before a new session has drawn its own stays, with the style that it is drawn by.
  const keep = () => {
    const badge = isProved() && shown()
    if (badge) {
      kept?.remove()
      kept = null
      last = badge
    } else if (isProved() && last && !kept) {
      kept = document.createElement("div")
      const style = last.styled ?? ""
      kept.innerHTML = style + last.outerHTML
      kept.lastElementChild.classList.add("kept")
      document.body.append(kept)
    }
    if (badge && !badge.styled) {
      const styles = [...document.querySelectorAll("style")].filter((one) => !one.closest("head"))
      badge.styled = styles.map((one) => one.outerHTML).join("")
    }
  }
  new MutationObserver(() => {
    keep()
    judge()
  }).observe(document.body, { childList: true, subtree: true })
  setInterval(look, LOOK_MS)
  const begin = () => {
    if (wait) wait = { was: drawnAt(), at: Date.now(), ms: 0 }
    freshFrom = Math.max(freshFrom, saidAt)
  }
  window.addEventListener("online", () => {
    begin()
    tell()
  })

  const connect = () => {
    const source = new EventSource("/api/stream")
    let watch = 0
    const lost = (isLate) => {
      failures += 1
      isSilent ||= isLate || failures > 1
      clearTimeout(watch)
      source.close()
      setTimeout(connect, RETRY_MS)
      judge()
    }
    // A line that is cut says nothing, not even that: the server's heartbeat is missed.
    const heard = () => {
      heardAt = Date.now()
      failures = 0
      clearTimeout(watch)
      watch = setTimeout(lost, SILENT_MS, true)
    }
    source.onerror = () => lost(false)
    watch = setTimeout(lost, SILENT_MS, true)
    source.addEventListener("revisions", (event) => {
      heard()
      const said = JSON.parse(event.data)
      const isBack = isSilent || (said.is_live && !feed.isLive)
      saidAt = Date.parse(said.now)
      isSilent = false
      feed.revisions = said.revisions
      feed.isLive = said.is_live
      lostAt = said.lost_at ?? said.now
      if (isBack) begin()
      judge()
      tell()
    })
    source.addEventListener("heartbeat", heard)
  }
  connect()
  return feed
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const feed = (window.gridcommandFeed ||= open())
  const host = parentElement.querySelector(".live")
  if (data.proof) {
    feed.proof = data.proof
    feed.path = location.pathname
  }
  // Drawn anew without having run, it still knows what it was told last.
  if (host.run !== data.run) {
    host.run = data.run
    host.seen = data.seen
    host.isAsked = false
  }
  host.wasLive ??= feed.isLive
  host.ranAt ||= Date.now()
  let due = 0
  let dueAt = Infinity
  const run = () => {
    dueAt = Infinity
    host.seen = { ...feed.revisions }
    host.wasLive = feed.isLive
    host.ranAt = Date.now()
    host.isAsked = true
    if (data.proof) feed.asked()
    setTriggerValue("changed", host.ranAt)
    listen()
  }
  const listen = () => {
    let at = feed.isLive === host.wasLive ? host.ranAt + data.again_s * 1000 : Date.now()
    if (host.isAsked) at = Math.min(at, Math.max(Date.now(), host.ranAt + UNANSWERED_MS))
    if (data.proof && feed.wantsPicture()) at = Math.min(at, Math.max(Date.now(), host.ranAt + ASK_AGAIN_MS))
    for (const [layer, least] of Object.entries(data.layers)) {
      const is = feed.revisions[layer] ?? host.seen[layer]
      if (is !== host.seen[layer]) at = Math.min(at, Math.max(Date.now(), host.ranAt + least * 1000))
    }
    if (at >= dueAt) return
    clearTimeout(due)
    dueAt = at
    due = setTimeout(() => feed.inTurn(run), at - Date.now())
  }
  host.leave?.()
  host.leave = () => {
    clearTimeout(due)
    feed.turns.delete(run)
    feed.listeners.delete(listen)
  }
  feed.listeners.add(listen)
  listen()
  return host.leave
}

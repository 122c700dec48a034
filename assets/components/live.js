// Runs its fragment when the server's change feed tells of a change, each layer no more often than `data.layers` allows
// (seconds), and without any change `data.again_s` seconds after its last run. All of a page's fragments share one stream.
const SILENT_MS = 12000
const RETRY_MS = 2000
const APART_MS = 60

function open() {
  const feed = { revisions: {}, isLive: true, listeners: new Set(), freeAt: 0 }
  // Streamlit runs one fragment for all that is said to it at once: the others wait for their turn.
  feed.turn = () => {
    feed.freeAt = Math.max(Date.now(), feed.freeAt + APART_MS)
    return feed.freeAt - Date.now()
  }
  const tell = () => feed.listeners.forEach((listen) => listen())
  let heardAt = Date.now()
  let failures = 0
  const connect = () => {
    const source = new EventSource("/api/stream")
    let watch = 0
    const lost = (isSilent) => {
      failures += 1
      if (isSilent || failures > 1) document.documentElement.dataset.cutAt ||= new Date(heardAt).toISOString()
      clearTimeout(watch)
      source.close()
      setTimeout(connect, RETRY_MS)
    }
    // A line that is cut says nothing, not even that: the server's heartbeat is missed.
    const heard = () => {
      heardAt = Date.now()
      failures = 0
      delete document.documentElement.dataset.cutAt
      clearTimeout(watch)
      watch = setTimeout(lost, SILENT_MS, true)
    }
    source.onerror = () => lost(false)
    watch = setTimeout(lost, SILENT_MS, true)
    source.addEventListener("revisions", (event) => {
      heard()
      const said = JSON.parse(event.data)
      feed.revisions = said.revisions
      feed.isLive = said.is_live
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
  // Drawn anew without having run, it still knows what it was told last.
  const given = JSON.stringify(data.seen)
  if (host.given !== given) {
    host.given = given
    host.seen = data.seen
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
    setTriggerValue("changed", host.ranAt)
    listen()
  }
  const queue = () => (due = setTimeout(run, feed.turn()))
  const listen = () => {
    let at = feed.isLive === host.wasLive ? host.ranAt + data.again_s * 1000 : Date.now()
    for (const [layer, least] of Object.entries(data.layers)) {
      const is = feed.revisions[layer] ?? host.seen[layer]
      if (is !== host.seen[layer]) at = Math.min(at, Math.max(Date.now(), host.ranAt + least * 1000))
    }
    if (at >= dueAt) return
    clearTimeout(due)
    dueAt = at
    due = setTimeout(queue, at - Date.now())
  }
  host.leave?.()
  host.leave = () => {
    clearTimeout(due)
    feed.listeners.delete(listen)
  }
  feed.listeners.add(listen)
  listen()
  return host.leave
}

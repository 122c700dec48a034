// Runs its fragment when the server's change feed tells of a change, each layer no more often than `data.layers` allows
// (seconds), instead of by the clock. All of a page's fragments share one stream.
const CUT_MS = 3000
const RETRY_MS = 5000
const APART_MS = 60

function open() {
  const feed = { revisions: {}, isLive: true, listeners: new Set(), due: 0, freeAt: 0 }
  // Streamlit runs one fragment for all that is said to it at once: the others wait for their turn.
  feed.turn = () => {
    feed.freeAt = Math.max(Date.now(), feed.freeAt + APART_MS)
    return feed.freeAt - Date.now()
  }
  const tell = () => feed.listeners.forEach((listen) => listen())
  const heard = () => {
    clearTimeout(feed.due)
    feed.due = 0
    delete document.documentElement.dataset.cutAt
  }
  const connect = () => {
    const source = new EventSource("/api/stream")
    source.addEventListener("revisions", (event) => {
      heard()
      const said = JSON.parse(event.data)
      feed.revisions = said.revisions
      feed.isLive = said.is_live
      tell()
    })
    source.addEventListener("heartbeat", heard)
    source.onerror = () => {
      const since = new Date().toISOString()
      feed.due ||= setTimeout(() => (document.documentElement.dataset.cutAt = since), CUT_MS)
      if (source.readyState !== EventSource.CLOSED) return
      // Refused: the login has ended, or the server is too busy. A run finds out; the stream is tried again.
      tell()
      setTimeout(connect, RETRY_MS)
    }
  }
  connect()
  return feed
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const feed = (window.gridcommandFeed ||= open())
  const host = parentElement.querySelector(".live")
  host.seen ||= { ...feed.revisions }
  host.wasLive ??= feed.isLive
  host.ranAt ||= 0
  let due = 0
  let dueAt = Infinity
  const run = () => {
    dueAt = Infinity
    host.seen = { ...feed.revisions }
    host.wasLive = feed.isLive
    host.ranAt = Date.now()
    setTriggerValue("changed", host.ranAt)
  }
  const queue = () => (due = setTimeout(run, feed.turn()))
  const listen = () => {
    let at = feed.isLive === host.wasLive ? Infinity : Date.now()
    for (const [layer, least] of Object.entries(data.layers)) {
      if (feed.revisions[layer] !== host.seen[layer]) at = Math.min(at, Math.max(Date.now(), host.ranAt + least * 1000))
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

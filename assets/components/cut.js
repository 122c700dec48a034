// Says in the frame's badge since when the server, or its database, has been out of reach. A screen that follows the
// change feed hears of both by the feed; for the others this asks for the server, because a line for each of many tabs
// would use up what a browser opens.
const EVERY_MS = 4000
const PATIENCE_MS = 6000
const GATEWAYS = [502, 503, 504]

export default function (component) {
  const { data, parentElement } = component
  const host = parentElement.querySelector(".cut")
  const root = document.documentElement
  const time = new Intl.DateTimeFormat("zh-CN", { timeZone: data.zone, hourCycle: "h23", timeStyle: "medium" })
  // What was sent lay on the way for a while: the fastest of all is the nearest to the server's clock.
  host.ahead = Math.max(host.ahead ?? -Infinity, data.now - Date.now())
  host.heardAt ||= Date.now()
  host.failures ||= 0
  const isThere = async () => {
    try {
      const answer = await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(PATIENCE_MS) })
      // What answers in the server's place is no server; its own 503 is a document about the database.
      return !GATEWAYS.includes(answer.status) || answer.headers.get("content-type")?.includes("json")
    } catch {
      return false
    }
  }
  let isLeft = false
  let due = 0
  const look = async () => {
    if (!window.gridcommandFeed && !document.hidden) {
      if (await isThere()) {
        host.heardAt = Date.now()
        host.failures = 0
        delete root.dataset.cutAt
      } else if ((host.failures += 1) > 1) root.dataset.cutAt ||= new Date(host.heardAt).toISOString()
    }
    if (!isLeft) due = setTimeout(look, EVERY_MS)
  }
  const write = () => {
    const { cutAt, lostAt } = root.dataset
    const say = (place, at) => {
      const there = document.querySelector(place)
      if (there) there.textContent = time.format(at)
    }
    if (cutAt) say(".gc-cut b", Date.parse(cutAt) + host.ahead)
    if (lostAt) say(".gc-lost b", Date.parse(lostAt))
  }
  // Drawn anew, it may be told to leave the drawing before this one only afterwards.
  host.leave?.()
  const watch = new MutationObserver(write)
  watch.observe(root, { attributes: true, attributeFilter: ["data-cut-at", "data-lost-at"] })
  due = setTimeout(look, EVERY_MS)
  write()
  host.leave = () => {
    isLeft = true
    clearTimeout(due)
    watch.disconnect()
  }
  return host.leave
}

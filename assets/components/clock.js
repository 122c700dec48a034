// Keeps the wall's clock by the server's time, and says in the badge since when the server or its database has been away.
export default function (component) {
  const { data, parentElement, setTriggerValue } = component
  const host = parentElement.querySelector(".clock")
  host.ahead ??= data.now - Date.now()
  const time = new Intl.DateTimeFormat("zh-CN", { timeZone: data.zone, hourCycle: "h23", timeStyle: "medium" })
  const date = new Intl.DateTimeFormat("sv-SE", { timeZone: data.zone })
  const weekday = new Intl.DateTimeFormat(data.locale, { timeZone: data.zone, weekday: "long" })
  const write = (selector, text) => {
    const at = document.querySelector(selector)
    if (at && at.textContent !== text) at.textContent = text
  }
  // With each drawing, so that no badge is seen without its time.
  const since = () => {
    const { cutAt, lostAt } = document.documentElement.dataset
    if (cutAt) write(".badge .cut b", time.format(Date.parse(cutAt) + host.ahead))
    if (lostAt) write(".badge .gone b", time.format(Date.parse(lostAt)))
  }
  const tick = () => {
    const now = Date.now() + host.ahead
    write(".top .when b", time.format(now))
    write(".top .when span", `${date.format(now)} ${weekday.format(now)}`)
    host.due = setTimeout(tick, 1000 - (now % 1000))
  }
  // Of all that stands on the page this alone is outside of a fragment, so it can ask for everything.
  const ask = () => setTriggerValue("whole", Date.now())
  const leave = () => {
    clearTimeout(host.due)
    document.removeEventListener("gridcommand-whole", host.ask)
    host.watch?.disconnect()
  }
  leave()
  host.ask = ask
  document.addEventListener("gridcommand-whole", ask)
  host.watch = new MutationObserver(since)
  host.watch.observe(document.documentElement, { attributeFilter: ["data-cut-at", "data-lost-at"] })
  host.watch.observe(document.body, { childList: true, subtree: true })
  since()
  tick()
  return leave
}

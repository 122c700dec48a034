// Keeps the wall's clock by the server's time, and says in the badge since when the server has been out of reach.
export default function (component) {
  const { data, parentElement } = component
  const host = parentElement.querySelector(".clock")
  host.ahead ??= data.now - Date.now()
  const time = new Intl.DateTimeFormat("zh-CN", { timeZone: data.zone, hourCycle: "h23", timeStyle: "medium" })
  const date = new Intl.DateTimeFormat("sv-SE", { timeZone: data.zone })
  const weekday = new Intl.DateTimeFormat(data.locale, { timeZone: data.zone, weekday: "long" })
  const write = (selector, text) => {
    const at = document.querySelector(selector)
    if (at && at.textContent !== text) at.textContent = text
  }
  const tick = () => {
    const now = Date.now() + host.ahead
    write(".top .when b", time.format(now))
    write(".top .when span", `${date.format(now)} ${weekday.format(now)}`)
    const cut = document.documentElement.dataset.cutAt
    if (cut) write(".badge .cut b", time.format(Date.parse(cut) + host.ahead))
    host.due = setTimeout(tick, 1000 - (now % 1000))
  }
  clearTimeout(host.due)
  tick()
  return () => clearTimeout(host.due)
}

// Tells once of each grave incident that comes in: a banner that flashes, and tones where the browser lets pages sound.
// What is there when the page opens is no news. `data.urgent` holds what is open of severity I and II.
const SHOWN_MS = 12000
const TONES = { 1: [880, 660, 880, 660, 880], 2: [660, 880] }

function sound(severity) {
  try {
    const audio = new AudioContext()
    const tones = TONES[severity]
    tones.forEach((pitch, n) => {
      const tone = audio.createOscillator()
      const volume = audio.createGain()
      tone.frequency.value = pitch
      volume.gain.setValueAtTime(0.0001, audio.currentTime + n * 0.28)
      volume.gain.exponentialRampToValueAtTime(0.3, audio.currentTime + n * 0.28 + 0.03)
      volume.gain.exponentialRampToValueAtTime(0.0001, audio.currentTime + n * 0.28 + 0.26)
      tone.connect(volume).connect(audio.destination)
      tone.start(audio.currentTime + n * 0.28)
      tone.stop(audio.currentTime + n * 0.28 + 0.27)
    })
    setTimeout(() => audio.close(), tones.length * 280 + 400)
  } catch {
    // A browser without sound still shows the banner.
  }
}

export default function (component) {
  const { data, parentElement } = component
  const host = parentElement.querySelector(".alarm")
  if (!host) return
  const urgent = data.urgent || []
  const known = host.known
  host.known = new Set([...(known || []), ...urgent.map((one) => one.no)])
  const news = known ? urgent.filter((one) => !known.has(one.no)) : []
  if (!news.length) return
  const gravest = Math.min(...news.map((one) => one.severity))
  host.replaceChildren(
    ...news.map((one) => {
      const line = document.createElement("p")
      line.className = "s" + one.severity
      const mark = document.createElement("b")
      mark.textContent = one.mark
      const told = document.createElement("div")
      const title = document.createElement("span")
      const place = document.createElement("em")
      title.textContent = one.title
      place.textContent = one.place
      told.append(title, place)
      line.append(mark, told)
      return line
    }),
  )
  host.hidden = false
  sound(gravest)
  clearTimeout(host.due)
  host.due = setTimeout(() => {
    host.hidden = true
  }, SHOWN_MS)
}

// Says how large the window is, once and after it was resized: the first view and the size of symbols depend on it.
const WATCHED = new WeakMap()

export default function (component) {
  const { parentElement, setStateValue } = component
  const say = () => {
    const size = [window.innerWidth, window.innerHeight]
    if (String(WATCHED.get(parentElement)) === String(size)) return
    WATCHED.set(parentElement, size)
    setStateValue("size", size)
  }
  let due = 0
  const later = () => {
    clearTimeout(due)
    due = setTimeout(say, 300)
  }
  say()
  window.addEventListener("resize", later)
  return () => {
    clearTimeout(due)
    window.removeEventListener("resize", later)
  }
}

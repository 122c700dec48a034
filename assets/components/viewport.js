// Says how large the window is where that isn't known, and after it was resized: the first view and the size of symbols
// depend on it. It is kept for the screen that opens next.
const WATCHED = new WeakMap()

export default function (component) {
  const { data, parentElement, setStateValue } = component
  const say = () => {
    const size = [window.innerWidth, window.innerHeight]
    const known = WATCHED.get(parentElement) ?? data.known
    WATCHED.set(parentElement, size)
    document.cookie = `gridcommand_window=${size.join("x")};path=/;samesite=strict`
    if (String(known) !== String(size)) setStateValue("size", size)
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

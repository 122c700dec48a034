// Fetches what a map is drawn from until it is there. A map asks once for each address and draws what it gets: a layer
// whose answer was lost would be missing until its revision next rises, for days perhaps, and a tile for good. So the
// promise that the map waits for stays open meanwhile, what was drawn stays, and the camera hears nothing of it.
;(() => {
  if (window.gridcommandAgain) return
  const OURS = /^\/(tiles|basemap|assets|api\/(layers|base|names|coverage))\//
  const PAUSES_MS = [2000, 4000, 8000, 16000, 30000]
  const SILENT_MS = 60000
  const once = window.fetch.bind(window)
  const newest = new Map()

  // A refusal stays one however often it is asked; these say that the server couldn't just now.
  const isPassing = (status) => status === 408 || status === 429 || status >= 500

  // What isn't wanted at its old revision any more need not be asked for again. Tiles are called off by the map itself.
  function claim(url) {
    const address = new URL(url)
    const revision = address.searchParams.get("rev")
    if (revision === null || address.pathname.startsWith("/tiles/")) return () => true
    address.searchParams.delete("rev")
    newest.set(address.href, revision)
    return () => newest.get(address.href) === revision
  }

  // The whole answer: one that breaks off half-way is as good as none, and so is a line that went silent.
  async function whole(request) {
    const cut = new AbortController()
    const stop = () => cut.abort(request.signal.reason)
    request.signal.addEventListener("abort", stop)
    let due = 0
    const patience = () => {
      clearTimeout(due)
      due = setTimeout(() => cut.abort(new DOMException("no answer", "TimeoutError")), SILENT_MS)
    }
    try {
      patience()
      const answer = await once(request.clone(), { signal: cut.signal })
      if (!answer.ok || !answer.body) return answer
      const parts = []
      for (const reader = answer.body.getReader(); ;) {
        patience()
        const { done, value } = await reader.read()
        if (done) break
        parts.push(value)
      }
      const { status, statusText, headers } = answer
      const start = (out) => {
        for (const part of parts) out.enqueue(part)
        out.close()
      }
      const kept = new Response(new ReadableStream({ start }), { status, statusText, headers })
      return Object.defineProperty(kept, "url", { value: answer.url })
    } finally {
      clearTimeout(due)
      request.signal.removeEventListener("abort", stop)
    }
  }

  // Not all at the same moment: a hundred walls lost the same server.
  const pause = (ms, signal) => new Promise((resolve) => {
    const end = () => {
      clearTimeout(due)
      window.removeEventListener("online", end)
      signal.removeEventListener("abort", end)
      resolve()
    }
    const due = setTimeout(end, ms * (0.8 + 0.4 * Math.random()))
    window.addEventListener("online", end)
    signal.addEventListener("abort", end)
  })

  async function persist(request) {
    const isWanted = claim(request.url)
    for (let tries = 0; ; tries += 1) {
      let answer
      let reason
      try {
        answer = await whole(request)
      } catch (error) {
        reason = error
      }
      if (answer && !isPassing(answer.status)) return answer
      if (isWanted() && !request.signal.aborted) {
        await pause(PAUSES_MS[Math.min(tries, PAUSES_MS.length - 1)], request.signal)
        request.signal.throwIfAborted()
        if (isWanted()) continue
      }
      if (answer) return answer
      throw reason
    }
  }

  window.gridcommandAgain = true
  window.fetch = (resource, options) => {
    const { origin, pathname } = new URL(resource?.url ?? resource, location.href)
    const method = options?.method ?? resource?.method ?? "GET"
    if (origin !== location.origin || method !== "GET" || !OURS.test(`${pathname}/`)) return once(resource, options)
    return persist(new Request(resource, options))
  }
})()

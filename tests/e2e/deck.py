"""Where deck.gl stands in a page: its camera and what it draws, for tests to ask."""

from __future__ import annotations

DECK = """() => {
  const canvas = document.querySelector(".stDeckGlJsonChart canvas")
  const key = canvas && Object.keys(canvas).find(name => name.startsWith("__reactFiber$"))
  for (let fiber = key && canvas[key]; fiber; fiber = fiber.return)
    for (let hook = fiber.memoizedState; hook && typeof hook === "object" && "next" in hook; hook = hook.next)
      for (const one of [hook.memoizedState, hook.memoizedState?.current])
        if (one?.deck?.getViewports) return one.deck
}"""
"""The page's only one, as an expression in parentheses; nothing before it is made."""
CAMERA = f"() => {{ const v = ({DECK})().getViewports()[0]; return [v.longitude, v.latitude, v.zoom] }}"
DRAWN = f"""ident => {{
  const layer = ({DECK})()?.layerManager?.getLayers().find(each => each.id === ident)
  const data = layer?.props.data
  return data?.features?.length ?? 0
}}"""
"""How many features the layer of that name draws."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

_ONLY_INCIDENTS = "&".join(f"show_{key}=false" for key in ("workers", "grids", "stations", "venues", "centres"))
_LET_GO_MS = 4000
"""On a busy machine, until the server has heard that the map let go of what is shown no more."""
_ALONE = """async () => {
  const canvas = document.querySelector('.st-key-map_chart canvas')
  const key = canvas && Object.keys(canvas).find((name) => name.startsWith('__reactFiber$'))
  let deck = null
  for (let fiber = key && canvas[key]; fiber && !deck; fiber = fiber.return)
    for (let hook = fiber.memoizedState; hook && typeof hook === 'object' && 'next' in hook; hook = hook.next) {
      const kept = hook.memoizedState
      deck ||= [kept, kept?.current, kept?.[0]].find((one) => one?.deck?.getViewports)?.deck
    }
  const layer = deck?.isInitialized && deck.props.layers.find((one) => one?.id === 'incidents')
  if (!layer?.isLoaded) return null
  const view = deck.getViewports()[0], box = canvas.getBoundingClientRect()
  const answer = await fetch('/api/layers/incidents/items?is_open=true')
  const all = (await answer.json()).features.map((one) => [...view.project(one.geometry.coordinates), one.id])
  const isAlone = ([x, y]) => all.filter(([u, v]) => Math.hypot(u - x, v - y) < 45).length === 1
  const isSeen = ([x, y]) => x > 60 && x < view.width - 60 && y > 180 && y < view.height - 120
  const found = all.filter((each) => isSeen(each) && isAlone(each))
  // Without a graphics card the first ones take seconds, too long for a click.
  for (const [x, y] of found.slice(0, 2)) deck.pickObject({ x, y, radius: 2 })
  return found.map(([x, y, no]) => [box.x + x, box.y + y, no])
}"""
"""The incidents that stand alone on the map: where they are on the screen, and their numbers."""


def _clicked(page: Page, spot: list[Any]) -> None:
    page.mouse.click(spot[0], spot[1])
    expect(page.locator(".st-key-map_card")).to_contain_text(spot[2])


def test_every_click_on_a_feature_shows_its_card(visit: Any):
    """Also on one whose card was closed, and on one clicked before the list showed another."""
    visitor = visit("officer", f"/map?{_ONLY_INCIDENTS}", width=1000, height=620)
    page = visitor.page
    page.wait_for_selector('[data-testid="stDeckGlJsonChart"] canvas')
    card = page.locator(".st-key-map_card")
    one, other = page.wait_for_function(_ALONE, timeout=60_000, polling=1000).json_value()[:2]

    _clicked(page, one)
    page.locator(".st-key-map_close button").click()
    expect(card).to_have_count(0)
    page.wait_for_timeout(_LET_GO_MS)
    _clicked(page, one)

    _clicked(page, other)
    row = page.locator(".st-key-map_list .card").first
    row.click()
    expect(card).not_to_contain_text(other[2])
    page.wait_for_timeout(_LET_GO_MS)
    _clicked(page, other)

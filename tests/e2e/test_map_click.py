from __future__ import annotations

from typing import Any

from playwright.sync_api import Page, expect

from tests.e2e.deck import DECK

_ONLY_INCIDENTS = "&".join(f"show_{key}=false" for key in ("workers", "grids", "stations", "venues", "centres"))
_LET_GO_MS = 4000
"""On a busy machine, until the server has heard that the map let go of what is shown no more."""
_LOADED = f"""() => {{
  const deck = ({DECK})()
  return deck?.isInitialized && deck.props.layers.find((one) => one?.id === 'incidents')?.isLoaded
}}"""
_ALONE = f"""async () => {{
  const deck = ({DECK})()
  const view = deck.getViewports()[0]
  const box = document.querySelector('.stDeckGlJsonChart canvas').getBoundingClientRect()
  const answer = await fetch('/api/layers/incidents/items?is_open=true')
  const all = (await answer.json()).features.map((one) => [...view.project(one.geometry.coordinates), one.id])
  const isAlone = ([x, y]) => all.filter(([u, v]) => Math.hypot(u - x, v - y) < 45).length === 1
  const isSeen = ([x, y]) => x > 60 && x < view.width - 60 && y > 180 && y < view.height - 120
  const found = all.filter((each) => isSeen(each) && isAlone(each))
  // Without a graphics card the first ones take seconds, too long for a click.
  for (const [x, y] of found.slice(0, 2)) deck.pickObject({{ x, y, radius: 2 }})
  return found.map(([x, y, no]) => [box.x + x, box.y + y, no])
}}"""
"""The incidents that stand alone on the map: where they are on the screen, and their numbers."""


def _click(page: Page, spot: list[Any]) -> None:
    page.mouse.click(spot[0], spot[1])
    expect(page.locator(".st-key-map_card")).to_contain_text(spot[2])


def test_every_click_on_a_feature_shows_its_card(visit: Any):
    """Also on one whose card was closed, and on one clicked before the list showed another."""
    page = visit("officer", f"/map?{_ONLY_INCIDENTS}", width=1000, height=620).page
    card = page.locator(".st-key-map_card")
    page.wait_for_function(_LOADED, timeout=60_000)
    one, other = page.evaluate(_ALONE)[:2]

    _click(page, one)
    page.locator(".st-key-map_close button").click()
    expect(card).to_have_count(0)
    page.wait_for_timeout(_LET_GO_MS)
    _click(page, one)

    _click(page, other)
    page.locator(".st-key-map_list .card").first.click()
    expect(card).not_to_contain_text(other[2])
    page.wait_for_timeout(_LET_GO_MS)
    _click(page, other)

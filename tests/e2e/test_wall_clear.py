"""No incident that the wall's view was made to show lies under what stands on the map."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Page, expect
from shapely.affinity import scale
from shapely.geometry import shape

from tests.product import Product

_COVERED = """() => {
  const canvas = document.querySelector(".st-key-wall_map canvas")
  const key = Object.keys(canvas ?? {}).find(name => name.startsWith("__reactFiber$"))
  let deck = null
  for (let fiber = canvas?.[key]; fiber && !deck; fiber = fiber.return)
    for (let hook = fiber.memoizedState; hook && typeof hook === "object" && "next" in hook; hook = hook.next)
      deck ||= [hook.memoizedState, hook.memoizedState?.current].find(one => one?.deck?.getViewports)?.deck
  if (!deck?.isInitialized) return []
  const view = deck.getViewports()[0]
  const layer = deck.layerManager.getLayers().find(each => each.id === "incidents")
  const map = canvas.getBoundingClientRect()
  const on = ".st-key-wall_crumbs :is(button, b), .st-key-wall_lock :is(button, p), .scale, .source, .legend"
  const boxes = [...document.querySelectorAll(on)].map(each => [each.innerText, each.getBoundingClientRect()])
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
  const far = 13 * rem / 16  // half a symbol of an incident
  const places = (layer?.props.data?.features ?? []).map(each => [each.properties.title, each.geometry.coordinates])
  return places.filter(([title]) => title === "要看得见").flatMap(([, place]) => {
    const [x, y] = view.project(place).map((at, n) => at + [map.left, map.top][n])
    const under = boxes.filter(([, box]) =>
      x + far > box.left && x - far < box.right && y + far > box.top && y - far < box.bottom).map(([text]) => text)
    const outside = x < map.left || x > map.right || y < map.top || y > map.bottom ? ["outside"] : []
    return [[...under, ...outside]]
  })
}"""


@pytest.fixture
def origin(product: Product) -> str:
    return product.origin


def _report(client: Any, lon: float, lat: float) -> Any:
    body = {"title": "要看得见", "class": "0101", "lon": lon, "lat": lat, "crs": "wgs84"}
    answer = client.post("/api/incidents", json=body)
    assert answer.status_code == 201, answer.text
    return answer.json()


def _seen(page: Page, number: int) -> list[list[str]]:
    """What lies on each of the `number` incidents, once all are drawn and the camera stands."""
    page.wait_for_function(f"({_COVERED})().length === {number}", timeout=90_000)
    page.wait_for_timeout(3_000)
    return list(page.evaluate(_COVERED))


def test_nothing_lies_on_an_incident_that_the_view_was_made_to_show(visit: Any, program: Any):
    """Far out in each corner while the map follows, and in the corners of a quarter that was drilled to."""
    client = program("dispatcher")
    quarter = next(
        each
        for each in client.get("/api/layers/grids/items?level=quarter").json()["features"]
        if each["properties"]["name"] == "香榭里"
    )
    outline = shape(quarter["geometry"])
    inside = [point[:2] for point in scale(outline, 0.98, 0.98).convex_hull.exterior.coords[:-1]]
    for lon, lat in inside:
        _report(client, lon, lat)
    code = quarter["properties"]["code"]
    for width, height in ((1920, 1080), (5760, 2160)):
        visitor = visit("wall", f"/wall?grid={code}", width=width, height=height)
        expect(visitor.page.locator(".st-key-wall_lock b")).to_be_visible()
        assert _seen(visitor.page, len(inside)) == [[]] * len(inside)
        visitor.shoot(f"wall-clear-quarter-{width}")

    corners = ((123.6, 44.9), (124.3, 44.9), (124.2, 45.1))
    for lon, lat in corners:
        _report(client, lon, lat)
    for width, height in ((1920, 1080), (5760, 2160)):
        visitor = visit("wall", "/wall", width=width, height=height)
        expect(visitor.page.locator(".st-key-wall_lock .auto")).to_be_visible()
        assert _seen(visitor.page, len(inside) + len(corners)) == [[]] * (len(inside) + len(corners))
        visitor.shoot(f"wall-clear-{width}")

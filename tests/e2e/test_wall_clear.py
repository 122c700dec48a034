from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect
from shapely.affinity import scale
from shapely.geometry import shape

from tests.e2e.deck import DECK
from tests.product import Product

_COVERED = f"""() => {{
  const deck = ({DECK})()
  if (!deck?.isInitialized) return []
  const view = deck.getViewports()[0]
  const layer = deck.layerManager.getLayers().find(each => each.id === "incidents")
  const map = document.querySelector(".stDeckGlJsonChart canvas").getBoundingClientRect()
  const on = ".st-key-wall_crumbs :is(button, b), .st-key-wall_lock :is(button, p), .scale, .source, .legend"
  const boxes = [...document.querySelectorAll(on)].map(each => [each.innerText, each.getBoundingClientRect()])
  const far = 13 * parseFloat(getComputedStyle(document.documentElement).fontSize) / 16  // half a symbol
  const places = (layer?.props.data?.features ?? []).map(each => [each.properties.title, each.geometry.coordinates])
  return places.filter(([title]) => title === "要看得见").map(([, place]) => {{
    const [x, y] = view.project(place).map((at, n) => at + [map.left, map.top][n])
    const under = boxes.filter(([, box]) =>
      x + far > box.left && x - far < box.right && y + far > box.top && y - far < box.bottom).map(([text]) => text)
    return x < map.left || x > map.right || y < map.top || y > map.bottom ? [...under, "outside"] : under
  }})
}}"""
"""What lies on each incident of that title."""


@pytest.fixture
def origin(product: Product) -> str:
    return product.origin


def _report(client: Any, lon: float, lat: float) -> None:
    body = {"title": "要看得见", "class": "0101", "lon": lon, "lat": lat, "crs": "wgs84"}
    answer = client.post("/api/incidents", json=body)
    assert answer.status_code == 201, answer.text


def _no_bar_on_any(page: Any, number: int) -> None:
    """Once all of the `number` incidents are drawn and the camera stands, none lies under anything."""
    page.wait_for_function(f"({_COVERED})().length === {number}", timeout=90_000)
    page.wait_for_timeout(3_000)
    assert page.evaluate(_COVERED) == [[]] * number


def test_no_bar_lies_on_an_incident_that_the_view_was_made_to_show(visit: Any, program: Any):
    """In the corners of a quarter that was drilled to, and far out in each corner while the map follows."""
    client = program("dispatcher")
    quarter = next(
        each
        for each in client.get("/api/layers/grids/items?level=quarter").json()["features"]
        if each["properties"]["name"] == "香榭里"
    )
    inside = scale(shape(quarter["geometry"]), 0.98, 0.98).convex_hull.exterior.coords[:-1]
    for lon, lat, *_ in inside:
        _report(client, lon, lat)
    visitor = visit("wall", f"/wall?grid={quarter['properties']['code']}")
    _no_bar_on_any(visitor.page, len(inside))
    visitor.shoot("wall-clear-quarter")

    corners = ((123.6, 44.9), (124.3, 44.9), (124.2, 45.1))
    for lon, lat in corners:
        _report(client, lon, lat)
    visitor.open("/wall")
    expect(visitor.page.locator(".st-key-wall_lock .auto")).to_be_visible()
    _no_bar_on_any(visitor.page, len(inside) + len(corners))
    visitor.shoot("wall-clear")

"""What becomes of a map's layer whose answer was lost: it is asked for again until it is there."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from playwright.sync_api import Page, Route, expect

from tests.e2e.deck import CAMERA, DECK, DRAWN

_STATIONS = "**/api/layers/stations/items*"


def _fail(page: Page, pattern: str, answer: Callable[[Route], None], *, times: int) -> list[str]:
    """Spoils the first `times` answers to what is asked for by `pattern`; tells every address that was asked for."""
    asked: list[str] = []

    def spoil(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) <= times:
            answer(route)
        else:
            route.continue_()

    page.route(pattern, spoil)
    return asked


def _busy(route: Route) -> None:
    route.fulfill(status=503, content_type="application/problem+json", body="{}")


def test_a_layer_whose_answer_was_lost_comes_by_itself(visit: Any):
    """Two answers are lost, the third isn't: no revision rises, nobody reloads, and the camera stays."""
    visitor = visit()
    page = visitor.page
    asked = _fail(page, _STATIONS, lambda route: route.abort("connectionreset"), times=2)
    visitor.log_in("admin", "/map?show_stations=true")
    page.wait_for_function(f"({DECK})()?.isInitialized")
    camera = page.evaluate(CAMERA)

    page.wait_for_function(f"({DRAWN})('stations') > 0", timeout=30_000)

    assert len(set(asked)) == 1
    assert len(asked) == 3
    assert page.evaluate(CAMERA) == camera


def test_what_was_drawn_stays_until_the_lost_answer_comes(visit: Any, program: Any):
    """A new incident's answer is lost: those on the map are drawn on, and it joins them without another change."""
    visitor = visit("wall", "/wall")
    page = visitor.page
    page.wait_for_function(f"({DRAWN})('incidents') > 0", timeout=60_000)
    before = page.evaluate(DRAWN, "incidents")
    asked = _fail(page, "**/api/layers/incidents/items*", _busy, times=2)

    report = {"title": "井盖破损", "class": "0102", "lon": 124.0075, "lat": 45.0125, "crs": "wgs84"}
    assert program("dispatcher").post("/api/incidents", json=report).status_code == 201

    seen = set()
    until = time.monotonic() + 60
    while before + 1 not in seen and time.monotonic() < until:
        seen.add(page.evaluate(DRAWN, "incidents"))
        page.wait_for_timeout(200)
    assert len(asked) == 3
    assert seen == {before, before + 1}


def test_an_answer_that_breaks_off_is_asked_for_again(visit: Any):
    """Only whole answers count: the head had come, the line was cut in the body."""
    visitor = visit()
    page = visitor.page
    page.add_init_script(
        """{
          const fetch = window.fetch
          window.fetch = async (...asked) => {
            const answer = await fetch(...asked)
            if (!(asked[0].url ?? "").includes("/layers/stations/") || window.broken++) return answer
            return new Response(new ReadableStream({ pull: out => out.error(new TypeError("network error")) }))
          }
          window.broken = 0
        }"""
    )
    visitor.log_in("wall", "/wall")
    page.wait_for_function(f"({DRAWN})('stations') > 0", timeout=60_000)
    assert page.evaluate("window.broken") == 2
    expect(page.locator(".badge .live")).to_be_visible()


def test_a_tile_is_asked_for_again_until_the_map_calls_it_off(visit: Any):
    """Tiles have no revision that would rise: a lost one comes with the next try, one out of sight isn't asked for.

    Nor is what was refused, which stays so.
    """
    page = visit("wall", "/wall").page
    page.wait_for_function("window.gridcommandAgain")
    asked = _fail(page, "**/tiles/**", _busy, times=1)
    told = page.evaluate("fetch('/tiles/base/14/13836/5893.pbf').then(answer => answer.status)")
    assert (told, len(asked)) == (200, 2)

    asked = _fail(page, "**/tiles/**", _busy, times=99)
    told = page.evaluate(
        """() => {
          const off = new AbortController()
          setTimeout(() => off.abort(), 500)
          return fetch("/tiles/base/14/13836/5894.pbf", { signal: off.signal }).catch(error => error.name)
        }"""
    )
    page.wait_for_timeout(3_000)
    assert (told, len(asked)) == ("AbortError", 1)

    asked = _fail(page, "**/api/names/**", lambda route: route.fulfill(status=403, body="{}"), times=99)
    told = page.evaluate("fetch('/api/names/none').then(answer => answer.status)")
    page.wait_for_timeout(3_000)
    assert (told, len(asked)) == (403, 1)

"""How often a screen runs when it opens: once, and again only for what changed since."""

from __future__ import annotations

from typing import Any

from playwright.sync_api import Route, expect
from streamlit.proto.BackMsg_pb2 import BackMsg

_CANVAS = '[data-testid="stDeckGlJsonChart"] canvas'
_FEED_IS_HEARD = "Object.keys(window.gridcommandFeed?.revisions ?? {}).length > 0"
_REVISIONS = "JSON.stringify(window.gridcommandFeed.revisions)"
_PACE_MS = 2500
"""Longer than a map waits between two runs."""
_REPORT = {"title": "井盖破损", "class": "0102", "lon": 124.0075, "lat": 45.0125, "crs": "wgs84"}


def _count_runs(page: Any) -> list[str]:
    """What the page asks to be run from now on: the fragment of each run, "" for the whole screen."""
    runs: list[str] = []

    def heard(frame: bytes | str) -> None:
        asked = BackMsg()
        asked.ParseFromString(frame if isinstance(frame, bytes) else frame.encode())
        if asked.WhichOneof("type") == "rerun_script":
            runs.append(asked.rerun_script.fragment_id)

    page.on("websocket", lambda socket: socket.on("framesent", heard))
    return runs


def test_a_map_runs_once_when_it_opens(visit: Any):
    """The login page has told the window's size, and hearing the feed is no change."""
    visitor = visit()
    runs = _count_runs(visitor.page)
    visitor.log_in("dispatcher", "/map?show_workers=false&show_devices=false")
    visitor.page.wait_for_selector(_CANVAS)
    visitor.page.wait_for_function(_FEED_IS_HEARD)
    heard = visitor.page.evaluate(_REVISIONS)
    visitor.page.wait_for_timeout(_PACE_MS)
    # Deadlines pass in the app that all browser tests share.
    assert runs == [""] or visitor.page.evaluate(_REVISIONS) != heard


def test_another_window_size_is_told_once_more(visit: Any):
    """A window that isn't as the last one was is measured, and known to the next page."""
    visitor = visit("dispatcher", "/map", width=1500, height=900)
    visitor.page.wait_for_selector(_CANVAS)
    visitor.page.set_viewport_size({"width": 1700, "height": 950})
    visitor.page.wait_for_function("document.cookie.includes('gridcommand_window=1700x950')")
    runs = _count_runs(visitor.page)
    visitor.page.reload()
    visitor.settled()
    visitor.page.wait_for_function(_FEED_IS_HEARD)
    assert runs == [""]


def test_what_changes_before_the_feed_is_heard_is_drawn(visit: Any, program: Any):
    """A report between the screen's reading and its first word from the feed isn't lost until the next change."""
    held: list[Route] = []
    visitor = visit()
    visitor.page.route("**/api/stream", lambda route: held.append(route))  # noqa: PLW0108  a method of a list takes no marks
    visitor.log_in("dispatcher", "/map?show_workers=false&show_devices=false")
    visitor.page.wait_for_selector(_CANVAS)
    program("dispatcher").post("/api/incidents", json=_REPORT | {"title": "路灯不亮"}).raise_for_status()
    held.pop(0).continue_()
    expect(visitor.page.locator(".st-key-map_list")).to_contain_text("路灯不亮")


def test_the_ground_comes_after_the_data(visit: Any):
    """What was asked for is drawn first; the ground and the names are asked for after it, and aren't forgotten."""
    visitor = visit("dispatcher", "/map")

    def asked(path: str) -> list[int]:
        return [at for at, url in enumerate(visitor.asked) if path in url]

    names = '() => performance.getEntriesByType("resource").some(({ name }) => name.includes("/api/names"))'
    visitor.page.wait_for_function(names)
    for part in ("boundary", "blocks", "water", "roads", "buildings"):
        assert asked(f"/api/base/{part}")
    data = [asked(f"/api/layers/{key}/items") for key in ("grids", "incidents", "workers", "stations")]
    assert max(min(at) for at in data) < min(asked("/api/base/"))


def test_the_ground_comes_though_the_data_does_not(visit: Any):
    """A layer that can't be had doesn't keep the map empty."""
    visitor = visit()
    visitor.page.route("**/api/layers/stations/items*", lambda route: route.abort())
    visitor.log_in("dispatcher", "/map")
    with visitor.page.expect_response("**/api/base/roads*"):
        pass

"""How often a screen runs when it opens: once, and again only for what changed since."""

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import Route, WebSocketRoute, expect
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

_CANVAS = '[data-testid="stDeckGlJsonChart"] canvas'
_FEED_IS_HEARD = "Object.keys(window.gridcommandFeed?.revisions ?? {}).length > 0"
_REVISIONS = "JSON.stringify(window.gridcommandFeed.revisions)"
_PACE_MS = 2500
"""Longer than a map waits between two runs."""
_BUSY = """setInterval(() => {
    const until = performance.now() + 150
    while (performance.now() < until);
})"""
"""Keeps a page's one thread busy for longer than lies between two runs, with a moment for the rest after each time."""
_BACK_AMID_A_CHANGE = """() => {
    const feed = window.gridcommandFeed
    addEventListener("popstate", () => setTimeout(() => {
        feed.revisions = { ...feed.revisions, incidents: feed.revisions.incidents + 1 }
        feed.listeners.forEach((listen) => listen())
    }), { once: true })
    history.back()
}"""
_REPORT = {"title": "井盖破损", "class": "0102", "lon": 124.0075, "lat": 45.0125, "crs": "wgs84"}


def _asked_for(frame: bytes | str) -> str | None:
    """The fragment that is to be run, "" for the whole screen; None of what asks for no run."""
    said = BackMsg()
    said.ParseFromString(frame if isinstance(frame, bytes) else frame.encode())
    return said.rerun_script.fragment_id if said.WhichOneof("type") == "rerun_script" else None


def _count_runs(page: Any) -> list[str]:
    """What the page asks to be run from now on: the fragment of each run, "" for the whole screen."""
    runs: list[str] = []

    def heard(frame: bytes | str) -> None:
        fragment = _asked_for(frame)
        if fragment is not None:
            runs.append(fragment)

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


def test_what_a_busy_page_comes_late_to_is_all_run(visit: Any, program: Any):
    """A page that has no time for its timers asks for both of its fragments: of two at once Streamlit would run one."""
    visitor = visit()
    runs = _count_runs(visitor.page)
    visitor.log_in("dispatcher", "/wall")
    visitor.page.wait_for_selector(_CANVAS)
    visitor.page.wait_for_function(_FEED_IS_HEARD)
    visitor.page.wait_for_timeout(_PACE_MS)
    visitor.page.evaluate(_BUSY)
    runs.clear()
    program("dispatcher").post("/api/incidents", json=_REPORT | {"title": "树枝折断"}).raise_for_status()
    visitor.page.wait_for_timeout(_PACE_MS)
    assert len(set(runs)) > 1


def test_what_was_not_answered_is_asked_for_again(visit: Any, program: Any):
    """Once a run is lost on its way, the change shows all the same, long before the map runs by itself."""
    visitor = visit()
    to_lose: list[str] = []

    def open_line(line: WebSocketRoute) -> None:
        server = line.connect_to_server()

        def said(frame: bytes | str) -> None:
            if _asked_for(frame) and to_lose:
                to_lose.pop()
            else:
                server.send(frame)

        line.on_message(said)

    visitor.page.route_web_socket("**/_stcore/stream", open_line)
    visitor.log_in("dispatcher", "/map?show_workers=false&show_devices=false")
    visitor.page.wait_for_selector(_CANVAS)
    visitor.page.wait_for_function(_FEED_IS_HEARD)
    to_lose.append("the next")
    program("dispatcher").post("/api/incidents", json=_REPORT | {"title": "护栏松动"}).raise_for_status()
    expect(visitor.page.locator(".st-key-map_list")).to_contain_text("护栏松动", timeout=20_000)
    assert not to_lose


def test_an_address_is_told_where_it_changes(visit: Any, program: Any):
    """A run that leaves the choices as they are says nothing of the address: somebody may have gone back meanwhile."""
    visitor = visit()
    told: list[str] = []

    def heard(frame: bytes | str) -> None:
        said = ForwardMsg()
        said.ParseFromString(frame if isinstance(frame, bytes) else frame.encode())
        if said.WhichOneof("type") == "page_info_changed":
            told.append(said.page_info_changed.query_string)

    visitor.page.on("websocket", lambda socket: socket.on("framereceived", heard))
    visitor.log_in("dispatcher", "/map?incidents-severity=3&show_workers=false")
    visitor.page.wait_for_selector(_CANVAS)
    visitor.page.wait_for_function(_FEED_IS_HEARD)
    program("dispatcher").post("/api/incidents", json=_REPORT | {"title": "站牌歪斜", "severity": 3}).raise_for_status()
    expect(visitor.page.locator(".st-key-map_list")).to_contain_text("站牌歪斜")
    assert told == []
    visitor.page.locator(".st-key-incidents-severity button").nth(3).click()
    visitor.page.wait_for_url("**/map?*incidents-severity=3%2C4*")
    assert len(told) == 1


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


def test_a_change_during_back_takes_no_step_back(visit: Any):
    """What changes while the page goes back is drawn after it: what the widgets were before isn't brought along."""
    visitor = visit(width=1280, height=720)
    page, runs = visitor.page, _count_runs(visitor.page)
    visitor.log_in("officer", "/map?show_devices=false")
    pills = page.locator(".st-key-incidents-severity button")
    pressed = page.locator(".st-key-incidents-severity [aria-pressed=true]")
    page.wait_for_function(_FEED_IS_HEARD)
    for number, query in ((2, "severity=3$"), (3, r"severity=3%2C4$")):
        pills.nth(number).click()
        expect(page).to_have_url(re.compile(query))
        visitor.settled()
    page.wait_for_timeout(_PACE_MS)
    runs.clear()
    page.evaluate(_BACK_AMID_A_CHANGE)
    page.wait_for_timeout(_PACE_MS)
    visitor.settled()
    assert runs[0] == ""
    assert any(runs)
    expect(page).to_have_url(re.compile("severity=3$"))
    expect(pressed).to_have_count(1)
    page.go_forward()
    expect(page).to_have_url(re.compile(r"severity=3%2C4$"))
    expect(pressed).to_have_count(2)

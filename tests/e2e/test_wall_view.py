from __future__ import annotations

import re
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

_LOCKED = ".st-key-wall_lock button"


class Ears:
    """Keeps all that a page is sent: bodies of answers and frames of its websocket."""

    def __init__(self, page: Page) -> None:
        self.heard: list[bytes] = []
        page.on("response", self._answer)
        page.on("websocket", lambda socket: socket.on("framereceived", self._frame))

    def _answer(self, response: Any) -> None:
        if response.request.resource_type in {"fetch", "xhr", "document"} and response.status == 200:
            self.heard.append(response.body())

    def _frame(self, payload: bytes | str) -> None:
        self.heard.append(payload.encode() if isinstance(payload, str) else payload)


@pytest.fixture(scope="module")
def people(origin: str) -> set[str]:
    """Full names and phones of all workers, as the administrator reads them; none that a place has in its name."""
    with httpx.Client(base_url=origin, headers={"Origin": origin}, timeout=60) as client:
        client.post("/auth/login", data={"username": "admin", "password": "demo-1234", "next": "/"})
        features = client.get("/api/layers/workers/items").raise_for_status().json()["features"]
        places = "".join(client.get(f"/api/{of}").text for of in ("layers/grids/items", "base/roads", "base/buildings"))
    told = {str(one["properties"][name]) for one in features for name in ("full_name", "full_phone")}
    return {one for one in told if one not in places}


def _map(page: Page) -> tuple[float, float]:
    box = page.locator(".st-key-wall_map canvas").bounding_box()
    assert box
    return box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.45


def test_a_touch_locks_the_view_and_a_click_leads_down_and_back(visit: Any, people: set[str]):
    """The wheel locks, the star releases; clicks lead down, Escape and the way up back. No name is sent meanwhile."""
    visitor = visit()
    ears = Ears(visitor.page)
    page = visitor.log_in("wall", "/wall")
    crumb, scale = page.locator(".st-key-wall_crumbs b"), page.locator(".scale b")
    expect(scale).to_have_text(re.compile(r"^\d+ k?m$"), timeout=60_000)
    whole = scale.inner_text()  # it depends on where other tests have reported
    expect(page.locator(_LOCKED)).to_have_count(0)

    page.mouse.move(*_map(page))
    page.mouse.wheel(0, -600)
    expect(page.locator(_LOCKED)).to_have_text("★ 恢复自动视野")
    expect(scale).not_to_have_text(whole)
    page.locator(_LOCKED).click()
    expect(page.locator(".st-key-wall_lock .auto")).to_be_visible()
    expect(scale).to_have_text(whole)

    page.mouse.click(*_map(page))
    expect(crumb).to_have_text("荣业街道", timeout=60_000)
    expect(page.locator(".panel.today h2")).to_have_text("荣业街道")
    page.locator(".panel.ranking li").first.click()
    expect(page.locator(".panel.ranking h2")).to_have_text("小区按期办结率", timeout=30_000)
    visitor.shoot("wall-community")
    page.keyboard.press("Escape")
    expect(crumb).to_have_text("荣业街道", timeout=30_000)
    page.locator(".st-key-wall_to_county button").click()
    expect(crumb).to_have_count(0)

    ears.heard.append(page.content().encode())
    sent = b"\0".join(ears.heard)
    assert sent.count("在岗专职网格员".encode()) > 1
    assert len(people) > 2000
    assert [one for one in people if one.encode() in sent] == []


def test_lists_turn_their_pages_while_nothing_changes(visit: Any):
    """What doesn't fit into a panel has its turn without anybody's doing, and without any change."""
    page = visit("wall", "/wall").page
    pager = page.locator(".panel.reported .pager")
    expect(pager).not_to_have_text(pager.inner_text(), timeout=30_000)

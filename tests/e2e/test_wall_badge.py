"""What the wall's badge says of a picture that is not alive, whatever it died of, and when it calls it alive again."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from db import incidents
from db.incidents import Report
from db.session import Database
from tests.conftest import NOW, Server
from tests.e2e.deck import CAMERA, DECK
from tests.frost import frozen
from tests.people import DISPATCHER
from tests.product import Product

_CLOCK = re.compile(r"\d\d:\d\d:\d\d")
_WITNESS = """() => {
  window.seen = []
  const look = () => {
    const badge = document.querySelector(".badge")
    const text = badge && getComputedStyle(badge).position === "fixed" ? badge.innerText.replace(/\\s+/g, " ") : ""
    if (text !== window.seen.at(-1)) window.seen.push(text)
    requestAnimationFrame(look)
  }
  look()
}"""


@pytest.fixture
def database(server: Server, database: Database) -> Database:
    """The test's own database, on a server that may be stopped."""
    if server.cluster is None:
        pytest.skip("the server belongs to somebody else: it isn't stopped")
    return database


@pytest.fixture
def origin(product: Product) -> str:
    return product.origin


@pytest.fixture
def wall(visit: Any) -> Page:
    page = visit("wall", "/wall").page
    expect(page.locator(".badge .live")).to_be_visible()
    expect(page.locator(".panel.queue")).to_be_visible()
    return page


def _drawn_at(page: Page) -> float:
    return float(page.locator(".badge").get_attribute("data-at") or 0) / 1000


def test_a_database_that_hangs_is_told_and_heals(wall: Page, server: Server, database: Database):
    """It breaks no connection: the badge says so all the same, blames no server, and what came since shows."""
    assert server.cluster is not None
    wall.evaluate(_WITNESS)
    with frozen(server.cluster):
        expect(wall.locator(".badge .lost")).to_be_visible(timeout=15_000)
        wall.wait_for_timeout(14_000)
        expect(wall.locator(".badge .lost")).to_be_visible()
        expect(wall.locator(".panel.today .figure b")).to_have_count(6)
        thawed_at = time.time()
    expect(wall.locator(".badge .live")).to_be_visible(timeout=15_000)
    assert _drawn_at(wall) >= thawed_at
    seen = wall.evaluate("window.seen")
    assert not [text for text in seen if "与服务器断开" in text], seen
    assert all(_CLOCK.search(text) or "今天" in text for text in seen), seen
    incidents.report(
        database,
        DISPATCHER,
        Report(title="解冻后的事件", class_code="0101", lon=124.018, lat=45.005, crs="wgs84", severity=1),
        now=NOW,
    )
    expect(wall.locator(".st-key-wall_ticker")).to_contain_text("解冻后的事件", timeout=30_000)


def test_a_picture_that_no_longer_comes_is_told(wall: Page):
    """The change feed lives on while the picture's own channel is dead; 在线 comes back with a new picture only."""
    wall.context.set_offline(True)
    expect(wall.locator(".badge .cut")).to_be_visible(timeout=25_000)
    expect(wall.locator(".badge .cut")).to_have_text(re.compile(r"与服务器断开，自 \d\d:\d\d:\d\d 起未更新"))
    expect(wall.locator(".panel.today .figure b")).to_have_count(6)
    wall.wait_for_timeout(5_000)
    expect(wall.locator(".badge .cut")).to_be_visible()
    back_at = time.time()
    wall.context.set_offline(False)
    expect(wall.locator(".badge .live")).to_be_visible(timeout=60_000)
    assert _drawn_at(wall) >= back_at


def test_a_restart_leaves_the_badge_and_the_view(wall: Page, product: Product):
    """Not a frame without a badge and its time, though the whole page is drawn for a new session.

    The map looks where a hand had left it, and stays locked until it is released.
    """
    auto, release = (wall.locator(f".st-key-wall_lock {one}") for one in (".auto", "button"))
    expect(auto).to_be_visible()
    wall.wait_for_function(f"({DECK})()?.isInitialized")
    whole = wall.evaluate(CAMERA)
    wall.mouse.move(800, 500)
    wall.mouse.wheel(0, -600)
    expect(release).to_be_visible()
    wall.wait_for_timeout(1_000)
    close = wall.evaluate(CAMERA)
    assert close != whole
    wall.evaluate(_WITNESS)
    product.kill()
    expect(wall.locator(".badge .cut")).to_be_visible(timeout=30_000)
    cut_at = time.time()
    product.start()
    expect(wall.locator(".badge .live")).to_be_visible(timeout=60_000)
    assert _drawn_at(wall) > cut_at
    wall.wait_for_timeout(5_000)
    seen = wall.evaluate("window.seen")
    assert all(_CLOCK.search(text) for text in seen), seen
    expect(wall.locator(".badge")).to_have_count(1)
    expect(release).to_be_visible()
    assert wall.evaluate(CAMERA) == pytest.approx(close, abs=1e-4)
    release.click()
    expect(auto).to_be_visible()
    wall.wait_for_function(f"(zoom) => Math.abs(({CAMERA})()[2] - zoom) < 1e-3", arg=whole[2])
    assert wall.evaluate(CAMERA) == pytest.approx(whole, abs=1e-3)
    assert not [one for one in wall.context.cookies() if one["name"] == "gridcommand_view"]


def test_what_is_taken_away_is_kept_until_it_is_drawn_anew(wall: Page):
    """Streamlit clears the page for a new session and draws it a moment later: the badge stands there meanwhile."""
    told = wall.locator(".badge").inner_text()
    wall.evaluate("document.querySelectorAll('body style, .badge').forEach((one) => one.remove())")
    kept = wall.evaluate(
        """() => {
          const badge = document.querySelector(".badge")
          return badge && [badge.innerText, getComputedStyle(badge).position]
        }"""
    )
    assert kept == [told, "fixed"]
    expect(wall.locator(".badge:not(.kept)")).to_have_count(1, timeout=30_000)
    expect(wall.locator(".badge")).to_have_count(1)

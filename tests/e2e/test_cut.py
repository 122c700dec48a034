"""What screens say of a server that is away, and that they heal by themselves."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.conftest import Server
from tests.frost import frozen
from tests.product import Product


@pytest.fixture
def origin(product: Product) -> str:
    return product.origin


def test_every_screen_says_that_the_server_is_away_and_heals(visit: Any, product: Product):
    """The desk asks for itself, the map hears by the change feed: a badge of ours, and no word of Streamlit's."""
    seen = {
        "desk": visit("dispatcher", "/desk?lang=en").page,
        "map": visit("officer", "/map").page,
    }
    told = {"desk": "Server out of reach", "map": "与服务器断开"}
    for page in seen.values():
        expect(page.locator(".gc-cut")).to_be_hidden()
        page.evaluate("window.wasHere = true")

    product.kill()

    for name, page in seen.items():
        badge = page.locator(".gc-cut")
        expect(badge).to_contain_text(told[name], timeout=60_000)
        expect(badge.locator("b")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
        expect(page.locator("[role=dialog]")).to_have_count(1, timeout=60_000)
        expect(page.locator("[role=dialog]")).to_be_hidden()
    product.start()
    for page in seen.values():
        expect(page.locator(".gc-cut")).to_be_hidden(timeout=60_000)
        expect(page.locator("[role=dialog]")).to_have_count(0, timeout=60_000)
        assert page.evaluate("window.wasHere === true")


def test_the_map_says_that_its_database_hangs_and_heals(visit: Any, server: Server):
    """What is shown stays, whatever is clicked, with the chips of its filters; a click is in force afterwards."""
    if server.cluster is None:
        pytest.skip("the server belongs to somebody else: it isn't stopped")
    page = visit("officer", "/map?incidents-severity=3").page
    badge, chips = page.locator(".gc-lost"), page.locator(".st-key-map_chips button:visible")
    expect(chips).to_have_text(re.compile("III 级"))
    expect(badge).to_be_hidden()

    with frozen(server.cluster):
        expect(badge).to_contain_text("数据库没有应答", timeout=30_000)
        expect(badge.locator("b")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d$"))
        expect(page.locator(".gc-cut")).to_be_hidden()
        page.locator(".st-key-incidents-severity button").nth(3).click()
        page.wait_for_timeout(8000)  # longer than a new connection is waited for
        expect(chips).to_have_count(1)
        expect(page.locator(".st-key-map_chart canvas").first).to_be_visible()
        expect(page.locator(".map-tally")).to_be_visible()

    expect(badge).to_be_hidden(timeout=30_000)
    expect(chips).to_have_count(2, timeout=30_000)

"""What becomes of a wall that nobody touches: the database, the server and the network go, and all come back."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from db import incidents
from db.incidents import Report
from db.session import Database
from tests.cable import Cable
from tests.conftest import NOW, Server
from tests.people import DISPATCHER
from tests.product import Product

_UNTOUCHED = "window.wasHere === true"


@pytest.fixture
def database(server: Server, database: Database) -> Database:
    """The test's own database, on a server that may be killed."""
    if server.cluster is None:
        pytest.skip("the server belongs to somebody else: it isn't killed")
    return database


@pytest.fixture
def cable(product: Product) -> Iterator[Cable]:
    cable = Cable(product.port)
    yield cable
    cable.close()


@pytest.fixture
def origin(cable: Cable) -> str:
    return cable.origin


def _report(database: Database, title: str) -> None:
    told = Report(title=title, class_code="0101", lon=124.018, lat=45.005, crs="wgs84", severity=1)
    incidents.report(database, DISPATCHER, told, now=NOW)


def _kill_postgres(server: Server) -> None:
    assert server.cluster is not None
    pid_file = server.cluster.folder / "data" / "postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)


def _is_whole(page: Page) -> None:
    """The picture stands: the map, its panels and their figures, in a page that wasn't loaded anew."""
    expect(page.locator(".st-key-wall_map canvas").first).to_be_visible()
    expect(page.locator(".panel.today .figure b")).to_have_count(6)
    assert page.locator(".panel").count() >= 6
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert page.evaluate(_UNTOUCHED)


def test_a_wall_outlives_what_it_stands_on(
    visit: Any, product: Product, cable: Cable, server: Server, database: Database
):
    """Each time the last picture stays, the badge says what is lost, and what happened since shows once it is back."""
    visitor = visit("wall", "/wall")
    page = visitor.page
    badge, alarm = page.locator(".badge"), page.locator(".st-key-wall_alarm .alarm")
    expect(badge).to_contain_text("在线")
    expect(page.locator(".panel.queue")).to_be_visible()
    page.evaluate("window.wasHere = true")

    _kill_postgres(server)
    expect(badge.locator(".lost")).to_be_visible(timeout=30_000)
    _is_whole(page)
    visitor.shoot("wall-without-database")
    assert server.cluster is not None
    server.cluster.start()
    expect(badge.locator(".live")).to_be_visible(timeout=30_000)
    _report(database, "数据库恢复后的事件")
    expect(alarm).to_contain_text("数据库恢复后的事件", timeout=30_000)
    _is_whole(page)

    product.kill()
    expect(badge.locator(".cut")).to_be_visible(timeout=30_000)
    expect(badge).to_contain_text("与服务器断开")
    _is_whole(page)
    visitor.shoot("wall-without-server")
    _report(database, "停机期间的事件")
    product.start()
    expect(badge.locator(".live")).to_be_visible(timeout=60_000)
    expect(page.locator(".st-key-wall_ticker")).to_contain_text("停机期间的事件", timeout=60_000)
    _is_whole(page)

    cable.pull()
    expect(badge.locator(".cut")).to_be_visible(timeout=30_000)
    _is_whole(page)
    cable.plug()
    expect(badge.locator(".live")).to_be_visible(timeout=60_000)
    _report(database, "断网恢复后的事件")
    expect(page.locator(".st-key-wall_ticker")).to_contain_text("断网恢复后的事件", timeout=60_000)
    _is_whole(page)

"""Vector tiles over HTTP: who sees what, how cheaply, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from math import asinh, floor, pi, radians, tan
from typing import Any

import pytest

import db.tiles
from api.context import Context
from db.feed import ChangeFeed

COARSE, CLOSE = "/tiles/devices/10/864/368.pbf", "/tiles/devices/16/55340/23577.pbf"
"""Tiles of the pyramid that the test town lies in."""


@pytest.mark.parametrize("address", [COARSE, CLOSE])
def test_a_tile_is_kept_and_known_again(clients: Any, context: Context, address: str):
    """A tile comes with its tag, is computed once for equal askers, and isn't sent to whoever has it."""
    first = clients.viewer.get(address)
    assert first.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    misses = context.answers.misses
    again = clients.viewer.get(f"{address}?rev=7", headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert context.answers.misses == misses


def test_coarse_tiles_share_one_count(clients: Any, context: Context):
    """Another coarse tile of the same layer asks the database for nothing but its encoding."""
    clients.viewer.get(COARSE)
    misses = context.cells.misses
    clients.viewer.get("/tiles/devices/9/432/184.pbf")
    assert context.cells.misses == misses


def test_close_tiles_are_made_from_a_count_that_is_there(
    clients: Any, context: Context, monkeypatch: pytest.MonkeyPatch
):
    """A tile that is read where nobody has counted is the same where somebody has; its count isn't waited for."""
    lon, lat = clients.viewer.get("/api/layers/devices/items").json()["features"][0]["geometry"]["coordinates"]
    address = f"/tiles/devices/15/{_column(lon, 15)}/{_row(lat, 15)}.pbf"
    read = clients.viewer.get(address)
    assert context.cells.misses == 0
    clients.viewer.get(COARSE)
    context.answers._kept.clear()
    given, close = [], db.tiles.close
    monkeypatch.setattr(
        "db.tiles.close", lambda *args, **named: given.append(named["counted"]) or close(*args, **named)
    )
    made = clients.viewer.get(address)
    assert context.cells.misses == 1
    assert [type(counted) for counted in given] == [db.tiles.Cells]
    assert len(made.content) == len(read.content) > 0


def test_a_change_shows_in_the_next_tile(clients: Any, feed: ChangeFeed):
    """As soon as the revision rises, the tile is another one; filters count as in the items."""
    before = clients.viewer.get(f"{COARSE}?status=alarm").content
    seen = feed.revisions()
    clients.dispatcher.post("/api/alarms", json={"alarms": [{"device": "D32", "status": "alarm"}]})
    assert feed.wait(seen, 5) != seen
    after = clients.viewer.get(f"{COARSE}?status=alarm").content
    assert before == b"" != after


def test_scopes_never_mix(clients: Any, body: Callable[..., dict[str, object]]):
    """An officer's tile holds their street's incidents alone, after a dispatcher's was kept and before it is."""
    for lon in (124.005, 124.035):
        assert clients.dispatcher.post("/api/incidents", json=body(lon=lon)).status_code == 201
    address = "/tiles/incidents/10/864/368.pbf"
    whole, street = clients.dispatcher.get(address), clients.officer.get(address)
    assert whole.content != street.content
    assert clients.dispatcher.get(address).headers["etag"] == whole.headers["etag"]


@pytest.mark.parametrize("zoom", [16, 18, 20])
def test_scopes_never_mix_where_tiles_are_read_together(
    clients: Any, body: Callable[..., dict[str, object]], zoom: int
):
    """Of two places an officer sees the own one, whoever asked for both before, and a dispatcher sees both after."""
    addresses = []
    for lon in (124.005, 124.035):
        reported = body(lon=lon)
        assert clients.dispatcher.post("/api/incidents", json=reported).status_code == 201
        addresses.append(f"/tiles/incidents/{zoom}/{_column(lon, zoom)}/{_row(float(str(reported['lat'])), zoom)}.pbf")
    whole, street, again = (
        [client.get(address).content for address in addresses]
        for client in (clients.dispatcher, clients.officer, clients.dispatcher)
    )
    assert again == whole
    assert b"" not in whole
    assert street.count(b"") == 1


def _column(lon: float, zoom: int) -> int:
    return floor((lon + 180) / 360 * 2**zoom)


def _row(lat: float, zoom: int) -> int:
    return floor((1 - asinh(tan(radians(lat))) / pi) / 2 * 2**zoom)


@pytest.mark.parametrize("zoom", [14, 18])
def test_any_offset_of_an_instant_is_understood(clients: Any, zoom: int):
    """Also one that PostgreSQL wouldn't read: the items take it too."""
    address = f"/tiles/incidents/{zoom}/1/1.pbf?since=2026-01-01T00:00:00%2B20:00"
    assert clients.viewer.get(address).status_code == 200


def test_nobody_gets_a_tile_without_a_login(visitor: Any):
    """A tile is as guarded as the items are."""
    assert visitor.get(COARSE).status_code == 401


@pytest.mark.parametrize(
    ("address", "status", "fault"),
    [
        ("/tiles/nothing/1/0/0.pbf", 404, "not_found"),
        ("/tiles/devices/23/0/0.pbf", 422, "invalid_input"),
        ("/tiles/devices/2/4/0.pbf", 422, "invalid_input"),
        ("/tiles/devices/2/0/-1.pbf", 422, "invalid_input"),
        ("/tiles/devices/a/0/0.pbf", 422, "invalid_input"),
        ("/tiles/devices/2/٣/0.pbf", 422, "invalid_input"),
        (f"/tiles/devices/2/0/{'9' * 5000}.pbf", 422, "invalid_input"),
        ("/tiles/devices/2/0/0.pbf?nonsense=1", 400, "unknown_parameter"),
        ("/tiles/devices/2/0/0.pbf?grid=999", 422, "unknown_code"),
    ],
)
def test_what_there_is_not_is_refused(clients: Any, address: str, status: int, fault: str):
    """Each as a problem document that names what is wrong."""
    answer = clients.viewer.get(address)
    assert (answer.status_code, answer.json()["code"]) == (status, fault)

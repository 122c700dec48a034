"""Tiles of the ground over HTTP: kept, known again, and new after an import."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from api import base_map
from api.context import Context
from db.session import Database
from layers import basemap

GROUND, NAMES = "/tiles/base/14/13836/5893.pbf", "/tiles/names/14/13836/5893.pbf"


@pytest.mark.parametrize("address", [GROUND, NAMES])
def test_a_tile_is_computed_once_and_known_again(
    clients: Any, context: Context, address: str, monkeypatch: pytest.MonkeyPatch
):
    """Two roles get the same answer of one computation, and who has it gets nothing but its tag."""
    monkeypatch.setattr(base_map, "_SEEN_S", 1e9)
    first = clients.viewer.get(f"{address}?rev=3")
    assert first.headers["content-type"] == "application/vnd.mapbox-vector-tile"
    assert first.content
    misses = context.answers.misses
    again = clients.officer.get(address, headers={"If-None-Match": first.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert context.answers.misses == misses


def test_an_import_shows(clients: Any, town: Database, monkeypatch: pytest.MonkeyPatch):
    """A new ground is another tile, as soon as it is looked for."""
    monkeypatch.setattr(base_map, "_SEEN_S", 1e-9)
    before = clients.viewer.get(GROUND).content
    with town.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO base.water (name, geom)"
                " SELECT '', ST_Multi(ST_Expand(ST_SetSRID(ST_MakePoint(124.018, 45.005), 4490), 0.002))"
            )
        )
    assert clients.viewer.get(GROUND).content != before


def test_names_are_those_of_the_grids_inside_them(clients: Any, town: Database):
    """Each grid of the kinds asked for is named once, at a point inside it, and nothing else is."""
    told = clients.viewer.get("/api/names?kinds=street,quarter&rev=1&ground=2").json()
    with town.engine.begin() as connection:
        inside = text(
            """SELECT g.name, g.level FROM jsonb_to_recordset(CAST(:told AS jsonb)) AS n (t text, p jsonb, k text)
            JOIN grid AS g ON g.level = n.k AND g.name = n.t
                AND ST_Covers(g.geom, ST_SetSRID(ST_MakePoint((p ->> 0)::float, (p ->> 1)::float), 4490))"""
        )
        found = connection.execute(inside, {"told": json.dumps(told)}).all()
        there = connection.execute(text("SELECT name, level FROM grid WHERE level IN ('street', 'quarter')")).all()
    assert sorted(found) == sorted(there)
    assert len(told) == len(there)


def test_roads_are_named_while_the_ground_comes_whole(clients: Any, monkeypatch: pytest.MonkeyPatch):
    """A larger ground brings the names of its roads with its tiles."""

    def kinds(asked: str) -> set[str]:
        return {one["k"] for one in clients.viewer.get(f"/api/names?kinds={asked}").json()}

    assert kinds("community,road") == {"community", "road"}
    monkeypatch.setattr(basemap, "MOST_WHOLE", 0)
    assert kinds("street,road") == {"street"}


@pytest.mark.parametrize(
    ("address", "status", "fault"),
    [
        ("/tiles/base/23/0/0.pbf", 422, "invalid_input"),
        ("/tiles/names/2/4/0.pbf", 422, "invalid_input"),
        (f"{GROUND}?grid=220723", 400, "unknown_parameter"),
        (f"{GROUND}?rev=x", 422, "invalid_input"),
        ("/api/names?kinds=street,river", 422, "invalid_input"),
        ("/api/names?kind=street", 400, "unknown_parameter"),
        ("/api/base/roads?bbox=1,2,3", 422, "invalid_input"),
        ("/api/base/roads?rev=1", 400, "unknown_parameter"),
    ],
)
def test_what_makes_no_sense_is_refused(clients: Any, address: str, status: int, fault: str):
    """Each as a problem document that names what is wrong."""
    answer = clients.viewer.get(address)
    assert (answer.status_code, answer.json()["code"]) == (status, fault)


def test_bounds_narrow_the_ground(clients: Any):
    """Bounds leave what meets them; elsewhere there is nothing."""
    everything = clients.viewer.get("/api/base/roads").json()["features"]
    assert clients.viewer.get("/api/base/roads?bbox=124.01,44.9,124.02,45.01").json()["features"] == everything
    assert clients.viewer.get("/api/base/roads?bbox=1,1,2,2").json()["features"] == []

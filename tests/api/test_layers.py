"""Layers for programs: what they show, to whom, and how cheaply."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote

import pytest
import shapely
from sqlalchemy import text

from api.app import Context
from db.feed import ChangeFeed
from db.session import Database
from geo.features import FEATURE_TYPES

RONGYE, RUSONG = "220723001", "220723003"


@pytest.fixture
def reported(clients: Any, body: Callable[..., dict[str, object]]):
    """One incident in each street; their numbers."""
    numbers = {}
    for street, lon in ((RUSONG, 124.005), (RONGYE, 124.035)):
        answer = clients.dispatcher.post("/api/incidents", json=body(lon=lon, title=f"事件{street}"))
        assert answer.status_code == 201, answer.text
        numbers[street] = answer.json()["no"]
    return numbers


def test_the_catalogue_names_every_layer(clients: Any):
    """Each layer comes with both titles, its filters, its count and its revision."""
    entries = clients.viewer.get("/api/layers").json()
    assert [entry["key"] for entry in entries] == list(FEATURE_TYPES)
    for entry in entries:
        assert entry["title"]["zh"]
        assert entry["title"]["en"]
        assert entry["filters"] == list(FEATURE_TYPES[entry["key"]].filters)
        assert entry["rev"] > 0
    counts = {entry["key"]: entry["count"] for entry in entries}
    assert (counts["grids"], counts["stations"], counts["devices"], counts["workers"]) == (8, 2, 4, 4)


def test_personal_properties_are_listed_and_given_to_whom_they_belong(clients: Any):
    """A dispatcher sees full names, a viewer neither the values nor that there are such properties."""
    for role, is_shown in (("dispatcher", True), ("viewer", False), ("planner", False)):
        entry = next(e for e in getattr(clients, role).get("/api/layers").json() if e["key"] == "workers")
        assert ("full_name" in [p["name"] for p in entry["properties"]]) == is_shown
        features = getattr(clients, role).get("/api/layers/workers/items").json()["features"]
        assert len(features) == 4
        assert all(("full_name" in f["properties"]) == is_shown for f in features)
        assert all(f["properties"]["name"] == "王*" for f in features)


@pytest.mark.parametrize("key", FEATURE_TYPES)
def test_items_are_geojson_of_the_contract(clients: Any, key: str):
    """Every layer's items are valid GeoJSON with exactly the properties that its contract lists."""
    answer = clients.viewer.get(f"/api/layers/{key}/items")
    assert answer.headers["content-type"] == "application/geo+json"
    found = answer.json()
    assert found["numberReturned"] == len(found["features"])
    names = {p.name for p in FEATURE_TYPES[key].visible(personal=False)}
    for feature in found["features"]:
        assert set(feature["properties"]) == names
        assert shapely.geometry.shape(feature["geometry"]).is_valid


def test_filters_narrow(clients: Any, reported: Any):
    """bbox, grid, text and properties each leave what they say; values are repeated or separated by commas."""

    def codes(query: str) -> set[str]:
        return {f["id"] for f in clients.dispatcher.get(f"/api/layers/incidents/items?{query}").json()["features"]}

    both = set(reported.values())
    assert codes(f"grid={RUSONG}") & both == {reported[RUSONG]}
    assert codes("bbox=124.03,44.9,124.1,45.1") & both == {reported[RONGYE]}
    assert codes(f"q={reported[RONGYE]}") & both == {reported[RONGYE]}
    assert both <= codes("severity=3,4") == codes("severity=3&severity=4")
    assert codes("severity=1") == set()
    assert codes("status=closed&is_open=true") == set()
    assert both <= codes("since=2026-11-23T10:00:00%2B08:00") == codes("since=2026-11-23T10:00:00+08:00")
    assert len(codes("limit=1")) == 1


def test_an_officer_never_sees_another_street(clients: Any, reported: Any):
    """Neither items, nor count, nor the file, nor the incident itself tell an officer of another street's matters."""
    other, own = reported[RONGYE], reported[RUSONG]
    officer = clients.officer
    for path in ("items", "export"):
        text = officer.get(f"/api/layers/incidents/{path}").text
        assert own in text
        assert other not in text
    assert officer.get(f"/api/layers/incidents/items?q={other}").json()["features"] == []
    assert officer.get(f"/api/layers/incidents/items?grid={RONGYE}").json()["features"] == []
    shown = officer.get("/api/layers/incidents/items").json()["numberReturned"]
    entry = next(e for e in officer.get("/api/layers").json() if e["key"] == "incidents")
    assert entry["count"] == shown
    assert clients.officer_of_rongye.get(f"/api/incidents/{other}").status_code == 200
    for method, tail, sent in (
        ("GET", "", None),
        ("GET", "/candidates", None),
        ("GET", "/recommendations", None),
        ("POST", "/dispatch", {}),
        ("POST", "/steps", {"action": "accept"}),
    ):
        answer = officer.request(method, f"/api/incidents/{other}{tail}", json=sent)
        assert answer.status_code == 404, (tail, answer.text)
        absent = officer.request(method, f"/api/incidents/absent{tail}", json=sent)
        assert answer.json()["title"] == absent.json()["title"]


def test_sensitive_matters_stay_with_those_who_may_read_them(clients: Any, body: Callable[..., dict[str, object]]):
    """A dispute shows to a dispatcher and to no viewer, in no way."""
    no = clients.dispatcher.post("/api/incidents", json=body(**{"class": "0401", "title": "邻里纠纷"})).json()["no"]
    assert no in clients.dispatcher.get("/api/layers/incidents/items").text
    assert no not in clients.viewer.get("/api/layers/incidents/items").text
    assert no not in clients.planner.get("/api/layers/incidents/export").text
    assert clients.viewer.get(f"/api/incidents/{no}").status_code == 404


def test_an_unchanged_answer_is_not_sent_again(clients: Any):
    """Who has the answer gets 304 and no body; another scope never matches by accident."""
    first = clients.viewer.get("/api/layers/stations/items?kind=warm_stop")
    again = clients.viewer.get(
        "/api/layers/stations/items?kind=warm_stop", headers={"If-None-Match": first.headers["etag"]}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert "private" in first.headers["cache-control"]
    assert "Authorization" in first.headers["vary"]


def test_an_answer_is_computed_once_for_equal_askers(clients: Any, context: Context):
    """Different orders of the same filter, and different accounts of one scope, share one computation."""
    clients.viewer.get("/api/layers/devices/items?status=online,offline&kind=camera")
    misses = context.answers.misses
    clients.viewer.get("/api/layers/devices/items?kind=camera&status=offline&status=online&rev=7")
    assert context.answers.misses == misses
    clients.officer.get("/api/layers/devices/items?kind=camera&status=offline&status=online")
    assert context.answers.misses == misses + 1


@pytest.mark.parametrize(("key", "again"), [("devices", 0), ("incidents", 1), ("workers", 1)])
def test_what_ages_is_computed_again(
    clients: Any, context: Context, monkeypatch: pytest.MonkeyPatch, key: str, again: int
):
    """An hour later deadlines have passed and positions are old; where a device stands is what it was."""
    address = f"/api/layers/{key}/items"
    clients.viewer.get(address)
    misses = context.answers.misses
    later = time.monotonic() + 3600
    monkeypatch.setattr("api.layers.time", SimpleNamespace(monotonic=lambda: later))
    clients.viewer.get(address)
    assert context.answers.misses == misses + again


def test_a_change_of_grids_is_a_change_of_what_lies_in_them(clients: Any, context: Context, feed: ChangeFeed):
    """A filter by grid means what is beneath it now."""
    address = f"/api/layers/devices/items?grid={RONGYE}"
    assert clients.viewer.get(address).status_code == 200
    misses, seen = context.answers.misses, feed.revisions()
    with context.database.engine.begin() as connection:
        connection.execute(text("UPDATE grid SET name = name || '甲'"))
    assert feed.wait(seen, 5) != seen
    clients.viewer.get(address)
    assert context.answers.misses == misses + 1


def test_a_change_is_seen_with_the_next_question(clients: Any, feed: ChangeFeed):
    """As soon as the revision rises, the answer is new."""
    before = clients.viewer.get("/api/layers/devices/items?status=alarm").json()["numberReturned"]
    seen = feed.revisions()
    assert (
        clients.dispatcher.post("/api/alarms", json={"alarms": [{"device": "D32", "status": "alarm"}]}).status_code
        == 200
    )
    assert feed.wait(seen, 5) != seen
    after = clients.viewer.get("/api/layers/devices/items?status=alarm").json()["numberReturned"]
    assert after == before + 1


def test_gzip_is_for_whoever_takes_it(clients: Any):
    """The kept bytes go out as they are, or unpacked for a client that doesn't take gzip."""
    packed = clients.viewer.get("/api/layers/grids/items", headers={"Accept-Encoding": "gzip"})
    plain = clients.viewer.get("/api/layers/grids/items", headers={"Accept-Encoding": "gzip;q=0, identity"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert packed.json() == plain.json()
    assert packed.headers["etag"] == plain.headers["etag"]
    assert len(gzip.compress(plain.content)) < len(plain.content)


def test_the_file_is_rfc_7946_and_named_for_people(clients: Any):
    """An export is GeoJSON without a `crs` member, in degrees, with a name of layer and date."""
    answer = clients.planner.get("/api/layers/grids/export?format=geojson&level=street")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/geo+json"
    named = answer.headers["content-disposition"]
    assert 'filename="grids-20261123.geojson"' in named
    assert "20261123-演示数据.geojson" in unquote(named)
    found = json.loads(answer.content)
    assert found["type"] == "FeatureCollection"
    assert "crs" not in found
    assert found["numberReturned"] == len(found["features"]) == 2
    for feature in found["features"]:
        shape = shapely.geometry.shape(feature["geometry"])
        assert all(ring.exterior.is_ccw for ring in shape.geoms)
        assert shapely.box(123.9, 44.9, 124.1, 45.1).contains(shape)


def test_the_file_holds_what_the_map_shows(clients: Any):
    """Items and export agree, feature by feature, under the same filter."""
    query = "kind=camera&grid=220723003"
    items = clients.planner.get(f"/api/layers/devices/items?{query}").json()["features"]
    exported = clients.planner.get(f"/api/layers/devices/export?{query}").json()["features"]
    assert exported == items
    assert len(items) == 2


def test_an_export_gives_its_connection_back(clients: Any, town: Database):
    """No connection stays out after a file was sent."""
    clients.planner.get("/api/layers/grids/export")
    assert town.engine.pool.checkedout() == 0


@pytest.mark.parametrize("key", ["boundary", "blocks", "water", "roads", "buildings"])
def test_the_ground_is_geojson_for_base_maps(clients: Any, key: str):
    """Each part of the ground comes as valid GeoJSON with its names, and is tagged by its content."""
    answer = clients.viewer.get(f"/api/base/{key}")
    features = answer.json()["features"]
    assert features
    for feature in features:
        assert shapely.geometry.shape(feature["geometry"]).is_valid
        assert set(feature["properties"]) <= {"name", "use", "class"}
        assert feature["properties"]["name"]
    tag = answer.headers["etag"]
    assert clients.officer.get(f"/api/base/{key}", headers={"If-None-Match": tag}).status_code == 304

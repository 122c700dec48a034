"""Layers through their views: the same filter gives the same answer to count, items, facets and export."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely import Point
from shapely.geometry import shape
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import psycopg

from db import features
from db.session import Database
from geo.errors import InvalidInput, UnknownCode
from geo.extent import Extent
from geo.features import FEATURE_TYPES, FeatureFilter
from geo.geojson import read_features
from tests.conftest import NOW
from tests.people import DISPATCHER, OFFICER, RUSONG, VIEWER

TOWN = Extent(min_x=123.985, min_y=44.985, max_x=124.05, max_y=45.03, srid=4326)


def exported(
    database: Database, key: str, flt: FeatureFilter, principal: Any = DISPATCHER, *, personal: bool = False
) -> dict[str, Any]:
    with database.session(principal) as session:
        chunks = features.stream(session, key, flt, personal=personal, head={"source": '生成的"演示"数据'})
        return json.loads(b"".join(chunks))


@pytest.mark.parametrize("key", FEATURE_TYPES)
def test_an_export_is_rfc_7946(shared_county: Database, key: str):
    """Every layer streams as valid GeoJSON: right winding, no crs member, all properties, the count at the end."""
    document = exported(shared_county, key, FeatureFilter())
    assert "crs" not in document
    assert document["source"] == '生成的"演示"数据'
    assert document["numberReturned"] == len(document["features"]) > 0
    read_features(json.dumps(document))
    names = [p.name for p in FEATURE_TYPES[key].visible(personal=False)]
    for feature in document["features"][:200]:
        assert list(feature["properties"]) == names
        geometry = shape(feature["geometry"])
        assert geometry.geom_type == FEATURE_TYPES[key].geometry
        for polygon in getattr(geometry, "geoms", [geometry]):
            if polygon.geom_type == "Polygon":
                assert polygon.exterior.is_ccw


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_filter_gives_one_answer(shared_county: Database, data: st.DataObject):
    """Count, items and export of any filter agree, and equal what Python keeps of the whole layer."""
    key = data.draw(st.sampled_from(sorted(FEATURE_TYPES)))
    everything = exported(shared_county, key, FeatureFilter(), personal=True)["features"]
    kind = FEATURE_TYPES[key]
    where: dict[str, tuple[str, ...]] = {}
    if kind.filters and data.draw(st.booleans()):
        name = data.draw(st.sampled_from(kind.filters))
        values = sorted({as_text(f["properties"][name]) for f in everything if f["properties"][name] is not None})
        where[name] = tuple(data.draw(st.lists(st.sampled_from(values), min_size=1, max_size=3, unique=True)))
    bbox = None
    if data.draw(st.booleans()):
        xs = sorted(data.draw(st.tuples(*[st.floats(TOWN.min_x, TOWN.max_x)] * 2)))
        ys = sorted(data.draw(st.tuples(*[st.floats(TOWN.min_y, TOWN.max_y)] * 2)))
        bbox = Extent(min_x=xs[0], min_y=ys[0], max_x=xs[1], max_y=ys[1], srid=4326)
    q = data.draw(st.sampled_from([None, "1", "小区", "王", "%", "_", "'", "\\"]))
    flt = FeatureFilter(bbox=bbox, where=where, q=q)
    with shared_county.session(DISPATCHER) as session:
        counted = features.count(session, key, flt)
        listed = json.loads(features.items(session, key, flt, personal=False))["features"]
    streamed = exported(shared_county, key, flt)["features"]
    assert counted == len(listed) == len(streamed)
    assert listed == streamed
    if kind.geometry == "Point":
        expected = [f["id"] for f in everything if keeps(f, flt)]
        assert [f["id"] for f in listed] == expected


def test_a_search_in_the_view_reads_every_worker_once(shared_county: Database):
    """However many stand there: what is joined to them is not read anew for each."""
    view = features.view_of(FEATURE_TYPES["workers"])
    with shared_county.session(DISPATCHER) as session:
        where = features.conditions(session, "workers", FeatureFilter(bbox=TOWN, q="%"))
        asked = select(view.c.fid).where(*where).order_by(view.c.fid).compile(dialect=psycopg.dialect())
        explained = session.connection().exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {asked}", asked.params)
        plan = explained.scalar_one()[0]["Plan"]
        workers = session.scalar(text("SELECT count(*) FROM worker"))
    assert 0 < rows_read(plan, "worker") <= workers


def rows_read(plan: dict[str, Any], table: str) -> int:
    own = plan["Actual Loops"] * (plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0))
    below = sum(rows_read(each, table) for each in plan.get("Plans", ()))
    return below + (own if plan.get("Relation Name") == table else 0)


def as_text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def keeps(feature: dict[str, Any], flt: FeatureFilter) -> bool:
    properties = feature["properties"]
    if any(as_text(properties[name]) not in values for name, values in flt.where.items()):
        return False
    if flt.bbox is not None:
        place = Point(feature["geometry"]["coordinates"])
        west, south, east, north = flt.bbox.bounds
        if not (west <= place.x <= east and south <= place.y <= north):
            return False
    if flt.q is None:
        return True
    sought = ("code", "name", "title", "address", "full_name", "full_phone")
    return any(flt.q.lower() in str(properties.get(name) or "").lower() for name in sought)


@pytest.mark.parametrize("where", [{}, {"is_open": ("true",)}, {"severity": ("2", "3")}], ids=str)
def test_by_deadline_the_most_urgent_come_first(shared_county: Database, where: dict[str, tuple[str, ...]]):
    """Open ones by deadline and then the finished, the latest first; a limit cuts the end off and nothing else."""
    flt = FeatureFilter(where=where)
    with shared_county.session(DISPATCHER) as session:
        plain = json.loads(features.items(session, "incidents", flt, personal=False))["features"]
        ordered = json.loads(features.items(session, "incidents", flt, personal=False, by_deadline=True))["features"]
        cut = json.loads(features.items(session, "incidents", flt, personal=False, by_deadline=True, limit=300))
    still_open = [f["properties"] for f in ordered if f["properties"]["is_open"]]
    finished = [f["properties"] for f in ordered if not f["properties"]["is_open"]]
    due = [instant(p["due_at"]) for p in still_open]
    reported = [instant(p["reported_at"]) for p in finished]
    assert len(still_open) > 1
    assert [f["properties"] for f in ordered] == [*still_open, *finished]
    assert due == sorted(due)
    assert reported == sorted(reported, reverse=True)
    assert sorted(f["id"] for f in ordered) == sorted(f["id"] for f in plain)
    assert cut["features"] == ordered[:300]


def instant(value: str | None) -> datetime:
    return datetime.fromisoformat(value) if value else datetime.max.replace(tzinfo=UTC)


def test_what_has_no_deadline_keeps_its_order(shared_county: Database):
    """Workers and places come as they always do."""
    with shared_county.session(DISPATCHER) as session:
        plain, ordered = (
            features.items(session, "workers", FeatureFilter(), personal=False, by_deadline=by_deadline)
            for by_deadline in (False, True)
        )
    assert plain == ordered


def test_a_grid_takes_in_everything_below_it(shared_county: Database):
    """A quarter's filter holds what lies in its building grids too, whose codes don't continue the quarter's."""
    with shared_county.engine.connect() as connection:
        quarter, towers = connection.execute(
            text(
                """SELECT parent_code, array_agg(code) FROM grid WHERE level = 'building'
                GROUP BY parent_code ORDER BY parent_code LIMIT 1"""
            )
        ).one()
        expected = connection.scalar(
            text("SELECT count(*) FROM building WHERE grid_code = ANY (:codes)"), {"codes": [quarter, *towers]}
        )
        inside = connection.scalar(text("SELECT count(*) FROM building WHERE quarter_code = :q"), {"q": quarter})
    with shared_county.session(DISPATCHER) as session:
        assert features.count(session, "buildings", FeatureFilter(grid=quarter)) == expected == inside


def test_facets_count_by_value(shared_county: Database):
    """Facets add up to the count without their own filter."""
    flt = FeatureFilter(where={"kind": ("camera",), "status": ("online",)})
    with shared_county.session(DISPATCHER) as session:
        by_status = features.facets(session, "devices", "status", flt)
        assert sum(by_status.values()) == features.count(session, "devices", FeatureFilter(where={"kind": ("camera",)}))
        assert by_status["online"] == features.count(session, "devices", flt)


@pytest.mark.parametrize(
    ("key", "by", "flt"),
    [
        ("devices", ("kind", "status"), FeatureFilter()),
        ("devices", ("kind", "status"), FeatureFilter(where={"kind": ("camera",), "status": ("online", "alarm")})),
        ("devices", ("status",), FeatureFilter(where={"kind": ("camera",)}, q="1", grid="220723003")),
        ("incidents", ("severity", "status"), FeatureFilter(where={"is_open": ("true",), "severity": ("3", "4")})),
        ("incidents", ("severity",), FeatureFilter(where={"is_open": ("true",)}, since=NOW - timedelta(days=2))),
        ("incidents", ("severity",), FeatureFilter(where={"is_open": ("true",), "is_overdue": ("true",)})),
        ("workers", ("availability",), FeatureFilter(where={"availability": ("busy",)}, q="王")),
    ],
)
def test_one_reading_counts_as_many_do(shared_county: Database, key: str, by: tuple[str, ...], flt: FeatureFilter):
    """Shown, total and the numbers by value are those of `count` and `facets`, each by its own filter."""
    kept = FeatureFilter(grid=flt.grid, where={n: v for n, v in flt.where.items() if n == "is_open"})
    with shared_county.session(DISPATCHER) as session:
        tally = features.tally(session, key, flt, by=by, kept=["is_open"] if key == "incidents" else [])
        assert tally.shown == features.count(session, key, flt)
        assert tally.total == features.count(session, key, kept)
        assert {name: dict(numbers) for name, numbers in tally.by.items()} == {
            name: features.facets(session, key, name, flt) for name in by
        }


def test_counting_ends_where_it_is_told_to(shared_county: Database):
    """A bounded count is the count up to its bound, and the bound from there on."""
    with shared_county.session(DISPATCHER) as session:
        whole = features.count(session, "devices", FeatureFilter())
        found = [features.count(session, "devices", FeatureFilter(), most=most) for most in (7, whole, whole + 7)]
    assert found == [7, whole, whole]


@pytest.mark.parametrize(
    ("key", "flt", "field"),
    [
        ("roofs", FeatureFilter(), "layer"),
        ("grids", FeatureFilter(grid="999"), "grid"),
        ("grids", FeatureFilter(where={"name": ("x",)}), "name"),
        ("incidents", FeatureFilter(where={"severity": ("high",)}), "severity"),
        ("incidents", FeatureFilter(where={"is_open": ("maybe",)}), "is_open"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(shared_county: Database, key: str, flt: FeatureFilter, field: str):
    """A layer, grid, property or value that doesn't exist names itself instead of giving an empty answer."""
    with shared_county.session(DISPATCHER) as session, pytest.raises((InvalidInput, UnknownCode)) as refused:
        features.count(session, key, flt)
    assert refused.value.field == field


def test_scope_and_privacy_hold_behind_every_layer(shared_county: Database):
    """An officer's layers hold their street alone; a viewer gets no full name, no full phone and no dispute."""
    for key in ("incidents", "workers"):
        for feature in exported(shared_county, key, FeatureFilter(), OFFICER)["features"]:
            assert feature["properties"]["grid_code"].startswith(RUSONG)
    with shared_county.engine.connect() as connection:
        people = connection.execute(text("SELECT full_name, full_phone FROM worker")).all()
    with shared_county.session(VIEWER) as session:
        everything = [features.items(session, key, FeatureFilter(), personal=True) for key in ("incidents", "workers")]
        assert features.count(session, "incidents", FeatureFilter(where={"major": ("04",)})) == 0
    texts = set(re.findall(r'"([^"]*)"', "".join(everything)))
    assert not texts & {secret for person in people for secret in person}


def test_overdue_is_what_the_clock_says(shared_county: Database):
    """Open and past its deadline at this moment; what is finished is never overdue."""
    found = exported(shared_county, "incidents", FeatureFilter(where={"is_overdue": ("true",)}))["features"]
    with shared_county.engine.connect() as connection:
        late = connection.scalar(text("SELECT count(*) FROM incident WHERE is_open AND due_at < now()"))
    assert len(found) == late > 0
    assert all(feature["properties"]["is_open"] for feature in found)


@pytest.mark.parametrize("key", FEATURE_TYPES)
def test_what_makes_a_layer_stale_is_known(shared_county: Database, key: str):
    """A layer that says it doesn't age asks no clock, and reads no table but those whose change it names."""
    kind = FEATURE_TYPES[key]
    with shared_county.engine.connect() as connection:
        told = text("SELECT definition FROM pg_views WHERE schemaname = 'layer' AND viewname = :key")
        definition: str = connection.execute(told, {"key": key}).scalar_one()
        used = text("SELECT table_name FROM information_schema.view_table_usage WHERE view_name = :key")
        tables = set(connection.execute(used, {"key": key}).scalars())
    asks_the_clock = re.search(r"now\(|clock_timestamp|CURRENT_|LOCALTIME", definition, re.IGNORECASE) is not None
    assert kind.ages == asks_the_clock
    assert kind.ages or tables <= {*kind.tables, "grid"}

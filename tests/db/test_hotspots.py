"""Where matters return, and how the like of a case was settled."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from itertools import combinations
from math import dist

import pytest
from sqlalchemy import text

from db import cases, handling, hotspots, incidents
from db.incidents import Report
from db.session import Database
from db.sql import statement
from db.steps import Particulars
from geo.crs import metric_to_storage, storage_to_metric
from geo.errors import InvalidInput
from governance.access import Principal
from governance.lifecycle import Action
from tests.people import DISPATCHER, OFFICER, RUSONG, VIEWER

DAY = timedelta(days=1)
FAR = (123.80, 45.00)
"""In the county, and nobody has reported anything there."""


def beside(metres: float) -> tuple[float, float]:
    x, y = storage_to_metric(*FAR, 4550)
    lon, lat = metric_to_storage(x + metres, y, 4550)
    return float(lon), float(lat)


def report(database: Database, metres: float, *, at: datetime, code: str = "0101") -> str:
    lon, lat = beside(metres)
    told = Report(title="又来了", class_code=code, lon=lon, lat=lat, crs="cgcs2000")
    return incidents.report(database, DISPATCHER, told, now=at).no


def out_there(database: Database, now: datetime, principal: Principal = DISPATCHER, **asked: float):
    with database.session(principal) as session:
        found = hotspots.hotspots(session, since=now - 30 * DAY, until=now + DAY, **asked)
    return [spot for spot in found if spot.lon < 123.9]


def test_three_of_a_class_within_the_radius_are_a_hotspot(county: Database, now: datetime):
    """They are listed newest first, with their middle, their reach and how many are open."""
    numbers = [report(county, metres, at=now - back * DAY) for metres, back in ((0, 9), (30, 5), (60, 1))]
    (spot,) = out_there(county, now)
    assert (spot.count, spot.open_count, spot.class_code) == (3, 3, "0101")
    assert spot.numbers == tuple(reversed(numbers))
    assert (spot.first_at, spot.last_at) == (now - 9 * DAY, now - DAY)
    assert spot.reach_m == pytest.approx(30, abs=0.01)
    assert (spot.lon, spot.lat) == pytest.approx(beside(30), abs=1e-6)


def test_metres_are_the_countys_own(county: Database, now: datetime):
    """51 m apart is too far and 49 m is near, east to west, where degrees or Web Mercator would say otherwise."""
    for metres in (0, 51, 102):
        report(county, metres, at=now)
    assert out_there(county, now) == []
    assert len(out_there(county, now, radius_m=51.1)) == 1
    for metres in (1000, 1049, 1098):
        report(county, metres, at=now, code="0105")
    assert [spot.class_code for spot in out_there(county, now)] == ["0105"]


def test_other_classes_duplicates_and_refused_reports_are_no_return(county: Database, now: datetime):
    """Two of a class, one of another, one merged and one rejected make no hot-spot."""
    original, *_ = [report(county, 0, at=now, code=code) for code in ("0101", "0101", "0105")]
    for action in (Action.MERGE, Action.REJECT):
        given = Particulars(opinion="同一件", original=original)
        handling.advance(county, DISPATCHER, report(county, 5, at=now), action, now=now, given=given)
    assert out_there(county, now) == []
    assert len(out_there(county, now, at_least=2)) == 1


def test_hotspots_are_those_of_the_definition(shared_county: Database, now: datetime):
    """Over the demo's half year, clusters hold the same core incidents as the definition applied pair by pair."""
    since = now - 183 * DAY
    with shared_county.session(DISPATCHER) as session:
        found = hotspots.hotspots(session, since=since, until=now, radius_m=60, at_least=3)
        rows = session.execute(
            text(
                "SELECT no, class_code, ST_X(p), ST_Y(p) FROM incident, ST_Transform(geom, 4550) AS p "
                "WHERE reported_at >= :since AND reported_at <= :now AND status NOT IN ('merged', 'rejected')"
            ),
            {"since": since, "now": now},
        ).all()
    by_class = defaultdict(dict)
    for no, code, x, y in rows:
        by_class[code][no] = (x, y)
    expected = set()
    for points in by_class.values():
        near = defaultdict(set)
        for a, b in combinations(points, 2):
            if dist(points[a], points[b]) <= 60:
                near[a].add(b)
                near[b].add(a)
        core = {no for no, others in near.items() if len(others) >= 2}
        while core:
            reached = [core.pop()]
            for no in reached:
                reached += list(near[no] & core)
                core -= near[no]
            expected.add(frozenset(reached))
    cores = {no for cluster in expected for no in cluster}
    assert len(found) == len(expected) > 20
    assert {frozenset(set(spot.numbers) & cores) for spot in found} == expected
    assert [spot.count for spot in found] == sorted((spot.count for spot in found), reverse=True)


def test_hotspots_keep_to_scope_and_grid(shared_county: Database, now: datetime):
    """An officer's are those of the own street, as are anybody's who ask for that grid; viewers miss sensitive ones."""
    window = {"since": now - 183 * DAY, "until": now, "radius_m": 100}
    with shared_county.session(OFFICER) as session:
        officers = hotspots.hotspots(session, **window)
    with shared_county.session(DISPATCHER) as session:
        asked = hotspots.hotspots(session, grid=RUSONG, **window)
        sensitive = set(session.scalars(text("SELECT code FROM incident_class WHERE is_sensitive")))
    with shared_county.session(VIEWER) as session:
        seen = {spot.class_code for spot in hotspots.hotspots(session, **window)}
    assert officers == asked != []
    assert {spot.grid_code[:9] for spot in officers} == {RUSONG}
    assert not seen & sensitive


@pytest.mark.parametrize(("asked", "field"), [({"radius_m": 5}, "radius_m"), ({"at_least": 1}, "at_least")])
def test_a_hotspot_of_nothing_is_refused(shared_county: Database, now: datetime, asked: dict[str, int], field: str):
    """A radius of a few metres or a single incident is no question."""
    with shared_county.session(DISPATCHER) as session, pytest.raises(InvalidInput) as caught:
        hotspots.hotspots(session, since=now, until=now, **asked)
    assert caught.value.field == field


def test_similar_cases_tell_how_the_like_was_settled(county: Database, now: datetime):
    """Closed incidents of the class before this one, the near before the far, with the resolution's words."""
    with county.session(DISPATCHER) as session:
        nearest, title = session.execute(
            text(
                "SELECT no, title FROM incident WHERE class_code = '0101' AND status = 'closed' "
                "ORDER BY reported_at DESC LIMIT 1"
            )
        ).one()
        at = cases.get(session, nearest)
    again = incidents.report(
        county,
        DISPATCHER,
        Report(title="又来了", class_code="0101", lon=at.lon, lat=at.lat, crs="cgcs2000"),
        now=now,
    )
    with county.session(DISPATCHER) as session:
        found = hotspots.similar_cases(session, again.no)
    assert len(found) == 5
    assert (found[0].no, found[0].title) == (nearest, title)
    assert found[0].distance_m == pytest.approx(0, abs=0.01)
    assert found[0].opinion == next(s.opinion for s in reversed(at.steps) if s.action == "resolve")
    assert found[0].settle_s == (at.resolved_at - at.reported_at).total_seconds()


def test_similar_cases_are_those_one_may_see(shared_county: Database):
    """An officer hears of the own street's cases; a case out of scope has none."""
    of_street = text(
        "SELECT no FROM incident WHERE class_code = '0101' AND starts_with(grid_code, :street) = :inside "
        "ORDER BY reported_at DESC LIMIT 1"
    )
    with shared_county.engine.connect() as connection:
        own, other = (
            connection.execute(of_street, {"street": RUSONG, "inside": inside}).scalar_one() for inside in (True, False)
        )
    with shared_county.session(OFFICER) as session:
        found = hotspots.similar_cases(session, own, limit=50)
        assert all(cases.get(session, case.no).grid_code.startswith(RUSONG) for case in found)
        assert found
        assert hotspots.similar_cases(session, other) == []


def test_a_long_history_is_read_by_its_index(shared_county: Database, now: datetime):
    """Hot-spots of a day read the day, and similar cases the class, not every incident there ever was."""
    with shared_county.session(DISPATCHER) as session:
        for name, asked, index in (
            (
                "hotspots",
                {"since": now - DAY, "until": now, "radius_m": 50, "at_least": 3, "grids": None, "limit": 9},
                "ix_incident_reported_at",
            ),
            ("similar_cases", {"no": "x", "limit": 5, "latest": 500, "metres_a_day": 5}, "ix_incident_settled"),
        ):
            plan = session.execute(text(f"EXPLAIN {statement(name).text}"), asked).scalars()
            assert any(index in line for line in plan), name

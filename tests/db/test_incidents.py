"""Reporting and following an incident, and what is refused on the way."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db import assignments, cases, handling, incidents
from db.incidents import Report
from db.session import Database
from geo.datum import wgs84_to_bd09, wgs84_to_gcj02
from geo.errors import InvalidInput, NotFound, NotPermitted, OutsideCounty, TransitionRefused, UnknownCode
from governance.incident import Status
from governance.lifecycle import Action
from tests.people import DISPATCHER, OFFICER, RUSONG, VIEWER

LON, LAT = 124.018, 45.005


def facts(**given: Any) -> Report:
    return Report(**{"title": "暴露垃圾", "class_code": "0101", "lon": LON, "lat": LAT, "crs": "wgs84", **given})


def total(database: Database) -> tuple[int, int]:
    with database.engine.connect() as connection:
        found = connection.execute(
            text("SELECT (SELECT count(*) FROM incident), (SELECT count(*) FROM incident_step)")
        ).one()
        return (found[0], found[1])


def test_a_report_finds_its_grids_and_its_deadlines(county: Database, now: datetime):
    """A reported incident knows its chain up to the street, its number of the day, and the deadline to be accepted."""
    opened = incidents.report(county, DISPATCHER, facts(), now=now)
    assert opened.status is Status.REPORTED
    assert opened.no.startswith("QA20261123-")
    assert [g.level for g in opened.chain][-3:] == ["quarter", "community", "street"]
    assert opened.due_at == now + timedelta(minutes=15)
    assert opened.settle_by > now
    assert [(s.action, s.actor) for s in opened.steps] == [("report", "dispatcher")]


@pytest.mark.parametrize(
    ("crs", "shift"),
    [("cgcs2000", None), ("gcj02", wgs84_to_gcj02), ("bd09", wgs84_to_bd09)],
)
def test_every_declared_crs_meets_the_same_place(county: Database, now: datetime, crs: str, shift: Any):
    """The same place in each CRS is stored within a millimetre of the same point, with the raw values beside it."""
    lon, lat = shift(LON, LAT) if shift else (LON, LAT)
    opened = incidents.report(county, DISPATCHER, facts(lon=lon, lat=lat, crs=crs), now=now)
    assert math.hypot(opened.lon - LON, opened.lat - LAT) < 1e-8
    assert (opened.raw_x, opened.raw_y, opened.raw_crs) == (lon, lat, crs)


def test_a_place_outside_of_all_grids_goes_to_the_nearest_community(county: Database, now: datetime):
    """In the county but in no grid: accepted, marked, and given to the nearest community."""
    opened = incidents.report(county, DISPATCHER, facts(lon=123.9, lat=44.9), now=now)
    assert opened.is_outside_grid
    assert opened.chain[0].level == "community"
    sent = assignments.dispatch(county, DISPATCHER, opened.no, now=now)
    assert sent.assignment is not None


@pytest.mark.parametrize(
    ("given", "error", "field"),
    [
        ({"lat": 91.0}, InvalidInput, "lat"),
        ({"lon": math.nan}, InvalidInput, "lon"),
        ({"lon": LAT, "lat": 89.0}, OutsideCounty, "lon"),
        ({"lon": LAT, "lat": LON - 80}, OutsideCounty, "lon"),
        ({"lon": 0.0, "lat": 0.0}, InvalidInput, "lon"),
        ({"crs": ""}, InvalidInput, "crs"),
        ({"crs": "epsg:3857"}, InvalidInput, "crs"),
        ({"lon": 125.3, "lat": 43.9}, OutsideCounty, "lon"),
        ({"class_code": "9999"}, UnknownCode, "class"),
        ({"severity": 5}, InvalidInput, "severity"),
        ({"severity": 0}, InvalidInput, "severity"),
        ({"source": "rumour"}, InvalidInput, "source"),
        ({"title": "  "}, InvalidInput, "title"),
        ({"description": "长" * 4001}, InvalidInput, "description"),
        ({"description": "a\x00b"}, InvalidInput, "description"),
    ],
)
def test_bad_reports_are_refused_by_field(
    county: Database, now: datetime, given: dict[str, Any], error: type[InvalidInput], field: str
):
    """What can't be read names its field and leaves no trace."""
    before = total(county)
    with pytest.raises(error) as refused:
        incidents.report(county, DISPATCHER, facts(**given), now=now)
    assert refused.value.field == field
    assert total(county) == before


def test_a_request_that_comes_twice_opens_one_incident(county: Database, now: datetime):
    """Sixteen at once with one key are one incident."""
    with ThreadPoolExecutor(8) as pool:
        numbers = set(
            pool.map(
                lambda _: incidents.report(county, DISPATCHER, facts(request_key="k1"), now=now).no,
                range(16),
            )
        )
    assert len(numbers) == 1


def test_numbers_are_unique_under_load(county: Database, now: datetime):
    """Forty reports at once get forty numbers in a row."""
    with ThreadPoolExecutor(8) as pool:
        numbers = sorted(pool.map(lambda _: incidents.report(county, DISPATCHER, facts(), now=now).no, range(40)))
    serials = [int(no[-4:]) for no in numbers]
    assert serials == list(range(serials[0], serials[0] + 40))


def test_an_incident_is_followed_to_its_close(county: Database, now: datetime):
    """Each step stamps its instant, says who, and the closed incident has nothing due."""
    no = incidents.report(county, DISPATCHER, facts(), now=now).no
    assignments.dispatch(county, DISPATCHER, no, now=now)
    for minutes, (action, opinion) in enumerate(
        [(Action.ACKNOWLEDGE, ""), (Action.ARRIVE, ""), (Action.RESOLVE, "已清运"), (Action.VERIFY, "")], start=1
    ):
        at = now + timedelta(minutes=minutes)
        incident = handling.advance(county, DISPATCHER, no, action, now=at, opinion=opinion)
    assert incident.status is Status.CLOSED
    assert not incident.is_open
    assert incident.due_at is None
    assert incident.assignment is None
    assert incident.acknowledged_at == now + timedelta(minutes=1)
    assert incident.closed_at == now + timedelta(minutes=4)
    assert all(step.actor == "dispatcher" for step in incident.steps)


def test_rework_goes_to_the_same_worker(county: Database, now: datetime):
    """A failed check sends the one who did the work back to it."""
    no = incidents.report(county, DISPATCHER, facts(), now=now).no
    sent = assignments.dispatch(county, DISPATCHER, no, now=now)
    handling.advance(county, DISPATCHER, no, Action.ARRIVE, now=now)
    handling.advance(county, DISPATCHER, no, Action.RESOLVE, now=now, opinion="已清运")
    again = handling.advance(county, DISPATCHER, no, Action.REWORK, now=now, opinion="仍有残留")
    assert again.status is Status.PROCESSING
    assert again.assignment is not None
    assert sent.assignment is not None
    assert again.assignment.worker_code == sent.assignment.worker_code


def test_a_second_worker_starts_with_a_clean_clock(county: Database, now: datetime):
    """Returned and sent again, an incident shows the second worker's instants, not the first's."""
    no = incidents.report(county, DISPATCHER, facts(), now=now).no
    assignments.dispatch(county, DISPATCHER, no, now=now)
    handling.advance(county, DISPATCHER, no, Action.ACKNOWLEDGE, now=now)
    handling.advance(county, DISPATCHER, no, Action.ARRIVE, now=now)
    handling.advance(county, DISPATCHER, no, Action.RETURN, now=now, opinion="需专业队伍")
    later = now + timedelta(minutes=5)
    again = assignments.dispatch(county, DISPATCHER, no, now=later)
    assert (again.dispatched_at, again.acknowledged_at, again.arrived_at) == (later, None, None)


def test_advance_refuses_a_jump(county: Database, now: datetime):
    """A reported incident can't be closed, and the attempt leaves no trace."""
    no = incidents.report(county, DISPATCHER, facts(), now=now).no
    before = total(county)
    with pytest.raises(TransitionRefused) as refused:
        handling.advance(county, DISPATCHER, no, Action.VERIFY, now=now)
    assert refused.value.facts["current"] == "reported"
    assert total(county) == before


def test_a_step_that_needs_an_opinion_asks_for_it(county: Database, now: datetime):
    """Rejecting without a reason is refused by field."""
    no = incidents.report(county, DISPATCHER, facts(), now=now).no
    with pytest.raises(InvalidInput) as refused:
        handling.advance(county, DISPATCHER, no, Action.REJECT, now=now, opinion=" ")
    assert refused.value.field == "opinion"


def test_an_officer_lives_in_their_own_street(county: Database, now: datetime):
    """An officer of Rusong neither finds, lists, moves nor opens another street's incidents; their own they do."""
    theirs = incidents.report(county, DISPATCHER, facts(lon=124.03), now=now)
    assert not theirs.grid_code.startswith(RUSONG)
    with county.session(OFFICER) as session:
        with pytest.raises(NotFound):
            cases.get(session, theirs.no)
        listed = incidents.queue(session)
        assert listed
        assert all(row.grid_code.startswith(RUSONG) for row in listed)
        assert (
            session.scalar(text("SELECT count(*) FROM incident WHERE NOT starts_with(grid_code, :p)"), {"p": RUSONG})
            == 0
        )
    with pytest.raises(NotFound):
        handling.advance(county, OFFICER, theirs.no, Action.ACCEPT, now=now)
    with pytest.raises(NotPermitted):
        incidents.report(county, OFFICER, facts(lon=124.03), now=now)


def test_a_viewer_sees_no_dispute_and_writes_nothing(county: Database, now: datetime):
    """Disputes never reach the wall's account, and neither its role nor its session may write."""
    incidents.report(county, DISPATCHER, facts(class_code="0401"), now=now)
    with county.session(VIEWER) as session:
        sensitive = (
            "SELECT count(*) FROM incident AS i JOIN incident_class AS c ON c.code = i.class_code WHERE c.is_sensitive"
        )
        assert session.scalar(text(sensitive)) == 0
        assert session.execute(text("UPDATE incident SET is_supervised = true")).rowcount == 0
    with pytest.raises(NotPermitted):
        incidents.report(county, VIEWER, facts(), now=now)


def test_similar_incidents_are_found_near_and_recent_only(county: Database, now: datetime):
    """The same minor class within 50 m and 24 h is offered; another class, 60 m away or a day ago is not."""
    near = incidents.report(county, DISPATCHER, facts(lon=123.8, lat=44.8), now=now).no
    incidents.report(county, DISPATCHER, facts(lon=123.8, lat=44.80054), now=now)
    incidents.report(county, DISPATCHER, facts(lon=123.8, lat=44.8, class_code="0102"), now=now)
    incidents.report(county, DISPATCHER, facts(lon=123.8, lat=44.8), now=now - timedelta(hours=25))
    with county.session(DISPATCHER) as session:
        assert [row.no for row in incidents.similar(session, "0101", 123.8, 44.8, now=now)] == [near]


def test_the_queue_stands_by_deadline(county: Database):
    """Open incidents come by next deadline, the overdue first, those without one last."""
    with county.session(DISPATCHER) as session:
        rows = incidents.queue(session)
    due = [row.due_at for row in rows if row.due_at is not None]
    assert due == sorted(due)
    assert all(row.due_at is None for row in rows[len(due) :])
    assert len(rows) == pytest.approx(60, abs=8)

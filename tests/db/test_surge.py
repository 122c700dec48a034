from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import text

from db import assignments, cases, incidents, surge
from db.incidents import Report
from db.session import Database
from geo.errors import InvalidInput, NotPermitted
from governance.incident import Status
from tests.people import DISPATCHER, OFFICER, RUSONG, VIEWER


def wave(county: Database, now: datetime, *, count: int = 12) -> list[str]:
    """Many reports within a few streets, where few are on duty."""
    with county.engine.begin() as connection:
        connection.execute(
            text(
                """UPDATE responder SET on_duty = worker_id IN (
                    SELECT worker_id FROM responder WHERE pool = 'full_time' AND on_duty AND load = 0
                    ORDER BY worker_id LIMIT 15)"""
            )
        )
    return [
        incidents.report(
            county,
            DISPATCHER,
            Report(title="积雪结冰", class_code="0102", lon=124.012 + n * 5e-4, lat=45.004, crs="wgs84"),
            now=now,
        ).no
        for n in range(count)
    ]


def test_the_plan_covers_all_that_waits_and_sends_nobody_twice(county: Database, now: datetime):
    """Every waiting incident of the scope is in the plan or told as having nobody; nothing is stored by looking."""
    numbers = wave(county, now)
    with county.session(DISPATCHER) as session:
        found = surge.propose(session, principal=DISPATCHER, now=now)
        waiting = {row.no for row in incidents.queue(session, statuses=["reported", "accepted", "returned"])}
    planned = [line.incident.no for line in found.lines]
    assert set(planned) | {row.no for row in found.unsent} == waiting
    assert set(numbers) <= waiting
    workers = [line.chosen.candidate.code for line in found.lines]
    assert len(set(workers)) == len(workers)
    assert len(found.together.sent) >= len(found.alone.sent)
    with county.session(DISPATCHER) as session:
        assert cases.get(session, numbers[0]).status is Status.REPORTED


def test_a_plan_is_accepted_in_part_and_tells_who_was_faster(county: Database, now: datetime):
    """Accepted lines are sent as planned; one that somebody dispatched meanwhile is told and hinders no other."""
    wave(county, now)
    with county.session(DISPATCHER) as session:
        found = surge.propose(session, principal=DISPATCHER, now=now)
    lines = found.lines[:4]
    assignments.dispatch(county, DISPATCHER, lines[0].incident.no, now=now)
    outcomes = surge.accept(
        county, DISPATCHER, [(line.incident.no, line.chosen.candidate.code) for line in lines], now=now
    )
    assert [(outcome.is_sent, outcome.error) for outcome in outcomes] == [
        (False, "already_dispatched"), (True, ""), (True, ""), (True, ""),
    ]  # fmt: skip
    with county.session(DISPATCHER) as session:
        for line in lines[1:]:
            sent = cases.get(session, line.incident.no).assignment
            assert sent is not None
            assert sent.worker_code == line.chosen.candidate.code
        left = cases.get(session, found.lines[4].incident.no)
    assert left.status in {Status.REPORTED, Status.ACCEPTED, Status.RETURNED}


def test_a_plan_keeps_to_the_scope(county: Database, now: datetime):
    """An officer plans for the own street alone, with its people; who may not dispatch gets no plan."""
    wave(county, now)
    with county.session(OFFICER) as session:
        found = surge.propose(session, principal=OFFICER, now=now)
    assert all(line.incident.grid_code.startswith(RUSONG) for line in found.lines)
    assert all(line.chosen.candidate.grid_code.startswith(RUSONG) for line in found.lines)
    with county.session(VIEWER) as session, pytest.raises(NotPermitted):
        surge.propose(session, principal=VIEWER, now=now)


def test_one_worker_stands_in_a_plan_once(county: Database, now: datetime):
    """A plan that names an incident or a worker twice is refused before anything is sent."""
    for pairs in ([("A", "W1"), ("B", "W1")], [("A", "W1"), ("A", "W2")]):
        with pytest.raises(InvalidInput):
            surge.accept(county, DISPATCHER, pairs, now=now)

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import text

from db import assignments, candidates, cases, handling, incidents, replacements, surge
from db.incidents import Report
from db.session import Database
from db.steps import Particulars
from geo.errors import InvalidInput, NotPermitted
from governance.incident import Status
from governance.lifecycle import Action
from tests.db.test_assignments import change, kept, nothing_changed, people, report
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


def free_chief(county: Database) -> int:
    """A grid chief of the dispatch pool who is on file."""
    return int(next(p.id for p in people(county) if p.pool == "full_time" and p.post == "grid_chief"))


def test_the_plan_covers_all_that_waits_and_sends_nobody_twice(county: Database, now: datetime):
    """Every waiting incident of the scope is in the plan or told as having nobody; nothing is stored by looking."""
    numbers = wave(county, now)
    with county.session(DISPATCHER) as session:
        found = surge.propose(session, principal=DISPATCHER, now=now)
        waiting = {row.no for row in incidents.queue(session, statuses=["reported", "accepted", "returned"])}
    planned = [line.incident.no for line in found.lines]
    assert set(planned) | {left.incident.no for left in found.unsent} == waiting
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
            case = cases.get(session, line.incident.no)
            sent = case.assignment
            assert sent is not None
            assert sent.worker_code == line.chosen.candidate.code
            assert (sent.is_override, sent.reason, case.steps[-1].opinion) == (False, "联合派单方案", "联合派单方案")
        left = cases.get(session, found.lines[4].incident.no)
    assert left.status in {Status.REPORTED, Status.ACCEPTED, Status.RETURNED}


@pytest.mark.parametrize(
    "change_to",
    [
        "pool = 'part_time'",
        "on_duty = false",
        "skills = '{}'",
        "load = cap",
        "finished_at = '2026-11-23 02:05+00'",
        "positioned_at = '2026-01-01 00:00+00'",
        "point = ST_Translate(point, 150000, 0)",
    ],
)
def test_whom_the_rules_dont_let_go_isnt_sent_by_a_plan(county: Database, now: datetime, change_to: str):
    """Pool, duty, skill, cap, rest, position and distance hold when a plan is accepted; the others of it are sent."""
    change(county, "UPDATE dispatch_policy SET rest_s = 3600, excludes_stale = true, made_at = now()")
    no, other = (report(county, now, lon=lon) for lon in (124.018, 124.02))
    with county.session(DISPATCHER) as session:
        chosen = {
            line.incident.no: line.chosen.candidate
            for line in surge.propose(session, principal=DISPATCHER, now=now).lines
        }
    change(county, f"UPDATE responder SET {change_to} WHERE worker_id = :id", id=chosen[no].worker_id)
    pairs = [(no, chosen[no].code), (other, chosen[other].code)]
    with nothing_changed(county, no):
        surge.accept(county, DISPATCHER, pairs[:1], now=now)
    refused, sent = surge.accept(county, DISPATCHER, pairs, now=now)
    assert (refused.is_sent, refused.error, refused.reason) == (False, "conflict", "not_planned")
    assert (sent.no, sent.is_sent) == (other, True)


def test_a_plan_of_ones_own_making_overrides_no_rule(county: Database, now: datetime):
    """A worker without the skill, one whom nobody has, and one who declined are sent by no plan, whoever wrote it."""
    no = report(county, now)
    unskilled = next(p for p in people(county) if p.on_duty and p.load == 0 and not {2, 3} & set(p.skills))
    first = assignments.dispatch(county, DISPATCHER, no, now=now).crew[0].worker_code
    replacements.reassign(county, DISPATCHER, no, reason="换人", now=now)
    handling.advance(county, DISPATCHER, no, Action.WITHDRAW, now=now)
    for code in (unskilled.code, "W99999", first):
        with nothing_changed(county, no):
            (outcome,) = surge.accept(county, DISPATCHER, [(no, code)], now=now)
        assert (outcome.error, outcome.reason) == ("conflict", "not_planned")


def test_a_planned_lead_takes_the_others_along(county: Database, now: datetime):
    """Where the run card asks for two, the planned one leads and somebody comes along, neither an override."""
    no = report(county, now, title="燃气异味", class_code="0301")
    with county.session(DISPATCHER) as session:
        ranked = candidates.recommend(session, no, principal=DISPATCHER, now=now).ranking.ranked
    planned = ranked[2].candidate.code
    (outcome,) = surge.accept(county, DISPATCHER, [(no, planned)], now=now)
    assert outcome.is_sent
    with county.session(DISPATCHER) as session:
        crew = cases.get(session, no).crew
    assert [(sent.slot, sent.is_override) for sent in crew] == [(1, False), (2, False)]
    assert crew[0].worker_code == planned
    (stored,) = kept(county, no)
    assert [entry["worker"] for entry in stored.candidates][:3] == [entry.candidate.code for entry in ranked[:3]]


def test_a_planned_worker_whom_others_hold_isnt_replaced(county: Database, now: datetime):
    """While another dispatcher is claiming the planned worker nobody else is sent in their place."""
    no = report(county, now)
    with county.session(DISPATCHER) as session:
        first = candidates.recommend(session, no, principal=DISPATCHER, now=now).ranking.ranked[0].candidate
    with nothing_changed(county, no), county.engine.begin() as other:
        other.execute(text("SELECT FROM responder WHERE worker_id = :id FOR NO KEY UPDATE"), {"id": first.worker_id})
        (outcome,) = surge.accept(county, DISPATCHER, [(no, first.code)], now=now)
    assert (outcome.error, outcome.reason) == ("conflict", "not_planned")


def test_nobody_is_set_aside_for_what_cant_be_dispatched_yet(county: Database, now: datetime):
    """What has to be confirmed on the spot first stays out of the plan and is told with why; confirmed, it is in."""
    change(county, "UPDATE incident_class SET needs_check = true WHERE code = '0102'")
    no = report(county, now, class_code="0102", severity=1)
    with county.session(DISPATCHER) as session:
        found = surge.propose(session, principal=DISPATCHER, now=now)
    assert {left.incident.no: left.reason for left in found.unsent}[no] == "not_confirmed"
    assert no not in {*found.together.sent, *found.together.unsent, *found.alone.sent, *found.alone.unsent}
    with county.session(DISPATCHER) as session:
        worker = candidates.recommend(session, no, principal=DISPATCHER, now=now).ranking.ranked[0].candidate.code
    with nothing_changed(county, no):
        (outcome,) = surge.accept(county, DISPATCHER, [(no, worker)], now=now)
    assert (outcome.error, outcome.reason) == ("conflict", "not_confirmed")
    handling.advance(county, DISPATCHER, no, Action.CONFIRM, now=now, given=Particulars(opinion="属实"))
    with county.session(DISPATCHER) as session:
        assert no in surge.propose(session, principal=DISPATCHER, now=now).together.sent


def test_those_to_whom_nobody_goes_are_told_why(county: Database, now: datetime):
    """Where nobody on duty fits, the plan says by which rule; where somebody fits who is wanted elsewhere, by none."""
    change(county, "UPDATE responder SET on_duty = false")
    change(county, "UPDATE responder SET on_duty = true, load = 0 WHERE worker_id = :id", id=free_chief(county))
    gas = report(county, now, title="燃气异味", class_code="0301")
    grave, slight = (report(county, now, class_code="0102", severity=severity) for severity in (1, 4))
    change(county, "UPDATE responder SET skills = '{}'")
    with county.session(DISPATCHER) as session:
        found = surge.propose(session, principal=DISPATCHER, now=now)
    reasons = {left.incident.no: left.reason for left in found.unsent}
    assert grave in found.together.sent
    assert (reasons[gas], reasons[slight]) == ("nobody_with_skill", "")


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

"""Who is sent: the first who can be had, in crews as the run card asks, never two for one nor one too many."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db import assignments, candidates, cases, handling, incidents
from db.incidents import Report
from db.session import Database
from geo.errors import AlreadyDispatched, InvalidInput, NobodyEligible, NotFound, NotPermitted, UnknownCode
from governance.access import Principal
from governance.dispatch import Ranked
from governance.incident import Status
from governance.lifecycle import Action
from tests.images import image, only_recommended
from tests.people import DISPATCHER, OFFICER, PLANNER, RUSONG, VIEWER

PLACE = {"lon": 124.018, "lat": 45.005, "crs": "wgs84"}


def report(database: Database, now: datetime, **facts: Any) -> str:
    given = {"title": "供暖管线泄漏", "class_code": "0201", **PLACE, **facts}
    return incidents.report(database, DISPATCHER, Report(**given), now=now).no


def people(database: Database) -> list[Any]:
    """Every responder in the order of their codes, read without the product's own queries."""
    with database.engine.connect() as connection:
        return list(
            connection.execute(
                text(
                    """SELECT w.id, w.code, w.post, w.grid_code, r.on_duty, r.pool, r.load, r.cap, r.skills
                    FROM responder AS r JOIN worker AS w ON w.id = r.worker_id ORDER BY w.code"""
                )
            )
        )


def free(database: Database, *, grid: str = "") -> Any:
    """The first full-time worker on duty who has nothing to do, posted in the grid."""
    return next(
        p
        for p in people(database)
        if p.on_duty and p.load == 0 and p.pool == "full_time" and p.grid_code.startswith(grid)
    )


def change(database: Database, statement: str, **facts: Any) -> None:
    with database.engine.begin() as connection:
        connection.execute(text(statement), facts)


def kept(database: Database, no: str) -> list[Any]:
    """The recommendations stored for the incident, oldest first."""
    with database.engine.connect() as connection:
        return list(
            connection.execute(
                text(
                    """SELECT r.* FROM recommendation AS r JOIN incident AS i ON i.id = r.incident_id
                    WHERE i.no = :no ORDER BY r.id"""
                ),
                {"no": no},
            )
        )


def loads(database: Database) -> dict[str, int]:
    return {p.code: p.load for p in people(database)}


@contextmanager
def nothing_changed(database: Database, no: str) -> Iterator[None]:
    """Incident, history, recommendations, assignments and loads are afterwards what they were before."""

    def seen() -> tuple[Any, ...]:
        with database.session(DISPATCHER) as session:
            incident = cases.get(session, no)
        return incident, kept(database, no), loads(database)

    before = seen()
    yield
    assert seen() == before


@contextmanager
def only_a_recommendation_kept(database: Database, no: str, shortfall: str) -> Iterator[None]:
    """Nothing has changed, but that the recommendation which sends nobody is kept with its counts and the shortfall."""
    before, earlier = image(database, no), kept(database, no)
    yield
    assert only_recommended(before, image(database, no))
    *others, added = kept(database, no)
    assert others == earlier
    assert (added.shortfall, added.shortfalls[0]["shortfall"]) == (shortfall, shortfall)
    assert added.shortfalls[0]["excluded"] == added.excluded
    with database.engine.connect() as connection:
        claimed = text("SELECT count(*) FROM assignment WHERE recommendation_id = :id")
        assert connection.execute(claimed, {"id": added.id}).scalar_one() == 0


def shortlist(database: Database, no: str, now: datetime, *, by: Principal = DISPATCHER) -> list[Ranked]:
    with database.session(by) as session:
        return list(candidates.recommend(session, no, principal=by, now=now).ranking.ranked)


def test_dispatch_sends_the_first_candidate(county: Database, now: datetime):
    """One key accepts the report, sends the first of the list, raises the load and keeps the whole recommendation."""
    no = report(county, now)
    listed = shortlist(county, no, now)
    first = listed[0].candidate
    before = loads(county)
    incident = assignments.dispatch(county, DISPATCHER, no, now=now)
    assert incident.status is Status.DISPATCHED
    (sent,) = incident.crew
    assert incident.assignment == sent
    assert (sent.slot, sent.worker_code, sent.status) == (1, first.code, "sent")
    assert (sent.is_override, sent.reason, sent.eta_s) == (False, "", listed[0].eta_s)
    assert sent.distance_m == pytest.approx(first.distance_m)
    assert (sent.dispatched_at, sent.acknowledge_by) == (now, now + timedelta(seconds=300))
    assert [step.action for step in incident.steps] == ["report", "accept", "dispatch"]
    assert loads(county) == before | {first.code: first.load + 1}
    (stored,) = kept(county, no)
    assert [entry["worker"] for entry in stored.candidates] == [entry.candidate.code for entry in listed]
    assert set(stored.excluded) >= {"off_duty", "other_pool"}
    assert (stored.shortfall, stored.shortfalls, stored.made_for) == (None, [], "dispatcher")


def test_a_second_dispatch_is_refused(county: Database, now: datetime):
    """Once somebody is sent, a second call is told so and changes nothing."""
    no = report(county, now)
    assignments.dispatch(county, DISPATCHER, no, now=now)
    with nothing_changed(county, no), pytest.raises(AlreadyDispatched):
        assignments.dispatch(county, DISPATCHER, no, now=now)


def test_withdrawing_frees_the_worker(county: Database, now: datetime):
    """The dispatcher's undo takes the task off the worker, and the incident can be dispatched again."""
    no = report(county, now)
    sent = assignments.dispatch(county, DISPATCHER, no, now=now)
    back = handling.advance(county, DISPATCHER, no, Action.WITHDRAW, now=now)
    assert back.status is Status.ACCEPTED
    assert back.assignment is None
    assert back.dispatched_at is None
    again = assignments.dispatch(county, DISPATCHER, no, now=now)
    assert again.assignment is not None
    assert sent.assignment is not None
    assert again.assignment.worker_code == sent.assignment.worker_code


def test_whom_another_just_claims_is_passed_over(county: Database, now: datetime):
    """While another dispatcher's transaction holds the first candidate, the second is sent without waiting."""
    no = report(county, now)
    first, second, *_ = shortlist(county, no, now)
    with county.engine.begin() as other:
        other.execute(
            text("SELECT FROM responder WHERE worker_id = :id FOR NO KEY UPDATE"), {"id": first.candidate.worker_id}
        )
        sent = assignments.dispatch(county, DISPATCHER, no, now=now).assignment
    assert sent is not None
    assert sent.worker_code == second.candidate.code


def test_when_all_are_being_claimed_nobody_is_sent(county: Database, now: datetime):
    """When others hold every candidate at every try, the refusal says that all are taken, and they stay on record."""
    no = report(county, now)
    listed = [entry.candidate.code for entry in shortlist(county, no, now)]
    with only_a_recommendation_kept(county, no, "all_at_cap"), county.engine.begin() as other:
        other.execute(text("SELECT FROM responder FOR NO KEY UPDATE"))
        with pytest.raises(NobodyEligible) as refused:
            assignments.dispatch(county, DISPATCHER, no, now=now)
    assert refused.value.facts["shortfall"] == "all_at_cap"
    assert [entry["worker"] for entry in kept(county, no)[0].candidates] == listed


@pytest.mark.parametrize(
    ("change_to", "shortfall"),
    [("on_duty = false", "nobody_on_duty"), ("skills = '{1}'", "nobody_with_skill"), ("load = cap", "all_at_cap")],
)
def test_when_nobody_fits_the_refusal_says_why(county: Database, now: datetime, change_to: str, shortfall: str):
    """Nobody on duty, skilled or free: the refusal carries the shortfall and counts, which alone are kept of it."""
    no = report(county, now)
    change(county, f"UPDATE responder SET {change_to}")
    with only_a_recommendation_kept(county, no, shortfall), pytest.raises(NobodyEligible) as refused:
        assignments.dispatch(county, DISPATCHER, no, now=now)
    assert refused.value.facts["shortfall"] == shortfall
    counts = refused.value.facts["excluded"]
    assert isinstance(counts, dict)
    assert sum(counts.values()) == len(people(county))
    (stored,) = kept(county, no)
    assert (stored.candidates, stored.excluded, stored.made_for) == ([], counts, "dispatcher")


def test_an_override_needs_a_reason_and_is_kept(county: Database, now: datetime):
    """Somebody else than the first is sent for a stated reason, which stays on the assignment."""
    no = report(county, now)
    other = free(county)
    for reason in ("", "  "):
        with nothing_changed(county, no), pytest.raises(InvalidInput) as refused:
            assignments.dispatch(county, DISPATCHER, no, now=now, worker=other.code, reason=reason)
        assert refused.value.field == "reason"
    sent = assignments.dispatch(county, DISPATCHER, no, now=now, worker=other.code, reason=" 熟悉情况 ").assignment
    assert sent is not None
    assert (sent.worker_code, sent.is_override, sent.reason) == (other.code, True, "熟悉情况")
    assert [entry["worker"] for entry in kept(county, no)[0].candidates] == [other.code]


def test_an_override_ends_at_duty_and_cap(county: Database, now: datetime):
    """Nobody off duty or with full hands is sent, whatever the reason; a code that nobody has is named."""
    no = report(county, now)
    named, full = [p for p in people(county) if p.on_duty and p.load == 0 and p.cap > 1][:2]
    change(county, "UPDATE responder SET on_duty = false WHERE worker_id = :id", id=named.id)
    change(county, "UPDATE responder SET load = cap WHERE worker_id = :id", id=full.id)
    for code, shortfall in ((named.code, "nobody_on_duty"), (full.code, "all_at_cap")):
        with only_a_recommendation_kept(county, no, shortfall), pytest.raises(NobodyEligible) as refused:
            assignments.dispatch(county, DISPATCHER, no, now=now, worker=code, reason="熟悉情况")
        assert refused.value.facts["shortfall"] == shortfall
    with nothing_changed(county, no), pytest.raises(UnknownCode) as unknown:
        assignments.dispatch(county, DISPATCHER, no, now=now, worker="W99999", reason="熟悉情况")
    assert unknown.value.field == "worker"


@pytest.mark.parametrize(
    "change_to",
    [
        "pool = 'part_time'",
        "skills = '{}'",
        "finished_at = '2026-11-23 02:05+00'",
        "positioned_at = '2026-01-01 00:00+00'",
        "point = ST_Translate(point, 150000, 0)",
    ],
)
def test_an_override_goes_beyond_the_other_rules(county: Database, now: datetime, change_to: str):
    """Pool, skill, rest, an old position and distance are the dispatcher's to judge."""
    change(county, "UPDATE dispatch_policy SET rest_s = 3600, excludes_stale = true, made_at = now()")
    no = report(county, now)
    other = free(county)
    change(county, f"UPDATE responder SET {change_to} WHERE worker_id = :id", id=other.id)
    assert other.code not in [entry.candidate.code for entry in shortlist(county, no, now)]
    sent = assignments.dispatch(county, DISPATCHER, no, now=now, worker=other.code, reason="熟悉情况").assignment
    assert sent is not None
    assert sent.worker_code == other.code


def test_who_is_there_already_is_not_sent_once_more(county: Database, now: datetime):
    """A reinforcement by name is refused for somebody who is on the way; without a name it is the next candidate."""
    no = report(county, now)
    first, second, *_ = shortlist(county, no, now)
    assignments.dispatch(county, DISPATCHER, no, now=now)
    with nothing_changed(county, no), pytest.raises(AlreadyDispatched):
        assignments.reinforce(county, DISPATCHER, no, now=now, worker=first.candidate.code, reason="再派")
    crew = assignments.reinforce(county, DISPATCHER, no, now=now).crew
    assert [sent.worker_code for sent in crew] == [first.candidate.code, second.candidate.code]
    assert kept(county, no)[-1].excluded["sent"] == 1
    assert "declined" not in kept(county, no)[-1].excluded


def test_when_all_are_there_nobody_is_left_to_reinforce(county: Database, now: datetime):
    """Where the only one on duty is on the way, the refusal says so, and so does the recommendation that is kept."""
    no = report(county, now)
    first, *_ = shortlist(county, no, now)
    change(county, "UPDATE responder SET on_duty = (worker_id = :id)", id=first.candidate.worker_id)
    assignments.dispatch(county, DISPATCHER, no, now=now)
    with only_a_recommendation_kept(county, no, "all_sent"), pytest.raises(NobodyEligible) as refused:
        assignments.reinforce(county, DISPATCHER, no, now=now)
    assert refused.value.facts["shortfall"] == "all_sent"


def test_who_may_not_dispatch(county: Database, now: datetime):
    """A viewer and a planner may not; an officer of another street doesn't find the incident."""
    no = report(county, now)
    for principal in (VIEWER, PLANNER):
        with pytest.raises(NotPermitted):
            assignments.dispatch(county, principal, no, now=now)
    with pytest.raises(NotFound):
        assignments.dispatch(county, OFFICER, no, now=now)


def test_an_officer_sends_the_own_streets_people(county: Database, now: datetime):
    """Within the scope nobody of another street is proposed, counted or found by code; without anyone left, nobody."""
    with county.engine.connect() as connection:
        lon, lat = connection.execute(
            text(
                """SELECT ST_X(p), ST_Y(p) FROM grid, ST_PointOnSurface(geom) AS p
                WHERE code LIKE :street AND level = 'quarter' ORDER BY code LIMIT 1"""
            ),
            {"street": f"{RUSONG}%"},
        ).one()
    no = report(county, now, class_code="0102", lon=lon, lat=lat, crs="cgcs2000")
    change(county, "UPDATE responder SET on_duty = (worker_id % 200 = 0)")
    listed = shortlist(county, no, now, by=OFFICER)
    assert all(entry.candidate.grid_code.startswith(RUSONG) for entry in listed)
    assert len(listed) < len(shortlist(county, no, now))
    stranger = next(p for p in people(county) if p.on_duty and not p.grid_code.startswith(RUSONG))
    with nothing_changed(county, no), pytest.raises(UnknownCode):
        assignments.dispatch(county, OFFICER, no, now=now, worker=stranger.code, reason="熟悉情况")
    sent = assignments.dispatch(county, OFFICER, no, now=now).assignment
    assert sent is not None
    assert sent.worker_code == listed[0].candidate.code
    (stored,) = kept(county, no)
    mine = [p for p in people(county) if p.grid_code.startswith(RUSONG)]
    assert sum(stored.excluded.values()) + len(listed) == len(mine)
    handling.advance(county, OFFICER, no, Action.WITHDRAW, now=now)
    change(county, "UPDATE responder SET on_duty = false WHERE starts_with(grid_code, :street)", street=RUSONG)
    with pytest.raises(NobodyEligible):
        assignments.dispatch(county, OFFICER, no, now=now)


def test_32_dispatchers_never_send_two_nor_overload_one(county: Database, now: datetime):
    """32 connections race for 40 incidents with few workers: each gets at most one, nobody more than the cap."""
    with county.engine.begin() as connection:
        connection.execute(text("UPDATE responder SET on_duty = false"))
        connection.execute(text("UPDATE assignment SET status = 'withdrawn', ended_at = now() WHERE ended_at IS NULL"))
        connection.execute(
            text(
                """UPDATE responder SET on_duty = true, load = 0, cap = 3
                WHERE worker_id IN (
                    SELECT worker_id FROM responder WHERE pool = 'full_time' ORDER BY worker_id LIMIT 10)"""
            )
        )
    numbers = [report(county, now, class_code="0101", lon=124.01 + i * 1e-4) for i in range(40)]
    crowd = Database.open(county.url, pool_size=32)
    gate = threading.Barrier(32)
    outcomes: Counter[str] = Counter()

    def race(turn: int) -> None:
        gate.wait()
        for no in numbers[turn % 40 :] + numbers[: turn % 40]:
            try:
                assignments.dispatch(crowd, DISPATCHER, no, now=now)
                outcomes["sent"] += 1
            except AlreadyDispatched:
                outcomes["taken"] += 1
            except NobodyEligible:
                outcomes["nobody"] += 1

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(race, range(32)))
    crowd.dispose()
    with county.engine.connect() as connection:
        active = connection.execute(text("SELECT incident_id, worker_id FROM assignment WHERE ended_at IS NULL")).all()
        rows = connection.execute(text("SELECT worker_id, load FROM responder WHERE on_duty")).all()
    loads = {row.worker_id: row.load for row in rows}
    assert outcomes["sent"] == len(active) == 30
    assert len({row.incident_id for row in active}) == 30
    assert Counter(row.worker_id for row in active) == loads
    assert set(loads.values()) == {3}

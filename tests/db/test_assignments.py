"""Whom to send: the same answer as brute force on the ellipsoid, and never two for one or one too many."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from pyproj import Geod
from sqlalchemy import text

from db import assignments, candidates, cases, handling, incidents
from db.incidents import Report
from db.session import Database
from geo.errors import AlreadyDispatched, InvalidInput, NobodyEligible, NotFound, NotPermitted, UnknownCode
from governance.access import SYSTEM
from governance.incident import Status
from governance.lifecycle import Action
from tests.people import DISPATCHER, OFFICER, PLANNER, VIEWER

PLACE = {"lon": 124.018, "lat": 45.005, "crs": "wgs84"}


def report(database: Database, now: datetime, **facts: Any) -> str:
    given = {"title": "供暖管线泄漏", "class_code": "0201", **PLACE, **facts}
    return incidents.report(database, DISPATCHER, Report(**given), now=now).no


def everyone(database: Database) -> list[dict[str, Any]]:
    """Every full-time responder with the chain of the post, read without the product's own queries."""
    with database.engine.connect() as connection:
        rows = connection.execute(
            text(
                """SELECT w.code, r.on_duty, r.pool, r.load, r.cap, r.skills, r.idle_since, w.grid_code,
                    ST_X(ST_Transform(r.point, 4490)) AS lon, ST_Y(ST_Transform(r.point, 4490)) AS lat
                FROM responder AS r JOIN worker AS w ON w.id = r.worker_id"""
            )
        ).mappings()
        return [dict(row) for row in rows]


def parents(database: Database) -> dict[str, str | None]:
    with database.engine.connect() as connection:
        return {row.code: row.parent_code for row in connection.execute(text("SELECT code, parent_code FROM grid"))}


def ring(post: str, own: str, above: dict[str, str | None]) -> int:
    """1 in the own quarter, 2 elsewhere in its community, 3 at the community, 4 in the street, 5 anywhere."""
    chain = [post]
    while (parent := above[chain[-1]]) is not None:
        chain.append(parent)
    community = own[:12]
    if own in chain:
        return 1
    if community in chain:
        return 3 if post == community else 2
    return 4 if community[:9] in chain else 5


@pytest.mark.parametrize("class_code", ["0101", "0201"])
def test_candidates_equal_a_geodesic_oracle(county: Database, now: datetime, class_code: str):
    """At 250 random points of the town the list is the one that brute force on the ellipsoid gives, for each class."""
    people = everyone(county)
    above = parents(county)
    lons = np.array([p["lon"] for p in people])
    lats = np.array([p["lat"] for p in people])
    rng = np.random.default_rng(7)
    geod = Geod(ellps="GRS80")
    with county.session(SYSTEM) as session:
        skills = set(session.scalar(text("SELECT skills FROM incident_class WHERE code = :c"), {"c": class_code}))
        west, south, east, north = session.execute(
            text("SELECT ST_XMin(town), ST_YMin(town), ST_XMax(town), ST_YMax(town) FROM deployment")
        ).one()
    for lon, lat in zip(rng.uniform(west, east, 250), rng.uniform(south, north, 250), strict=True):
        no = report(county, now, class_code=class_code, lon=float(lon), lat=float(lat), crs="cgcs2000")
        with county.session(DISPATCHER) as session:
            found = candidates.recommend(session, no, principal=DISPATCHER, now=now)
            chain = cases.get(session, no).chain
        own = next((g.code for g in chain if g.level == "quarter"), chain[0].code)
        _, _, metres = geod.inv(np.full(len(lons), lon), np.full(len(lats), lat), lons, lats)
        fitting = [
            (ring(p["grid_code"], own, above), round(m, 3), p["load"], p["idle_since"], p["code"])
            for p, m in zip(people, metres, strict=True)
            if p["pool"] == "full_time" and p["on_duty"] and p["load"] < min(p["cap"], 3)
            and (not skills or skills & set(p["skills"])) and m <= 20_000
        ]  # fmt: skip
        expected = [entry[-1] for entry in sorted(fitting)[: found.policy.shortlist]]
        assert [ranked.candidate.code for ranked in found.ranking.ranked] == expected


def test_dispatch_sends_the_first_candidate(county: Database, now: datetime):
    """One key accepts the report, sends the first of the list, raises the load and keeps the whole recommendation."""
    no = report(county, now)
    with county.session(DISPATCHER) as session:
        first = candidates.recommend(session, no, principal=DISPATCHER, now=now).ranking.ranked[0].candidate
    sent = assignments.dispatch(county, DISPATCHER, no, now=now)
    assert sent.status is Status.DISPATCHED
    assert sent.assignment is not None
    assert sent.assignment.worker_code == first.code
    assert [step.action for step in sent.steps] == ["report", "accept", "dispatch"]
    with county.engine.connect() as connection:
        load = connection.scalar(text("SELECT load FROM responder WHERE worker_id = :id"), {"id": first.worker_id})
        kept = connection.execute(
            text("SELECT candidates, excluded FROM recommendation ORDER BY id DESC LIMIT 1")
        ).one()
    assert load == first.load + 1
    assert kept.candidates[0]["worker"] == first.code
    assert set(kept.excluded) >= {"off_duty", "other_pool"}


def test_a_second_dispatch_is_refused(county: Database, now: datetime):
    """Once somebody is sent, a second call is told so and changes nothing."""
    no = report(county, now)
    assignments.dispatch(county, DISPATCHER, no, now=now)
    with pytest.raises(AlreadyDispatched):
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


def test_an_override_needs_a_reason_and_is_kept(county: Database, now: datetime):
    """Somebody else than the first may be sent for a stated reason, skill or not, but not beyond duty."""
    no = report(county, now)
    people = everyone(county)
    off = next(p["code"] for p in people if not p["on_duty"])
    free = next(p["code"] for p in people if p["on_duty"] and p["load"] == 0 and p["pool"] == "full_time")
    with pytest.raises(InvalidInput) as refused:
        assignments.dispatch(county, DISPATCHER, no, now=now, worker=free)
    assert refused.value.field == "reason"
    with pytest.raises(UnknownCode):
        assignments.dispatch(county, DISPATCHER, no, now=now, worker="W99999", reason="熟悉情况")
    with pytest.raises(NobodyEligible):
        assignments.dispatch(county, DISPATCHER, no, now=now, worker=off, reason="熟悉情况")
    with county.session(DISPATCHER) as session:
        assert cases.get(session, no).status is Status.REPORTED
    sent = assignments.dispatch(county, DISPATCHER, no, now=now, worker=free, reason="熟悉情况")
    assert sent.assignment is not None
    assert (sent.assignment.worker_code, sent.assignment.is_override) == (free, True)


def test_nobody_on_duty_says_why(county: Database, now: datetime):
    """Without anyone on duty the refusal carries the shortfall, and the incident stays where it was."""
    with county.engine.begin() as connection:
        connection.execute(text("UPDATE responder SET on_duty = false"))
    no = report(county, now)
    with pytest.raises(NobodyEligible) as refused:
        assignments.dispatch(county, DISPATCHER, no, now=now)
    assert refused.value.facts["shortfall"] == "nobody_on_duty"
    with county.session(DISPATCHER) as session:
        assert cases.get(session, no).status is Status.REPORTED


def test_who_may_not_dispatch(county: Database, now: datetime):
    """A viewer and a planner may not; an officer of another street doesn't find the incident."""
    no = report(county, now)
    for principal in (VIEWER, PLANNER):
        with pytest.raises(NotPermitted):
            assignments.dispatch(county, principal, no, now=now)
    with pytest.raises(NotFound):
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

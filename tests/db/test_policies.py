from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from db import assignments, incidents, policies
from db.incidents import Report
from db.session import Database
from geo.errors import Conflict, InvalidInput, NotFound, NotPermitted, UnknownCode
from governance.access import SYSTEM, Principal
from governance.policy import Policy, Requirement
from tests.people import ADMIN, DISPATCHER, OFFICER, PLANNER, VIEWER

EVERYTHING = Requirement(
    people=2,
    posts=frozenset({"grid_chief", "unit_chief"}),
    origins=frozenset({"police"}),
    skills=frozenset({5, 8}),
    pools=frozenset({"part_time", "full_time"}),
    cap=1,
    max_distance_m=900,
    freshness_s=60,
    rest_s=0,
)


def in_force(database: Database) -> Policy:
    with database.session(SYSTEM) as session:
        return policies.policy_in_force(session)


def save(database: Database, policy: Policy, now: datetime, note: str = "") -> Policy:
    return policies.save(database, ADMIN, policy, note=note, now=now)


def dispatched_by(database: Database, now: datetime) -> tuple[str, int]:
    """Reports and dispatches an incident; its number and the policy that the recommendation was made by."""
    report = Report(title="积雪结冰", class_code="0102", lon=124.018, lat=45.005, crs="wgs84")
    no = incidents.report(database, DISPATCHER, report, now=now).no
    assignments.dispatch(database, DISPATCHER, no, now=now)
    return no, policy_of(database, no)


def policy_of(database: Database, no: str) -> int:
    found = (
        """SELECT r.policy_id FROM recommendation AS r JOIN incident AS i ON i.id = r.incident_id WHERE i.no = :no"""
    )
    with database.engine.connect() as connection:
        return connection.execute(text(found), {"no": no}).scalar_one()


def test_a_saved_policy_is_in_force_and_the_older_stays_readable(county: Database, now: datetime):
    """A save is a new version with everything that was given, on top of a list that tells who made it, when and why."""
    before = in_force(county)
    wanted = replace(
        before,
        pools=frozenset({"full_time", "part_time"}),
        cap=2,
        freshness_s=120,
        max_distance_m=5000,
        shortlist=4,
        rest_s=600,
        acknowledge_s=90,
        excludes_stale=True,
        mode="ebike",
        ring_s=0,
        cards={"0102": (EVERYTHING, Requirement(), Requirement(skills=frozenset())), "0301": (Requirement(people=3),)},
    )
    later = now + timedelta(hours=1)
    made = save(county, wanted, later, note="  入冬加派人手 ")
    assert made == replace(wanted, id=made.id, note="入冬加派人手")
    assert made.id > before.id
    assert in_force(county) == made
    with county.session(VIEWER) as session:
        assert policies.policy(session, before.id) == before
        newest, oldest = policies.versions(session)
        assert policies.versions(session, limit=1) == [newest]
    assert (newest.id, newest.made_by, newest.made_at, newest.note) == (made.id, "admin", later, "入冬加派人手")
    assert oldest.id == before.id


def test_a_county_loaded_anew_brings_its_own_policy(county: Database, now: datetime):
    """A process keeps what it read, yet not beyond a load that numbers its versions from one again."""
    before = in_force(county)
    assert in_force(county) is before
    with county.engine.begin() as connection:
        connection.execute(
            text("UPDATE dispatch_policy SET cap = cap + 1, made_at = :now WHERE id = :id"),
            {"now": now + timedelta(hours=1), "id": before.id},
        )
    assert in_force(county) == replace(before, cap=before.cap + 1)


def test_without_a_policy_there_is_none(database: Database):
    """A county that isn't loaded yet has no policy, no version of one and an empty list."""
    with database.session(SYSTEM) as session:
        with pytest.raises(NotFound):
            policies.policy_in_force(session)
        with pytest.raises(NotFound):
            policies.policy(session, 1)
        assert policies.versions(session) == []


def test_a_save_on_an_older_version_is_a_conflict(county: Database, now: datetime):
    """Who began from a version that is no longer in force hears so, and theirs isn't kept."""
    began_from = in_force(county)
    made = save(county, replace(began_from, cap=2), now)
    with pytest.raises(Conflict) as refused:
        save(county, replace(began_from, cap=5), now)
    assert refused.value.facts["version"] == began_from.id
    assert in_force(county) == made


def test_of_eight_saves_at_once_one_is_kept(county: Database, now: datetime):
    """Eight administrators who press the key together make one version, and seven hear that somebody was first."""
    began_from = in_force(county)
    gate = threading.Barrier(8)

    def press(cap: int) -> str:
        gate.wait()
        try:
            return str(save(county, replace(began_from, cap=cap), now).cap)
        except Conflict:
            return "conflict"

    with ThreadPoolExecutor(8) as pool:
        outcomes = Counter(pool.map(press, range(1, 9)))
    assert outcomes.pop("conflict") == 7
    assert outcomes == {str(in_force(county).cap): 1}
    with county.session(SYSTEM) as session:
        assert len(policies.versions(session)) == 2


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"pools": frozenset({"full_time", "robots"})}, "pools"),
        ({"cards": {"9999": (Requirement(),)}}, "class"),
        ({"cards": {"0102": (Requirement(), Requirement(pools=frozenset({"robots"})))}}, "pools"),
        ({"cards": {"0102": (Requirement(posts=frozenset({"mayor"})),)}}, "posts"),
        ({"cards": {"0102": (Requirement(origins=frozenset({"moon"})),)}}, "origins"),
        ({"cards": {"0102": (Requirement(skills=frozenset({1, 999})),)}}, "skills"),
    ],
)
def test_what_there_isnt_is_named(county: Database, now: datetime, change: Mapping[str, Any], field: str):
    """A pool, class, post, origin or skill that the county doesn't have is refused by its field; nothing is kept."""
    before = in_force(county)
    with pytest.raises(UnknownCode) as refused:
        save(county, replace(before, **change), now)
    assert refused.value.field == field
    assert in_force(county) == before


@pytest.mark.parametrize(
    ("change", "note", "named"),
    [
        ({"shortlist": 51}, "", ("shortlist", None)),
        ({"cards": {"0102": (Requirement(), Requirement(cap=0))}}, "", ("cap", 2)),
        ({}, "长" * 501, ("note", None)),
        ({}, "a\x00b", ("note", None)),
    ],
)
def test_what_is_out_of_range_is_refused(
    county: Database, now: datetime, change: Mapping[str, Any], note: str, named: tuple[str, int | None]
):
    """Figures out of range, and a note too long or unreadable, are refused before anything is kept."""
    before = in_force(county)
    with pytest.raises(InvalidInput) as refused:
        save(county, replace(before, **change), now, note=note)
    assert (refused.value.field, refused.value.row) == named
    assert in_force(county) == before


@pytest.mark.parametrize("principal", [DISPATCHER, OFFICER, PLANNER, VIEWER])
def test_the_policy_is_the_administrators(county: Database, now: datetime, principal: Principal):
    """Nobody else changes by which rules people are sent."""
    before = in_force(county)
    with pytest.raises(NotPermitted):
        policies.save(county, principal, replace(before, cap=1), note="", now=now)
    assert in_force(county) == before


@pytest.mark.parametrize("statement", ["UPDATE dispatch_policy SET cap = 9", "DELETE FROM run_card"])
def test_a_version_never_changes(county: Database, statement: str):
    """The product may add versions; the database lets it neither rewrite one nor take one away."""
    with pytest.raises(ProgrammingError, match="permission denied"), county.session(ADMIN) as session:
        session.execute(text(statement))


def test_an_old_dispatch_keeps_the_policy_it_was_made_by(county: Database, now: datetime):
    """A dispatch is explained by the version of its day, however often the policy changes afterwards."""
    before = in_force(county)
    no, by = dispatched_by(county, now)
    after = save(county, replace(before, cap=1, mode="ebike", cards={"0102": (EVERYTHING,)}), now)
    assert (by, policy_of(county, no)) == (before.id, before.id)
    with county.session(DISPATCHER) as session:
        assert policies.policy(session, by) == before
    after = save(county, replace(after, cap=3, cards={}), now)
    assert dispatched_by(county, now)[1] == after.id

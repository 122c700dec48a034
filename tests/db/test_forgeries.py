"""History, facts and names that raw SQL of the product's own role can't forge."""

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from db import handling, policies
from db.session import Database
from governance.access import Principal, Role
from governance.incident import Status
from governance.lifecycle import TRANSITIONS, Action
from tests.db.test_lifecycle_guards import _ID, MOVE, Case, facts, put, refused
from tests.people import DISPATCHER, OFFICER, VIEWER

STEP_OF = """INSERT INTO incident_step (incident_id, action, from_status, to_status, actor, actor_name, at, opinion,
        hash)
    SELECT id, {action}, status, status, {actor}, '', {at}, '', '' FROM incident WHERE no = :no"""


@pytest.fixture
def case(ours: Database, now: datetime) -> Case:
    return Case(ours, now)


def test_the_database_knows_every_step(ours: Database):
    """The table of steps is the product's, with what those who come along do without the incident's moving."""
    with ours.engine.connect() as connection:
        rows = connection.execute(text("SELECT action, from_status, to_status FROM lifecycle_step")).all()
    along = {(a, s, s) for a in ("refuse", "time_out", "hand_over") for s in ("dispatched", "processing")}
    assert {tuple(row) for row in rows} == {(t.action, t.from_status, t.to_status) for t in TRANSITIONS} | along


@pytest.mark.parametrize(
    ("given", "saying"),
    [
        ({"action": "'frobnicate'"}, "no step frobnicate"),
        ({"action": "'verify'"}, "no step verify from reported to reported"),
        ({"actor": "'admin'"}, "can't take a step as admin"),
        ({"at": "now() - interval '1 year'"}, "can't follow one of"),
    ],
)
def test_a_step_is_one_of_ours_in_one_s_own_name_and_time(case: Case, given: dict[str, str], saying: str):
    """No action that there isn't, nobody else's name, and nothing before what happened already."""
    words = {"action": "'confirm'", "actor": "'dispatcher'", "at": "now()"} | given
    with refused(case.database, case.no, saying, by=DISPATCHER) as session:
        session.execute(text(STEP_OF.format(**words)), {"no": case.no})


@pytest.mark.parametrize(
    "change",
    [
        "class_code = '0101'",
        "geom = geom",
        "grid_code = grid_code",
        "is_sensitive = true",
        "limit_amount = 99",
        "severity = 1",
    ],
)
def test_what_was_reported_stays(case: Case, change: str):
    """What, where and how bad, and the limit that it got, never change."""
    with refused(case.database, case.no, "permission denied") as session:
        session.execute(text(f"UPDATE incident SET {change} WHERE no = :no"), {"no": case.no})


@pytest.mark.parametrize(
    "change", ["dispatched_at = now()", "worker_id = 1", "dispatched_by = 'x'", "is_override = false"]
)
def test_who_was_sent_stays(case: Case, change: str):
    """Whom somebody sent, and when, isn't rewritten."""
    case.at(Status.DISPATCHED)
    with refused(case.database, case.no, "permission denied") as session:
        session.execute(text(f"UPDATE assignment SET {change} WHERE incident_id = {_ID}"), {"no": case.no})


def test_an_ended_assignment_stays_as_it_ended(case: Case):
    """It isn't taken up again, nor ended otherwise."""
    case.at(Status.RESOLVED)
    with refused(case.database, case.no, "has ended stays") as session:
        session.execute(
            text(f"UPDATE assignment SET status = 'withdrawn', end_reason = 'x' WHERE incident_id = {_ID}"),
            {"no": case.no},
        )


def test_a_class_that_is_confirmed_first_is_so_by_hand_too(ours: Database, now: datetime, checked_class: str):
    """Accepted without a look on the spot: refused by the database as by the product."""
    case = Case(ours, now, class_code=checked_class)
    with refused(ours, case.no, "confirmed before it is accepted") as session:
        put(session, case.no, "reported", "accepted", accepted_at="now()")


def test_a_matter_is_put_off_once(case: Case):
    """Neither a second time nor uncounted."""
    case.at(Status.ACCEPTED)
    with refused(case.database, case.no, "put off once") as session:
        session.execute(text("UPDATE incident SET suspensions = 1 WHERE no = :no"), {"no": case.no})
    with refused(case.database, case.no, "put off once") as session:
        session.execute(
            text("UPDATE incident SET status = 'suspended', resume_by = now(), remaining_s = 1 WHERE no = :no"),
            {"no": case.no},
        )


def test_a_part_stays_a_part(case: Case):
    """A part is neither detached to close the whole, nor hung on something closed, nor on its own part."""
    case.at(Status.PROCESSING)
    handling.split(case.database, DISPATCHER, case.no, [facts(124.019)], opinion="另有一处", now=case.now)
    (part,) = case.get().part_nos
    other = Case(case.database, case.now).at(Status.CLOSED).no
    for no, whole in ((part, "NULL"), (part, f"(SELECT id FROM incident WHERE no = '{other}')"),
                      (case.no, f"(SELECT id FROM incident WHERE no = '{part}')")):  # fmt: skip
        with refused(case.database, no, "a part is split off an open incident") as session:
            session.execute(text(f"UPDATE incident SET parent_id = {whole} WHERE no = :no"), {"no": no})


def test_duplicates_lead_to_an_open_incident(case: Case):
    """By hand too a matter can't vanish into a finished one, and two can't be each other's duplicates."""
    closed = Case(case.database, case.now).at(Status.CLOSED).no
    with refused(case.database, case.no, "merged into an open one") as session:
        put(session, case.no, "reported", "merged", merged_into=f"(SELECT id FROM incident WHERE no = '{closed}')")
    first, second = (Case(case.database, case.now).no for _ in range(2))
    with case.database.session(DISPATCHER) as session:
        put(session, first, "reported", "merged", merged_into=f"(SELECT id FROM incident WHERE no = '{second}')")
    with refused(case.database, second, "merged into an open one") as session:
        put(session, second, "reported", "merged", merged_into=f"(SELECT id FROM incident WHERE no = '{first}')")


def test_an_end_comes_after_the_report(case: Case):
    """An instant of the end before the report's own is refused."""
    case.at(Status.PROCESSING)
    with refused(case.database, case.no, "ends after its report") as session:
        session.execute(
            text(
                "UPDATE incident SET status = 'resolved', resolved_at = reported_at - interval '1 day' WHERE no = :no"
            ),
            {"no": case.no},
        )


@pytest.mark.parametrize("by", [VIEWER, OFFICER, DISPATCHER])
def test_the_policy_is_the_administrators_by_hand_too(county: Database, by: Principal):
    """Whoever else writes a policy or a run card is refused, and the one in force stays."""
    with county.session(by) as session:
        before = policies.policy_in_force(session)
    columns = (
        "pools, cap, freshness_s, max_distance_m, shortlist, rest_s, acknowledge_s, excludes_stale, mode, ring_s, note"
    )
    policy = f"""INSERT INTO dispatch_policy (made_at, made_by, {columns})
        SELECT now(), '{by.account}', {columns} FROM dispatch_policy ORDER BY id LIMIT 1"""
    card = """INSERT INTO run_card (policy_id, class_code, line, people, posts, origins, pools)
        SELECT id, '0101', 9, 1, '{}', '{}', '{}' FROM dispatch_policy ORDER BY id LIMIT 1"""
    for statement in (policy, card):
        with pytest.raises(ProgrammingError, match="row-level security"), county.session(by) as session:
            session.execute(text(statement))
    with county.session(by) as session:
        assert policies.policy_in_force(session) == before


def test_nobody_is_put_off_duty_from_another_street(county: Database):
    """An officer's hand doesn't reach the responders of other streets, nor anybody's cap and skills."""
    elsewhere = f"grid_code NOT LIKE '{OFFICER.grid_prefix}%'"
    with pytest.raises(ProgrammingError, match="posted elsewhere"), county.session(OFFICER) as session:
        session.execute(text(f"UPDATE responder SET on_duty = NOT on_duty WHERE {elsewhere}"))
    for column in ("cap = 50", "skills = '{1}'", "pool = 'x'"):
        with pytest.raises(ProgrammingError, match="permission denied"), county.session(OFFICER) as session:
            session.execute(text(f"UPDATE responder SET {column}"))


def test_a_jump_by_hand_needs_more_than_a_status(case: Case):
    """The move alone, with everything else right, still lacks its step."""
    with refused(case.database, case.no, "its history at reported") as session:
        session.execute(MOVE, {"no": case.no, "to": "accepted"})


def test_a_step_in_time_and_name_passes(case: Case):
    """The guards refuse nothing that is right."""
    with case.database.session(Principal(account="dispatcher", role=Role.DISPATCHER)) as session:
        words = {"action": "'confirm'", "actor": "'dispatcher'", "at": "now()"}
        session.execute(text(STEP_OF.format(**words)), {"no": case.no})
    assert case.get().steps[-1].action == Action.CONFIRM

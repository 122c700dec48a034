"""What raw SQL of the product's own role can't do to an incident, whatever it tries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, ProgrammingError
from sqlalchemy.orm import Session

from db import assignments, cases, handling, incidents
from db.incidents import Report
from db.session import Database
from db.steps import Particulars
from governance.access import SYSTEM, Principal, Role
from governance.incident import Status
from governance.lifecycle import PAIRS, TRANSITIONS, Action
from tests.images import image
from tests.people import DISPATCHER

DEPARTMENT = "SELECT min(code) FROM department"
OTHER = Principal(account="other", role=Role.DISPATCHER, display_name="另一位调度员")
THIRD = Principal(account="third", role=Role.ADMIN, display_name="第三人")

_ID = "(SELECT id FROM incident WHERE no = :no)"
MOVE = text("UPDATE incident SET status = :to WHERE no = :no")
STEP = text(
    """INSERT INTO incident_step (incident_id, action, from_status, to_status, actor, actor_name, at, opinion, hash)
    SELECT id, :action, CAST(:here AS text), :to, current_setting('app.account'), '', now(), '', ''
    FROM incident WHERE no = :no"""
)


def facts(lon: float = 124.018, class_code: str = "0101") -> Report:
    return Report(title="暴露垃圾", class_code=class_code, lon=lon, lat=45.005, crs="cgcs2000")


@contextmanager
def refused(database: Database, no: str, saying: str, *, by: Principal = SYSTEM) -> Iterator[Session]:
    """A transaction of the product's role that the database doesn't let end, and of which nothing is left."""
    before = image(database, no)
    with pytest.raises((IntegrityError, ProgrammingError), match=saying), database.session(by) as session:
        yield session
    assert image(database, no) == before


def put(session: Session, no: str, here: str, to: str, **facts: str) -> None:
    """Status and step written by hand, with `facts` as SQL."""
    for name, value in facts.items():
        session.execute(text(f"UPDATE incident SET {name} = {value} WHERE no = :no"), {"no": no})
    session.execute(MOVE, {"no": no, "to": to})
    action = next(t.action for t in TRANSITIONS if (t.from_status, t.to_status) == (here, to))
    session.execute(STEP, {"no": no, "action": action, "here": here, "to": to})


class Case:
    """One incident, and the commands that bring it where a test wants it."""

    def __init__(self, database: Database, now: datetime, *, class_code: str = "0101") -> None:
        self.database, self.now = database, now
        self.no = incidents.report(database, DISPATCHER, facts(class_code=class_code), now=now).no

    def get(self) -> cases.Incident:
        with self.database.session(DISPATCHER) as session:
            return cases.get(session, self.no)

    def step(self, action: Action, **given: object) -> None:
        self.now += timedelta(minutes=1)
        particulars = Particulars(**{"opinion": "已核", **given})
        handling.advance(self.database, DISPATCHER, self.no, action, now=self.now, given=particulars)

    def at(self, status: Status) -> Case:
        if status is Status.ACCEPTED:
            self.step(Action.ACCEPT)
        elif status in {Status.DISPATCHED, Status.PROCESSING, Status.RESOLVED, Status.RETURNED, Status.CLOSED}:
            assignments.dispatch(self.database, DISPATCHER, self.no, now=self.now)
            if status is Status.RETURNED:
                self.step(Action.RETURN)
            for action, from_here in (
                (Action.ARRIVE, {Status.PROCESSING, Status.RESOLVED, Status.CLOSED}),
                (Action.RESOLVE, {Status.RESOLVED, Status.CLOSED}),
                (Action.VERIFY, {Status.CLOSED}),
            ):
                if status in from_here:
                    self.step(action)
        return self


@pytest.fixture
def case(ours: Database, now: datetime) -> Case:
    return Case(ours, now)


def test_sessions_are_of_the_product_s_own_role(ours: Database):
    """What these tests do by hand they do as the role that owns nothing and bypasses nothing."""
    with ours.session(SYSTEM) as session:
        assert session.scalar(text("SELECT current_user")) == "gridcommand_app"


@pytest.mark.parametrize("here", [Status.REPORTED, Status.ACCEPTED, Status.DISPATCHED, Status.RESOLVED, Status.CLOSED])
def test_no_status_is_jumped_to(case: Case, here: Status):
    """From where an incident stands, every status that the lifecycle doesn't lead to is refused at once."""
    case.at(here)
    for to in set(Status) - {here} - {to for start, to in PAIRS if start is here}:
        with refused(case.database, case.no, f"no step from {here} to {to}") as session:
            session.execute(MOVE, {"no": case.no, "to": to})


def test_no_status_without_its_step(case: Case):
    """A move that the lifecycle has, but that nobody wrote down, doesn't come about."""
    with refused(case.database, case.no, "stands at accepted and its history at reported") as session:
        session.execute(MOVE, {"no": case.no, "to": "accepted"})


def test_no_step_without_its_status(case: Case):
    """A step that is written down, but that the incident didn't take, doesn't come about either."""
    with refused(case.database, case.no, "stands at reported and its history at accepted") as session:
        session.execute(STEP, {"no": case.no, "action": "accept", "here": "reported", "to": "accepted"})


@pytest.mark.parametrize(
    ("here", "to", "saying"),
    [
        ("reported", "closed", "no step by hand from reported to closed"),
        ("reported", "dispatched", "no step by hand from reported to dispatched"),
        ("accepted", "dispatched", "a step from accepted can't follow one to reported"),
        ("closed", "closed", "a step from closed can't follow one to reported"),
        (None, "reported", "can't follow one to reported"),
    ],
)
def test_no_step_off_the_lifecycle(case: Case, here: str | None, to: str, saying: str):
    """A step leads along the lifecycle and begins where the last one ended; a second report of the same is none."""
    with refused(case.database, case.no, saying) as session:
        session.execute(STEP, {"no": case.no, "action": "by hand", "here": here, "to": to})


def test_history_can_t_be_slipped_in(case: Case):
    """Nobody gives a step its number, so none gets before those that were taken."""
    statement = """INSERT INTO incident_step (id, incident_id, action, from_status, to_status, actor, actor_name, at,
        opinion, hash) SELECT 1, id, 'x', 'reported', 'reported', '', '', now(), '', '' FROM incident WHERE no = :no"""
    with refused(case.database, case.no, "permission denied") as session:
        session.execute(text(statement), {"no": case.no})


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE incident_step SET opinion = '无'",
        "DELETE FROM incident_step",
        "TRUNCATE incident_step",
        "DELETE FROM incident",
        "DELETE FROM assignment",
        "DELETE FROM extension_request",
        "DELETE FROM appeal",
        "DELETE FROM lifecycle_transition",
        "INSERT INTO lifecycle_transition VALUES ('reported', 'closed')",
    ],
)
def test_history_stays(case: Case, statement: str):
    """The product's role neither changes nor removes what happened, nor the lifecycle itself."""
    with refused(case.database, case.no, "permission denied") as session:
        session.execute(text(statement))


@pytest.mark.parametrize("change", ["no = 'QA0'", "reported_at = now()"])
def test_number_and_report_stay(case: Case, change: str):
    """What an incident is called and when it was reported never change."""
    with refused(case.database, case.no, "permission denied") as session:
        session.execute(text(f"UPDATE incident SET {change} WHERE no = :no"), {"no": case.no})


def test_nobody_is_sent_without_a_lead(case: Case):
    """Dispatched, and nobody who goes: refused, though status and history agree."""
    case.at(Status.ACCEPTED)
    with refused(case.database, case.no, "its assignments say otherwise") as session:
        put(session, case.no, "accepted", "dispatched", dispatched_at="now()")


ASSIGN = text(
    """INSERT INTO assignment (incident_id, slot, worker_id, status, is_override, reason, distance_m, dispatched_by,
        dispatched_at, end_reason)
    SELECT i.id, :slot, (SELECT min(worker_id) FROM responder WHERE on_duty AND load = 0), 'sent', false, '', 0, 'x',
        now(), '' FROM incident AS i WHERE i.no = :no"""
)


def test_a_second_without_a_lead_is_none(case: Case):
    """Somebody in the second slot alone doesn't make an incident dispatched."""
    case.at(Status.ACCEPTED)
    with refused(case.database, case.no, "its assignments say otherwise") as session:
        put(session, case.no, "accepted", "dispatched", dispatched_at="now()")
        session.execute(ASSIGN, {"no": case.no, "slot": 2})


@pytest.mark.parametrize("here", [Status.ACCEPTED, Status.RESOLVED, Status.CLOSED])
def test_nobody_is_sent_to_what_isn_t_dispatched(case: Case, here: Status):
    """An assignment on an incident to which nobody is sent doesn't come about."""
    case.at(here)
    with refused(case.database, case.no, "its assignments say otherwise") as session:
        session.execute(ASSIGN, {"no": case.no, "slot": 1})


def test_a_lead_can_t_be_taken_away(case: Case):
    """Ending the lead's assignment alone leaves a dispatched incident with nobody: refused."""
    case.at(Status.DISPATCHED)
    with refused(case.database, case.no, "its assignments say otherwise") as session:
        session.execute(
            text(f"UPDATE assignment SET status = 'withdrawn', ended_at = now() WHERE incident_id = {_ID}"),
            {"no": case.no},
        )


def test_what_a_session_may_not_see_counts_too(case: Case):
    """Whoever forgets who asks before the end, so that rows are out of sight, doesn't get a lonely status past it."""
    with refused(case.database, case.no, "stands at accepted and its history at reported") as session:
        session.execute(MOVE, {"no": case.no, "to": "accepted"})
        session.execute(text("SELECT set_config('app.role', '', true)"))


@pytest.mark.parametrize(
    ("here", "to", "given"),
    [
        (Status.REPORTED, "merged", {}),
        (Status.ACCEPTED, "transferred", {}),
        (Status.ACCEPTED, "suspended", {}),
        (Status.ACCEPTED, "suspended", {"resume_by": "now() + interval '7 days'"}),
        (Status.PROCESSING, "resolved", {}),
        (Status.RESOLVED, "closed", {}),
        (Status.RESOLVED, "closed", {"closed_at": "now()", "resolved_at": "NULL"}),
    ],
)
def test_a_status_asks_for_its_facts(case: Case, here: Status, to: str, given: dict[str, str]):
    """Merged without the original, transferred without a department, put off without a date, done without when."""
    case.at(here)
    with refused(case.database, case.no, f"lacks what status {to} asks for|a matter is put off once") as session:
        put(session, case.no, here, to, **given)


def test_what_has_its_facts_passes(case: Case):
    """The same by hand, with everything that it asks for, is let through: the guards refuse nothing that is right."""
    case.at(Status.ACCEPTED)
    with case.database.session(SYSTEM) as session:
        put(session, case.no, "accepted", "transferred", department_code=f"({DEPARTMENT})")
    with case.database.session(SYSTEM) as session:
        put(session, case.no, "transferred", "resolved", resolved_at="now()")
    with case.database.session(SYSTEM) as session:
        put(session, case.no, "resolved", "closed", closed_at="now()")
    with case.database.session(SYSTEM) as session:
        assert cases.get(session, case.no).status is Status.CLOSED


def test_an_incident_isn_t_closed_before_its_parts(case: Case):
    """While a part is open the whole can't be closed by hand either."""
    case.at(Status.PROCESSING)
    handling.split(case.database, DISPATCHER, case.no, [facts(124.019)], opinion="另有一处", now=case.now)
    case.step(Action.RESOLVE)
    with refused(case.database, case.no, "a part of this incident is open") as session:
        put(session, case.no, "resolved", "closed", closed_at="now()")


def test_a_clock_stands_still_only_where_it_may(case: Case):
    """What is left of a limit is kept while the matter is put off or returned, and nowhere else."""
    with refused(case.database, case.no, "ck_incident_paused") as session:
        session.execute(text("UPDATE incident SET remaining_s = 5 WHERE no = :no"), {"no": case.no})


def test_an_incident_is_neither_its_own_part_nor_its_own_duplicate(case: Case):
    """Part and whole, duplicate and original are two."""
    for column in ("parent_id", "merged_into"):
        with refused(case.database, case.no, "ck_incident_own_parent") as session:
            session.execute(text(f"UPDATE incident SET {column} = id WHERE no = :no"), {"no": case.no})

"""What raw SQL of the product's own role can't do to an incident, whatever it tries."""

from __future__ import annotations

from collections.abc import Callable, Iterator
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
from governance.lifecycle import PAIRS, Action
from tests.images import image
from tests.people import DISPATCHER

DEPARTMENT = "SELECT min(code) FROM department"
OTHER = Principal(account="other", role=Role.DISPATCHER, display_name="另一位调度员")
THIRD = Principal(account="third", role=Role.ADMIN, display_name="第三人")

_ID = "(SELECT id FROM incident WHERE no = :no)"
MOVE = text("UPDATE incident SET status = :to WHERE no = :no")
STEP = text(
    """INSERT INTO incident_step (incident_id, action, from_status, to_status, actor, actor_name, at, opinion, hash)
    SELECT id, :action, CAST(:here AS text), :to, 'dispatcher', '', now(), '', '' FROM incident WHERE no = :no"""
)


def facts(lon: float = 124.018) -> Report:
    return Report(title="暴露垃圾", class_code="0101", lon=lon, lat=45.005, crs="cgcs2000")


@contextmanager
def refused(database: Database, no: str, saying: str) -> Iterator[Session]:
    """A transaction of the product's role that the database doesn't let end, and of which nothing is left."""
    before = image(database, no)
    with pytest.raises((IntegrityError, ProgrammingError), match=saying), database.session(SYSTEM) as session:
        yield session
    assert image(database, no) == before


def put(session: Session, no: str, here: str, to: str, **facts: str) -> None:
    """Status and step written by hand, with `facts` as SQL."""
    for name, value in facts.items():
        session.execute(text(f"UPDATE incident SET {name} = {value} WHERE no = :no"), {"no": no})
    session.execute(MOVE, {"no": no, "to": to})
    session.execute(STEP, {"no": no, "action": "by hand", "here": here, "to": to})


class Case:
    """One incident, and the commands that bring it where a test wants it."""

    def __init__(self, database: Database, now: datetime) -> None:
        self.database, self.now = database, now
        self.no = incidents.report(database, DISPATCHER, facts(), now=now).no

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
        ("reported", "closed", "no step from reported to closed"),
        ("reported", "dispatched", "no step from reported to dispatched"),
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
    with refused(case.database, case.no, "never change") as session:
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
    with refused(case.database, case.no, f"lacks what status {to} asks for") as session:
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


# More time


@pytest.fixture
def asked(case: Case) -> Case:
    """An incident for which more time is asked for, by the dispatcher."""
    case.at(Status.PROCESSING)
    handling.ask_extension(case.database, DISPATCHER, case.no, reason="等待配件", now=case.now)
    return case


DECIDE = f"""UPDATE extension_request SET decided_by = '{{}}', decided_at = now(), is_granted = true
    WHERE incident_id = {_ID}"""


def test_nobody_grants_their_own_extension(asked: Case):
    """Who asks and who decides are two people, by hand too."""
    with refused(asked.database, asked.no, "ck_extension_request_other") as session:
        session.execute(text(DECIDE.format("dispatcher")), {"no": asked.no})


@pytest.mark.parametrize(
    "half",
    ["decided_by = 'other'", "is_granted = true", "decided_at = now()", "decided_by = 'other', is_granted = false"],
)
def test_a_decision_is_whole(asked: Case, half: str):
    """Who decided, when and how belong together."""
    with refused(asked.database, asked.no, "ck_extension_request_decided") as session:
        session.execute(text(f"UPDATE extension_request SET {half} WHERE incident_id = {_ID}"), {"no": asked.no})


def test_one_extension_is_asked_at_a_time(asked: Case):
    """While one request waits there is no second."""
    with refused(asked.database, asked.no, "uq_extension_request_open") as session:
        session.execute(
            text(
                """INSERT INTO extension_request (incident_id, asked_by, asked_by_name, asked_at, reason, opinion)
                SELECT id, 'x', '', now(), 'x', '' FROM incident WHERE no = :no"""
            ),
            {"no": asked.no},
        )


def test_there_is_no_third_extension(asked: Case):
    """Twice is the most, and the count can't pass it."""
    for wanted in (True, False):
        handling.decide_extension(asked.database, OTHER, asked.no, is_granted=True, now=asked.now)
        if wanted:
            handling.ask_extension(asked.database, DISPATCHER, asked.no, reason="仍缺配件", now=asked.now)
    with refused(asked.database, asked.no, "ck_incident_counts") as session:
        session.execute(text("UPDATE incident SET extensions = extensions + 1 WHERE no = :no"), {"no": asked.no})


# Appeals


@pytest.fixture
def appealed(case: Case) -> Case:
    """A late incident, closed, whose lateness the dispatcher appeals against."""
    case.at(Status.PROCESSING)
    case.now += timedelta(days=60)
    case.step(Action.RESOLVE)
    case.step(Action.VERIFY)
    handling.appeal(case.database, DISPATCHER, case.no, reason="供应商停产", now=case.now)
    return case


FIRST = "first_by = '{}', first_at = now(), first_granted = {}"
SECOND = "second_by = '{}', second_at = now(), second_granted = {}"


@pytest.mark.parametrize(
    ("change", "saying"),
    [
        (FIRST.format("dispatcher", "true"), "ck_appeal_first"),
        ("first_by = 'other'", "ck_appeal_first"),
        ("first_granted = true", "ck_appeal_first"),
        (SECOND.format("other", "true"), "ck_appeal_second"),
        (f"{FIRST.format('other', 'true')}, {SECOND.format('other', 'true')}", "ck_appeal_second"),
        (f"{FIRST.format('other', 'true')}, {SECOND.format('dispatcher', 'true')}", "ck_appeal_second"),
        (f"{FIRST.format('other', 'false')}, {SECOND.format('third', 'true')}", "ck_appeal_second"),
    ],
)
def test_an_appeal_is_reviewed_by_two_others(appealed: Case, change: str, saying: str):
    """Neither who appealed nor one person twice, no second without a first, and none after a denial."""
    with refused(appealed.database, appealed.no, saying) as session:
        session.execute(text(f"UPDATE appeal SET {change} WHERE incident_id = {_ID}"), {"no": appealed.no})


@pytest.mark.parametrize("reviewed", [None, [True], [False], [True, False]])
def test_nothing_is_exempt_before_two_have_granted_it(appealed: Case, reviewed: list[bool] | None):
    """Without an appeal granted twice an incident stays in the statistic, whatever is written on it."""
    for reviewer, is_granted in zip((OTHER, THIRD), reviewed or [], strict=False):
        handling.review_appeal(
            appealed.database, reviewer, appealed.no, is_granted=is_granted, opinion="已核", now=appealed.now
        )
    with refused(appealed.database, appealed.no, "is exempt without an appeal") as session:
        session.execute(text("UPDATE incident SET is_exempt = true WHERE no = :no"), {"no": appealed.no})


def test_an_incident_is_appealed_once(appealed: Case):
    """There is one appeal an incident."""
    with refused(appealed.database, appealed.no, "uq_appeal_incident_id") as session:
        session.execute(
            text(
                """INSERT INTO appeal (incident_id, asked_by, asked_by_name, asked_at, reason, first_opinion,
                    second_opinion) SELECT id, 'x', '', now(), 'x', '', '' FROM incident WHERE no = :no"""
            ),
            {"no": appealed.no},
        )


@pytest.fixture
def as_role(ours: Database) -> Callable[[Role, str], int]:
    """Runs a statement as somebody of a role; the number of rows that it reached."""

    def run(role: Role, statement: str) -> int:
        with ours.session(Principal(account="x", role=role)) as session:
            return int(session.execute(text(statement)).rowcount)

    return run


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PLANNER, Role.OFFICER])
def test_time_is_decided_by_the_command_centre_alone(asked: Case, as_role: Callable[[Role, str], int], role: Role):
    """Neither a viewer nor a street officer reaches a request or an appeal to decide on it."""
    assert as_role(role, DECIDE.format("x").replace(":no", f"'{asked.no}'")) == 0
    assert as_role(role, "UPDATE appeal SET reason = 'x'") == 0

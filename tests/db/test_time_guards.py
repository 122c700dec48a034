"""What raw SQL of the product's own role can't do about extensions and appeals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from db import handling
from db.session import Database
from governance.access import Principal, Role
from governance.incident import Status
from governance.lifecycle import Action
from tests.db.test_lifecycle_guards import _ID, OTHER, THIRD, Case, refused
from tests.people import DISPATCHER


@pytest.fixture
def case(ours: Database, now: datetime) -> Case:
    return Case(ours, now)


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
    with refused(asked.database, asked.no, "ck_extension_request_other", by=DISPATCHER) as session:
        session.execute(text(DECIDE.format("dispatcher")), {"no": asked.no})


@pytest.mark.parametrize(
    "half",
    ["decided_by = 'other'", "is_granted = true", "decided_at = now()", "decided_by = 'other', is_granted = false"],
)
def test_a_decision_is_whole(asked: Case, half: str):
    """Who decided, when and how belong together."""
    with refused(asked.database, asked.no, "ck_extension_request_decided", by=OTHER) as session:
        session.execute(text(f"UPDATE extension_request SET {half} WHERE incident_id = {_ID}"), {"no": asked.no})


def test_one_extension_is_asked_at_a_time(asked: Case):
    """While one request waits there is no second."""
    with refused(asked.database, asked.no, "uq_extension_request_open", by=OTHER) as session:
        session.execute(
            text(
                """INSERT INTO extension_request (incident_id, asked_by, asked_by_name, asked_at, reason, opinion)
                SELECT id, 'other', '', now(), 'x', '' FROM incident WHERE no = :no"""
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


IN_TURN = "reviewed by one after the other, in their own names"


@pytest.mark.parametrize(
    ("by", "change", "saying"),
    [
        (DISPATCHER, FIRST.format("dispatcher", "true"), "ck_appeal_first"),
        (OTHER, "first_by = 'other'", "ck_appeal_first"),
        (OTHER, "first_granted = true", IN_TURN),
        (OTHER, FIRST.format("third", "true"), IN_TURN),
        (OTHER, SECOND.format("other", "true"), IN_TURN),
        (OTHER, f"{FIRST.format('other', 'true')}, {SECOND.format('other', 'true')}", IN_TURN),
        (OTHER, f"{FIRST.format('other', 'true')}, {SECOND.format('third', 'true')}", IN_TURN),
    ],
)
def test_an_appeal_is_reviewed_by_two_others(appealed: Case, by: Principal, change: str, saying: str):
    """Neither who appealed nor one person for two, no second without a first, and none in another's name."""
    with refused(appealed.database, appealed.no, saying, by=by) as session:
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
                    second_opinion) SELECT id, 'system', '', now(), 'x', '', '' FROM incident WHERE no = :no"""
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
    assert as_role(role, "UPDATE appeal SET first_opinion = 'x'") == 0


def test_an_ended_request_moves_no_other_deadline(asked: Case):
    """What nobody decided on ends with the matter: after reopening there is nothing to grant."""
    asked.step(Action.RESOLVE)
    asked.step(Action.VERIFY)
    asked.step(Action.REOPEN)
    assert asked.get().extension_requests[0].is_granted is False
    assert Action.GRANT not in asked.get().actions


def test_what_was_decided_stays(asked: Case):
    """Nobody changes a decision afterwards, in their own name or not."""
    handling.decide_extension(asked.database, OTHER, asked.no, is_granted=True, now=asked.now)
    with refused(asked.database, asked.no, "decided on once", by=OTHER) as session:
        session.execute(text(DECIDE.format("other").replace("true", "false")), {"no": asked.no})


def test_nobody_decides_in_another_s_name(asked: Case):
    """The one who asks the database is the one who decides."""
    with refused(asked.database, asked.no, "in one's own name", by=OTHER) as session:
        session.execute(text(DECIDE.format("third")), {"no": asked.no})


def test_an_extension_is_one_that_was_granted(asked: Case):
    """The count of extensions can't be raised without a grant."""
    with refused(asked.database, asked.no, "extension that nobody granted") as session:
        session.execute(text("UPDATE incident SET extensions = 1 WHERE no = :no"), {"no": asked.no})


@pytest.mark.parametrize("is_late", [False, True])
def test_an_appeal_is_no_invention(case: Case, *, is_late: bool):
    """An appeal of a matter that is open, or was in time, or with its reviews brought along, is refused."""
    if is_late:
        case.at(Status.PROCESSING)
        case.now += timedelta(days=60)
        case.step(Action.RESOLVE)
        case.step(Action.VERIFY)
    with refused(case.database, case.no, "against the lateness of a closed incident", by=DISPATCHER) as session:
        session.execute(
            text(
                """INSERT INTO appeal (incident_id, asked_by, asked_by_name, asked_at, reason, first_by, first_at,
                    first_granted, first_opinion, second_by, second_at, second_granted, second_opinion)
                SELECT id, 'dispatcher', '', now(), 'x', 'b', now(), true, '', 'c', now(), true, ''
                FROM incident WHERE no = :no"""
            ),
            {"no": case.no},
        )

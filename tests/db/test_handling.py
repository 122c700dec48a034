"""What each command along the lifecycle does to an incident, and what it is refused for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db import assignments, cases, handling
from db.session import Database
from geo.errors import (
    Conflict,
    InvalidInput,
    NotFound,
    NotPermitted,
    OutsideCounty,
    TransitionRefused,
    UnknownCode,
)
from governance.incident import Status
from governance.lifecycle import COMMANDED, Action
from tests.casebook import AT_WORK, DAY, HOUR, MINUTE, OTHER, Case, facts
from tests.people import DISPATCHER, OFFICER, RUSONG, VIEWER


def test_some_classes_are_confirmed_before_they_are_accepted(make: Callable[..., Case], checked_class: str):
    """Such an incident can neither be accepted nor sent to before somebody has looked; then it can."""
    case = make(class_code=checked_class)
    assert Action.ACCEPT not in case.get().actions
    for command in (Action.ACCEPT, Action.DISPATCH):
        error = case.refuses(Conflict, lambda command=command: case.take(command))
        assert error.facts["reason"] == "not_confirmed"
    confirmed = case.take(Action.CONFIRM)
    assert (confirmed.status, confirmed.confirmed_at) == (Status.REPORTED, case.now)
    assert confirmed.due_at == case.began + 15 * MINUTE
    error = case.refuses(Conflict, lambda: case.take(Action.CONFIRM))
    assert error.facts["reason"] == "confirmed_already"
    assert case.take(Action.ACCEPT).status is Status.ACCEPTED


def test_other_classes_are_accepted_unseen(case: Case):
    """Where the class asks for no look, an incident is accepted as it came, and accepted again it is not."""
    assert case.take(Action.ACCEPT).accepted_at == case.now
    assert case.refuses(TransitionRefused, lambda: case.take(Action.ACCEPT)).facts["current"] == "accepted"


# Who, and with what


@pytest.mark.parametrize("action", [Action.ACCEPT, Action.REJECT, Action.SUPERVISE])
def test_whoever_only_looks_takes_no_step(case: Case, action: Action):
    """For a viewer there is no incident that could be changed."""
    case.refuses(NotFound, lambda: case.take(action, by=VIEWER))


@pytest.mark.parametrize("action", sorted(COMMANDED))
def test_what_has_a_command_of_its_own_is_no_plain_step(case: Case, action: Action):
    """Nobody is sent, no time is granted and no appeal decided by a plain step."""
    error = case.refuses(
        InvalidInput, lambda: handling.advance(case.database, DISPATCHER, case.no, action, now=case.now, opinion="x")
    )
    assert error.field == "action"


@pytest.mark.parametrize(
    ("action", "given", "field"),
    [
        (Action.REJECT, {"opinion": " \n"}, "opinion"),
        (Action.TRANSFER, {}, "department"),
        (Action.TRANSFER, {"department": "ZJ", "opinion": ""}, "opinion"),
        (Action.TRANSFER, {"department": "NONE"}, "department"),
        (Action.MERGE, {}, "original"),
        (Action.MERGE, {"original": "QA0"}, "original"),
        (Action.SUSPEND, {}, "resume_by"),
        (Action.SUSPEND, {"resume_by": datetime(2026, 12, 1)}, "resume_by"),  # noqa: DTZ001  that is the point
        (Action.SUPERVISE, {"opinion": ""}, "opinion"),
    ],
)
def test_what_is_missing_is_named(case: Case, action: Action, given: dict[str, Any], field: str):
    """A step without what it needs, or with what nobody knows, says which field, and changes nothing."""
    case.walk(Action.ACCEPT)
    assert case.refuses(InvalidInput, lambda: case.take(action, **given)).field == field


# Departments and the clock


def test_a_department_has_the_matter_until_it_is_done(case: Case, departments: list[str]):
    """Transferred, an incident names its department, has the whole matter's deadline, and nobody of ours on the way."""
    case.walk(Action.ACCEPT)
    sent = case.take(Action.TRANSFER, department=departments[0])
    assert (sent.status, sent.department_code) == (Status.TRANSFERRED, departments[0])
    assert sent.department_name
    assert sent.due_at == sent.settle_by == case.began + 4 * HOUR
    assert sent.crew == ()
    done = case.after(HOUR).take(Action.RESOLVE)
    assert (done.resolved_at, done.due_at) == (case.now, case.now + 30 * MINUTE)


@pytest.mark.parametrize(("who", "left"), [("same", 3 * HOUR), ("worker", 3 * HOUR), ("other", 4 * HOUR)])
def test_the_clock_stands_still_from_a_department_s_return(
    make: Callable[..., Case], departments: list[str], who: str, left: timedelta
):
    """After ten hours back at the desk: the same department or a worker has what was left, another has it all."""
    case = make().walk(Action.ACCEPT)
    case.take(Action.TRANSFER, department=departments[0])
    back = case.after(HOUR).take(Action.RETURN)
    assert (back.status, back.department_code, back.remaining_s) == (Status.RETURNED, None, 3 * 3600)
    assert back.due_at == case.now + 15 * MINUTE
    case.after(10 * HOUR)
    if who == "worker":
        again = case.take(Action.DISPATCH)
    else:
        again = case.take(Action.TRANSFER, department=departments[0 if who == "same" else 1])
    assert again.remaining_s is None
    assert again.settle_by == again.due_at == case.now + left


def test_a_worker_s_return_stops_no_clock(case: Case):
    """Only a department's return stops the clock: a worker gives back what is the command centre's to send again."""
    back = case.walk(*AT_WORK).after(HOUR).take(Action.RETURN)
    assert (back.status, back.remaining_s, back.settle_by) == (Status.RETURNED, None, case.began + 4 * HOUR)
    assert back.crew == ()


def test_a_worker_after_a_department_is_no_department(case: Case, departments: list[str]):
    """Put off at a department, resumed and sent to a worker, the worker's return isn't the department's."""
    case.walk(Action.ACCEPT)
    case.take(Action.TRANSFER, department=departments[0])
    case.take(Action.SUSPEND, resume_by=case.now + DAY)
    assert case.take(Action.RESUME).department_code is None
    back = case.walk(Action.DISPATCH).take(Action.RETURN)
    assert back.remaining_s is None


def test_what_a_department_did_goes_back_to_a_department(case: Case, departments: list[str]):
    """A failed check of a department's work can't go to the worker who was there before it; it is transferred again."""
    case.walk(*AT_WORK, Action.RESOLVE)
    again = case.take(Action.TRANSFER, department=departments[0])
    assert again.resolved_at is None
    resolved = case.after(MINUTE).take(Action.RESOLVE)
    assert Action.REWORK not in resolved.actions
    assert case.refuses(Conflict, lambda: case.take(Action.REWORK)).facts["reason"] == "departments_work"
    assert case.take(Action.TRANSFER, department=departments[0]).status is Status.TRANSFERRED


# Putting off


def test_a_matter_that_is_put_off_stands_still(case: Case):
    """Until the date given nothing is due but the date; then what was left goes on, and whoever was there is free."""
    until = case.began + 30 * DAY
    off = case.walk(*AT_WORK).after(HOUR).take(Action.SUSPEND, resume_by=until)
    assert (off.status, off.due_at, off.remaining_s) == (Status.SUSPENDED, until, 3 * 3600)
    assert (off.crew, off.suspensions) == ((), 1)
    on = case.after(20 * DAY).take(Action.RESUME)
    assert (on.status, on.resume_by, on.remaining_s) == (Status.ACCEPTED, None, None)
    assert (on.settle_by, on.due_at) == (case.now + 3 * HOUR, case.now + 15 * MINUTE)
    assert case.refuses(Conflict, lambda: case.take(Action.SUSPEND, resume_by=case.now + DAY)).facts == {
        "reason": "suspended_before"
    }


@pytest.mark.parametrize(
    ("span", "is_taken"), [(timedelta(), False), (MINUTE, True), (365 * DAY, True), (365 * DAY + MINUTE, False)]
)
def test_a_matter_is_put_off_into_the_future_and_for_a_year_at_most(case: Case, span: timedelta, *, is_taken: bool):
    """Now is no date to put off to, nor is one beyond a year."""
    case.walk(Action.ACCEPT)
    if is_taken:
        assert case.take(Action.SUSPEND, resume_by=case.now + span).due_at == case.now + span
    else:
        error = case.refuses(InvalidInput, lambda: case.take(Action.SUSPEND, resume_by=case.now + span))
        assert error.field == "resume_by"


def test_what_was_overdue_stays_overdue(case: Case):
    """Putting a late matter off doesn't make it less late."""
    case.walk(*AT_WORK).after(5 * HOUR).take(Action.SUSPEND, resume_by=case.now + DAY)
    on = case.after(HOUR).take(Action.RESUME)
    assert on.settle_by == case.began + 4 * HOUR


# Duplicates


def test_a_duplicate_names_its_original_and_ends(make: Callable[..., Case]):
    """Merged, an incident is over, and says what it repeats; the original goes on."""
    original, double = make(), make()
    merged = double.take(Action.MERGE, original=original.no)
    assert (merged.status, merged.is_open, merged.due_at) == (Status.MERGED, False, None)
    assert merged.merged_into_no == original.no
    assert original.get().status is Status.REPORTED


def test_duplicates_form_no_chain(make: Callable[..., Case]):
    """Neither itself nor another duplicate is an original, and an original becomes no duplicate before its own are."""
    first, second, third = make(), make(), make()
    assert first.refuses(UnknownCode, lambda: first.take(Action.MERGE, original=first.no)).field == "original"
    second.take(Action.MERGE, original=first.no)
    assert third.refuses(InvalidInput, lambda: third.take(Action.MERGE, original=second.no)).field == "original"
    assert Action.MERGE not in first.get().actions
    error = first.refuses(Conflict, lambda: first.take(Action.MERGE, original=third.no))
    assert error.facts["reason"] == "has_duplicates"
    assert second.take(Action.REOPEN).merged_into_no is None
    assert first.take(Action.MERGE, original=third.no).status is Status.MERGED


def test_two_can_t_become_each_other_s_duplicate(make: Callable[..., Case]):
    """Merged into each other at the same moment, one of the two stays what it is."""
    pair = [make(), make()]
    gate = threading.Barrier(2)

    def merge(one: Case, other: Case) -> str:
        gate.wait()
        try:
            return str(one.take(Action.MERGE, original=other.no).status)
        except (InvalidInput, Conflict) as error:
            return error.code

    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(merge, pair, reversed(pair)))
    assert sorted(case.get().status for case in pair) == [Status.MERGED, Status.REPORTED]
    assert "merged" in outcomes


def test_what_a_department_returned_can_be_a_duplicate(make: Callable[..., Case], departments: list[str]):
    """A clock that stands still doesn't keep a matter from being merged."""
    original, double = make(), make().walk(Action.ACCEPT)
    double.take(Action.TRANSFER, department=departments[0])
    double.take(Action.RETURN)
    merged = double.take(Action.MERGE, original=original.no)
    assert (merged.status, merged.remaining_s) == (Status.MERGED, None)


# Parts


def test_parts_go_their_own_way_and_hold_the_whole_open(make: Callable[..., Case]):
    """Each part is an incident of its own; the whole can't be closed before every one of them is over."""
    whole = make().walk(*AT_WORK)
    parts = [facts(title="护栏损坏", class_code="0805"), facts(title="路灯不亮", class_code="0206")]
    split = handling.split(whole.database, DISPATCHER, whole.no, parts, opinion="另涉两处", now=whole.now)
    assert (split.status, len(split.part_nos)) == (Status.PROCESSING, 2)
    with whole.database.session(DISPATCHER) as session:
        made = [cases.get(session, no) for no in split.part_nos]
    assert [(part.title, part.class_code, part.status) for part in made] == [
        ("护栏损坏", "0805", Status.REPORTED),
        ("路灯不亮", "0206", Status.REPORTED),
    ]
    assert {part.parent_no for part in made} == {whole.no}
    whole.take(Action.RESOLVE)
    assert whole.refuses(Conflict, lambda: whole.take(Action.VERIFY)).facts["reason"] == "part_open"
    handling.advance(whole.database, DISPATCHER, made[0].no, Action.REJECT, now=whole.now, opinion="已修")
    assert whole.refuses(Conflict, lambda: whole.take(Action.VERIFY)).facts["reason"] == "part_open"
    handling.advance(whole.database, DISPATCHER, made[1].no, Action.REJECT, now=whole.now, opinion="已亮")
    assert whole.take(Action.VERIFY).status is Status.CLOSED


@pytest.mark.parametrize(
    ("part", "error", "field"),
    [
        ({"title": " "}, InvalidInput, "title"),
        ({"class_code": "9999"}, UnknownCode, "class"),
        ({"lon": 125.5}, OutsideCounty, "lon"),
        ({"crs": "wgs-83"}, InvalidInput, "crs"),
    ],
)
def test_a_part_that_can_t_be_read_names_its_row(
    case: Case, ours: Database, part: dict[str, Any], error: type[InvalidInput], field: str
):
    """The second part's mistake is told as the second row's, in its own kind, and no part is made."""
    with ours.engine.connect() as connection:
        before = connection.scalar(text("SELECT count(*) FROM incident"))
    parts = [facts(), facts(**part)]
    refusal = case.refuses(
        error, lambda: handling.split(case.database, DISPATCHER, case.no, parts, opinion="两处", now=case.now)
    )
    assert (type(refusal), refusal.field, refusal.row) == (error, field, 2)
    with ours.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM incident")) == before


@pytest.mark.parametrize("count", [0, 11])
def test_a_split_makes_one_to_ten_parts(case: Case, count: int):
    """None and eleven are refused by field."""
    parts = [facts()] * count
    refusal = case.refuses(
        InvalidInput, lambda: handling.split(case.database, DISPATCHER, case.no, parts, opinion="x", now=case.now)
    )
    assert refusal.field == "parts"


def test_a_part_lies_within_the_officer_s_grids(make: Callable[..., Case], ours: Database):
    """An officer splits nothing off into another street."""
    inside = "SELECT ST_X(p), ST_Y(p) FROM grid, ST_PointOnSurface(geom) AS p WHERE code = :code"
    with ours.engine.connect() as connection:
        lon, lat = connection.execute(text(inside), {"code": RUSONG}).one()
    case = make(lon=lon, lat=lat)
    parts = [facts(lon=124.03)]
    case.refuses(
        NotPermitted, lambda: handling.split(case.database, OFFICER, case.no, parts, opinion="两处", now=case.now)
    )


# Supervision


def test_supervision_is_a_flag_that_is_set_and_taken_off(case: Case):
    """Under supervision an incident stays where it is, with its deadline; twice on or off is refused."""
    before = case.get()
    on = case.take(Action.SUPERVISE)
    assert (on.is_supervised, on.status, on.due_at) == (True, before.status, before.due_at)
    assert case.refuses(Conflict, lambda: case.take(Action.SUPERVISE)).facts["reason"] == "supervised_already"
    assert not case.take(Action.RELEASE, opinion="").is_supervised
    assert case.refuses(Conflict, lambda: case.take(Action.RELEASE)).facts["reason"] == "not_supervised"


# Work, rework, and beginning again


def test_rework_counts_and_gives_the_work_back_to_the_same_crew(make: Callable[..., Case]):
    """Each failed check counts, and the same people go on; the matter's deadline stays."""
    case = make().walk(Action.ACCEPT, Action.DISPATCH)
    assignments.reinforce(case.database, DISPATCHER, case.no, now=case.now)
    crew = {sent.slot: sent.worker_code for sent in case.walk(Action.ARRIVE).get().crew}
    assert sorted(crew) == [1, 2]
    for count in (1, 2):
        assert case.walk(Action.RESOLVE).get().crew == ()
        again = case.after(MINUTE).take(Action.REWORK)
        assert (again.status, again.reworks, again.resolved_at) == (Status.PROCESSING, count, None)
        assert {sent.slot: sent.worker_code for sent in again.crew} == crew
        assert {sent.status for sent in again.crew} == {"arrived"}
        assert again.due_at == again.settle_by == case.began + 4 * HOUR


def test_a_second_to_acknowledge_doesn_t_move_the_first_s_instant(make: Callable[..., Case]):
    """What is reported is when the incident was first acknowledged; whoever comes later is marked for themselves."""
    case = make().walk(Action.ACCEPT, Action.DISPATCH).after(MINUTE)
    first = case.take(Action.ACKNOWLEDGE).acknowledged_at
    assignments.reinforce(case.database, DISPATCHER, case.no, now=case.now)
    later = case.after(MINUTE).take(Action.ACKNOWLEDGE)
    assert later.acknowledged_at == first
    assert [sent.acknowledged_at for sent in later.crew] == [first, case.now]


def test_satisfaction_is_kept_with_the_closure(case: Case):
    """Whoever closes may say whether the one who reported is satisfied; a reopened matter forgets it."""
    closed = case.walk(*AT_WORK, Action.RESOLVE).take(Action.VERIFY, is_satisfied=False)
    assert (closed.status, closed.is_satisfied, closed.due_at) == (Status.CLOSED, False, None)
    assert case.take(Action.REOPEN).is_satisfied is None


def test_reopening_gives_the_whole_limit_again(case: Case):
    """What was closed begins again as accepted, with its whole limit and none of the instants of the first time."""
    case.walk(*AT_WORK)
    handling.ask_extension(case.database, DISPATCHER, case.no, reason="缺配件", now=case.now)
    assert handling.decide_extension(case.database, OTHER, case.no, is_granted=True, now=case.now).extensions == 1
    case.walk(Action.RESOLVE, Action.VERIFY).after(10 * DAY)
    again = case.take(Action.REOPEN)
    assert again.extensions == 0
    assert (again.status, again.settle_by, again.due_at) == (
        Status.ACCEPTED,
        case.now + 4 * HOUR,
        case.now + 15 * MINUTE,
    )
    assert {
        getattr(again, f"{name}_at") for name in ("dispatched", "acknowledged", "arrived", "resolved", "closed")
    } == {None}
    assert (again.reported_at, again.accepted_at) == (case.began, case.now)
    assert [step.action for step in again.steps][-3:] == ["resolve", "verify", "reopen"]


def test_what_was_refused_is_reported_again(case: Case):
    """A rejected incident that is taken up again waits to be accepted."""
    case.take(Action.REJECT)
    again = case.after(DAY).take(Action.REOPEN)
    assert (again.status, again.due_at, again.is_open) == (Status.REPORTED, case.now + 15 * MINUTE, True)


# More time

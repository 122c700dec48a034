"""More time asked for and decided, and lateness appealed against."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from db import handling
from db.cases import Incident
from geo.errors import (
    Conflict,
    InvalidInput,
    NotPermitted,
    TransitionRefused,
)
from governance.access import Principal
from governance.incident import Status
from governance.lifecycle import Action
from tests.casebook import ANYWHERE, AT_WORK, DAY, HOUR, MINUTE, OTHER, THIRD, Case
from tests.people import DISPATCHER


def test_more_time_is_asked_for_twice_and_decided_by_another(case: Case):
    """Each grant adds the limit once more; nobody grants their own, and there is no third."""
    case.walk(*AT_WORK)

    def ask() -> Incident:
        return handling.ask_extension(case.database, DISPATCHER, case.no, reason="缺配件", now=case.now)

    def decide(by: Principal, *, is_granted: bool = True, opinion: str = "") -> Incident:
        return handling.decide_extension(
            case.database, by, case.no, is_granted=is_granted, opinion=opinion, now=case.now
        )

    assert case.refuses(Conflict, lambda: decide(OTHER)).facts["reason"] == "no_extension_asked"
    for count in (1, 2):
        asked = ask()
        assert (asked.status, asked.extension_requests[-1].is_granted) == (Status.PROCESSING, None)
        assert case.refuses(Conflict, ask).facts["reason"] == "extension_asked"
        assert case.refuses(Conflict, lambda: decide(DISPATCHER)).facts["reason"] == "own_request"
        case.refuses(NotPermitted, lambda: decide(ANYWHERE))
        granted = decide(OTHER)
        assert (granted.extensions, granted.settle_by) == (count, case.began + (1 + count) * 4 * HOUR)
        assert granted.due_at == granted.settle_by
        assert granted.extension_requests[-1].decided_by == "other"
    assert case.refuses(Conflict, ask).facts["reason"] == "extended_twice"


def test_a_denial_says_why_and_changes_no_deadline(case: Case):
    """Denied, the deadline stays, and it may be asked for again."""
    case.walk(*AT_WORK)
    handling.ask_extension(case.database, DISPATCHER, case.no, reason="缺配件", now=case.now)
    without = case.refuses(
        InvalidInput, lambda: handling.decide_extension(case.database, OTHER, case.no, is_granted=False, now=case.now)
    )
    assert without.field == "opinion"
    denied = handling.decide_extension(case.database, OTHER, case.no, is_granted=False, opinion="可借用", now=case.now)
    assert (denied.extensions, denied.settle_by) == (0, case.began + 4 * HOUR)
    assert (denied.extension_requests[0].is_granted, denied.extension_requests[0].opinion) == (False, "可借用")
    assert Action.EXTEND in denied.actions


def test_an_extension_needs_its_reason(case: Case):
    """Nobody gets more time without saying what for."""
    case.walk(*AT_WORK)
    refusal = case.refuses(
        InvalidInput, lambda: handling.ask_extension(case.database, DISPATCHER, case.no, reason=" ", now=case.now)
    )
    assert refusal.field == "opinion"


def test_no_extension_hides_a_lateness(case: Case):
    """Past the deadline none is asked for; and one that was asked in time isn't granted once the work is done."""
    case.walk(*AT_WORK)
    handling.ask_extension(case.database, DISPATCHER, case.no, reason="缺配件", now=case.now)
    case.after(5 * HOUR).walk(Action.RESOLVE)
    assert not {Action.GRANT, Action.DENY} & set(case.get().actions)
    case.refuses(
        TransitionRefused,
        lambda: handling.decide_extension(case.database, OTHER, case.no, is_granted=True, now=case.now),
    )
    assert case.walk(Action.VERIFY).get().extension_requests[0].is_granted is False
    assert Action.APPEAL in case.get().actions


def test_what_is_late_gets_no_more_time(case: Case):
    """Asked for a second after the deadline it is refused by name; at the deadline itself it is not."""
    case.walk(*AT_WORK)
    settle_by = case.get().settle_by
    ask = partial(handling.ask_extension, case.database, DISPATCHER, case.no, reason="缺配件")
    late = case.refuses(Conflict, lambda: ask(now=settle_by + timedelta(seconds=1)))
    assert late.facts["reason"] == "overdue"
    assert Action.EXTEND not in case.get().actions_at(settle_by + timedelta(seconds=1))
    assert Action.EXTEND in case.get().actions_at(settle_by)
    assert ask(now=settle_by).extension_requests


def test_an_extension_of_a_matter_that_stands_still_is_kept_for_later(case: Case):
    """Granted while the matter is put off, the limit is added to what is left, and nothing but the date is due."""
    case.walk(*AT_WORK)
    handling.ask_extension(case.database, DISPATCHER, case.no, reason="缺配件", now=case.now)
    until = case.now + 2 * DAY
    case.after(HOUR).take(Action.SUSPEND, resume_by=until)
    granted = handling.decide_extension(case.database, OTHER, case.no, is_granted=True, now=case.now)
    assert (granted.remaining_s, granted.due_at) == (7 * 3600, until)
    assert case.after(DAY).take(Action.RESUME).settle_by == case.now + 7 * HOUR


# Appeals


def closed_late(make: Callable[..., Case]) -> Case:
    return make().walk(*AT_WORK).after(5 * HOUR).walk(Action.RESOLVE, Action.VERIFY)


def appeal(case: Case, by: Principal = DISPATCHER, reason: str = "供应商停产") -> Incident:
    return handling.appeal(case.database, by, case.no, reason=reason, now=case.now)


def review(case: Case, by: Principal, *, is_granted: bool = True, opinion: str = "属实") -> Incident:
    return handling.review_appeal(case.database, by, case.no, is_granted=is_granted, opinion=opinion, now=case.now)


def test_two_people_grant_an_appeal_and_the_fact_stays(make: Callable[..., Case]):
    """Neither who appealed nor one person twice; then the incident is exempt, and still was late."""
    case = closed_late(make)
    appeal(case)
    assert case.refuses(Conflict, lambda: review(case, DISPATCHER)).facts["reason"] == "own_request"
    case.refuses(NotPermitted, lambda: review(case, ANYWHERE))
    assert not review(case, OTHER).is_exempt
    assert case.refuses(Conflict, lambda: review(case, OTHER)).facts["reason"] == "own_request"
    granted = review(case, THIRD)
    assert granted.is_exempt
    assert granted.resolved_at is not None
    assert granted.resolved_at > granted.settle_by
    assert granted.appeal is not None
    assert (granted.appeal.first_by, granted.appeal.second_by) == ("other", "third")
    assert case.refuses(Conflict, lambda: review(case, THIRD)).facts["reason"] == "no_appeal"
    assert case.refuses(Conflict, lambda: appeal(case)).facts["reason"] == "appealed_already"


def test_reopening_takes_the_exemption_back(make: Callable[..., Case]):
    """The appeal was against the first end's lateness: what is late after reopening counts, and can't be appealed."""
    case = closed_late(make)
    appeal(case)
    review(case, OTHER)
    assert review(case, THIRD).is_exempt
    assert not case.take(Action.REOPEN).is_exempt
    again = case.walk(*AT_WORK[1:]).after(50 * HOUR).walk(Action.RESOLVE, Action.VERIFY).get()
    assert not again.is_exempt
    assert Action.APPEAL not in again.actions


@pytest.mark.parametrize("answers", [[False], [True, False]])
def test_one_denial_ends_an_appeal(make: Callable[..., Case], answers: list[bool]):
    """Denied by either of the two it is over, the incident counts as late, and there is no second appeal."""
    case = closed_late(make)
    appeal(case)
    for by, is_granted in zip((OTHER, THIRD), answers, strict=False):
        denied = review(case, by, is_granted=is_granted)
    assert not denied.is_exempt
    assert not {Action.APPEAL, Action.REVIEW} & set(denied.actions)
    assert case.refuses(Conflict, lambda: review(case, THIRD)).facts["reason"] == "no_appeal"


def test_only_what_was_late_is_appealed_against(case: Case):
    """Settled in time, or still open, there is nothing to appeal against; and an appeal has its reason."""
    case.walk(*AT_WORK)
    case.refuses(TransitionRefused, lambda: appeal(case))
    case.walk(Action.RESOLVE, Action.VERIFY)
    assert case.refuses(Conflict, lambda: appeal(case)).facts["reason"] == "not_late"
    assert case.refuses(InvalidInput, lambda: appeal(case, reason="")).field == "opinion"


def test_a_review_says_why(make: Callable[..., Case]):
    """Granted or denied, a review has an opinion."""
    case = closed_late(make)
    appeal(case)
    assert case.refuses(InvalidInput, lambda: review(case, OTHER, opinion=" ")).field == "opinion"


# Every step leaves one row


def test_each_command_leaves_one_row_of_history(case: Case):
    """Who did what when, from where to where, why: one row an act, in order."""
    case.walk(Action.ACCEPT).after(MINUTE)
    case.take(Action.SUPERVISE, opinion="  领导批示 ")
    steps = case.get().steps
    assert [(s.action, s.from_status, s.to_status, s.actor, s.opinion) for s in steps] == [
        ("report", None, "reported", "dispatcher", ""),
        ("accept", "reported", "accepted", "dispatcher", "已核"),
        ("supervise", "accepted", "accepted", "dispatcher", "领导批示"),
    ]
    assert steps[-1].at == case.now

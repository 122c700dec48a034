"""The lifecycle of an incident as one table: which step leads where, who may take it, what must be given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from geo.errors import TransitionRefused
from governance.access import Permission
from governance.deadlines import MOST_EXTENSIONS, MOST_SUSPENSIONS
from governance.incident import FINISHED, Status


class Action(StrEnum):
    """What somebody does to an incident."""

    CONFIRM = "confirm"
    ACCEPT = "accept"
    REJECT = "reject"
    DISPATCH = "dispatch"
    ACKNOWLEDGE = "acknowledge"
    REFUSE = "refuse"
    TIME_OUT = "time_out"
    ARRIVE = "arrive"
    REINFORCE = "reinforce"
    REASSIGN = "reassign"
    HAND_OVER = "hand_over"
    RESOLVE = "resolve"
    VERIFY = "verify"
    REWORK = "rework"
    RETURN = "return"
    TRANSFER = "transfer"
    SUSPEND = "suspend"
    RESUME = "resume"
    MERGE = "merge"
    SPLIT = "split"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"
    SUPERVISE = "supervise"
    RELEASE = "release"
    EXTEND = "extend"
    GRANT = "grant"
    DENY = "deny"
    APPEAL = "appeal"
    REVIEW = "review"


class Given(StrEnum):
    """What an action must be given besides the incident; named like the parameter that brings it."""

    OPINION = "opinion"
    DEPARTMENT = "department"
    ORIGINAL = "original"
    RESUME_BY = "resume_by"
    PARTS = "parts"


COMMANDED = frozenset(
    {
        Action.DISPATCH,
        Action.REFUSE,
        Action.TIME_OUT,
        Action.REINFORCE,
        Action.REASSIGN,
        Action.HAND_OVER,
        Action.SPLIT,
        Action.EXTEND,
        Action.GRANT,
        Action.DENY,
        Action.APPEAL,
        Action.REVIEW,
    }
)
"""Actions with a command of their own; the others are steps that `db.handling.advance` takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One allowed step: where it leads, who may take it, and what must be given with it."""

    action: Action
    from_status: Status
    to_status: Status
    permission: Permission
    needs: frozenset[Given]

    @property
    def needs_opinion(self) -> bool:
        """Whether whoever takes it must say why."""
        return Given.OPINION in self.needs


def _steps(
    action: Action,
    from_statuses: Iterable[Status],
    to_status: Status | None,
    *needs: Given,
    permission: Permission = Permission.ADVANCE_INCIDENT,
) -> tuple[Transition, ...]:
    """The action's rows of the table; without `to_status` it leaves the incident where it is."""
    return tuple(
        Transition(
            action=action,
            from_status=status,
            to_status=to_status or status,
            permission=permission,
            needs=frozenset(needs),
        )
        for status in from_statuses
    )


_S, _G, _P = Status, Given, Permission
_OPEN = tuple(status for status in Status if status not in FINISHED)
_AWAY = (_S.DISPATCHED, _S.PROCESSING)
"""Somebody has been sent."""
_UNSETTLED = (_S.ACCEPTED, *_AWAY, _S.RETURNED, _S.TRANSFERRED, _S.SUSPENDED)
"""The clock of the whole matter is what counts. Once work is done, more time would only hide that it was late."""

TRANSITIONS: tuple[Transition, ...] = (
    # Somebody looked on the spot before filing: it is as reported.
    *_steps(Action.CONFIRM, (_S.REPORTED,), None, _G.OPINION),
    *_steps(Action.ACCEPT, (_S.REPORTED,), _S.ACCEPTED),
    *_steps(Action.REJECT, (_S.REPORTED, _S.ACCEPTED), _S.REJECTED, _G.OPINION),
    *_steps(Action.DISPATCH, (_S.ACCEPTED, _S.RETURNED), _S.DISPATCHED, permission=_P.DISPATCH),
    *_steps(Action.ACKNOWLEDGE, (_S.DISPATCHED,), None),
    # Nobody is on the way until the next candidate has been claimed, which may fail.
    *_steps(Action.REFUSE, (_S.DISPATCHED,), _S.RETURNED, _G.OPINION),
    *_steps(Action.TIME_OUT, (_S.DISPATCHED,), _S.RETURNED),
    *_steps(Action.ARRIVE, (_S.DISPATCHED,), _S.PROCESSING),
    *_steps(Action.REINFORCE, _AWAY, None, permission=_P.DISPATCH),
    # Whoever comes instead is on the way first, even where somebody was at work.
    *_steps(Action.REASSIGN, _AWAY, _S.DISPATCHED, _G.OPINION, permission=_P.DISPATCH),
    *_steps(Action.HAND_OVER, _AWAY, _S.DISPATCHED, permission=_P.DISPATCH),
    *_steps(Action.RESOLVE, (_S.PROCESSING, _S.TRANSFERRED), _S.RESOLVED, _G.OPINION),
    *_steps(Action.VERIFY, (_S.RESOLVED,), _S.CLOSED),
    # The check on the spot failed, so the same responder goes on.
    *_steps(Action.REWORK, (_S.RESOLVED,), _S.PROCESSING, _G.OPINION),
    # A responder or department gives it back; the command centre sends somebody else.
    *_steps(Action.RETURN, (*_AWAY, _S.TRANSFERRED), _S.RETURNED, _G.OPINION),
    # From resolved too: what a department did and the check refused goes back to a department.
    *_steps(Action.TRANSFER, (_S.ACCEPTED, _S.RETURNED, _S.RESOLVED), _S.TRANSFERRED, _G.OPINION, _G.DEPARTMENT),
    *_steps(
        Action.SUSPEND,
        (_S.ACCEPTED, _S.PROCESSING, _S.RETURNED, _S.TRANSFERRED),
        _S.SUSPENDED,
        *(_G.OPINION, _G.RESUME_BY),
    ),
    *_steps(Action.RESUME, (_S.SUSPENDED,), _S.ACCEPTED),
    *_steps(Action.MERGE, (_S.REPORTED, _S.ACCEPTED, _S.RETURNED), _S.MERGED, _G.OPINION, _G.ORIGINAL),
    # The parts go their own way; what is left of the matter stays where it is, and can't be closed before them.
    *_steps(Action.SPLIT, (_S.REPORTED, _S.ACCEPTED, _S.RETURNED, *_AWAY), None, _G.OPINION, _G.PARTS),
    # The dispatcher's undo: nobody is on the way any more.
    *_steps(Action.WITHDRAW, (_S.DISPATCHED,), _S.ACCEPTED, permission=_P.DISPATCH),
    *_steps(Action.REOPEN, (_S.CLOSED,), _S.ACCEPTED, _G.OPINION),
    *_steps(Action.REOPEN, (_S.REJECTED, _S.MERGED), _S.REPORTED, _G.OPINION),
    *_steps(Action.SUPERVISE, _OPEN, None, _G.OPINION, permission=_P.SUPERVISE),
    *_steps(Action.RELEASE, _OPEN, None, permission=_P.SUPERVISE),
    # More time is asked for by those at work, and decided by somebody else.
    *_steps(Action.EXTEND, (*_AWAY, _S.TRANSFERRED), None, _G.OPINION),
    *_steps(Action.GRANT, _UNSETTLED, None, permission=_P.DECIDE_TIME),
    *_steps(Action.DENY, _UNSETTLED, None, _G.OPINION, permission=_P.DECIDE_TIME),
    *_steps(Action.APPEAL, (_S.CLOSED,), None, _G.OPINION),
    *_steps(Action.REVIEW, (_S.CLOSED,), None, _G.OPINION, permission=_P.DECIDE_TIME),
)

_BY_STEP: Mapping[tuple[Status, Action], Transition] = MappingProxyType(
    {(t.from_status, t.action): t for t in TRANSITIONS}
)

PAIRS: frozenset[tuple[Status, Status]] = frozenset(
    (t.from_status, t.to_status) for t in TRANSITIONS if t.from_status != t.to_status
)
"""What the database's own guard lets pass."""

INSTANT: Mapping[Action, str] = MappingProxyType(
    {
        Action.CONFIRM: "confirmed_at",
        Action.ACCEPT: "accepted_at",
        Action.DISPATCH: "dispatched_at",
        Action.ACKNOWLEDGE: "acknowledged_at",
        Action.ARRIVE: "arrived_at",
        Action.RESOLVE: "resolved_at",
        Action.VERIFY: "closed_at",
    }
)
"""The incident's instant that an action stamps; their spans are what gets reported."""


def actions_from(status: Status) -> tuple[Action, ...]:
    """What may be done to an incident that stands at `status`, in the order of `Action`."""
    return tuple(action for action in Action if (status, action) in _BY_STEP)


def step(current: Status, action: Action) -> Transition:
    """The transition that `action` makes from `current`. Raises `TransitionRefused` with what is allowed instead."""
    try:
        return _BY_STEP[current, action]
    except KeyError:
        allowed = actions_from(current)
        raise TransitionRefused(
            f"{action} is not possible at {current}",
            current=current.value,
            requested=action.value,
            allowed=[a.value for a in allowed],
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What an incident's own facts say about its next step, beside its status."""

    is_supervised: bool
    needs_check: bool
    is_confirmed: bool
    has_open_part: bool
    is_part_of_closed: bool
    suspensions: int
    extensions: int
    is_extension_asked: bool
    is_departments: bool
    has_duplicates: bool
    was_late: bool
    has_appeal: bool
    is_appeal_open: bool


class Hindrance(StrEnum):
    """Why an action that the lifecycle has is not open to this incident now."""

    SUPERVISED_ALREADY = "supervised_already"
    NOT_SUPERVISED = "not_supervised"
    NOT_CONFIRMED = "not_confirmed"
    CONFIRMED_ALREADY = "confirmed_already"
    PART_OPEN = "part_open"
    WHOLE_CLOSED = "whole_closed"
    DEPARTMENTS_WORK = "departments_work"
    HAS_DUPLICATES = "has_duplicates"
    SUSPENDED_BEFORE = "suspended_before"
    EXTENDED_TWICE = "extended_twice"
    EXTENSION_ASKED = "extension_asked"
    NO_EXTENSION_ASKED = "no_extension_asked"
    NOT_LATE = "not_late"
    APPEALED_ALREADY = "appealed_already"
    NO_APPEAL = "no_appeal"


_Rule = tuple[Callable[[Standing], bool], Hindrance]

_HINDRANCES: Mapping[Action, tuple[_Rule, ...]] = MappingProxyType(
    {
        Action.CONFIRM: ((lambda s: s.is_confirmed, Hindrance.CONFIRMED_ALREADY),),
        Action.ACCEPT: ((lambda s: s.needs_check and not s.is_confirmed, Hindrance.NOT_CONFIRMED),),
        Action.VERIFY: ((lambda s: s.has_open_part, Hindrance.PART_OPEN),),
        # The whole was closed because all its parts were: it is reopened first.
        Action.REOPEN: ((lambda s: s.is_part_of_closed, Hindrance.WHOLE_CLOSED),),
        # What a department did has no grid worker who could go on with it: it is handed to a department again.
        Action.REWORK: ((lambda s: s.is_departments, Hindrance.DEPARTMENTS_WORK),),
        # A duplicate of a duplicate would lead nowhere.
        Action.MERGE: ((lambda s: s.has_duplicates, Hindrance.HAS_DUPLICATES),),
        Action.SUSPEND: ((lambda s: s.suspensions >= MOST_SUSPENSIONS, Hindrance.SUSPENDED_BEFORE),),
        Action.SUPERVISE: ((lambda s: s.is_supervised, Hindrance.SUPERVISED_ALREADY),),
        Action.RELEASE: ((lambda s: not s.is_supervised, Hindrance.NOT_SUPERVISED),),
        Action.EXTEND: (
            (lambda s: s.extensions >= MOST_EXTENSIONS, Hindrance.EXTENDED_TWICE),
            (lambda s: s.is_extension_asked, Hindrance.EXTENSION_ASKED),
        ),
        Action.GRANT: ((lambda s: not s.is_extension_asked, Hindrance.NO_EXTENSION_ASKED),),
        Action.DENY: ((lambda s: not s.is_extension_asked, Hindrance.NO_EXTENSION_ASKED),),
        Action.APPEAL: (
            (lambda s: s.has_appeal, Hindrance.APPEALED_ALREADY),
            (lambda s: not s.was_late, Hindrance.NOT_LATE),
        ),
        Action.REVIEW: ((lambda s: not s.is_appeal_open, Hindrance.NO_APPEAL),),
    }
)

HINDERED = frozenset(_HINDRANCES)
"""Actions that an incident's own facts may keep from being taken; the others ask the table alone."""


def hindrance(action: Action, standing: Standing) -> Hindrance | None:
    """What keeps the action from being taken, None when nothing does."""
    return next((reason for keeps, reason in _HINDRANCES.get(action, ()) if keeps(standing)), None)

"""The lifecycle of an incident as one table: which step leads where, who may take it, what must be given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from geo.errors import TransitionRefused
from governance.access import Permission
from governance.incident import Status


class Action(StrEnum):
    """What somebody does to an incident."""

    ACCEPT = "accept"
    REJECT = "reject"
    DISPATCH = "dispatch"
    ACKNOWLEDGE = "acknowledge"
    ARRIVE = "arrive"
    RESOLVE = "resolve"
    VERIFY = "verify"
    REWORK = "rework"
    RETURN = "return"
    TRANSFER = "transfer"
    SUSPEND = "suspend"
    RESUME = "resume"
    MERGE = "merge"
    WITHDRAW = "withdraw"
    REOPEN = "reopen"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One allowed step. `needs_opinion`: whoever takes it must say why."""

    action: Action
    from_status: Status
    to_status: Status
    permission: Permission
    needs_opinion: bool


def _steps(
    action: Action,
    from_statuses: tuple[Status, ...],
    to_status: Status,
    *,
    permission: Permission = Permission.ADVANCE_INCIDENT,
    needs_opinion: bool = False,
) -> tuple[Transition, ...]:
    return tuple(
        Transition(
            action=action,
            from_status=status,
            to_status=to_status,
            permission=permission,
            needs_opinion=needs_opinion,
        )
        for status in from_statuses
    )


_S = Status
TRANSITIONS: tuple[Transition, ...] = (
    *_steps(Action.ACCEPT, (_S.REPORTED,), _S.ACCEPTED),
    *_steps(Action.REJECT, (_S.REPORTED, _S.ACCEPTED), _S.REJECTED, needs_opinion=True),
    *_steps(Action.DISPATCH, (_S.ACCEPTED, _S.RETURNED), _S.DISPATCHED, permission=Permission.DISPATCH),
    *_steps(Action.ACKNOWLEDGE, (_S.DISPATCHED,), _S.DISPATCHED),
    *_steps(Action.ARRIVE, (_S.DISPATCHED,), _S.PROCESSING),
    *_steps(Action.RESOLVE, (_S.PROCESSING,), _S.RESOLVED, needs_opinion=True),
    *_steps(Action.VERIFY, (_S.RESOLVED,), _S.CLOSED),
    # The check on the spot failed, so the same responder goes on.
    *_steps(Action.REWORK, (_S.RESOLVED,), _S.PROCESSING, needs_opinion=True),
    # A responder or department gives it back; the command centre sends somebody else.
    *_steps(Action.RETURN, (_S.DISPATCHED, _S.PROCESSING, _S.TRANSFERRED), _S.RETURNED, needs_opinion=True),
    *_steps(Action.TRANSFER, (_S.ACCEPTED, _S.RETURNED), _S.TRANSFERRED, needs_opinion=True),
    *_steps(Action.RESOLVE, (_S.TRANSFERRED,), _S.RESOLVED, needs_opinion=True),
    *_steps(Action.SUSPEND, (_S.ACCEPTED, _S.PROCESSING, _S.RETURNED), _S.SUSPENDED, needs_opinion=True),
    *_steps(Action.RESUME, (_S.SUSPENDED,), _S.ACCEPTED),
    *_steps(Action.MERGE, (_S.REPORTED, _S.ACCEPTED), _S.MERGED, needs_opinion=True),
    # The dispatcher's undo: nobody is on the way any more.
    *_steps(Action.WITHDRAW, (_S.DISPATCHED,), _S.ACCEPTED, permission=Permission.DISPATCH),
    *_steps(Action.REOPEN, (_S.CLOSED,), _S.ACCEPTED, needs_opinion=True),
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

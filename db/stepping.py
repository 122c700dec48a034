"""The one door for every step of an incident but the dispatch itself: which command an action is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from db import assignments, handling, replacements
from db.cases import Incident
from db.incidents import Report
from db.session import Database
from db.steps import Particulars
from geo.errors import InvalidInput
from governance.access import Principal
from governance.lifecycle import Action


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A step that somebody asks for, with whatever is given with it; see `governance.lifecycle.Given`.

    `worker` is a code: who acknowledges, arrives or refuses, or who is sent instead of the next candidate.
    """

    action: Action
    opinion: str = ""
    department: str | None = None
    original: str | None = None
    resume_by: datetime | None = None
    worker: str | None = None
    parts: tuple[Report, ...] = ()
    is_satisfied: bool | None = None
    is_granted: bool | None = None


def take(  # noqa: C901, PLR0911  one answer for each command
    database: Database, principal: Principal, no: str, asked: Asked, *, now: datetime
) -> Incident:
    """Takes the step. Raises what its command raises, and `InvalidInput` for an action that has another door."""
    opinion, worker = asked.opinion, asked.worker
    match asked.action:
        case Action.DISPATCH | Action.HAND_OVER | Action.TIME_OUT:
            raise InvalidInput(f"{asked.action} isn't taken as a step", field="action")
        case Action.REFUSE:
            return replacements.refuse(database, principal, no, reason=opinion, now=now, worker=worker)
        case Action.REASSIGN:
            return replacements.reassign(database, principal, no, reason=opinion, now=now, worker=worker)
        case Action.REINFORCE:
            return assignments.reinforce(database, principal, no, now=now, worker=worker, reason=opinion)
        case Action.SPLIT:
            return handling.split(database, principal, no, asked.parts, opinion=opinion, now=now)
        case Action.EXTEND:
            return handling.ask_extension(database, principal, no, reason=opinion, now=now)
        case Action.GRANT | Action.DENY:
            is_granted = asked.action is Action.GRANT
            return handling.decide_extension(database, principal, no, is_granted=is_granted, opinion=opinion, now=now)
        case Action.APPEAL:
            return handling.appeal(database, principal, no, reason=opinion, now=now)
        case Action.REVIEW:
            if asked.is_granted is None:
                raise InvalidInput("a review says is_granted", field="is_granted")
            is_granted = asked.is_granted
            return handling.review_appeal(database, principal, no, is_granted=is_granted, opinion=opinion, now=now)
        case _:
            given = Particulars(
                opinion=opinion,
                department=asked.department,
                original=asked.original,
                resume_by=asked.resume_by,
                is_satisfied=asked.is_satisfied,
            )
            return handling.advance(database, principal, no, asked.action, now=now, given=given, worker=worker)

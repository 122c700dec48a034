"""The one door for every step of an incident: which command an action is."""

from __future__ import annotations

from datetime import datetime

from api.bodies import StepBody
from db import assignments, handling, replacements
from db.cases import Incident
from db.session import Database
from db.steps import Particulars
from geo.errors import InvalidInput
from governance.access import Principal
from governance.lifecycle import Action


def take(  # noqa: C901, PLR0911  one answer for each command
    database: Database, principal: Principal, no: str, body: StepBody, *, now: datetime
) -> Incident:
    """Takes the step that the body asks for. Raises what its command raises."""
    match body.action:
        case Action.DISPATCH | Action.HAND_OVER | Action.TIME_OUT:
            raise InvalidInput("this step isn't taken here: POST …/dispatch sends somebody", field="action")
        case Action.REFUSE:
            return replacements.refuse(database, principal, no, reason=body.opinion, now=now, worker=body.worker)
        case Action.REASSIGN:
            return replacements.reassign(database, principal, no, reason=body.opinion, now=now, worker=body.worker)
        case Action.REINFORCE:
            return assignments.reinforce(database, principal, no, now=now, worker=body.worker, reason=body.opinion)
        case Action.SPLIT:
            parts = [part.as_report(request_key=None) for part in body.parts]
            return handling.split(database, principal, no, parts, opinion=body.opinion, now=now)
        case Action.EXTEND:
            return handling.ask_extension(database, principal, no, reason=body.opinion, now=now)
        case Action.GRANT | Action.DENY:
            is_granted = body.action is Action.GRANT
            return handling.decide_extension(
                database, principal, no, is_granted=is_granted, opinion=body.opinion, now=now
            )
        case Action.APPEAL:
            return handling.appeal(database, principal, no, reason=body.opinion, now=now)
        case Action.REVIEW:
            if body.is_granted is None:
                raise InvalidInput("a review says is_granted", field="is_granted")
            return handling.review_appeal(
                database, principal, no, is_granted=body.is_granted, opinion=body.opinion, now=now
            )
        case _:
            given = Particulars(
                opinion=body.opinion,
                department=body.department,
                original=body.original,
                resume_by=body.resume_by,
                is_satisfied=body.is_satisfied,
            )
            return handling.advance(database, principal, no, body.action, now=now, given=given)

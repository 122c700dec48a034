"""One step of an incident inside a command: the row locked, the lifecycle asked, history appended, the clock kept."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from db import models
from db.calendar import Clockwork
from db.sql import statement
from geo.errors import Conflict, InvalidInput, NotFound, UnknownCode
from governance.access import Principal
from governance.deadlines import LONGEST_SUSPENSION
from governance.incident import FINISHED, Status
from governance.lifecycle import HINDERED, INSTANT, Action, Given, Standing, hindrance, step

_FORGOTTEN = {
    Action.WITHDRAW: ("dispatched_at", "acknowledged_at", "arrived_at"),
    Action.DISPATCH: ("acknowledged_at", "arrived_at"),
    Action.REASSIGN: ("acknowledged_at", "arrived_at"),
    Action.HAND_OVER: ("acknowledged_at", "arrived_at"),
    Action.REWORK: ("resolved_at",),
    Action.TRANSFER: ("resolved_at",),
    Action.RESUME: ("department_code",),
    Action.REOPEN: (
        *("accepted_at", "dispatched_at", "acknowledged_at", "arrived_at", "resolved_at", "closed_at", "merged_into"),
        *("department_code", "returned_by", "is_satisfied"),
    ),
}
"""What an action takes back: instants that told of somebody who is no longer sent, or of an end that was none."""

_MERGE_LOCK = 7_232
"""Advisory lock under which duplicates are merged: two at once could each become the other's duplicate."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Particulars:
    """What is given with a step. `department` is a code, `original` the number of the incident that it repeats."""

    opinion: str = ""
    department: str | None = None
    original: str | None = None
    resume_by: datetime | None = None
    is_satisfied: bool | None = None


NOTHING = Particulars()


def lock(session: Session, no: str) -> models.Incident:
    """The incident's row, held against other commands until the transaction ends. Raises `NotFound`."""
    found = select(models.Incident).where(models.Incident.no == no).with_for_update(key_share=True)
    incident = session.scalars(found.execution_options(populate_existing=True)).one_or_none()
    if incident is None:
        raise NotFound(f"there is no incident {no}", no=no)
    return incident


def standing_of(session: Session, incident_id: int) -> Standing:
    """What the incident's own facts say about its next step."""
    return Standing(**session.execute(statement("standing"), {"incident_id": incident_id}).one()._asdict())


def take_step(
    session: Session,
    principal: Principal,
    incident: models.Incident,
    action: Action,
    *,
    now: datetime,
    clocks: Clockwork,
    given: Particulars = NOTHING,
) -> None:
    """Moves a locked incident one step: asks the lifecycle, stamps the instant, keeps the clock, appends the row.

    Raises `TransitionRefused`, `NotPermitted`, `InvalidInput` naming what is missing, `Conflict` with the hindrance as
    its reason.
    """
    current = Status(incident.status)
    transition = step(current, action)
    principal.require(transition.permission)
    _require(transition.needs, given, now)
    if action is Action.MERGE:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MERGE_LOCK})
    if action in HINDERED:
        session.flush()
        hindered = hindrance(action, standing_of(session, incident.id))
        if hindered is not None:
            raise Conflict(f"{action} is hindered: {hindered}", reason=hindered.value)
    for name in _FORGOTTEN.get(action, ()):
        setattr(incident, name, None)
    if action in INSTANT and (transition.to_status is not current or getattr(incident, INSTANT[action]) is None):
        # The second of a crew to acknowledge doesn't move the instant of the first.
        setattr(incident, INSTANT[action], now)
    if action is Action.REOPEN and transition.to_status is Status.ACCEPTED:
        incident.accepted_at = now
    # Before the status: it asks the database, which must not meet the one without the other.
    _note(session, incident, action, given)
    incident.status = transition.to_status
    _keep_time(incident, action, now=now, clocks=clocks)
    if transition.to_status is not current:
        clocks.enter(incident, now=now)
    append_step(
        session,
        principal,
        incident.id,
        action=action,
        from_status=current,
        to_status=transition.to_status,
        now=now,
        opinion=given.opinion,
    )


def append_step(
    session: Session,
    principal: Principal,
    incident_id: int,
    *,
    action: str,
    from_status: Status | None,
    to_status: Status,
    now: datetime,
    opinion: str,
) -> None:
    """One row of history; the database chains its hash."""
    session.flush()
    session.execute(
        insert(models.IncidentStep).inline(),
        {
            "incident_id": incident_id,
            "action": action,
            "from_status": from_status,
            "to_status": to_status,
            "actor": principal.account,
            "actor_name": principal.display_name,
            "at": now,
            "opinion": opinion.strip(),
            "hash": b"",
        },
    )


def _require(needs: frozenset[Given], given: Particulars, now: datetime) -> None:
    if Given.OPINION in needs and not given.opinion.strip():
        raise InvalidInput("this step needs an opinion", field="opinion")
    if Given.DEPARTMENT in needs and not given.department:
        raise InvalidInput("a transfer names the department", field="department")
    if Given.ORIGINAL in needs and not given.original:
        raise InvalidInput("a duplicate names the incident that it repeats", field="original")
    if Given.RESUME_BY in needs:
        if given.resume_by is None or given.resume_by.tzinfo is None:
            raise InvalidInput("putting off says until when, with its time zone", field="resume_by")
        if given.resume_by <= now:
            raise InvalidInput("the instant to resume by has passed already", field="resume_by")
        if given.resume_by > now + LONGEST_SUSPENSION:
            raise InvalidInput("a matter is put off for at most a year", field="resume_by")


def _note(session: Session, incident: models.Incident, action: Action, given: Particulars) -> None:
    """Keeps on the incident what was given with the action."""
    match action:
        case Action.TRANSFER:
            incident.department_code = _department(session, given)
        case Action.MERGE:
            incident.merged_into = _original(session, incident, given).id
        case Action.SUSPEND:
            incident.resume_by = given.resume_by
            incident.suspensions += 1
        case Action.RESUME:
            incident.resume_by = None
        case Action.REWORK:
            incident.reworks += 1
        case Action.VERIFY:
            incident.is_satisfied = given.is_satisfied
        case Action.SUPERVISE | Action.RELEASE:
            incident.is_supervised = action is Action.SUPERVISE
        case Action.REOPEN:
            incident.extensions = 0
            # The appeal was against the lateness of the end that is taken back.
            incident.is_exempt = False
        case _:
            pass


def _department(session: Session, given: Particulars) -> str:
    found = session.get(models.Department, given.department)
    if found is None:
        raise UnknownCode(f"there is no department {given.department}", field="department")
    return found.code


def _original(session: Session, incident: models.Incident, given: Particulars) -> models.Incident:
    """The incident that this one repeats, still open, so that the matter goes on there; none of its own parts.

    Raises `UnknownCode`, `InvalidInput` for a duplicate (chains of them can't come about), `Conflict`.
    """
    original = session.scalars(select(models.Incident).where(models.Incident.no == given.original)).one_or_none()
    if original is None or original.id == incident.id:
        raise UnknownCode(f"there is no other incident {given.original}", field="original")
    if original.status == Status.MERGED:
        raise InvalidInput(f"{original.no} is a duplicate itself", field="original")
    if original.status in FINISHED:
        raise Conflict(f"{original.no} is finished", reason="original_finished")
    if original.parent_id == incident.id:
        raise Conflict(f"{original.no} is a part of {incident.no}", reason="own_part")
    return original


def _keep_time(incident: models.Incident, action: Action, *, now: datetime, clocks: Clockwork) -> None:
    """What the action means for the clock of the whole matter.

    It stands still while the matter is put off, and from a department's return until somebody takes it on: the same
    department or a grid worker goes on with what was left, another department gets the whole limit.
    """
    match action:
        case Action.SUSPEND:
            clocks.pause(incident, now=now)
        case Action.RESUME | Action.DISPATCH | Action.MERGE:
            clocks.resume(incident, now=now)
            incident.returned_by = None
        case Action.RETURN if incident.department_code is not None:
            clocks.pause(incident, now=now)
            incident.returned_by, incident.department_code = incident.department_code, None
        case Action.TRANSFER:
            if incident.returned_by in {None, incident.department_code}:
                clocks.resume(incident, now=now)
            else:
                clocks.restart(incident, now=now)
            incident.returned_by = None
        case Action.REOPEN:
            clocks.restart(incident, now=now)
        case _:
            pass

"""One step of an incident inside a command: the row locked, the lifecycle asked, history appended, the load kept."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from db import models
from db.calendar import Clockwork
from geo.errors import Conflict, InvalidInput, NotFound
from governance.access import Principal
from governance.incident import AssignmentStatus, Status
from governance.lifecycle import INSTANT, Action, step

_FORGOTTEN = {
    Action.WITHDRAW: ("dispatched_at", "acknowledged_at", "arrived_at"),
    Action.DISPATCH: ("acknowledged_at", "arrived_at"),
    Action.REOPEN: ("dispatched_at", "acknowledged_at", "arrived_at", "resolved_at", "closed_at"),
}
"""Instants that an action takes back: they told of somebody who is no longer sent, or of an end that was none."""


def lock(session: Session, no: str) -> models.Incident:
    """The incident's row, held against other commands until the transaction ends. Raises `NotFound`."""
    found = select(models.Incident).where(models.Incident.no == no).with_for_update(key_share=True)
    incident = session.scalars(found.execution_options(populate_existing=True)).one_or_none()
    if incident is None:
        raise NotFound(f"there is no incident {no}", no=no)
    return incident


def take_step(
    session: Session,
    principal: Principal,
    incident: models.Incident,
    action: Action,
    *,
    now: datetime,
    opinion: str,
    clocks: Clockwork,
) -> None:
    """Moves a locked incident one step: asks the lifecycle, stamps the instant, sets the deadline, appends the row."""
    current = Status(incident.status)
    transition = step(current, action)
    principal.require(transition.permission)
    if transition.needs_opinion and not opinion.strip():
        raise InvalidInput("this step needs an opinion", field="opinion")
    incident.status = transition.to_status
    for name in _FORGOTTEN.get(action, ()):
        setattr(incident, name, None)
    if action in INSTANT:
        setattr(incident, INSTANT[action], now)
    incident.due_at = clocks.due_at(transition.to_status, entered_at=now, settle_by=incident.settle_by)
    append_step(
        session,
        principal,
        incident.id,
        action=action,
        from_status=current,
        to_status=transition.to_status,
        now=now,
        opinion=opinion,
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


_FOLLOW = {
    Action.ACKNOWLEDGE: text(
        """UPDATE assignment SET status = 'acknowledged', acknowledged_at = :now
        WHERE incident_id = :incident_id AND ended_at IS NULL"""
    ),
    Action.ARRIVE: text(
        """UPDATE assignment SET status = 'arrived', arrived_at = :now,
            acknowledged_at = coalesce(acknowledged_at, :now)
        WHERE incident_id = :incident_id AND ended_at IS NULL"""
    ),
}

_END = text(
    """WITH ended AS (
        UPDATE assignment SET status = :status, ended_at = :now
        WHERE incident_id = :incident_id AND ended_at IS NULL
        RETURNING worker_id
    )
    UPDATE responder AS r
    SET load = r.load - 1, idle_since = :now, updated_at = :now
    FROM ended
    WHERE r.worker_id = ended.worker_id"""
)

# Rework: the check on the spot failed, so whoever did the work goes on, off duty or not, but not beyond the cap.
_RESUME = text(
    """WITH last AS (
        SELECT a.* FROM assignment AS a WHERE a.incident_id = :incident_id ORDER BY a.id DESC LIMIT 1
    ), taken AS (
        UPDATE responder AS r SET load = r.load + 1, updated_at = :now
        FROM last
        WHERE r.worker_id = last.worker_id AND r.load < r.cap
        RETURNING r.worker_id
    )
    INSERT INTO assignment (incident_id, worker_id, recommendation_id, status, is_override, reason, distance_m,
        dispatched_by, dispatched_at, acknowledged_at, arrived_at)
    SELECT last.incident_id, last.worker_id, last.recommendation_id, 'arrived', last.is_override, last.reason,
        last.distance_m, :account, :now, :now, :now
    FROM last JOIN taken USING (worker_id)
    RETURNING id"""
)


def follow_assignment(session: Session, incident_id: int, action: Action, *, now: datetime) -> None:
    """Marks the active assignment as acknowledged or arrived."""
    session.execute(_FOLLOW[action], {"incident_id": incident_id, "now": now})


def end_assignment(session: Session, incident_id: int, *, is_done: bool, now: datetime) -> None:
    """Ends the active assignment, if there is one, and takes it off the responder's load."""
    status = AssignmentStatus.DONE if is_done else AssignmentStatus.WITHDRAWN
    session.execute(_END, {"incident_id": incident_id, "status": status, "now": now})


def resume_assignment(session: Session, incident_id: int, principal: Principal, *, now: datetime) -> None:
    """Gives a rework to the responder who did the work. Raises `Conflict` when they hold as much as they may."""
    facts = {"incident_id": incident_id, "account": principal.account, "now": now}
    if session.scalars(_RESUME, facts).one_or_none() is None:
        raise Conflict("whoever did the work holds as many open tasks as they may", reason="at_cap")

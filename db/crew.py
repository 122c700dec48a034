"""Those who were sent: their assignments followed, ended and taken up again, and the load that they stand for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db import models
from geo.errors import Conflict, UnknownCode
from governance.access import Principal
from governance.incident import AssignmentStatus
from governance.lifecycle import Action

_FOLLOW = {
    Action.ACKNOWLEDGE: text(
        """UPDATE assignment SET status = 'acknowledged', acknowledged_at = :now
        WHERE incident_id = :incident_id AND ended_at IS NULL AND status = 'sent'
            AND slot = coalesce(CAST(:slot AS smallint), slot)"""
    ),
    Action.ARRIVE: text(
        """UPDATE assignment SET status = 'arrived', arrived_at = :now,
            acknowledged_at = coalesce(acknowledged_at, :now)
        WHERE incident_id = :incident_id AND ended_at IS NULL AND status <> 'arrived'
            AND slot = coalesce(CAST(:slot AS smallint), slot)"""
    ),
}

_HOLD = text(
    """SELECT r.worker_id
    FROM responder AS r JOIN assignment AS a ON a.worker_id = r.worker_id
    WHERE a.incident_id = :incident_id AND a.ended_at IS NULL
    ORDER BY r.worker_id
    FOR NO KEY UPDATE OF r"""
)

# Responders in the order of their ids, so that two commands never wait for each other.
_END = text(
    """WITH ended AS (
        UPDATE assignment SET status = :status, ended_at = :now, end_reason = :reason
        WHERE incident_id = :incident_id AND ended_at IS NULL
            AND (CAST(:slots AS smallint[]) IS NULL OR slot = ANY (CAST(:slots AS smallint[])))
        RETURNING worker_id
    ), locked AS MATERIALIZED (
        SELECT r.worker_id FROM responder AS r JOIN ended USING (worker_id) ORDER BY r.worker_id FOR NO KEY UPDATE OF r
    )
    UPDATE responder AS r
    SET load = r.load - 1, idle_since = :now, finished_at = CASE WHEN :is_work THEN :now ELSE r.finished_at END,
        updated_at = :now
    FROM locked
    WHERE r.worker_id = locked.worker_id"""
)

# Rework: the check on the spot failed, so those who did the work go on, off duty or not, but not beyond the cap.
_RESUME = text(
    """WITH last AS (
        SELECT DISTINCT ON (a.slot) a.*
        FROM assignment AS a
        WHERE a.incident_id = :incident_id AND a.status = 'done' AND a.ended_at = (
            SELECT max(b.ended_at) FROM assignment AS b WHERE b.incident_id = :incident_id AND b.status = 'done')
        ORDER BY a.slot, a.id DESC
    ), locked AS MATERIALIZED (
        SELECT r.worker_id FROM responder AS r JOIN last USING (worker_id) WHERE r.load < r.cap
        ORDER BY r.worker_id FOR NO KEY UPDATE OF r
    ), taken AS (
        UPDATE responder AS r SET load = r.load + 1, updated_at = :now
        FROM locked
        WHERE r.worker_id = locked.worker_id
        RETURNING r.worker_id
    )
    INSERT INTO assignment (incident_id, worker_id, recommendation_id, status, is_override, reason, distance_m,
        dispatched_by, dispatched_at, acknowledged_at, arrived_at, slot, eta_s, end_reason)
    SELECT last.incident_id, last.worker_id, last.recommendation_id, 'arrived', last.is_override, last.reason,
        last.distance_m, :account, :now, :now, :now, last.slot, last.eta_s, ''
    FROM last JOIN taken USING (worker_id)
    RETURNING slot"""
)


def follow(session: Session, incident_id: int, action: Action, *, now: datetime, worker: str | None = None) -> None:
    """Marks those who were sent, or the one `worker` (by code), as having acknowledged or arrived.

    Raises like `slot_of`: an answer that comes after somebody else was sent instead doesn't count as theirs.
    """
    slot = None if worker is None else slot_of(session, incident_id, worker)
    session.execute(_FOLLOW[action], {"incident_id": incident_id, "now": now, "slot": slot})


def slot_of(session: Session, incident_id: int, worker: str) -> int:
    """The slot that the worker (by code) holds. Raises `UnknownCode`, `Conflict` when they aren't sent (any more)."""
    if session.scalars(select(models.Worker.id).where(models.Worker.code == worker)).one_or_none() is None:
        raise UnknownCode(f"there is no worker {worker}", field="worker")
    found = session.scalars(
        select(models.Assignment.slot)
        .join(models.Worker, models.Worker.id == models.Assignment.worker_id)
        .where(
            models.Assignment.incident_id == incident_id,
            models.Assignment.ended_at.is_(None),
            models.Worker.code == worker,
        )
    ).one_or_none()
    if found is None:
        raise Conflict(f"{worker} isn't sent here any more", reason="not_sent")
    return found


def hold(session: Session, incident_id: int) -> None:
    """Locks the responders of the active assignments, in the order of their ids.

    For a command that ends them one after another: a batch of positions locks in that order too, and would otherwise
    wait for one of them while the command waits for another.
    """
    session.execute(_HOLD, {"incident_id": incident_id})


def end(
    session: Session,
    incident_id: int,
    status: AssignmentStatus,
    *,
    now: datetime,
    reason: str = "",
    slots: Sequence[int] | None = None,
) -> None:
    """Ends the active assignments (of some `slots`, or all) and takes them off their responders' loads."""
    session.flush()
    session.execute(
        _END,
        {
            "incident_id": incident_id,
            "status": status,
            "now": now,
            "reason": reason,
            "slots": None if slots is None else list(slots),
            "is_work": status is AssignmentStatus.DONE,
        },
    )


def resume(session: Session, incident_id: int, principal: Principal, *, now: datetime) -> None:
    """Gives a rework to those who did the work. Raises `Conflict` when the lead holds as much as they may.

    What a department did has nobody to give it to: then the incident needs another way on.
    """
    facts = {"incident_id": incident_id, "account": principal.account, "now": now}
    if 1 not in session.scalars(_RESUME, facts).all():
        raise Conflict("whoever did the work holds as many open tasks as they may", reason="at_cap")

"""When those who were sent don't come: refused, no answer in time, reassigned, or handed over at the end of a shift."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from db import crew, models
from db.assignments import send
from db.calendar import clockwork
from db.cases import Incident, get
from db.policies import policy_in_force
from db.recommendations import Nobody, attempting, keep_unmet
from db.session import Database
from db.steps import Particulars, append_step, lock, take_step
from geo.errors import (
    Conflict,
    GridCommandError,
    InvalidInput,
    NobodyEligible,
    NotFound,
    TransitionRefused,
    UnknownCode,
)
from governance.access import SYSTEM, Permission, Principal
from governance.incident import AssignmentStatus, Status
from governance.lifecycle import Action, actions_from

_LOG = logging.getLogger(__name__)

_LATE = text(
    """SELECT DISTINCT i.no
    FROM assignment AS a JOIN incident AS i ON i.id = a.incident_id
    WHERE a.ended_at IS NULL AND a.acknowledged_at IS NULL AND a.acknowledge_by < :now
    ORDER BY i.no"""
)
_HELD = text(
    """SELECT i.no
    FROM assignment AS a
    JOIN incident AS i ON i.id = a.incident_id
    JOIN worker AS w ON w.id = a.worker_id
    WHERE a.ended_at IS NULL AND w.code = :worker
    ORDER BY i.no"""
)
_LATE_REASON = "超时未接单"


@dataclass(frozen=True, slots=True, kw_only=True)
class HandedOver:
    """What became of a worker's open tasks: passed on, and kept because nobody could take them."""

    passed_on: tuple[str, ...]
    kept: tuple[str, ...]


def refuse(
    database: Database, principal: Principal, no: str, *, reason: str, now: datetime, worker: str | None = None
) -> Incident:
    """The lead, or the `worker` (by code), refuses before arriving; the next candidate is sent at once.

    Where nobody is left the incident comes back to the desk as returned. Raises `NotFound`, `TransitionRefused`,
    `NotPermitted`, `InvalidInput` (no reason), `UnknownCode`, `Conflict` (the worker was not sent).
    """
    principal.require(Permission.ADVANCE_INCIDENT)
    if not reason.strip():
        raise InvalidInput("a refusal needs its reason", field="opinion")
    with database.session(principal) as session:
        incident = lock(session, no)
        crew.hold(session, incident.id)
        slot = 1 if worker is None else crew.slot_of(session, incident.id, worker)
        _require_under_way(session, incident, slot)
        _end(session, principal, incident, action=Action.REFUSE, slot=slot, reason=reason, now=now)
        try:
            with session.begin_nested():
                _fill(session, principal, incident, slot, now=now)
        except Nobody as nobody:
            _LOG.info("slot %s of %s stays empty: %s", slot, no, nobody)
            keep_unmet(session, principal, nobody)
            if slot == 1:
                # Nobody leads: the others are called back, and the desk decides.
                session.refresh(incident)
                crew.end(session, incident.id, AssignmentStatus.WITHDRAWN, now=now, reason=reason)
        return get(session, no)


def time_out(database: Database, *, now: datetime) -> list[str]:
    """Passes on every assignment that nobody acknowledged in time; the numbers of the incidents touched.

    Where nobody else can be sent, the one who was sent keeps it and gets the same time again. Each incident is a
    transaction of its own; what fails is logged and tried at the next call.
    """
    with database.session(SYSTEM) as session:
        numbers = session.scalars(_LATE, {"now": now}).all()
    touched = []
    for no in numbers:
        try:
            if _time_out(database, no, now=now):
                touched.append(no)
        except GridCommandError as error:
            _LOG.info("%s was not passed on: %s", no, error)
    return touched


def reassign(
    database: Database, principal: Principal, no: str, *, reason: str, now: datetime, worker: str | None = None
) -> Incident:
    """Calls back those who were sent, at work or not, and sends the next candidates or the `worker` (by code).

    Raises `NotFound`, `TransitionRefused`, `NotPermitted`, `InvalidInput` (no reason), `NobodyEligible` (then
    nothing has changed but that the recommendation is kept), `UnknownCode`.
    """
    principal.require(Permission.DISPATCH)
    if not reason.strip():
        raise InvalidInput("sending somebody else needs a reason", field="reason")
    with attempting(database, principal) as session:
        incident = lock(session, no)
        given = Particulars(opinion=reason)
        take_step(session, principal, incident, Action.REASSIGN, now=now, clocks=clockwork(session), given=given)
        # Handed over, so that the same person isn't the first candidate again.
        crew.end(session, incident.id, AssignmentStatus.HANDED_OVER, now=now, reason=reason)
        send(session, principal, incident, now=now, worker=worker, reason=reason if worker else "")
        return get(session, no)


def held_by(session: Session, worker: str) -> list[str]:
    """The numbers of the incidents that the worker (by code) is on the way to or at work at."""
    return list(session.scalars(_HELD, {"worker": worker}))


def hand_over(database: Database, principal: Principal, worker: str, *, now: datetime) -> HandedOver:
    """Passes on every open task of the worker (by code), as at the end of a shift; each a transaction of its own.

    What nobody else can take stays where it is and is told. Raises `UnknownCode`, `NotPermitted`.
    """
    principal.require(Permission.DISPATCH)
    with database.session(principal) as session:
        if session.scalars(select(models.Worker.id).where(models.Worker.code == worker)).one_or_none() is None:
            raise UnknownCode(f"there is no worker {worker}", field="worker")
        numbers = held_by(session, worker)
    passed_on, kept = [], []
    for no in numbers:
        try:
            with attempting(database, principal) as session:
                incident = lock(session, no)
                slot = crew.slot_of(session, incident.id, worker)
                _hand_over(session, principal, incident, slot, now=now)
            passed_on.append(no)
        except (NobodyEligible, Conflict, NotFound) as error:
            _LOG.info("%s stays with %s: %s", no, worker, error)
            kept.append(no)
    return HandedOver(passed_on=tuple(passed_on), kept=tuple(kept))


def _time_out(database: Database, no: str, *, now: datetime) -> bool:
    with database.session(SYSTEM) as session:
        incident = lock(session, no)
        crew.hold(session, incident.id)
        late = session.execute(
            select(models.Assignment.id, models.Assignment.slot)
            .where(
                models.Assignment.incident_id == incident.id,
                models.Assignment.ended_at.is_(None),
                models.Assignment.acknowledged_at.is_(None),
                models.Assignment.acknowledge_by < now,
            )
            .order_by(models.Assignment.slot)
        ).all()
        for assignment_id, slot in late:
            try:
                with session.begin_nested():
                    _end(session, SYSTEM, incident, action=Action.TIME_OUT, slot=slot, reason=_LATE_REASON, now=now)
                    _fill(session, SYSTEM, incident, slot, now=now)
            except Nobody as nobody:
                session.refresh(incident)
                keep_unmet(session, SYSTEM, nobody)
                _wait_on(session, incident, assignment_id, now=now)
        return bool(late)


def _wait_on(session: Session, incident: models.Incident, assignment_id: int, *, now: datetime) -> None:
    wait = timedelta(seconds=policy_in_force(session).acknowledge_s)
    session.execute(
        update(models.Assignment).where(models.Assignment.id == assignment_id).values(acknowledge_by=now + wait)
    )
    status = Status(incident.status)
    append_step(
        session,
        SYSTEM,
        incident.id,
        action=Action.TIME_OUT,
        from_status=status,
        to_status=status,
        now=now,
        opinion=f"{_LATE_REASON}，暂无其他可派人员，继续等待",
    )


def _end(
    session: Session,
    principal: Principal,
    incident: models.Incident,
    *,
    action: Action,
    slot: int,
    reason: str,
    now: datetime,
) -> None:
    """Ends one assignment that was refused or not answered; without its lead an incident is returned."""
    if slot == 1:
        given = Particulars(opinion=reason)
        take_step(session, principal, incident, action, now=now, clocks=clockwork(session), given=given)
    else:
        status = Status(incident.status)
        append_step(
            session,
            principal,
            incident.id,
            action=action,
            from_status=status,
            to_status=status,
            now=now,
            opinion=reason,
        )
    ending = AssignmentStatus.REFUSED if action is Action.REFUSE else AssignmentStatus.TIMED_OUT
    crew.end(session, incident.id, ending, now=now, reason=reason, slots=[slot])


def _fill(session: Session, principal: Principal, incident: models.Incident, slot: int, *, now: datetime) -> None:
    """Sends the next candidate into the slot. Raises `Nobody`."""
    if slot == 1:
        take_step(session, principal, incident, Action.DISPATCH, now=now, clocks=clockwork(session))
    send(session, principal, incident, now=now, slot=slot)


def _hand_over(session: Session, principal: Principal, incident: models.Incident, slot: int, *, now: datetime) -> None:
    if slot == 1:
        take_step(session, principal, incident, Action.HAND_OVER, now=now, clocks=clockwork(session))
    else:
        status = Status(incident.status)
        append_step(
            session,
            principal,
            incident.id,
            action=Action.HAND_OVER,
            from_status=status,
            to_status=status,
            now=now,
            opinion="",
        )
    crew.end(session, incident.id, AssignmentStatus.HANDED_OVER, now=now, reason="交班", slots=[slot])
    send(session, principal, incident, now=now, slot=slot)


def _require_under_way(session: Session, incident: models.Incident, slot: int) -> None:
    """Raises `TransitionRefused` when whoever holds the slot has arrived: then the work is given back, not refused."""
    arrived = select(models.Assignment.arrived_at).where(
        models.Assignment.incident_id == incident.id,
        models.Assignment.slot == slot,
        models.Assignment.ended_at.is_(None),
    )
    if session.scalars(arrived).one_or_none() is not None:
        status = Status(incident.status)
        raise TransitionRefused(
            "who has arrived can't refuse",
            current=status.value,
            requested=Action.REFUSE.value,
            allowed=[action.value for action in actions_from(status) if action is not Action.REFUSE],
        )

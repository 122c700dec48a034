"""The demo's own desk and its workers: what happens to open incidents while nobody looks.

Chances are per second and forget the past, so a restart changes nothing. Fresh incidents are left alone for a minute or
two: a newcomer shall be the one who sends somebody.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
from numpy.random import Generator
from sqlalchemy import Row, text

from db import assignments, handling
from db.session import Database
from db.steps import Particulars
from geo.errors import Conflict, InvalidInput, NobodyEligible, NotFound
from governance.access import SYSTEM, Principal, Role
from governance.incident import Status
from governance.lifecycle import Action

LOG = logging.getLogger(__name__)

OPEN = 60
"""About so many incidents are kept open."""
_MOST_STEPS = 2
"""Steps of one tick: life goes on, it doesn't burst."""
_PRESSURE = 4
"""How steeply work speeds up when more are open than usual."""
_URGENT = timedelta(hours=4)
_URGENT_FACTOR = 4.0
_HURRY = 6.0
"""How much faster work ends once the deadline has passed."""
_ARRIVED_M = 45.0
_OWN_KEY = "system:simulation-%"

_OPEN = text(
    """SELECT i.no, i.status, i.reported_at, i.settle_by, last.at AS entered_at, w.code AS worker_code,
        left(w.full_name, 1) AS surname, a.status AS assignment_status,
        i.reported_at > d.loaded_at AND coalesce(i.request_key, '') NOT LIKE :own AS is_persons,
        ST_Distance(ST_Transform(r.latest, d.metric_srid), ST_Transform(i.geom, d.metric_srid)) AS distance_m
    FROM incident AS i
    CROSS JOIN deployment AS d
    CROSS JOIN LATERAL (
        SELECT s.at FROM incident_step AS s WHERE s.incident_id = i.id ORDER BY s.id DESC LIMIT 1
    ) AS last
    LEFT JOIN assignment AS a ON a.incident_id = i.id AND a.ended_at IS NULL AND a.slot = 1
    LEFT JOIN worker AS w ON w.id = a.worker_id
    LEFT JOIN responder AS r ON r.worker_id = w.id
    WHERE i.is_open
    ORDER BY i.id"""
)


_DEPARTMENTS = text("SELECT code FROM department ORDER BY code")
_ORIGINAL = text(
    """SELECT o.no
    FROM incident AS i
    JOIN incident AS o ON o.class_code = i.class_code AND o.id < i.id AND o.status <> 'merged'
    WHERE i.no = :no
    ORDER BY ST_Distance(o.geom, i.geom), o.id
    LIMIT 1"""
)
_PUT_OFF = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """What may happen next, each action with its share: not before `rest_s`, then after `mean_s` more on average."""

    rest_s: float
    mean_s: float
    actions: Mapping[Action, float]


_TURNS: Mapping[str, Turn] = {
    Status.REPORTED: Turn(
        rest_s=120, mean_s=120, actions={Action.ACCEPT: 0.95, Action.REJECT: 0.035, Action.MERGE: 0.015}
    ),
    Status.ACCEPTED: Turn(rest_s=75, mean_s=75, actions={Action.DISPATCH: 0.965, Action.TRANSFER: 0.035}),
    "sent": Turn(rest_s=8, mean_s=20, actions={Action.ACKNOWLEDGE: 0.985, Action.RETURN: 0.015}),
    "acknowledged": Turn(rest_s=40, mean_s=240, actions={Action.ARRIVE: 1.0}),
    Status.PROCESSING: Turn(rest_s=120, mean_s=12_000, actions={Action.RESOLVE: 0.985, Action.SUSPEND: 0.015}),
    Status.RESOLVED: Turn(rest_s=45, mean_s=240, actions={Action.VERIFY: 0.96, Action.REWORK: 0.04}),
    Status.RETURNED: Turn(rest_s=60, mean_s=120, actions={Action.DISPATCH: 1.0}),
    Status.TRANSFERRED: Turn(rest_s=300, mean_s=5_400, actions={Action.RESOLVE: 1.0}),
    Status.SUSPENDED: Turn(rest_s=600, mean_s=5_400, actions={Action.RESUME: 1.0}),
}
_SLOW = {Status.PROCESSING.value, Status.TRANSFERRED.value, Status.SUSPENDED.value}
"""Where the time goes; only these follow the pressure."""
_BY_WORKER = {Action.ACKNOWLEDGE, Action.ARRIVE, Action.RESOLVE, Action.RETURN, Action.SUSPEND}
_PERSONS_REST_S = 90.0
"""Somebody's own incident goes on by itself only after this long; only its worker acts in it."""
_OPINIONS: Mapping[Action, str] = {
    Action.REJECT: "经核实情况不属实。",
    Action.MERGE: "与已有事件重复，合并处理。",
    Action.TRANSFER: "转责任部门办理。",
    Action.RETURN: "手头任务未完，申请另派。",
    Action.RESOLVE: "已现场处置完毕。",
    Action.SUSPEND: "等待备件到货，暂缓处理。",
    Action.REWORK: "核查未通过，请继续处理。",
    Action.VERIFY: "现场核查通过。",
}


@dataclass(slots=True)
class Desk:
    """Takes the steps that are due in open incidents, through the same commands as everybody."""

    database: Database
    rng: Generator

    def turn(self, *, now: datetime, span_s: float) -> int:
        """What happens within the last `span_s` seconds; how many incidents are open."""
        with self.database.session(SYSTEM) as session:
            rows = session.execute(_OPEN, {"own": _OWN_KEY}).all()
        pressure = (len(rows) / OPEN) ** _PRESSURE
        due = [row for row in rows if self._is_due(row, now=now, span_s=span_s, pressure=pressure)]
        for i in self.rng.permutation(len(due))[:_MOST_STEPS]:
            self._step(due[i], now=now)
        return len(rows)

    def _is_due(self, row: Row[tuple[object, ...]], *, now: datetime, span_s: float, pressure: float) -> bool:
        turn = _TURNS[_stage(row)]
        waited_s = (now - row.entered_at).total_seconds()
        is_workers = bool(set(turn.actions) & _BY_WORKER) and row.worker_code is not None
        if row.is_persons and (not is_workers or waited_s < _PERSONS_REST_S):
            return False
        if waited_s < turn.rest_s:
            return False
        if row.assignment_status == "acknowledged" and row.distance_m is not None and row.distance_m < _ARRIVED_M:
            return True
        rate = span_s / turn.mean_s
        if row.status in _SLOW:
            rate *= pressure
            if row.settle_by - row.reported_at <= _URGENT:
                rate *= _URGENT_FACTOR
            if now > row.settle_by:
                rate *= _HURRY
        return bool(self.rng.random() < 1 - np.exp(-rate))

    def _step(self, row: Row[tuple[object, ...]], *, now: datetime) -> None:
        actions = _TURNS[_stage(row)].actions
        action = Action(str(self.rng.choice(list(actions), p=list(actions.values()))))
        principal = SYSTEM
        if action in _BY_WORKER and row.worker_code is not None:
            if row.is_persons and action not in {Action.ACKNOWLEDGE, Action.ARRIVE, Action.RESOLVE}:
                return
            principal = Principal(account=row.worker_code, role=Role.SYSTEM, display_name=f"网格员{row.surname}*")
        self._attempt(lambda: self._take(row.no, action, principal, now=now), row.no, action)

    def _take(self, no: str, action: Action, principal: Principal, *, now: datetime) -> None:
        if action is Action.DISPATCH:
            assignments.dispatch(self.database, principal, no, now=now)
        else:
            given = self._given(action, no, now=now)
            handling.advance(self.database, principal, no, action, now=now, given=given)

    def _given(self, action: Action, no: str, *, now: datetime) -> Particulars:
        """What the action must be given: an opinion, and where it asks for it a department, an original, a day."""
        given = Particulars(opinion=_OPINIONS.get(action, ""))
        if action is Action.SUSPEND:
            return replace(given, resume_by=now + _PUT_OFF)
        if action is Action.TRANSFER:
            with self.database.session(SYSTEM) as session:
                codes = session.scalars(_DEPARTMENTS).all()
            return replace(given, department=codes[int(self.rng.integers(len(codes)))])
        if action is Action.MERGE:
            with self.database.session(SYSTEM) as session:
                return replace(given, original=session.scalars(_ORIGINAL, {"no": no}).one_or_none())
        return given

    @staticmethod
    def _attempt(take: Callable[[], None], no: str, action: Action) -> None:
        """Somebody at a real desk may have been first, and sometimes nobody is free: then it stays as it is."""
        try:
            take()
        except NobodyEligible as error:
            LOG.info("nobody for %s: %s", no, error.facts.get("shortfall"))
        except (Conflict, InvalidInput, NotFound) as error:
            LOG.info("%s of %s was overtaken: %s", action, no, error)


def _stage(row: Row[tuple[object, ...]]) -> str:
    """Status, and within `dispatched` whether the worker has answered."""
    if row.status == Status.DISPATCHED and row.assignment_status is not None:
        return "acknowledged" if row.assignment_status == "arrived" else str(row.assignment_status)
    return "sent" if row.status == Status.DISPATCHED else str(row.status)

"""One incident as its case shows it: facts, chain of grids, crew, history, and what may follow."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import models
from db.sql import statement
from db.steps import standing_of
from db.territory import GridRow, chain
from geo.errors import NotFound
from governance.incident import Severity, Source, Status
from governance.lifecycle import Action, Standing, actions_from, hindrance


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """A step that was taken; `from_status` is None for the report itself."""

    action: str
    from_status: str | None
    to_status: str
    actor: str
    actor_name: str
    at: datetime
    opinion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ActiveAssignment:
    """Who is on the way or at work; slot 1 leads. Full name and phone are None without the right to personal data.

    `acknowledge_by`: past it, without an answer, it passes to the next candidate. `eta_s` is what was reckoned then.
    """

    id: int
    slot: int
    worker_id: int
    worker_code: str
    worker_name: str
    worker_full_name: str | None
    worker_full_phone: str | None
    post: str
    status: str
    distance_m: float
    eta_s: int | None
    dispatched_at: datetime
    acknowledge_by: datetime | None
    acknowledged_at: datetime | None
    arrived_at: datetime | None
    is_override: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtensionRow:
    """Somebody asked for the limit once more; undecided while `is_granted` is None."""

    asked_by: str
    asked_by_name: str
    asked_at: datetime
    reason: str
    decided_by: str | None
    is_granted: bool | None
    opinion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AppealRow:
    """An appeal against the lateness of a closed incident: two people grant it, or one denies it."""

    asked_by: str
    asked_by_name: str
    asked_at: datetime
    reason: str
    first_by: str | None
    first_granted: bool | None
    first_opinion: str
    second_by: str | None
    second_granted: bool | None
    second_opinion: str

    @property
    def is_decided(self) -> bool:
        """Whether nobody has anything left to say."""
        return self.first_granted is False or self.second_granted is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident as its case shows it. `remaining_s` is what is left of the limit while its clock stands still."""

    no: str
    title: str
    description: str
    class_code: str
    class_name: str
    major_name: str
    severity: Severity
    status: Status
    source: Source
    is_open: bool
    is_sensitive: bool
    is_outside_grid: bool
    is_supervised: bool
    needs_check: bool
    needs_photo: bool
    lon: float
    lat: float
    raw_x: float
    raw_y: float
    raw_crs: str
    address: str
    grid_code: str
    chain: tuple[GridRow, ...]
    reported_at: datetime
    confirmed_at: datetime | None
    accepted_at: datetime | None
    dispatched_at: datetime | None
    acknowledged_at: datetime | None
    arrived_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    stage_since: datetime
    due_at: datetime | None
    warn_at: datetime | None
    very_late_at: datetime | None
    settle_by: datetime
    limit_amount: Decimal
    limit_clock: str
    remaining_s: float | None
    resume_by: datetime | None
    extensions: int
    suspensions: int
    reworks: int
    is_satisfied: bool | None
    is_exempt: bool
    department_code: str | None
    department_name: str | None
    parent_no: str | None
    merged_into_no: str | None
    part_nos: tuple[str, ...]
    reporter_name: str
    reporter_phone: str
    version: int
    crew: tuple[ActiveAssignment, ...]
    steps: tuple[Step, ...]
    extension_requests: tuple[ExtensionRow, ...]
    appeal: AppealRow | None
    actions: tuple[Action, ...]

    def actions_at(self, now: datetime) -> tuple[Action, ...]:
        """Of `actions` those that time allows too: past the deadline of the whole matter no more of it is asked for."""
        return tuple(action for action in self.actions if action is not Action.EXTEND or now <= self.settle_by)

    @property
    def assignment(self) -> ActiveAssignment | None:
        """The lead of those on the way or at work."""
        return next((sent for sent in self.crew if sent.slot == 1), None)


def get(session: Session, no: str) -> Incident:
    """The incident with its chain, crew, steps and allowed actions. Raises `NotFound` when absent or out of scope."""
    row = session.execute(statement("incident"), {"no": no}).one_or_none()
    if row is None:
        raise NotFound(f"there is no incident {no}", no=no)
    found = row._asdict()
    incident_id = found["id"]
    appeal = session.scalars(select(models.Appeal).where(models.Appeal.incident_id == incident_id)).one_or_none()
    status = Status(found["status"])
    own: dict[str, Any] = {field.name: found[field.name] for field in fields(Incident) if field.name in found}
    own |= {"status": status, "severity": Severity(found["severity"]), "source": Source(found["source"])}
    own |= {"part_nos": tuple(found["part_nos"])}
    steps = _of(session, models.IncidentStep, incident_id)
    requests = _of(session, models.ExtensionRequest, incident_id)
    return Incident(
        **own,
        chain=chain(session, found["grid_code"]),
        crew=tuple(
            ActiveAssignment(**sent._asdict())
            for sent in session.execute(statement("crew"), {"incident_id": incident_id})
        ),
        steps=tuple(Step(**_facts(Step, step)) for step in steps),
        extension_requests=tuple(ExtensionRow(**_facts(ExtensionRow, request)) for request in requests),
        appeal=None if appeal is None else AppealRow(**_facts(AppealRow, appeal)),
        actions=_open_actions(status, standing_of(session, incident_id)),
    )


def _of(session: Session, model: Any, incident_id: int) -> list[Any]:
    """The incident's rows of an append-only table, in their order."""
    return list(session.scalars(select(model).where(model.incident_id == incident_id).order_by(model.id)))


def _facts(kind: Any, row: Any) -> dict[str, Any]:
    return {field.name: getattr(row, field.name) for field in fields(kind)}


def _open_actions(status: Status, standing: Standing) -> tuple[Action, ...]:
    """Of the actions that the lifecycle has here, those that the incident's own facts allow too."""
    return tuple(action for action in actions_from(status) if hindrance(action, standing) is None)

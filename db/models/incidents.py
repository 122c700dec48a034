"""Incidents, their append-only steps, recommendations and assignments."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sqlalchemy import CheckConstraint, Double, ForeignKey, Index, Integer, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from db.models.record import Record, geometry, identity, one_of
from governance.incident import AssignmentStatus, Source, Status


class IncidentClass(Record):
    """A minor class under its major: the skills it asks for and its handling limit. Data, not constants."""

    __tablename__ = "incident_class"
    __table_args__ = (
        CheckConstraint("code ~ '^[0-9]{4}$' AND left(code, 2) = major_code", name="code"),
        CheckConstraint("limit_amount > 0", name="limit_amount"),
        one_of("limit_clock", ("urgent_hour", "work_hour", "work_day", "calendar_day")),
        CheckConstraint("default_severity BETWEEN 1 AND 4", name="default_severity"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    major_code: Mapped[str]
    major_name: Mapped[str]
    name: Mapped[str]
    domain: Mapped[str]
    skills: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    default_severity: Mapped[int] = mapped_column(SmallInteger)
    limit_amount: Mapped[Decimal]
    limit_clock: Mapped[str]
    is_sensitive: Mapped[bool]
    needs_check: Mapped[bool] = mapped_column(default=False)
    """Whether somebody looks on the spot before it is accepted."""
    needs_photo: Mapped[bool] = mapped_column(default=False)
    """Whether it is resolved with a photo only."""


class Department(Record):
    """Who takes over what grid workers can't settle."""

    __tablename__ = "department"

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)


class LifecycleTransition(Record):
    """The lifecycle as the database guards it; a test holds it equal to `governance.lifecycle`."""

    __tablename__ = "lifecycle_transition"

    from_status: Mapped[str] = mapped_column(primary_key=True)
    to_status: Mapped[str] = mapped_column(primary_key=True)


class Incident(Record):
    """A matter at a place that somebody has to settle."""

    __tablename__ = "incident"
    __table_args__ = (
        one_of("status", Status),
        one_of("source", Source),
        CheckConstraint("severity BETWEEN 1 AND 4", name="severity"),
        CheckConstraint(
            "limit_amount > 0 AND limit_clock IN ('urgent_hour', 'work_hour', 'work_day', 'calendar_day')", name="limit"
        ),
        CheckConstraint("suspensions >= 0 AND reworks >= 0 AND extensions BETWEEN 0 AND 2", name="counts"),
        CheckConstraint("parent_id <> id AND merged_into <> id", name="own_parent"),
        CheckConstraint("remaining_s IS NULL OR status IN ('suspended', 'returned')", name="paused"),
        Index("ix_incident_open_due", "due_at", postgresql_where=text("is_open")),
    )

    id: Mapped[int] = identity()
    no: Mapped[str] = mapped_column(unique=True)
    title: Mapped[str]
    description: Mapped[str]
    class_code: Mapped[str] = mapped_column(ForeignKey("incident_class.code"), index=True)
    severity: Mapped[int] = mapped_column(SmallInteger)
    status: Mapped[str]
    is_open: Mapped[bool]
    """Kept by a trigger: whether the status is an unfinished one."""
    source: Mapped[str]
    is_sensitive: Mapped[bool]
    is_supervised: Mapped[bool] = mapped_column(default=False)
    geom: Mapped[Any] = geometry("POINT")
    raw_x: Mapped[float]
    raw_y: Mapped[float]
    raw_crs: Mapped[str]
    address: Mapped[str]
    grid_code: Mapped[str] = mapped_column(ForeignKey("grid.code"), index=True)
    """The finest grid that holds the place; outside of all grids, the nearest community."""
    is_outside_grid: Mapped[bool]
    reporter_name: Mapped[str]
    reporter_phone: Mapped[str]
    request_key: Mapped[str | None] = mapped_column(unique=True)
    reported_at: Mapped[datetime] = mapped_column(index=True)
    accepted_at: Mapped[datetime | None]
    dispatched_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    due_at: Mapped[datetime | None]
    """The next deadline: of the stage that the incident stands in since `stage_since`."""
    settle_by: Mapped[datetime]
    """The deadline of the whole matter; while the clock stands still, what it was before, extensions added."""
    version: Mapped[int] = mapped_column(Integer, default=1)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)
    """The incident that this one was split from."""
    merged_into: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), index=True)
    department_code: Mapped[str | None] = mapped_column(ForeignKey("department.code"))
    confirmed_at: Mapped[datetime | None]
    stage_since: Mapped[datetime]
    warn_at: Mapped[datetime | None]
    very_late_at: Mapped[datetime | None]
    """Where the warning and the very late begin, so that lateness is a comparison in any query."""
    limit_amount: Mapped[Decimal]
    limit_clock: Mapped[str]
    """The limit of its class when it was reported."""
    remaining_s: Mapped[float | None] = mapped_column(Double)
    """What is left of the limit, in seconds on its clock, while that clock stands still."""
    returned_by: Mapped[str | None]
    """The department that gave it back: with it the clock goes on, with another it begins anew."""
    resume_by: Mapped[datetime | None]
    suspensions: Mapped[int] = mapped_column(SmallInteger, default=0)
    extensions: Mapped[int] = mapped_column(SmallInteger, default=0)
    reworks: Mapped[int] = mapped_column(SmallInteger, default=0)
    is_satisfied: Mapped[bool | None]
    is_exempt: Mapped[bool] = mapped_column(default=False)
    """Left out of the statistic of lateness after an appeal; the fact stays."""


class IncidentStep(Record):
    """One step of an incident, never changed: from, to, who, when, opinion, chained by hash."""

    __tablename__ = "incident_step"
    __table_args__ = (Index("ix_incident_step_incident_id_id", "incident_id", "id"),)

    id: Mapped[int] = identity()
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    action: Mapped[str]
    from_status: Mapped[str | None]
    to_status: Mapped[str]
    actor: Mapped[str]
    actor_name: Mapped[str]
    at: Mapped[datetime] = mapped_column(index=True)
    opinion: Mapped[str]
    previous_hash: Mapped[bytes | None] = mapped_column(BYTEA)
    hash: Mapped[bytes] = mapped_column(BYTEA)


class Recommendation(Record):
    """Whom the system proposed for an incident, and why; kept whole."""

    __tablename__ = "recommendation"

    id: Mapped[int] = identity()
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    policy_id: Mapped[int] = mapped_column(ForeignKey("dispatch_policy.id"))
    made_at: Mapped[datetime]
    made_for: Mapped[str]
    candidates: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    excluded: Mapped[dict[str, Any]]
    shortfall: Mapped[str | None]
    shortfalls: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    """Of a run card, each line that could not be filled, and why."""


class Assignment(Record):
    """One responder tied to one incident: slot 1 is the lead, the others follow the run card."""

    __tablename__ = "assignment"
    __table_args__ = (
        one_of("status", AssignmentStatus),
        CheckConstraint("(ended_at IS NULL) = (status IN ('sent', 'acknowledged', 'arrived'))", name="ended"),
        CheckConstraint("NOT is_override OR reason <> ''", name="override_reason"),
        CheckConstraint("slot BETWEEN 1 AND 100", name="slot"),
        Index(
            "uq_assignment_active_slot", "incident_id", "slot", unique=True, postgresql_where=text("ended_at IS NULL")
        ),
        Index(
            "uq_assignment_active_pair",
            "incident_id",
            "worker_id",
            unique=True,
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("uq_assignment_request_key", "incident_id", "request_key", "slot", unique=True),
        Index(
            "ix_assignment_acknowledge_by",
            "acknowledge_by",
            postgresql_where=text("ended_at IS NULL AND acknowledged_at IS NULL"),
        ),
        Index("ix_assignment_active_worker", "worker_id", postgresql_where=text("ended_at IS NULL")),
    )

    id: Mapped[int] = identity()
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    worker_id: Mapped[int] = mapped_column(ForeignKey("worker.id"), index=True)
    recommendation_id: Mapped[int | None] = mapped_column(ForeignKey("recommendation.id"))
    status: Mapped[str]
    is_override: Mapped[bool]
    reason: Mapped[str]
    distance_m: Mapped[float]
    dispatched_by: Mapped[str]
    dispatched_at: Mapped[datetime]
    acknowledged_at: Mapped[datetime | None]
    arrived_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    slot: Mapped[int] = mapped_column(SmallInteger, default=1)
    eta_s: Mapped[int | None] = mapped_column(Integer)
    acknowledge_by: Mapped[datetime | None]
    """Past this instant, without an answer, it passes to the next candidate."""
    end_reason: Mapped[str] = mapped_column(default="")
    request_key: Mapped[str | None]


class ExtensionRequest(Record):
    """Somebody asks for the limit once more; somebody else decides."""

    __tablename__ = "extension_request"
    __table_args__ = (
        CheckConstraint(
            "(decided_by IS NULL) = (is_granted IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)",
            name="decided",
        ),
        CheckConstraint("decided_by <> asked_by", name="other"),
        Index("uq_extension_request_open", "incident_id", unique=True, postgresql_where=text("decided_by IS NULL")),
    )

    id: Mapped[int] = identity()
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)
    asked_by: Mapped[str]
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime]
    reason: Mapped[str]
    decided_by: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    is_granted: Mapped[bool | None]
    opinion: Mapped[str] = mapped_column(default="")


class Appeal(Record):
    """After closure, once: the lateness was not the handler's fault. Two people agree, or it falls."""

    __tablename__ = "appeal"
    __table_args__ = (
        CheckConstraint("(first_by IS NULL) = (first_granted IS NULL) AND first_by <> asked_by", name="first"),
        CheckConstraint(
            "(second_by IS NULL) = (second_granted IS NULL) AND second_by <> asked_by AND second_by <> first_by"
            " AND (second_by IS NULL OR first_granted IS TRUE)",
            name="second",
        ),
    )

    id: Mapped[int] = identity()
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), unique=True)
    asked_by: Mapped[str]
    asked_by_name: Mapped[str]
    asked_at: Mapped[datetime]
    reason: Mapped[str]
    first_by: Mapped[str | None]
    first_at: Mapped[datetime | None]
    first_granted: Mapped[bool | None]
    first_opinion: Mapped[str] = mapped_column(default="")
    second_by: Mapped[str | None]
    second_at: Mapped[datetime | None]
    second_granted: Mapped[bool | None]
    second_opinion: Mapped[str] = mapped_column(default="")

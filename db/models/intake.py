"""What comes in beside reports: alarms of devices, visits to households and the needs that they raise."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, Integer, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from db.models.record import Record, identity, one_of
from governance.visit import KEPT, Urgency, VisitOutcome


class AlarmType(Record):
    """An alarm that devices of some kinds raise, and the class and severity of the incident it becomes. Data."""

    __tablename__ = "alarm_type"
    __table_args__ = (
        CheckConstraint("severity BETWEEN 1 AND 4", name="severity"),
        CheckConstraint("cardinality(device_kinds) > 0", name="device_kinds"),
    )

    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    class_code: Mapped[str] = mapped_column(ForeignKey("incident_class.code"))
    severity: Mapped[int] = mapped_column(SmallInteger)
    device_kinds: Mapped[list[str]]


class DeviceAlarm(Record):
    """Alarms of one type from one device that belong together: the first, the last, and how often it came again."""

    __tablename__ = "device_alarm"
    __table_args__ = (
        CheckConstraint("repeat_count >= 0", name="repeat_count"),
        CheckConstraint("first_at <= last_at", name="last_at"),
        CheckConstraint("cleared_at >= last_at", name="cleared_at"),
        Index(
            "uq_device_alarm_open", "device_id", "alarm_type", unique=True, postgresql_where=text("cleared_at IS NULL")
        ),
        Index("ix_device_alarm_device_id_alarm_type_id", "device_id", "alarm_type", "id"),
    )

    id: Mapped[int] = identity()
    device_id: Mapped[int] = mapped_column(ForeignKey("device.id"))
    alarm_type: Mapped[str] = mapped_column(ForeignKey("alarm_type.code"))
    first_at: Mapped[datetime]
    last_at: Mapped[datetime]
    repeat_count: Mapped[int] = mapped_column(Integer)
    """Alarms after the first."""
    cleared_at: Mapped[datetime | None]
    """When the device took the alarm back, or when its incident was finished and a newer alarm began another group."""
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"), index=True)


class Visit(Record):
    """A visit to a household, or to a building where no household is on file. Personal and sensitive."""

    __tablename__ = "visit"
    __table_args__ = (one_of("outcome", VisitOutcome),)

    id: Mapped[int] = identity()
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"), index=True)
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"), index=True)
    grid_code: Mapped[str] = mapped_column(ForeignKey("grid.code"), index=True)
    worker_id: Mapped[int | None] = mapped_column(ForeignKey("worker.id"), index=True)
    """The grid worker who went, where one is named; `recorded_by` is the account that says so."""
    visited_at: Mapped[datetime] = mapped_column(index=True)
    outcome: Mapped[str]
    note: Mapped[str]
    recorded_by: Mapped[str]
    recorded_at: Mapped[datetime]
    request_key: Mapped[str | None] = mapped_column(unique=True)


class Need(Record):
    """What a household asked for on a visit. That it is closed is its incident's to say, and not kept here."""

    __tablename__ = "need"
    __table_args__ = (
        one_of("status", KEPT),
        one_of("urgency", Urgency),
        CheckConstraint("(status = 'handed_over') = (incident_id IS NOT NULL)", name="incident"),
        CheckConstraint("(status = 'gathered') = (decided_at IS NULL)", name="decided"),
        CheckConstraint("status <> 'settled_on_spot' OR opinion <> ''", name="opinion"),
    )

    id: Mapped[int] = identity()
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    class_code: Mapped[str] = mapped_column(ForeignKey("incident_class.code"), index=True)
    text: Mapped[str]
    urgency: Mapped[str]
    status: Mapped[str] = mapped_column(index=True)
    incident_id: Mapped[int | None] = mapped_column(ForeignKey("incident.id"), unique=True)
    decided_by: Mapped[str]
    decided_at: Mapped[datetime | None]
    """When it was handed over or settled on the spot, and by which account."""
    opinion: Mapped[str]

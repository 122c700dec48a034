"""What all tables share, and those that belong to no noun: reported figures, the calendar, stage limits."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, ClassVar

from geoalchemy2 import Geometry
from sqlalchemy import BigInteger, CheckConstraint, DateTime, Identity, MetaData, Numeric, Text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

STORAGE_SRID = 4490
"""CGCS2000 geographic, longitude first."""


class Record(DeclarativeBase):
    """The root of every model: names for constraints, column types for Python's."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        int: BigInteger,
        str: Text,
        datetime: DateTime(timezone=True),
        Decimal: Numeric,
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
    }


def identity() -> Mapped[int]:
    """A key that the database hands out."""
    return mapped_column(BigInteger, Identity(), primary_key=True)


def geometry(kind: str, *, srid: int = STORAGE_SRID, nullable: bool = False) -> Mapped[Any]:
    """A geometry column with a GiST index."""
    return mapped_column(Geometry(kind, srid=srid, spatial_index=True), nullable=nullable)


def one_of(column: str, values: Iterable[str]) -> CheckConstraint:
    """A check that the column holds one of the values."""
    listed = ", ".join(f"'{value}'" for value in values)
    return CheckConstraint(f"{column} IN ({listed})", name=column)


class ReportedFigure(Record):
    """A number that the county published; shown beside live counts, never added to them."""

    __tablename__ = "reported_figure"

    id: Mapped[int] = identity()
    key: Mapped[str] = mapped_column(unique=True)
    section: Mapped[str]
    name: Mapped[str]
    value: Mapped[Decimal]
    unit: Mapped[str]
    qualifier: Mapped[str] = mapped_column(default="")
    note: Mapped[str] = mapped_column(default="")
    as_of: Mapped[date | None]
    position: Mapped[int]


class CalendarDay(Record):
    """A day that differs from its weekday: a legal holiday, or a weekend that is worked (调休)."""

    __tablename__ = "calendar_day"
    __table_args__ = (one_of("kind", ("holiday", "workday")),)

    day: Mapped[date] = mapped_column(primary_key=True)
    kind: Mapped[str]
    name: Mapped[str]


class WorkSpell(Record):
    """A spell of the working day, in local time."""

    __tablename__ = "work_spell"
    __table_args__ = (CheckConstraint("opens < closes", name="order"),)

    opens: Mapped[time] = mapped_column(primary_key=True)
    closes: Mapped[time]


class StageLimit(Record):
    """What the command centre has for a stage of its own: accepting, dispatching, verifying."""

    __tablename__ = "stage_limit"
    __table_args__ = (
        one_of("stage", ("accept", "dispatch", "verify")),
        CheckConstraint("limit_amount > 0", name="limit_amount"),
        one_of("limit_clock", ("urgent_hour", "work_hour", "work_day", "calendar_day")),
    )

    stage: Mapped[str] = mapped_column(primary_key=True)
    limit_amount: Mapped[Decimal]
    limit_clock: Mapped[str]

"""The county that a database serves, and its grids."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, Integer, SmallInteger
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.models.record import Record, geometry, identity, one_of


class Deployment(Record):
    """The one row that says which county this is. `code_lengths` holds the length of a grid code by level."""

    __tablename__ = "deployment"
    __table_args__ = (
        CheckConstraint("id = 1", name="single"),
        CheckConstraint("metric_srid NOT IN (0, 3857, 4326, 4490)", name="metric_srid"),
        CheckConstraint("cardinality(code_lengths) = 4", name="code_lengths"),
    )

    id: Mapped[int] = mapped_column(SmallInteger, primary_key=True, default=1)
    profile: Mapped[str]
    name: Mapped[str]
    title: Mapped[str]
    county_code: Mapped[str]
    number_prefix: Mapped[str]
    """What incident numbers begin with, before the day."""
    metric_srid: Mapped[int] = mapped_column(Integer)
    code_lengths: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    timezone: Mapped[str]
    is_demo: Mapped[bool]
    source_note: Mapped[str]
    boundary: Mapped[Any] = geometry("MULTIPOLYGON")
    town: Mapped[Any] = geometry("POLYGON")
    """The part that the map opens on."""
    loaded_at: Mapped[datetime]


class Grid(Record):
    """A grid of one of four levels: street, community, quarter, building."""

    __tablename__ = "grid"
    __table_args__ = (
        one_of("level", ("street", "community", "quarter", "building")),
        one_of("kind", ("basic", "exclusive")),
        CheckConstraint("(level = 'street') = (parent_code IS NULL)", name="parent"),
        CheckConstraint("(level = 'building') = (kind = 'exclusive')", name="exclusive"),
        CheckConstraint("code ~ '^[0-9]+$'", name="code_digits"),
    )

    id: Mapped[int] = identity()
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    level: Mapped[str]
    kind: Mapped[str]
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("grid.code", deferrable=True), index=True)
    domains: Mapped[list[str]]
    geom: Mapped[Any] = geometry("MULTIPOLYGON")

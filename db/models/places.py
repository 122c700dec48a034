"""What stands in the grids: buildings, households, places, devices, party organisations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey, SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from db.models.record import Record, geometry, identity, one_of


class Building(Record):
    """A building in a quarter; `grid_code` is the finest grid that it lies in, `quarter_code` its quarter."""

    __tablename__ = "building"
    __table_args__ = (
        one_of("usage", ("residential", "business", "public")),
        CheckConstraint("floors > 0", name="floors"),
    )

    id: Mapped[int] = identity()
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    usage: Mapped[str]
    floors: Mapped[int] = mapped_column(SmallInteger)
    units: Mapped[int] = mapped_column(SmallInteger)
    address: Mapped[str]
    quarter_code: Mapped[str] = mapped_column(ForeignKey("grid.code"), index=True)
    grid_code: Mapped[str] = mapped_column(ForeignKey("grid.code"), index=True)
    geom: Mapped[Any] = geometry("POLYGON")


class Household(Record):
    """A household on file. The demo files the households of party members (党员中心户)."""

    __tablename__ = "household"

    id: Mapped[int] = identity()
    code: Mapped[str] = mapped_column(unique=True)
    building_id: Mapped[int] = mapped_column(ForeignKey("building.id"), index=True)
    unit: Mapped[int] = mapped_column(SmallInteger)
    room: Mapped[str]
    head_name: Mapped[str]
    phone: Mapped[str]
    is_member_household: Mapped[bool]
    grid_code: Mapped[str] = mapped_column(ForeignKey("grid.code"), index=True)


class Organisation(Record):
    """A party organisation of one of five levels, on a grid, a building or a household."""

    __tablename__ = "organisation"
    __table_args__ = (
        one_of(
            "level",
            ("street_committee", "community_general_branch", "grid_branch", "building_group", "member_household"),
        ),
        CheckConstraint("(level = 'street_committee') = (parent_code IS NULL)", name="parent"),
        CheckConstraint("(level = 'building_group') = (building_id IS NOT NULL)", name="building"),
        CheckConstraint("(level = 'member_household') = (household_id IS NOT NULL)", name="household"),
    )

    id: Mapped[int] = identity()
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    level: Mapped[str]
    parent_code: Mapped[str | None] = mapped_column(ForeignKey("organisation.code", deferrable=True), index=True)
    grid_code: Mapped[str] = mapped_column(ForeignKey("grid.code"), index=True)
    building_id: Mapped[int | None] = mapped_column(ForeignKey("building.id"), index=True)
    household_id: Mapped[int | None] = mapped_column(ForeignKey("household.id"), index=True)


class Place(Record):
    """A station, centre, canteen or venue that residents go to."""

    __tablename__ = "place"
    __table_args__ = (
        one_of("category", ("station", "centre", "canteen", "venue")),
        CheckConstraint(
            """(category, kind) IN (
                ('station', 'warm_stop'), ('station', 'errand_point'), ('station', 'tool_station'),
                ('centre', 'community_centre'), ('canteen', 'community_canteen'),
                ('venue', 'tea_room'), ('venue', 'residents_hall'), ('venue', 'building_corner'))""",
            name="kind",
        ),
    )

    id: Mapped[int] = identity()
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    category: Mapped[str]
    kind: Mapped[str]
    address: Mapped[str]
    opening_hours: Mapped[str]
    grid_code: Mapped[str] = mapped_column(ForeignKey("grid.code"), index=True)
    geom: Mapped[Any] = geometry("POINT")


class Device(Record):
    """A camera, gate, charging pile or video intercom in a quarter."""

    __tablename__ = "device"
    __table_args__ = (
        one_of("kind", ("camera", "access_gate", "charging_pile", "video_intercom")),
        one_of("status", ("online", "offline", "alarm")),
    )

    id: Mapped[int] = identity()
    code: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    kind: Mapped[str]
    status: Mapped[str]
    status_at: Mapped[datetime]
    quarter_code: Mapped[str] = mapped_column(ForeignKey("grid.code"), index=True)
    geom: Mapped[Any] = geometry("POINT")

"""The ground that the base map is drawn from and travel times are found on."""

from __future__ import annotations

from typing import Any

from sqlalchemy import CheckConstraint, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from db.models.record import Record, geometry, identity, one_of


class Road(Record):
    """A named road, as people speak of it."""

    __tablename__ = "road"
    __table_args__ = (one_of("class", ("trunk", "main", "side", "lane", "path")), {"schema": "base"})

    id: Mapped[int] = identity()
    name: Mapped[str]
    road_class: Mapped[str] = mapped_column("class")
    geom: Mapped[Any] = geometry("MULTILINESTRING")


class RoadEdge(Record):
    """A stretch of road between two junctions (`source`, `target` are node numbers), one way where it says so."""

    __tablename__ = "road_edge"
    __table_args__ = (CheckConstraint("length_m > 0", name="length"), {"schema": "base"})

    id: Mapped[int] = identity()
    road_id: Mapped[int] = mapped_column(ForeignKey("base.road.id"), index=True)
    source: Mapped[int]
    target: Mapped[int]
    length_m: Mapped[float]
    is_oneway: Mapped[bool]
    geom: Mapped[Any] = geometry("LINESTRING")


class Block(Record):
    """A piece of land between roads."""

    __tablename__ = "block"
    __table_args__ = (
        one_of("use", ("residential", "business", "public", "park", "industrial", "farm")),
        {"schema": "base"},
    )

    id: Mapped[int] = identity()
    use: Mapped[str]
    name: Mapped[str]
    geom: Mapped[Any] = geometry("POLYGON")


class Water(Record):
    """A lake, pond or river."""

    __tablename__ = "water"
    __table_args__ = ({"schema": "base"},)

    id: Mapped[int] = identity()
    name: Mapped[str]
    geom: Mapped[Any] = geometry("MULTIPOLYGON")


class Footprint(Record):
    """A building as surveys or OpenStreetMap draw it: ground only, beside the buildings that are on record."""

    __tablename__ = "footprint"
    __table_args__ = ({"schema": "base"},)

    id: Mapped[int] = identity()
    name: Mapped[str]
    geom: Mapped[Any] = geometry("MULTIPOLYGON")

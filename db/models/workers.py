"""Grid workers on file, and the narrow live table that dispatch sees them by."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from geoalchemy2 import Geometry
from sqlalchemy import Boolean, CheckConstraint, ForeignKey, Integer, SmallInteger
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, mapped_column

from db.models.record import Record, identity, one_of


class Skill(Record):
    """What a class of incident may ask of a worker. Workers and responders hold arrays of its ids."""

    __tablename__ = "skill"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    key: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]


class Worker(Record):
    """A grid worker on file: who they are, their duties, and the post (grid, building) they are responsible for."""

    __tablename__ = "worker"
    __table_args__ = (
        one_of("employment", ("full_time", "part_time")),
        one_of("origin", ("community_staff", "party_member", "police", "lawyer", "volunteer")),
        one_of("post", ("grid_chief", "building_chief", "unit_chief")),
    )

    id: Mapped[int] = identity()
    code: Mapped[str] = mapped_column(unique=True)
    full_name: Mapped[str]
    full_phone: Mapped[str]
    employment: Mapped[str]
    origin: Mapped[str]
    post: Mapped[str]
    duties: Mapped[list[str]]
    skills: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    is_outstanding: Mapped[bool]
    grid_code: Mapped[str] = mapped_column(ForeignKey("grid.code"), index=True)
    building_id: Mapped[int | None] = mapped_column(ForeignKey("building.id"), index=True)


class Responder(Record):
    """A worker as dispatch sees them: duty, skills, load, and a point in the deployment's metric SRID.

    `point` is the last position, or the post where there is none (`positioned_at` is null). It is rewritten only after
    25 m of movement; `latest` (EPSG:4490, not indexed) follows each fix. The migration makes the claim's KNN index and
    the storage parameters.
    """

    __tablename__ = "responder"
    __table_args__ = (
        CheckConstraint("load >= 0 AND load <= cap", name="load"),
        CheckConstraint("ST_SRID(point) NOT IN (0, 3857, 4326, 4490)", name="metric_srid"),
        one_of("pool", ("full_time", "part_time")),
    )

    worker_id: Mapped[int] = mapped_column(ForeignKey("worker.id"), primary_key=True)
    point: Mapped[Any] = mapped_column(Geometry("POINT", srid=-1, spatial_index=False), nullable=False)
    latest: Mapped[Any] = mapped_column(Geometry("POINT", srid=4490, spatial_index=False), nullable=True)
    positioned_at: Mapped[datetime | None]
    raw_x: Mapped[float | None]
    raw_y: Mapped[float | None]
    raw_crs: Mapped[str | None]
    skills: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    pool: Mapped[str]
    on_duty: Mapped[bool] = mapped_column(Boolean)
    load: Mapped[int] = mapped_column(SmallInteger, default=0)
    cap: Mapped[int] = mapped_column(SmallInteger)
    grid_code: Mapped[str]
    idle_since: Mapped[datetime]
    updated_at: Mapped[datetime]


class DispatchPolicy(Record):
    """A version of the dispatch policy; the newest is in force, older ones explain older dispatches."""

    __tablename__ = "dispatch_policy"
    __table_args__ = (
        CheckConstraint("cap > 0 AND freshness_s > 0 AND max_distance_m > 0 AND shortlist > 0", name="positive"),
    )

    id: Mapped[int] = identity()
    pools: Mapped[list[str]]
    cap: Mapped[int] = mapped_column(SmallInteger)
    freshness_s: Mapped[int] = mapped_column(Integer)
    max_distance_m: Mapped[int] = mapped_column(Integer)
    shortlist: Mapped[int] = mapped_column(SmallInteger)
    made_at: Mapped[datetime]
    made_by: Mapped[str]

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
    areas: Mapped[list[int]] = mapped_column(ARRAY(Integer))
    """Ids of the post's grid and all above it, and that of the grid itself with a minus; filled by a trigger."""
    post: Mapped[str]
    origin: Mapped[str]
    finished_at: Mapped[datetime | None] = mapped_column(index=True)
    """When the last task ended: the rest begins here."""
    tracked_until: Mapped[datetime | None]
    """Up to when the track is told; nothing before it is kept any more."""


class TrackPoint(Record):
    """Where a worker on duty was: thinned, kept for some days, read by whoever may read the worker's name in full."""

    __tablename__ = "track_point"

    worker_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(primary_key=True)
    point: Mapped[Any] = mapped_column(Geometry("POINT", srid=4490, spatial_index=False), nullable=False)


class DispatchPolicy(Record):
    """A version of the dispatch policy; the newest is in force, older ones explain older dispatches."""

    __tablename__ = "dispatch_policy"
    __table_args__ = (
        CheckConstraint("cap > 0 AND freshness_s > 0 AND max_distance_m > 0 AND shortlist > 0", name="positive"),
        one_of("mode", ("walk", "ebike", "car")),
        CheckConstraint("rest_s >= 0 AND acknowledge_s > 0 AND ring_s >= 0", name="spans"),
    )

    id: Mapped[int] = identity()
    pools: Mapped[list[str]]
    cap: Mapped[int] = mapped_column(SmallInteger)
    freshness_s: Mapped[int] = mapped_column(Integer)
    max_distance_m: Mapped[int] = mapped_column(Integer)
    shortlist: Mapped[int] = mapped_column(SmallInteger)
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    rest_s: Mapped[int] = mapped_column(Integer)
    acknowledge_s: Mapped[int] = mapped_column(Integer)
    excludes_stale: Mapped[bool]
    mode: Mapped[str]
    ring_s: Mapped[int] = mapped_column(Integer)
    note: Mapped[str] = mapped_column(default="")


class RunCard(Record):
    """One line of a class's run card under a policy: so many people of these posts, origins and skills.

    An empty list means any; `skills` null those that the class asks for. A null limit is the policy's.
    """

    __tablename__ = "run_card"
    __table_args__ = (
        CheckConstraint("people BETWEEN 1 AND 10", name="people"),
        CheckConstraint("line BETWEEN 1 AND 10", name="line"),
        CheckConstraint("cap > 0 AND max_distance_m > 0 AND freshness_s > 0 AND rest_s >= 0", name="positive"),
    )

    policy_id: Mapped[int] = mapped_column(ForeignKey("dispatch_policy.id"), primary_key=True)
    class_code: Mapped[str] = mapped_column(ForeignKey("incident_class.code"), primary_key=True)
    line: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    people: Mapped[int] = mapped_column(SmallInteger)
    posts: Mapped[list[str]]
    origins: Mapped[list[str]]
    skills: Mapped[list[int] | None] = mapped_column(ARRAY(Integer))
    pools: Mapped[list[str]]
    cap: Mapped[int | None] = mapped_column(SmallInteger)
    max_distance_m: Mapped[int | None] = mapped_column(Integer)
    freshness_s: Mapped[int | None] = mapped_column(Integer)
    rest_s: Mapped[int | None] = mapped_column(Integer)

"""Responders near a place, whatever the incident."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.models import Skill
from db.territory import county
from geo.crs import storage_to_metric


@dataclass(frozen=True, slots=True, kw_only=True)
class NearbyResponder:
    """A responder who could be sent, by distance. `name` is masked; no `positioned_at` means: counted at the post."""

    code: str
    name: str
    grid_code: str
    distance_m: float
    load: int
    positioned_at: datetime | None


# KNN in the plane finds a few more than asked for; the ellipsoid orders them.
_NEAREST = text(
    """WITH near AS MATERIALIZED (
        SELECT r.worker_id, r.point, r.load, r.positioned_at
        FROM responder AS r
        WHERE r.on_duty AND r.load < r.cap
        ORDER BY r.point <-> ST_SetSRID(ST_MakePoint(:x, :y), :srid)
        LIMIT :limit + 10
    )
    SELECT w.code, mask_name(w.full_name) AS name, w.grid_code, n.load, n.positioned_at,
        ST_Distance(ST_Transform(n.point, 4490)::geography, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)::geography)
            AS distance_m
    FROM near AS n
    JOIN worker AS w ON w.id = n.worker_id
    ORDER BY distance_m, w.code
    LIMIT :limit"""
)


def nearest_on_duty(session: Session, lon: float, lat: float, *, limit: int) -> list[NearbyResponder]:
    """The `limit` nearest responders on duty below their cap around a point (EPSG:4490), by geodesic distance."""
    srid = county(session).metric_srid
    x, y = storage_to_metric(lon, lat, srid)
    place = {"x": x, "y": y, "srid": srid, "lon": lon, "lat": lat, "limit": limit}
    return [NearbyResponder(**row._asdict()) for row in session.execute(_NEAREST, place)]


_POSITIONS = text(
    """SELECT fid, ST_X(geom) AS lon, ST_Y(geom) AS lat FROM layer.workers
    WHERE fid = ANY (CAST(:ids AS bigint[])) ORDER BY fid"""
)


def positions(session: Session, worker_ids: Sequence[int]) -> dict[int, tuple[float, float]]:
    """Where workers are (EPSG:4490), by id: the last position, or the post; none for those the caller may not see."""
    rows = session.execute(_POSITIONS, {"ids": list(worker_ids)})
    return {row.fid: (row.lon, row.lat) for row in rows}


def skills(session: Session) -> dict[int, str]:
    """Names of the skills by id."""
    return {row.id: row.name for row in session.execute(select(Skill.id, Skill.name).order_by(Skill.id))}

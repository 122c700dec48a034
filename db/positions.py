"""Where responders are, and whether they are on duty."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import text

from db.session import Database
from db.territory import county
from geo.crs import parse_crs, storage_to_metric, to_storage
from geo.errors import InvalidInput, UnknownCode
from governance.access import Permission, Principal

MOST_FIXES = 1000
"""Of one call. Bigger batches make claims pass over the true nearest, whose row is locked."""

MOVED_M = 25
"""Of movement from which the indexed point is rewritten and the track goes on; `latest` follows every fix."""

STOOD = timedelta(minutes=1)
"""After which the track goes on without movement, so that standing still isn't taken for silence."""

_FUTURE = timedelta(minutes=1)
"""What a phone's clock may be ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """A position of a worker (by code): degrees in the declared `crs`, and when it was taken."""

    worker: str
    lon: float
    lat: float
    crs: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """What became of a batch: fixes taken, workers nobody knows. Those no newer than the last one are left out."""

    accepted: int
    unknown: tuple[str, ...]


_RECORD = text(
    """WITH fix AS (
        SELECT *
        FROM unnest(CAST(:workers AS text[]), CAST(:lons AS float8[]), CAST(:lats AS float8[]),
            CAST(:xs AS float8[]), CAST(:ys AS float8[]), CAST(:raw_xs AS float8[]), CAST(:raw_ys AS float8[]),
            CAST(:crs AS text[]), CAST(:ats AS timestamptz[])) AS f(worker, lon, lat, x, y, raw_x, raw_y, crs, at)
    ), locked AS MATERIALIZED (
        SELECT r.worker_id, f.*, r.positioned_at, r.on_duty, r.tracked_until,
            ST_SetSRID(ST_MakePoint(f.lon, f.lat), 4490) AS latest,
            r.positioned_at IS NULL OR ST_Distance(r.point, ST_SetSRID(ST_MakePoint(f.x, f.y), :srid)) >= :moved_m
                AS has_moved
        FROM fix AS f
        JOIN worker AS w ON w.code = f.worker
        JOIN responder AS r ON r.worker_id = w.id
        ORDER BY r.worker_id
        FOR NO KEY UPDATE OF r
    ), taken AS MATERIALIZED (
        SELECT l.*, l.on_duty AND (l.tracked_until IS NULL OR l.at >= l.tracked_until
            AND (l.has_moved OR l.at >= l.tracked_until + CAST(:stood AS interval))) AS is_kept
        FROM locked AS l
        WHERE l.positioned_at IS NULL OR l.positioned_at < l.at
    ), kept AS (
        INSERT INTO track_point (worker_id, at, point)
        SELECT t.worker_id, t.at, t.latest FROM taken AS t WHERE t.is_kept
        ON CONFLICT DO NOTHING
    )
    UPDATE responder AS r
    SET latest = t.latest,
        point = CASE WHEN t.has_moved THEN ST_SetSRID(ST_MakePoint(t.x, t.y), :srid) ELSE r.point END,
        positioned_at = t.at, raw_x = t.raw_x, raw_y = t.raw_y, raw_crs = t.crs,
        tracked_until = CASE WHEN t.is_kept THEN t.at ELSE r.tracked_until END, updated_at = :now
    FROM taken AS t
    WHERE r.worker_id = t.worker_id
    RETURNING t.worker"""
)

_UNKNOWN = text(
    """SELECT code FROM unnest(CAST(:workers AS text[])) AS sought(code)
    WHERE NOT EXISTS (SELECT FROM worker AS w WHERE w.code = sought.code)
    ORDER BY code"""
)

# Coming on or going off, a worker's position is not known: they count at the post until a fix comes. What a phone took
# before and sends afterwards is no part of the track.
_SET_DUTY = text(
    """WITH change AS MATERIALIZED (
        SELECT r.worker_id, n.on_duty,
            ST_Transform(coalesce(ST_Centroid(b.geom), ST_PointOnSurface(g.geom)), :srid) AS post
        FROM unnest(CAST(:workers AS text[]), CAST(:duties AS boolean[])) AS n(worker, on_duty)
        JOIN worker AS w ON w.code = n.worker
        JOIN responder AS r ON r.worker_id = w.id
        JOIN grid AS g ON g.code = w.grid_code
        LEFT JOIN building AS b ON b.id = w.building_id
        WHERE r.on_duty <> n.on_duty
        ORDER BY r.worker_id
        FOR NO KEY UPDATE OF r
    )
    UPDATE responder AS r
    SET on_duty = c.on_duty, point = c.post, latest = NULL, positioned_at = NULL,
        raw_x = NULL, raw_y = NULL, raw_crs = NULL, idle_since = :now, tracked_until = :now, updated_at = :now
    FROM change AS c
    WHERE r.worker_id = c.worker_id
    RETURNING r.worker_id"""
)


def record(database: Database, principal: Principal, fixes: Sequence[Fix], *, now: datetime) -> Recorded:
    """Takes a batch of fixes, all or none, each worker's in the order of time; the same batch may come twice.

    The fixes of workers on duty go on with their tracks. Raises `InvalidInput` with row (from 1) and field,
    `NotPermitted`.
    """
    principal.require(Permission.FEED_POSITIONS)
    if not fixes:
        return Recorded(accepted=0, unknown=())
    if len(fixes) > MOST_FIXES:
        raise InvalidInput(f"a batch holds at most {MOST_FIXES} positions", field="positions")
    placed = [_placed(fix, row, now) for row, fix in enumerate(fixes, start=1)]
    accepted = 0
    with database.session(principal) as session:
        srid = county(session).metric_srid
        x, y = storage_to_metric(np.array([p[0] for p in placed]), np.array([p[1] for p in placed]), srid)
        for turn in _turns(fixes):
            taken = session.scalars(
                _RECORD,
                {
                    "workers": [fixes[i].worker for i in turn],
                    "lons": [placed[i][0] for i in turn],
                    "lats": [placed[i][1] for i in turn],
                    "xs": x[turn].tolist(),
                    "ys": y[turn].tolist(),
                    "raw_xs": [fixes[i].lon for i in turn],
                    "raw_ys": [fixes[i].lat for i in turn],
                    "crs": [fixes[i].crs for i in turn],
                    "ats": [fixes[i].at for i in turn],
                    "srid": srid,
                    "moved_m": MOVED_M,
                    "stood": STOOD,
                    "now": now,
                },
            )
            accepted += len(taken.all())
        unknown = tuple(session.scalars(_UNKNOWN, {"workers": sorted({fix.worker for fix in fixes})}))
    return Recorded(accepted=accepted, unknown=unknown)


def set_duty(database: Database, principal: Principal, workers: Mapping[str, bool], *, now: datetime) -> int:
    """Puts workers (by code) on or off duty; how many changed. Raises `UnknownCode`, `NotPermitted`."""
    principal.require(Permission.FEED_POSITIONS)
    codes = sorted(workers)
    with database.session(principal) as session:
        unknown = session.scalars(_UNKNOWN, {"workers": codes}).first()
        if unknown is not None:
            raise UnknownCode(f"there is no worker {unknown}", field="worker")
        changed = session.scalars(
            _SET_DUTY,
            {
                "workers": codes,
                "duties": [workers[code] for code in codes],
                "srid": county(session).metric_srid,
                "now": now,
            },
        ).all()
    return len(changed)


def _turns(fixes: Sequence[Fix]) -> list[list[int]]:
    """The rows in turns that hold every worker once at most; the first holds them all, so that all are locked in order.

    A phone that was out of reach sends what it kept: the track tells every bit of it.
    """
    turns: list[list[int]] = []
    seen: Counter[str] = Counter()
    for row in sorted(range(len(fixes)), key=lambda i: fixes[i].at):
        nth = seen[fixes[row].worker]
        seen[fixes[row].worker] += 1
        if nth == len(turns):
            turns.append([])
        turns[nth].append(row)
    return turns


def _placed(fix: Fix, row: int, now: datetime) -> tuple[float, float]:
    try:
        lon, lat = to_storage(fix.lon, fix.lat, parse_crs(fix.crs))
    except InvalidInput as error:
        raise InvalidInput(error.detail, field=error.field, row=row) from error
    if fix.at.tzinfo is None:
        raise InvalidInput("the instant needs its offset", field="at", row=row)
    if fix.at > now + _FUTURE:
        raise InvalidInput("the position lies in the future", field="at", row=row)
    return lon, lat

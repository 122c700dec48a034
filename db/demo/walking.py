"""Workers who walk along the streets: towards their task, else round their post."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zlib import crc32

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from sqlalchemy import text
from sqlalchemy.orm import Session

from db.positions import MOST_FIXES, Fix
from db.roads import road_graph
from geo.crs import Crs, metric_to_storage, storage_to_metric
from geo.travel import EBIKE_M_S, RoadGraph, TravelMode

Point = tuple[float, float]
"""Easting and northing in the metric SRID, or longitude and latitude where it says degrees."""

STROLL_M_S = 1.2
ROUND_M = 450.0
"""How far from the post a round leads."""
_SILENT_PERCENT = 14
"""Of workers on duty, whose phones have fallen silent: their last position grows stale."""
_ARRIVED_M = 3.0
_LONGEST_STEP = timedelta(seconds=30)
"""However long nobody has looked, nobody leaps."""

_WALKERS = text(
    """SELECT w.code, ST_X(r.latest) AS lon, ST_Y(r.latest) AS lat, r.positioned_at,
        ST_X(post.geom) AS post_lon, ST_Y(post.geom) AS post_lat,
        ST_X(task.geom) AS task_lon, ST_Y(task.geom) AS task_lat
    FROM responder AS r
    JOIN worker AS w ON w.id = r.worker_id
    JOIN grid AS g ON g.code = w.grid_code
    LEFT JOIN building AS b ON b.id = w.building_id
    CROSS JOIN LATERAL (SELECT coalesce(ST_Centroid(b.geom), ST_PointOnSurface(g.geom)) AS geom) AS post
    LEFT JOIN LATERAL (
        SELECT i.geom
        FROM assignment AS a
        JOIN incident AS i ON i.id = a.incident_id
        WHERE a.worker_id = r.worker_id AND a.ended_at IS NULL
        ORDER BY (a.status = 'arrived'), a.dispatched_at, a.id
        LIMIT 1
    ) AS task ON true
    WHERE r.on_duty AND r.latest IS NOT NULL
    ORDER BY w.code"""
)


@dataclass(slots=True)
class _Walk:
    """A way that somebody is on; `way` begins where they are."""

    way: NDArray[np.float64]
    to_task: Point | None


@dataclass(slots=True)
class Walkers:
    """Everybody on duty whose position is known, on the deployment's road network."""

    graph: RoadGraph
    srid: int
    rng: Generator
    _walks: dict[str, _Walk] = field(default_factory=dict)

    @classmethod
    def on_roads(cls, session: Session, *, srid: int, rng: Generator) -> Walkers:
        """Walkers on the roads of the database; `srid` is its metric one."""
        return cls(graph=road_graph(session, TravelMode.EBIKE).mainland(), srid=srid, rng=rng)

    def next_fixes(self, session: Session, *, now: datetime) -> list[Fix]:
        """Where everybody has got to by `now`, for `db.positions.record`; the silent ones leave no word."""
        rows = [row for row in session.execute(_WALKERS) if not is_silent(row.code)][:MOST_FIXES]
        present = {row.code for row in rows}
        self._walks = {code: walk for code, walk in self._walks.items() if code in present}
        here = self._metric([(row.lon, row.lat) for row in rows])
        posts = self._metric([(row.post_lon, row.post_lat) for row in rows])
        tasks = self._metric([(row.task_lon or row.lon, row.task_lat or row.lat) for row in rows])
        reached = []
        for row, at, post, task in zip(rows, here, posts, tasks, strict=True):
            span = min(max(now - row.positioned_at, timedelta()), _LONGEST_STEP)
            to_task = None if row.task_lon is None else task
            reached.append((row.code, self._move(row.code, at, post, to_task, seconds=span.total_seconds())))
        return self._fixes(reached, now=now)

    def first_fixes(self, posts: Sequence[tuple[str, float, float]], *, now: datetime) -> list[Fix]:
        """The first positions of workers (code and post in degrees) who come on duty: a street corner near the post."""
        places = self._metric([(lon, lat) for _, lon, lat in posts])
        corners = [(code, self._somewhere_near(place)) for (code, _, _), place in zip(posts, places, strict=True)]
        return self._fixes(corners, now=now)

    def _fixes(self, reached: Sequence[tuple[str, Point]], *, now: datetime) -> list[Fix]:
        xy = np.array([point for _, point in reached]).reshape(-1, 2)
        lon, lat = metric_to_storage(xy[:, 0], xy[:, 1], self.srid)
        return [
            Fix(worker=code, lon=float(x), lat=float(y), crs=Crs.CGCS2000, at=now)
            for (code, _), x, y in zip(reached, lon, lat, strict=True)
        ]

    def _metric(self, degrees: Sequence[Point]) -> list[Point]:
        lon_lat = np.array(degrees).reshape(-1, 2)
        x, y = storage_to_metric(lon_lat[:, 0], lon_lat[:, 1], self.srid)
        return list(zip(x.tolist(), y.tolist(), strict=True))

    def _move(self, code: str, here: Point, post: Point, task: Point | None, *, seconds: float) -> Point:
        walk = self._walks.get(code)
        if walk is None or walk.to_task != task or len(walk.way) == 0:
            if task is not None and np.hypot(task[0] - here[0], task[1] - here[1]) < _ARRIVED_M:
                return here
            goal = task or self._somewhere_near(post)
            walk = self._walks[code] = _Walk(way=self.graph.path(here, goal), to_task=task)
        at, walk.way = along(np.vstack([here, walk.way]), seconds * (STROLL_M_S if task is None else EBIKE_M_S))
        return at

    def _somewhere_near(self, post: Point) -> Point:
        near = self.graph.tree.query_ball_point(post, ROUND_M)
        if not near:
            return post
        x, y = self.graph.node_xy[int(self.rng.choice(np.sort(near)))]
        return float(x), float(y)


def is_silent(code: str) -> bool:
    """Whether this worker's phone sends nothing; the same ones always."""
    return crc32(code.encode()) % 100 < _SILENT_PERCENT


def along(way: NDArray[np.float64], distance_m: float) -> tuple[Point, NDArray[np.float64]]:
    """The point so far along the way, and the vertices that are left of it; none at its end."""
    left = distance_m
    for i in range(len(way) - 1):
        (x1, y1), (x2, y2) = way[i], way[i + 1]
        length = float(np.hypot(x2 - x1, y2 - y1))
        if length > left:
            share = left / length
            return (float(x1 + share * (x2 - x1)), float(y1 + share * (y2 - y1))), way[i + 1 :]
        left -= length
    return (float(way[-1][0]), float(way[-1][1])), way[len(way) :]

"""Where some of the demo's workers walked today and yesterday, so that a new county has tracks to look at."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
import shapely
from numpy.random import Generator
from numpy.typing import NDArray
from shapely import Point

from db.demo.copying import copy_rows, ewkb
from db.demo.people import Shift
from db.demo.town import Town
from db.demo.walking import ROUND_M, STROLL_M_S
from db.positions import MOVED_M, STOOD
from geo.travel import RoadGraph
from governance.profile import Profile

_TRACKED = 24
"""Workers who have a track: enough for every street, few enough to be drawn in a second."""
_BEGINS, _ENDS = time(8, 0), time(18, 0)
_NOON = (time(12, 0), time(13, 30))
"""When phones are silent."""
_REST_MIN = (3.0, 40.0)

Step = tuple[datetime, float, float]


def file_tracks(cursor: psycopg.Cursor[Any], town: Town, shifts: Sequence[Shift], *, profile: Profile) -> None:
    """Tracks of workers on duty whose position is known, along the streets to where they are now."""
    # Generators of their own: what is drawn elsewhere stays as it is, whoever walks.
    rng = np.random.default_rng([int(profile.county_code), _TRACKED])
    zone = ZoneInfo(profile.timezone)
    known = [i for i, shift in enumerate(shifts) if shift.on_duty and shift.position is not None]
    chosen = known[:: max(1, len(known) // _TRACKED)][:_TRACKED]
    network = town.layout.network
    graph = RoadGraph.from_edges(
        [edge.source for edge in network.edges],
        [edge.target for edge in network.edges],
        [edge.line.length for edge in network.edges],
        [False for _ in network.edges],
        shapely.get_coordinates(list(network.junctions)),
    ).mainland()
    rows: list[tuple[int, datetime]] = []
    places: list[tuple[float, float]] = []
    for i in chosen:
        shift = shifts[i]
        if shift.position is None or shift.positioned_at is None:
            continue
        walk = _Walk(graph=graph, home=(town.workers[i].home.x, town.workers[i].home.y), zone=zone, rng=rng)
        for at, x, y in walk.until(shift.positioned_at, (shift.position.x, shift.position.y)):
            rows.append((i + 1, at))
            places.append((x, y))
    points = ewkb(town.frame.on_ground([Point(place) for place in places]))
    copy_rows(
        cursor, "track_point", ("worker_id", "at", "point"),
        [(worker, at, point) for (worker, at), point in zip(rows, points, strict=True)],
    )  # fmt: skip


class _Walk:
    """A worker's rounds, told backwards from where they ended."""

    def __init__(self, *, graph: RoadGraph, home: tuple[float, float], zone: ZoneInfo, rng: Generator) -> None:
        self._graph, self._zone, self._rng = graph, zone, rng
        near = np.sort(graph.tree.query_ball_point(home, ROUND_M))
        self._goals = graph.node_xy[near] if len(near) else np.array([home])

    def until(self, last_at: datetime, place: tuple[float, float]) -> list[Step]:
        """From yesterday morning to `last_at`, when they stood at `place`, in order of time."""
        local = last_at.astimezone(self._zone)
        today = local.replace(hour=_BEGINS.hour, minute=0, second=0, microsecond=0)
        evening = today.replace(hour=_ENDS.hour) - timedelta(days=1)
        steps = [*self._back(last_at, np.array(place), today)]
        steps += self._back(evening, self._goal(), today - timedelta(days=1))
        return [step for step in reversed(steps) if not _NOON[0] <= step[0].astimezone(self._zone).time() < _NOON[1]]

    def _goal(self) -> NDArray[np.float64]:
        return np.asarray(self._goals[int(self._rng.integers(len(self._goals)))])

    def _back(self, at: datetime, here: NDArray[np.float64], begins: datetime) -> Iterator[Step]:
        yield at, float(here[0]), float(here[1])
        while at > begins:
            goal = self._goal()
            way = self._graph.path(here, goal)
            if len(way) > 1:
                for step_at, x, y in _strolled(way, at):
                    at = step_at
                    yield at, x, y
                here = goal
            rested_until = at - timedelta(minutes=float(self._rng.uniform(*_REST_MIN)))
            while at - STOOD > max(rested_until, begins):
                at -= STOOD
                yield at, float(here[0]), float(here[1])
            at = min(at - STOOD, rested_until)


def _strolled(way: NDArray[np.float64], at: datetime) -> Iterator[Step]:
    """Positions every so many metres along the way, back in time from `at`."""
    along_m = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(way, axis=0).T))])
    for metres in np.arange(MOVED_M, along_m[-1], MOVED_M).tolist():
        x, y = np.interp(metres, along_m, way[:, 0]), np.interp(metres, along_m, way[:, 1])
        yield at - timedelta(seconds=metres / STROLL_M_S), float(x), float(y)

"""Whom to send, by brute force: every responder judged, timed and placed, with nothing of the product's own machinery.

Ways are networkx's, metres pyproj's, the tree of grids is climbed, and the order is made by placing one after another.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType, SimpleNamespace
from typing import Any, Protocol, TypeVar

import networkx as nx
import numpy as np
from numpy.typing import NDArray
from pyproj import Geod
from sqlalchemy import text

from db.session import Database
from governance.policy import Policy, Requirement

SPEED_M_S = {"walk": 1.25, "ebike": 15 / 3.6, "car": 30 / 3.6}
SLOW_M_S = {"walk": 1.0, "ebike": 3.0, "car": 5.0}


class Placed(Protocol):
    """What the order looks at."""

    @property
    def travel_s(self) -> float | None: ...
    @property
    def distance_m(self) -> float: ...
    @property
    def load(self) -> int: ...
    @property
    def idle_since(self) -> datetime: ...
    @property
    def code(self) -> str: ...


P = TypeVar("P", bound=Placed)


def guess_s(one: Placed, mode: str) -> int:
    """What somebody's time is taken for, whose way nobody knows."""
    return round(one.distance_m * 1.3 / SLOW_M_S[mode])


def oracle_order(ring: Sequence[P], mode: str) -> list[P]:
    """Those whose way is known in their order; then each of the others put in where its guess belongs, but never
    behind somebody who is as far away or farther."""

    def ties(one: Placed) -> tuple[Any, ...]:
        return (one.load, one.idle_since, one.code)

    known = sorted((c for c in ring if c.travel_s is not None), key=lambda c: (round(c.travel_s or 0), *ties(c)))
    times = [round(one.travel_s or 0) for one in known]
    slots: list[list[P]] = [[] for _ in range(len(known) + 1)]
    for one in (c for c in ring if c.travel_s is None):
        place = next((n for n, time_s in enumerate(times) if time_s >= guess_s(one, mode)), len(known))
        farther = next((n for n, other in enumerate(known) if other.distance_m >= one.distance_m), len(known))
        place = min(place, farther)
        # Among equals in time, somebody whose way is unknown comes first: nobody of them is known to be faster.
        while 0 < place < len(known) and times[place - 1] == times[place]:
            place -= 1
        slots[place].append(one)
    ordered: list[P] = []
    for n, slot in enumerate(slots):
        ordered += sorted(slot, key=lambda c: (guess_s(c, mode), *ties(c)))
        ordered += known[n : n + 1]
    return ordered


@dataclass(frozen=True, slots=True)
class Person:
    """A responder as the tables have them, with the way to one incident."""

    row: Any
    distance_m: float
    travel_s: float | None

    @property
    def load(self) -> int:
        return int(self.row.load)

    @property
    def idle_since(self) -> datetime:
        moment: datetime = self.row.idle_since
        return moment

    @property
    def code(self) -> str:
        return str(self.row.code)


@dataclass(frozen=True, slots=True)
class Answer:
    """The list (code, ring, seconds, estimated or not, kind of position), and how many each rule kept out."""

    listed: list[tuple[str, int, int, bool, str]]
    excluded: dict[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """An incident's place: its finest grid, degrees, and metres in the county's own SRID."""

    grid: str
    class_code: str
    lon: float
    lat: float
    x: float
    y: float


class Oracle:
    """The county's responders, grids and roads, read once."""

    def __init__(self, database: Database) -> None:
        with database.engine.connect() as connection:
            people = connection.execute(
                text(
                    """SELECT w.id, w.code, w.post, w.origin, w.grid_code, r.pool, r.on_duty, r.load, r.cap, r.skills,
                        r.positioned_at, r.idle_since, r.finished_at, ST_X(r.point) AS x, ST_Y(r.point) AS y,
                        ST_X(ST_Transform(r.point, 4490)) AS lon, ST_Y(ST_Transform(r.point, 4490)) AS lat
                    FROM responder AS r JOIN worker AS w ON w.id = r.worker_id"""
                )
            ).all()
            # SQLAlchemy's rows take as long to be asked for a column as a rule to be judged.
            self.people = [SimpleNamespace(**row._mapping) for row in people]
            grids = connection.execute(text("SELECT code, parent_code, level FROM grid")).all()
            self.edges = connection.execute(
                text(
                    """SELECT e.source, e.target, e.length_m, e.is_oneway, r.class,
                        ST_X(ST_Transform(ST_StartPoint(e.geom), d.metric_srid)) AS x1,
                        ST_Y(ST_Transform(ST_StartPoint(e.geom), d.metric_srid)) AS y1,
                        ST_X(ST_Transform(ST_EndPoint(e.geom), d.metric_srid)) AS x2,
                        ST_Y(ST_Transform(ST_EndPoint(e.geom), d.metric_srid)) AS y2
                    FROM base.road_edge AS e JOIN base.road AS r ON r.id = e.road_id CROSS JOIN deployment AS d
                    ORDER BY e.id"""
                )
            ).all()
            self.skills = {
                row.code: set(row.skills) for row in connection.execute(text("SELECT code, skills FROM incident_class"))
            }
        self.parent = {row.code: row.parent_code for row in grids}
        self.level = {row.code: row.level for row in grids}
        self.lons = np.array([p.lon for p in self.people])
        self.lats = np.array([p.lat for p in self.people])
        self.xy = np.array([(p.x, p.y) for p in self.people])
        self.geod = Geod(ellps="GRS80")
        self._ways: dict[str, tuple[nx.DiGraph, list[int], NDArray[np.float64], NDArray[np.int64]]] = {}

    def chain(self, code: str) -> list[str]:
        """The grid and all above it."""
        codes = [code]
        while self.parent[codes[-1]] is not None:
            codes.append(self.parent[codes[-1]])
        return codes

    def ring(self, post: str, place: str) -> int:
        """1 in the incident's quarter (its community, where it lies in none), 2 elsewhere in the community, 3 at the
        community itself, 4 in the street, 5 anywhere."""
        at = {self.level[code]: code for code in self.chain(place)}
        above = self.chain(post)
        if at.get("quarter", at["community"]) in above:
            return 1
        if at["community"] in above:
            return 3 if post == at["community"] else 2
        return 4 if at["street"] in above else 5

    def answer(
        self,
        spot: Spot,
        policy: Policy,
        line: Requirement,
        *,
        now: datetime,
        scope: str = "",
        away: Mapping[int, str] = MappingProxyType({}),
    ) -> Answer:
        """Everybody judged for one line of a run card at one place; `away` tells who was sent there or declined."""
        count = len(self.lons)
        _, _, metres = self.geod.inv(np.full(count, spot.lon), np.full(count, spot.lat), self.lons, self.lats)
        times = self.times((spot.x, spot.y), policy.mode)
        excluded: Counter[str] = Counter()
        rings: dict[int, list[Person]] = {}
        too_far = 0
        skills = self.skills[spot.class_code] if line.skills is None else set(line.skills)
        for n, row in enumerate(self.people):
            if not row.grid_code.startswith(scope):
                continue
            rules = self._reasons(row, policy, line, skills, now=now, away=away.get(row.id, ""))
            reason = next((reason for reason, is_so in rules if is_so), "")
            if reason:
                excluded[reason] += 1
            elif metres[n] > (line.max_distance_m or policy.max_distance_m):
                too_far += 1
            else:
                person = Person(row, float(metres[n]), None if math.isinf(times[n]) else float(times[n]))
                rings.setdefault(self.ring(row.grid_code, spot.grid), []).append(person)
        ordered = [(ring, one) for ring in sorted(rings) for one in oracle_order(rings[ring], policy.mode)]
        if too_far and len(ordered) < policy.shortlist:
            excluded["too_far"] = too_far
        listed = [
            (
                one.code,
                ring,
                guess_s(one, policy.mode) if one.travel_s is None else round(one.travel_s),
                one.travel_s is None,
                self._position(one.row, line.freshness_s or policy.freshness_s, now),
            )
            for ring, one in ordered[: policy.shortlist]
        ]
        return Answer(listed, dict(excluded))

    def times(self, xy: tuple[float, float], mode: str) -> NDArray[np.float64]:
        """Seconds from everybody to the place: to the nearest node and from it on foot, between them by road."""
        graph, nodes, places, nearest = self._network(mode)
        if not nodes:
            return np.full(len(self.xy), np.inf)
        gaps = np.hypot(*(places - np.array(xy)).T)
        goal = int(gaps.argmin())
        metres = nx.single_source_dijkstra_path_length(graph, nodes[goal], weight="m")
        by_node = np.array([metres.get(node, np.inf) for node in nodes])
        foot_m_s = min(SPEED_M_S[mode], SPEED_M_S["walk"])
        walked = np.hypot(*(self.xy - places[nearest]).T) + gaps[goal]
        straight = np.hypot(*(self.xy - np.array(xy)).T)
        by_road = by_node[nearest] / SPEED_M_S[mode] + walked / foot_m_s
        return np.where(nearest == goal, straight / foot_m_s, by_road)

    def _network(self, mode: str) -> tuple[nx.DiGraph, list[int], NDArray[np.float64], NDArray[np.int64]]:
        if mode in self._ways:
            return self._ways[mode]
        graph: nx.DiGraph = nx.DiGraph()
        at: dict[int, tuple[float, float]] = {}
        for edge in self.edges:
            if mode == "car" and edge[4] == "path":
                continue
            at.setdefault(edge.source, (edge.x1, edge.y1))
            at.setdefault(edge.target, (edge.x2, edge.y2))
            pairs = [(edge.source, edge.target)]
            if not edge.is_oneway or mode == "walk":
                pairs.append((edge.target, edge.source))
            for tail, head in pairs:
                if tail != head and graph.get_edge_data(tail, head, {"m": math.inf})["m"] > edge.length_m:
                    graph.add_edge(tail, head, m=edge.length_m)
        kept: set[int] = set()
        for part in nx.weakly_connected_components(graph):
            core = max(nx.strongly_connected_components(graph.subgraph(part)), key=len)
            kept |= core if len(core) > 1 else set()
        nodes = sorted(kept)
        places = np.array([at[node] for node in nodes]).reshape(-1, 2)
        nearest = np.array([int(np.hypot(*(places - xy).T).argmin()) for xy in self.xy]) if nodes else np.array([])
        # Reversed, so that one search from the destination finds the way from everybody.
        self._ways[mode] = (graph.subgraph(kept).reverse(copy=True), nodes, places, nearest.astype(np.int64))
        return self._ways[mode]

    @staticmethod
    def _position(row: Any, freshness_s: int, now: datetime) -> str:
        if row.positioned_at is None:
            return "post"
        return "fresh" if now - row.positioned_at <= timedelta(seconds=freshness_s) else "stale"

    @classmethod
    def _reasons(
        cls, row: Any, policy: Policy, line: Requirement, skills: set[int], *, now: datetime, away: str
    ) -> Iterator[tuple[str, bool]]:
        """What may keep somebody out, and whether it does: each is judged only if nothing before it did."""
        yield "other_pool", row.pool not in (line.pools or policy.pools)
        yield "off_duty", not row.on_duty
        is_of_role = (not line.posts or row.post in line.posts) and (not line.origins or row.origin in line.origins)
        yield "other_role", not is_of_role
        yield "no_skill", bool(skills) and not skills & set(row.skills)
        yield "sent", away == "sent"
        yield "at_cap", row.load >= min(row.cap, line.cap or policy.cap)
        yield "declined", away == "declined"
        rest_s = policy.rest_s if line.rest_s is None else line.rest_s
        yield "resting", row.finished_at is not None and now - row.finished_at < timedelta(seconds=rest_s)
        position = cls._position(row, line.freshness_s or policy.freshness_s, now)
        yield "stale", policy.excludes_stale and position == "stale"

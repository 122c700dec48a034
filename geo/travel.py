"""Travel times on the road network, from many origins to one destination.

Points enter and leave the network at their nearest node, on foot and in a straight line; where both ends share that
node the way is straight from one to the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csr_array
from scipy.sparse.csgraph import connected_components, dijkstra
from scipy.spatial import cKDTree

from geo.errors import InvalidInput

Floats = NDArray[np.float64]
Nodes = NDArray[np.int64]

WALK_M_S = 4.5 / 3.6
"""Between the 1.2 m/s (4 ft/s) of traffic-signal manuals and the 5 km/h of OSRM's foot profile."""
EBIKE_M_S = 15 / 3.6
"""The limit for electric bicycles on cycle tracks: Road Traffic Safety Law of the PRC, article 58."""
CAR_M_S = 30 / 3.6
"""The limit on town roads without a centre line: regulation on that law's implementation, article 45."""


class TravelMode(StrEnum):
    """How somebody gets along the roads."""

    WALK = "walk"
    EBIKE = "ebike"
    CAR = "car"


SPEED_M_S: Mapping[TravelMode, float] = MappingProxyType(
    {TravelMode.WALK: WALK_M_S, TravelMode.EBIKE: EBIKE_M_S, TravelMode.CAR: CAR_M_S}
)
HEEDS_ONE_WAYS = frozenset({TravelMode.EBIKE, TravelMode.CAR})
"""Whoever walks goes against a one-way street too."""
NO_ROADS_FOR: Mapping[TravelMode, frozenset[str]] = MappingProxyType(
    {TravelMode.WALK: frozenset(), TravelMode.EBIKE: frozenset(), TravelMode.CAR: frozenset({"path"})}
)
"""The classes of road (`base.road.class`) that a mode can't take."""

_DETOUR = 1.4
"""How much longer than the beeline the first, limited search may be: in a right-angled town it is at most √2."""
_GROWTH = 2.0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RoadGraph:
    """A road network in metric coordinates, its nodes numbered without holes in the order of their own ids.

    `reversed_csr` holds, for each node, the stretches that end in it: a search on it from the destination meets every
    origin at once. `component` numbers the parts that no road joins, `diagonal_m` is that of the network's box. Made by
    `from_edges`; shared freely by threads.
    """

    node_id: Nodes
    node_xy: Floats
    reversed_csr: csr_array
    component: Nodes
    diagonal_m: float
    tree: cKDTree

    @classmethod
    def from_edges(
        cls,
        source: ArrayLike,
        target: ArrayLike,
        length_m: ArrayLike,
        is_oneway: ArrayLike,
        node_xy: ArrayLike,
        *,
        node_id: ArrayLike | None = None,
    ) -> RoadGraph:
        """The network of stretches between `source` and `target`, one way from source to target where `is_oneway`.

        Row i of `node_xy` places the node `node_id[i]` (i itself when left out); a node may be placed more than once,
        so that both ends of every stretch can be handed over as they come, and one without stretches is dropped. Of
        parallel stretches the shortest counts. Raises `InvalidInput` with row and field for a length that isn't
        positive, a node without a place, a place that isn't finite and columns that differ in length.
        """
        start, end = np.asarray(source, dtype=np.int64), np.asarray(target, dtype=np.int64)
        metres, oneway = np.asarray(length_m, dtype=np.float64), np.asarray(is_oneway, dtype=np.bool_)
        places = _points(node_xy, "node_xy")
        ids = np.arange(len(places)) if node_id is None else np.asarray(node_id, dtype=np.int64)
        if not (start.shape == end.shape == metres.shape == oneway.shape == (start.size,)):
            raise InvalidInput("source, target, length_m and is_oneway are columns of one length", field="source")
        if ids.shape != (len(places),):
            raise InvalidInput("node_id names each row of node_xy", field="node_id")
        _require(np.isfinite(metres) & (metres > 0), "length_m", "a stretch has a positive length")
        known, first = np.unique(ids, return_index=True)
        for field, column in (("source", start), ("target", end)):
            _require(np.isin(column, known), field, "the node has no place")
        used, compact = np.unique(np.concatenate([start, end]), return_inverse=True)
        tail, head = compact[: start.size], compact[start.size :]
        return cls._build(
            used,
            places[first[np.searchsorted(known, used)]],
            # A two-way stretch is one stretch each way.
            np.concatenate([tail, head[~oneway]]),
            np.concatenate([head, tail[~oneway]]),
            np.concatenate([metres, metres[~oneway]]),
        )

    @classmethod
    def _build(cls, node_id: Nodes, node_xy: Floats, tail: Nodes, head: Nodes, metres: Floats) -> RoadGraph:
        # A sparse matrix adds up what stands in one cell: keep the shortest of parallel stretches only.
        order = np.lexsort((metres, tail, head))
        tail, head, metres = tail[order], head[order], metres[order]
        is_shortest = np.ones(tail.size, dtype=np.bool_)
        is_shortest[1:] = (tail[1:] != tail[:-1]) | (head[1:] != head[:-1])
        keep = is_shortest & (tail != head)
        size = (node_id.size, node_id.size)
        reversed_csr = csr_array(coo_array((metres[keep], (head[keep], tail[keep])), shape=size))
        # scipy's searches take 32-bit indices and would convert others at every call.
        reversed_csr.indices = reversed_csr.indices.astype(np.int32)
        reversed_csr.indptr = reversed_csr.indptr.astype(np.int32)
        component = connected_components(reversed_csr, directed=False)[1] if node_id.size else np.empty(0)
        return cls(
            node_id=node_id,
            node_xy=node_xy,
            reversed_csr=reversed_csr,
            component=component.astype(np.int64),
            diagonal_m=float(np.hypot(*np.ptp(node_xy, axis=0))) if node_id.size else 0.0,
            tree=cKDTree(node_xy),
        )

    @property
    def is_empty(self) -> bool:
        """Whether there is no road at all: then nothing is reachable, and distance has to do."""
        return self.node_id.size == 0

    def mainland(self) -> RoadGraph:
        """The largest part in which every node reaches every other: for ground with stray paths and dead one-ways."""
        if self.is_empty:
            return self
        part = self._circulations()
        return self._only(part == np.bincount(part).argmax())

    def without_traps(self) -> RoadGraph:
        """Each separate part of the network without the nodes that one-ways make impossible to reach or to leave.

        Of every part that roads join, the largest piece stays in which every node reaches every other. A place beside
        a stray one-way thus enters the network at the nearest node that leads somewhere, and an island keeps its roads.
        """
        if self.is_empty:
            return self
        part = self._circulations()
        size = np.bincount(part)
        component = np.empty(size.size, dtype=np.int64)
        component[part] = self.component
        # The largest piece first in each component; of equal ones that of the lowest number.
        order = np.lexsort((-size, component))
        is_first = np.ones(order.size, dtype=np.bool_)
        is_first[1:] = component[order][1:] != component[order][:-1]
        kept = order[is_first]
        return self._only(np.isin(part, kept[size[kept] > 1]))

    def _circulations(self) -> Nodes:
        """For each node the number of its piece in which every node reaches every other."""
        return connected_components(self.reversed_csr, directed=True, connection="strong")[1].astype(np.int64)

    def _only(self, is_kept: NDArray[np.bool_]) -> RoadGraph:
        """The network of these nodes and the stretches between them."""
        number = np.cumsum(is_kept) - 1
        stretches = self.reversed_csr.tocoo()
        head, tail = stretches.coords
        between = is_kept[head] & is_kept[tail]
        return RoadGraph._build(
            self.node_id[is_kept],
            self.node_xy[is_kept],
            number[tail[between]],
            number[head[between]],
            np.asarray(stretches.data[between]),
        )

    def nearest_nodes(self, xy: ArrayLike) -> tuple[Nodes, Floats]:
        """For each point its nearest node (a row of `node_xy`) and the beeline to it in metres.

        An empty network answers −1 and infinity. Raises `InvalidInput` naming `xy` for what isn't finite.
        """
        points = _points(xy, "xy")
        if self.is_empty:
            return np.full(len(points), -1, dtype=np.int64), np.full(len(points), np.inf)
        walk_m, nodes = self.tree.query(points)
        return np.asarray(nodes, dtype=np.int64), np.asarray(walk_m, dtype=np.float64)

    def times_s(
        self,
        origins_xy: ArrayLike,
        destination_xy: ArrayLike,
        *,
        speed_m_s: float,
        limit_s: float = math.inf,
    ) -> Floats:
        """Seconds from each origin (N, 2) to the one destination; infinity where no way takes at most `limit_s`.

        The roads are travelled at `speed_m_s`, the ends beside them walked, at `WALK_M_S` or slower.
        """
        if not (math.isfinite(speed_m_s) and speed_m_s > 0):
            raise InvalidInput("a speed is positive", field="speed_m_s")
        if math.isnan(limit_s):
            raise InvalidInput("a limit is a number of seconds", field="limit_s")
        origins, destination = _points(origins_xy, "origins_xy"), _point(destination_xy, "destination_xy")
        if self.is_empty or not len(origins):
            return np.full(len(origins), np.inf)
        nodes, walk_m = self.nearest_nodes(origins)
        (goal,), (last_m,) = self.nearest_nodes(destination)
        # A hair more than the limit, so that rounding loses nobody who arrives just in time.
        road_m = self._search(nodes, int(goal), max(0.0, limit_s) * speed_m_s * (1 + 1e-9))
        foot_m = np.where(nodes == goal, np.hypot(*(origins - destination).T), walk_m + last_m)
        times_s = road_m / speed_m_s + foot_m / min(speed_m_s, WALK_M_S)
        return np.asarray(np.where(times_s <= limit_s, times_s, np.inf), dtype=np.float64)

    def _search(self, nodes: Nodes, goal: int, limit_m: float) -> Floats:
        """Metres by road from each node to `goal`, infinity beyond `limit_m`: a search that grows until all are met."""
        hopeful = nodes[self.component[nodes] == self.component[goal]]
        if not hopeful.size:
            return np.full(nodes.size, np.inf)
        beeline_m = np.hypot(*(self.node_xy[hopeful] - self.node_xy[goal]).T).max()
        reach_m = beeline_m * _DETOUR + 1.0
        while True:
            # One-ways can leave an origin unmet for ever: past the whole network's extent the search is unlimited.
            if reach_m > self.diagonal_m:
                reach_m = math.inf
            reach_m = min(reach_m, limit_m)
            road_m = dijkstra(self.reversed_csr, indices=[goal], limit=reach_m)[0]
            if reach_m >= limit_m or np.isfinite(road_m[hopeful]).all():
                return np.asarray(road_m[nodes], dtype=np.float64)
            reach_m *= _GROWTH

    def path(self, origin_xy: ArrayLike, destination_xy: ArrayLike) -> Floats:
        """The shortest way (N, 2): the origin, the nodes passed, the destination; (0, 2) where there is none.

        Where both ends share their nearest node the way is straight and has two points.
        """
        origin, destination = _point(origin_xy, "origin_xy"), _point(destination_xy, "destination_xy")
        if self.is_empty:
            return np.empty((0, 2))
        (start, goal), _ = self.nearest_nodes(np.vstack([origin, destination]))
        if start == goal:
            return np.vstack([origin, destination])
        (metres,), (towards,) = dijkstra(self.reversed_csr, indices=[int(goal)], return_predecessors=True)
        if not np.isfinite(metres[start]):
            return np.empty((0, 2))
        passed = [int(start)]
        while passed[-1] != goal:
            # On the reversed graph a node's predecessor is the next one towards the destination.
            passed.append(int(towards[passed[-1]]))
        return np.vstack([origin, self.node_xy[passed], destination])


def _points(xy: ArrayLike, field: str) -> Floats:
    points = np.asarray(xy, dtype=np.float64)
    if points.size == 0:
        return np.empty((0, 2))
    if points.ndim != 2 or points.shape[1] != 2:  # noqa: PLR2004  rows of x, y
        raise InvalidInput(f"{field} has rows of x and y", field=field)
    _require(np.isfinite(points[:, 0]) & np.isfinite(points[:, 1]), field, "a coordinate is not finite")
    return points


def _point(xy: ArrayLike, field: str) -> Floats:
    """One point as a row."""
    points = _points(np.reshape(np.asarray(xy, dtype=np.float64), (-1, 2)), field)
    if len(points) != 1:
        raise InvalidInput(f"{field} is one point", field=field)
    return points


def _require(is_good: NDArray[np.bool_], field: str, detail: str) -> None:
    if not is_good.all():
        row = int(np.argmin(is_good)) + 1
        raise InvalidInput(f"{detail}, unlike that of row {row}", field=field, row=row)

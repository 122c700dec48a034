"""The deployment's road network, ready to travel: read once, kept until another one is imported."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from geo.crs import storage_to_metric
from geo.errors import Unavailable
from geo.travel import HEEDS_ONE_WAYS, NO_ROADS_FOR, RoadGraph, TravelMode

# Edges' ids are never used again, so that the newest one tells a network from all before it; it is read off the primary
# key in a tenth of a millisecond. Whoever edits edges otherwise than by an import inserts them anew to be seen.
_STAMP = text(
    """SELECT d.metric_srid, (SELECT max(e.id) FROM base.road_edge AS e) AS newest
    FROM deployment AS d"""
)

_EDGES = text(
    """SELECT e.source, e.target, e.length_m, e.is_oneway, r.class AS road_class,
        ST_X(ST_StartPoint(e.geom)) AS x1, ST_Y(ST_StartPoint(e.geom)) AS y1,
        ST_X(ST_EndPoint(e.geom)) AS x2, ST_Y(ST_EndPoint(e.geom)) AS y2
    FROM base.road_edge AS e
    JOIN base.road AS r ON r.id = e.road_id
    ORDER BY e.id"""
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Edges:
    """The stretches as columns; `ends_xy` are the sources' places in metres, then the targets'."""

    source: NDArray[np.int64]
    target: NDArray[np.int64]
    length_m: NDArray[np.float64]
    is_oneway: NDArray[np.bool_]
    road_class: NDArray[np.str_]
    ends_xy: NDArray[np.float64]


@dataclass(slots=True)
class _Network:
    """One database's network in this process: the edges of one stamp, and their graphs, made when first asked for."""

    lock: Lock = field(default_factory=Lock)
    stamp: tuple[Any, ...] = ()
    edges: _Edges | None = None
    graphs: dict[TravelMode, RoadGraph] = field(default_factory=dict)


_NETWORKS: WeakKeyDictionary[Engine, _Network] = WeakKeyDictionary()
"""By pool: a process has one for each database."""
_NETWORKS_LOCK = Lock()


def road_graph(session: Session, mode: TravelMode) -> RoadGraph:
    """The network for `mode`, in metres of the deployment's metric SRID; empty where no roads are known.

    An import shows at the next call, in every process; threads that ask at once wait for one of them to build. Whoever
    walks goes both ways everywhere; a car takes no paths. Each separate part is kept, an island too, but without the
    nodes that one-ways make impossible to reach or to leave (`RoadGraph.without_traps`): a place beside a one-way that
    the file's edge has clipped is reached from the nearest node that leads on, and isn't called unreachable. Between
    two parts there is no way and time is infinite: there, distance has to do. Raises `Unavailable` while no county is
    loaded.
    """
    stamp = session.execute(_STAMP).one_or_none()
    if stamp is None:
        raise Unavailable("no county is loaded yet")
    with _NETWORKS_LOCK:
        network = _NETWORKS.setdefault(session.get_bind().engine, _Network())
    with network.lock:
        if network.edges is None or network.stamp != tuple(stamp):
            network.edges = _edges(session, stamp.metric_srid)
            network.graphs = {}
            network.stamp = tuple(stamp)
        graph = network.graphs.get(mode)
        if graph is None:
            graph = network.graphs[mode] = _graph(network.edges, mode)
        return graph


def _edges(session: Session, srid: int) -> _Edges:
    rows = session.execute(_EDGES).all()
    lon_lat = np.array([(r.x1, r.y1) for r in rows] + [(r.x2, r.y2) for r in rows]).reshape(-1, 2)
    return _Edges(
        source=np.array([r.source for r in rows], dtype=np.int64),
        target=np.array([r.target for r in rows], dtype=np.int64),
        length_m=np.array([r.length_m for r in rows], dtype=np.float64),
        is_oneway=np.array([r.is_oneway for r in rows], dtype=np.bool_),
        road_class=np.array([r.road_class for r in rows], dtype=np.str_),
        ends_xy=np.column_stack(storage_to_metric(lon_lat[:, 0], lon_lat[:, 1], srid)),
    )


def _graph(edges: _Edges, mode: TravelMode) -> RoadGraph:
    is_open = ~np.isin(edges.road_class, list(NO_ROADS_FOR[mode]))
    source, target = edges.source[is_open], edges.target[is_open]
    return RoadGraph.from_edges(
        source,
        target,
        edges.length_m[is_open],
        edges.is_oneway[is_open] & (mode in HEEDS_ONE_WAYS),
        edges.ends_xy[np.tile(is_open, 2)],
        node_id=np.concatenate([source, target]),
    ).without_traps()

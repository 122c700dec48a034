from __future__ import annotations

import json
import math
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from threading import Barrier
from time import perf_counter
from typing import Any

import networkx as nx
import numpy as np
import pyproj
import pytest
from sqlalchemy import text

import db.roads
from db.importers.roads import import_roads
from db.roads import road_graph
from db.session import Database
from geo.errors import Unavailable
from geo.travel import SPEED_M_S, WALK_M_S, RoadGraph, TravelMode
from governance.access import SYSTEM

TO_METRES = pyproj.Transformer.from_crs(4258, 3067, always_xy=True)
KARHULA = (26.945, 60.525)
"""Longitude and latitude of a place in the town."""


@pytest.fixture(scope="module")
def town(server: Any, karhula_template: str, extract: Path) -> Iterator[Database]:
    """The real town, its roads imported from the extract."""
    with server.clone(karhula_template) as database:
        import_roads(database, SYSTEM, extract, crs=None, now=datetime.fromisoformat("2026-11-23T10:05:00+08:00"))
        yield database


def graph_of(database: Database, mode: TravelMode = TravelMode.WALK) -> RoadGraph:
    with database.session(SYSTEM) as session:
        return road_graph(session, mode)


class Oracle:
    """The same network as networkx sees it, put together from the tables on its own."""

    def __init__(self, database: Database, mode: TravelMode) -> None:
        with database.engine.connect() as connection:
            rows = connection.execute(
                text(
                    """SELECT e.source, e.target, e.length_m, e.is_oneway, r.class AS road_class,
                    ST_X(ST_StartPoint(e.geom)) AS x1, ST_Y(ST_StartPoint(e.geom)) AS y1,
                    ST_X(ST_EndPoint(e.geom)) AS x2, ST_Y(ST_EndPoint(e.geom)) AS y2
                    FROM base.road_edge AS e JOIN base.road AS r ON r.id = e.road_id ORDER BY e.id"""
                )
            ).all()
        network, places = nx.MultiDiGraph(), {}
        for row in rows:
            if mode is TravelMode.CAR and row.road_class == "path":
                continue
            places[row.source] = TO_METRES.transform(row.x1, row.y1)
            places[row.target] = TO_METRES.transform(row.x2, row.y2)
            network.add_edge(row.source, row.target, weight=row.length_m)
            if mode is TravelMode.WALK or not row.is_oneway:
                network.add_edge(row.target, row.source, weight=row.length_m)
        pieces = sorted(nx.strongly_connected_components(network), key=len, reverse=True)
        parts = [max((p for p in pieces if p <= part), key=len) for part in nx.weakly_connected_components(network)]
        self.network = network.subgraph({node for part in parts if len(part) > 1 for node in part})
        self.nodes = sorted(self.network)
        self.xy = np.array([places[node] for node in self.nodes])

    def seconds(self, origin: np.ndarray, goal: np.ndarray, speed_m_s: float) -> float:
        """As `geo.travel` defines a way: on foot to the nearest node, by road, on foot again."""
        (start, first_m), (end, last_m) = self._snap(origin), self._snap(goal)
        if start == end:
            return math.dist(origin, goal) / WALK_M_S
        try:
            road_m = nx.dijkstra_path_length(self.network, start, end)
        except nx.NetworkXNoPath:
            return math.inf
        return float(road_m / speed_m_s + (first_m + last_m) / WALK_M_S)

    def _snap(self, point: np.ndarray) -> tuple[int, float]:
        metres = np.hypot(*(self.xy - point).T)
        return self.nodes[int(metres.argmin())], float(metres.min())


@pytest.mark.parametrize("mode", TravelMode)
def test_times_on_the_real_town_equal_networkx_to_a_millisecond(town: Database, mode: TravelMode):
    """Random places of the imported town, one-ways and separate parts included, for every mode."""
    oracle, graph = Oracle(town, mode), graph_of(town, mode)
    assert sorted(graph.node_id.tolist()) == oracle.nodes
    rng = np.random.default_rng(4)
    places = rng.uniform(oracle.xy.min(axis=0) - 50, oracle.xy.max(axis=0) + 50, (32, 2))
    # And junctions themselves: their ways begin and end with a one-way more often than a random place's.
    places = np.vstack([places, rng.choice(oracle.xy, 8, replace=False)])
    speed_m_s = SPEED_M_S[mode]
    for goal in places[::5]:
        expected = [oracle.seconds(origin, goal, speed_m_s) for origin in places]
        found = graph.times_s(places, goal, speed_m_s=speed_m_s)
        assert np.isfinite(expected).mean() > 0.5
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)


def test_modes_differ_as_they_must(town: Database):
    """A car has fewer junctions than a bicycle, and only who walks goes against one-ways."""
    walk, ebike, car = (graph_of(town, mode) for mode in (TravelMode.WALK, TravelMode.EBIKE, TravelMode.CAR))
    assert car.node_id.size < ebike.node_id.size <= walk.node_id.size
    both_ways = walk.reversed_csr - walk.reversed_csr.T
    assert abs(both_ways).max() == 0
    assert abs(car.reversed_csr - car.reversed_csr.T).max() > 0


def test_one_ways_cost_a_detour(karhula: Database, tmp_path: Path, now: datetime):
    """Against a one-way a car goes round, somebody on foot straight on."""
    x, y = KARHULA
    ring = [(x, y), (x + 0.01, y), (x + 0.01, y + 0.01), (x, y + 0.01), (x, y)]
    load(karhula, tmp_path, [({"class": "main", "oneway": "yes"}, ring[i : i + 2]) for i in range(4)], now)
    a, b = (np.array(TO_METRES.transform(*corner)) for corner in ring[:2])
    metres = {
        mode: graph_of(karhula, mode).times_s([b], a, speed_m_s=SPEED_M_S[mode])[0] * SPEED_M_S[mode]
        for mode in TravelMode
    }
    assert metres[TravelMode.CAR] == pytest.approx(metres[TravelMode.EBIKE])
    assert metres[TravelMode.CAR] > 4 * metres[TravelMode.WALK]


def load(
    database: Database, folder: Path, roads: list[tuple[dict[str, str], list[tuple[float, float]]]], now: datetime
) -> None:
    features = [
        {"type": "Feature", "properties": properties, "geometry": {"type": "LineString", "coordinates": line}}
        for properties, line in roads
    ]
    path = folder / "roads.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    import_roads(database, SYSTEM, path, crs=None, now=now)


def test_an_import_shows_at_once(karhula: Database, extract: Path, now: datetime, tmp_path: Path):
    """The graph is the same object until other roads are imported, be they as many and as long as before."""
    before = graph_of(karhula)
    assert graph_of(karhula) is before
    import_roads(karhula, SYSTEM, extract, crs=None, now=now)
    again = graph_of(karhula)
    assert again is not before
    assert again.node_id.size == before.node_id.size
    x, y = KARHULA
    load(karhula, tmp_path, [({"class": "main"}, [(x, y), (x + 0.01, y)])], now)
    assert graph_of(karhula).node_id.size == 2
    assert graph_of(karhula, TravelMode.CAR).node_id.size == 2


def test_an_import_that_is_rolled_back_changes_nothing(karhula: Database):
    """What another transaction has written but not committed is not travelled."""
    before = graph_of(karhula)
    with karhula.engine.connect() as connection:
        connection.execute(text("DELETE FROM base.road_edge"))
        assert graph_of(karhula) is before
        connection.rollback()
    assert graph_of(karhula) is before


def test_no_roads_make_an_empty_graph(karhula: Database, database: Database):
    """Without roads the graph is empty; without a county there is no metre to measure in."""
    with karhula.engine.begin() as connection:
        connection.execute(text("DELETE FROM base.road_edge"))
    assert all(graph_of(karhula, mode).is_empty for mode in TravelMode)
    with pytest.raises(Unavailable):
        graph_of(database)


def test_thirty_two_threads_build_once(karhula: Database, monkeypatch: pytest.MonkeyPatch):
    """Threads that ask at the same moment get one graph, read from the database once."""
    reads = []
    read = db.roads._edges
    monkeypatch.setattr(db.roads, "_edges", lambda *arguments: reads.append(1) or read(*arguments))
    start = Barrier(32)

    def ask(_: int) -> RoadGraph:
        start.wait()
        return graph_of(karhula)

    with ThreadPoolExecutor(32) as threads:
        graphs = list(threads.map(ask, range(32)))
    assert len({id(graph) for graph in graphs}) == 1
    assert len(reads) == 1


def test_a_cached_graph_costs_next_to_nothing(karhula: Database):
    """Asking again is one look at an index: well under a few milliseconds even on a busy machine."""
    with karhula.session(SYSTEM) as session:
        graph = road_graph(session, TravelMode.CAR)
        began = perf_counter()
        assert all(road_graph(session, TravelMode.CAR) is graph for _ in range(50))
        assert (perf_counter() - began) / 50 < 0.005

"""Travel times of thirty candidates to one place: the product's search against networkx and pgRouting."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bench.crowd import DISPATCHER, p50_p99, spent_ms
from db.roads import road_graph
from db.session import Database
from geo.travel import WALK_M_S, TravelMode

_ORIGINS = 30
_PGROUTING = text(
    """SELECT start_vid, agg_cost FROM pgr_dijkstraCost(
        'SELECT id, source, target, length_m AS cost, length_m AS reverse_cost FROM base.road_edge',
        CAST(:origins AS bigint[]), CAST(:goal AS bigint), true)"""
)


def measure(database: Database, rounds: int) -> list[dict[str, Any]]:
    """Rows of the table; a peer that isn't installed is left out and says so."""
    with database.session(DISPATCHER) as session:
        graph = road_graph(session, TravelMode.WALK)
    rng = np.random.default_rng(2)
    low, high = graph.node_xy.min(axis=0), graph.node_xy.max(axis=0)
    by_hand: nx.DiGraph = nx.DiGraph()
    stretches = graph.reversed_csr.tocoo()
    by_hand.add_weighted_edges_from(zip(*stretches.coords, stretches.data, strict=True))
    times: dict[str, list[float]] = {"geo.travel": [], "networkx": [], "pgRouting": []}
    has_pgrouting = _prepare(database)
    for n in range(rounds):
        origins, goal = rng.uniform(low, high, size=(_ORIGINS, 2)), rng.uniform(low, high)
        nodes, _ = graph.nearest_nodes(origins)
        (end,), _ = graph.nearest_nodes(goal.reshape(1, 2))
        times["geo.travel"].append(
            spent_ms(lambda origins=origins, goal=goal: graph.times_s(origins, goal, speed_m_s=WALK_M_S))
        )
        times["networkx"].append(
            spent_ms(lambda end=end: nx.single_source_dijkstra_path_length(by_hand, end, weight="weight"))
        )
        if has_pgrouting and n % 5 == 0:
            wanted = {"origins": graph.node_id[nodes].tolist(), "goal": int(graph.node_id[end])}
            times["pgRouting"].append(spent_ms(lambda wanted=wanted: _ask(database, wanted)))
    own, own_p99 = p50_p99(times["geo.travel"])
    note = f"{_ORIGINS} to one, on foot"
    rows = [{"name": "geo.travel", "p50": own, "p99": own_p99, "ratio": None, "note": note, "is_own": True}]
    for name in ("networkx", "pgRouting"):
        if times[name]:
            p50, p99 = p50_p99(times[name])
            rows.append({"name": name, "p50": p50, "p99": p99, "ratio": p50 / own, "note": "the same ways"})
    return rows


def _prepare(database: Database) -> bool:
    try:
        with database.engine.begin() as connection:
            connection.execute(text("CREATE EXTENSION pgrouting"))
    except DBAPIError:
        print("pgRouting is not installed: left out")
        return False
    return True


def _ask(database: Database, wanted: dict[str, Any]) -> None:
    with database.engine.connect() as connection:
        connection.execute(_PGROUTING, wanted).all()

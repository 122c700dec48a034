from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import FrozenInstanceError
from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidInput
from geo.travel import CAR_M_S, EBIKE_M_S, WALK_M_S, RoadGraph

SPEEDS = (WALK_M_S, EBIKE_M_S, CAR_M_S)


class Town:
    """A random network, as edges for us and as a graph for networkx."""

    def __init__(self, seed: int, nodes: int, edges: int, oneway_share: float) -> None:
        rng = np.random.default_rng(seed)
        self.xy = rng.uniform((580_000, 4_985_000), (583_000, 4_988_000), (nodes, 2))
        self.source = rng.integers(0, nodes, edges)
        self.target = rng.integers(0, nodes, edges)
        beeline_m = np.hypot(*(self.xy[self.source] - self.xy[self.target]).T)
        self.length_m = beeline_m * rng.uniform(1.0, 2.5, edges) + 1.0
        self.is_oneway = rng.random(edges) < oneway_share
        self.points = rng.uniform((580_000, 4_985_000), (583_000, 4_988_000), (12, 2))
        self.graph = RoadGraph.from_edges(self.source, self.target, self.length_m, self.is_oneway, self.xy)
        self.oracle = nx.MultiDiGraph()
        for a, b, metres, oneway in zip(self.source, self.target, self.length_m, self.is_oneway, strict=True):
            self.oracle.add_edge(int(a), int(b), weight=metres)
            if not oneway:
                self.oracle.add_edge(int(b), int(a), weight=metres)

    def snap(self, point: np.ndarray) -> tuple[int, float]:
        """The nearest node that has a stretch, by brute force, and how far it is."""
        ids = sorted(self.oracle)
        metres = np.hypot(*(self.xy[ids] - point).T)
        return ids[int(metres.argmin())], float(metres.min())

    def seconds(self, origin: np.ndarray, destination: np.ndarray, speed_m_s: float) -> float:
        (start, first_m), (goal, last_m) = self.snap(origin), self.snap(destination)
        foot_m_s = min(speed_m_s, WALK_M_S)
        if start == goal:
            return math.dist(origin, destination) / foot_m_s
        try:
            road_m = nx.dijkstra_path_length(self.oracle, start, goal)
        except nx.NetworkXNoPath:
            return math.inf
        return road_m / speed_m_s + (first_m + last_m) / foot_m_s


towns = st.builds(
    Town,
    seed=st.integers(0, 2**32 - 1),
    nodes=st.integers(2, 40),
    edges=st.integers(1, 90),
    oneway_share=st.sampled_from([0.0, 0.3, 1.0]),
)


@given(towns, st.sampled_from(SPEEDS))
def test_times_equal_networkx(town: Town, speed_m_s: float):
    """Times from many origins equal networkx's one by one, on one-ways, parallel roads and torn networks."""
    got = town.graph.times_s(town.points[1:], town.points[0], speed_m_s=speed_m_s)
    want = [town.seconds(origin, town.points[0], speed_m_s) for origin in town.points[1:]]
    np.testing.assert_allclose(got, want, rtol=1e-9)


@given(towns, st.floats(0, 6000), st.sampled_from(SPEEDS))
def test_a_limit_cuts_and_changes_nothing_else(town: Town, limit_s: float, speed_m_s: float):
    """With a limit the times within it stay as they are and all others are infinite."""
    free = town.graph.times_s(town.points[1:], town.points[0], speed_m_s=speed_m_s)
    cut = town.graph.times_s(town.points[1:], town.points[0], speed_m_s=speed_m_s, limit_s=limit_s)
    np.testing.assert_array_equal(cut, np.where(free <= limit_s, free, np.inf))


@given(towns)
def test_paths_are_shortest(town: Town):
    """A path runs from point to point over joined nodes and is as long as networkx's; none is empty."""
    origin, destination = town.points[:2]
    (start, _), (goal, _) = town.snap(origin), town.snap(destination)
    path = town.graph.path(origin, destination)
    if start == goal:
        np.testing.assert_array_equal(path, [origin, destination])
        return
    if not nx.has_path(town.oracle, start, goal):
        assert path.shape == (0, 2)
        return
    np.testing.assert_array_equal(path[[0, -1]], [origin, destination])
    places = {tuple(xy): node for node, xy in enumerate(town.xy.tolist())}
    nodes = [places[tuple(xy)] for xy in path[1:-1].tolist()]
    assert (nodes[0], nodes[-1]) == (start, goal)
    hops_m = [min(e["weight"] for e in town.oracle[a][b].values()) for a, b in pairwise(nodes)]
    assert sum(hops_m) == pytest.approx(nx.dijkstra_path_length(town.oracle, start, goal))


@given(towns)
def test_nearest_nodes_equal_brute_force(town: Town):
    """The nearest node and its distance are those of a search through all nodes that have a road."""
    nodes, walk_m = town.graph.nearest_nodes(town.points)
    want = [town.snap(point) for point in town.points]
    np.testing.assert_array_equal(town.graph.node_id[nodes], [node for node, _ in want])
    np.testing.assert_allclose(walk_m, [metres for _, metres in want])


@given(towns)
def test_mainland_is_the_largest_part_where_all_reach_all(town: Town):
    """The mainland has as many nodes as networkx's largest strong component, and no time on it is infinite."""
    mainland = town.graph.mainland()
    parts = list(nx.strongly_connected_components(town.oracle))
    assert mainland.node_id.size == max(map(len, parts))
    assert set(mainland.node_id.tolist()) in parts
    assert np.isfinite(mainland.times_s(town.points, town.points[0], speed_m_s=1.0)).all()


@given(towns, st.randoms(use_true_random=False))
def test_numbers_of_nodes_do_not_matter(town: Town, random: Any):
    """Nodes under the large numbers of OpenStreetMap, placed by the ends of every stretch, give the same times."""
    ids = np.array(random.sample(range(10**9, 10**9 + 10**6), len(town.xy)))
    graph = RoadGraph.from_edges(
        ids[town.source],
        ids[town.target],
        town.length_m,
        town.is_oneway,
        town.xy[np.concatenate([town.source, town.target])],
        node_id=ids[np.concatenate([town.source, town.target])],
    )
    assert graph.node_id.size == town.graph.node_id.size
    np.testing.assert_allclose(
        graph.times_s(town.points, town.points[0], speed_m_s=2.0),
        town.graph.times_s(town.points, town.points[0], speed_m_s=2.0),
    )


def line(*, is_oneway: bool) -> RoadGraph:
    """Three nodes in a row, 100 m apart."""
    return RoadGraph.from_edges([0, 1], [1, 2], [100, 100], [is_oneway] * 2, [(0, 0), (100, 0), (200, 0)])


def test_one_ways_hold():
    """Along a one-way road the way is 200 m, against it there is none."""
    road = line(is_oneway=True)
    assert road.times_s([(0, 0)], (200, 0), speed_m_s=10).tolist() == [20]
    assert road.times_s([(200, 0)], (0, 0), speed_m_s=10).tolist() == [math.inf]
    assert road.path((0, 0), (200, 0)).tolist() == [[0, 0], [0, 0], [100, 0], [200, 0], [200, 0]]
    assert road.path((200, 0), (0, 0)).shape == (0, 2)


def test_ends_are_walked():
    """The road is driven, the stretches beside it are walked; nobody walks faster than they travel."""
    road = line(is_oneway=False)
    (by_car,) = road.times_s([(0, 30)], (200, -20), speed_m_s=CAR_M_S)
    assert by_car == pytest.approx(200 / CAR_M_S + 50 / WALK_M_S)
    (slowly,) = road.times_s([(0, 30)], (200, -20), speed_m_s=0.5)
    assert slowly == pytest.approx(250 / 0.5)


def test_neighbours_walk_straight():
    """Who shares the destination's nearest node walks straight there, and who is there already needs no time."""
    road = line(is_oneway=False)
    assert road.times_s([(0, 40), (30, 0)], (0, 40), speed_m_s=CAR_M_S) == pytest.approx([0, 50 / WALK_M_S])
    assert road.path((0, 40), (30, 0)).tolist() == [[0, 40], [30, 0]]


def test_roundabout_ways_are_found():
    """A way far longer than the beeline is found, though the search begins close to the destination."""
    count = 400
    turn = np.linspace(0, 2 * np.pi * 0.99, count)
    xy = np.column_stack([np.cos(turn), np.sin(turn)]) * 1000
    ring = RoadGraph.from_edges(
        np.arange(count - 1), np.arange(1, count), np.full(count - 1, 15.7), [True] * (count - 1), xy
    )
    assert ring.times_s([xy[0]], xy[-1], speed_m_s=1).tolist() == pytest.approx([15.7 * (count - 1)])
    assert ring.times_s([xy[-1]], xy[0], speed_m_s=1).tolist() == [math.inf]


def test_an_empty_network_reaches_nothing():
    """Without roads every time is infinite and every path empty, and nothing breaks."""
    nothing = RoadGraph.from_edges([], [], [], [], [])
    assert nothing.is_empty
    assert nothing.mainland().is_empty
    assert nothing.times_s([(0, 0), (1, 1)], (0, 0), speed_m_s=1).tolist() == [math.inf] * 2
    assert nothing.path((0, 0), (1, 1)).shape == (0, 2)
    nodes, walk_m = nothing.nearest_nodes([(0, 0)])
    assert (nodes.tolist(), walk_m.tolist()) == ([-1], [math.inf])


def test_no_origins_take_no_times():
    """Nobody to send is no error."""
    assert line(is_oneway=False).times_s([], (0, 0), speed_m_s=1).shape == (0,)


@pytest.mark.parametrize(
    ("changes", "field", "row"),
    [
        ({"length_m": [100, 0]}, "length_m", 2),
        ({"length_m": [-1, 100]}, "length_m", 1),
        ({"length_m": [100, math.nan]}, "length_m", 2),
        ({"length_m": [100, math.inf]}, "length_m", 2),
        ({"source": [0, 7]}, "source", 2),
        ({"target": [-1, 2]}, "target", 1),
        ({"node_xy": [(0, 0), (100, math.nan), (200, 0)]}, "node_xy", 2),
        ({"node_xy": [(0, 0, 0), (100, 0, 0), (200, 0, 0)]}, "node_xy", None),
        ({"is_oneway": [False]}, "source", None),
        ({"node_id": [0, 1]}, "node_id", None),
    ],
)
def test_bad_networks_are_refused(changes: dict[str, Any], field: str, row: int | None):
    """A stretch without length or place is refused with its row, and columns that don't fit by name."""
    columns: dict[str, Any] = {
        "source": [0, 1],
        "target": [1, 2],
        "length_m": [100, 100],
        "is_oneway": [False, False],
        "node_xy": [(0, 0), (100, 0), (200, 0)],
    }
    with pytest.raises(InvalidInput) as refusal:
        RoadGraph.from_edges(**{**columns, **changes})
    assert (refusal.value.field, refusal.value.row) == (field, row)


def test_bad_questions_are_refused():
    """A place, speed or limit that is no number is refused by name."""
    road = line(is_oneway=False)
    for ask, field in (
        (lambda: road.times_s([(0, 0), (math.nan, 0)], (0, 0), speed_m_s=1), "origins_xy"),
        (lambda: road.times_s([(0, 0)], (0, math.inf), speed_m_s=1), "destination_xy"),
        (lambda: road.times_s([(0, 0)], (0, 0, 1, 1), speed_m_s=1), "destination_xy"),
        (lambda: road.times_s([(0, 0)], (0, 0), speed_m_s=0), "speed_m_s"),
        (lambda: road.times_s([(0, 0)], (0, 0), speed_m_s=math.nan), "speed_m_s"),
        (lambda: road.times_s([(0, 0)], (0, 0), speed_m_s=1, limit_s=math.nan), "limit_s"),
        (lambda: road.nearest_nodes([(math.inf, 0)]), "xy"),
        (lambda: road.path((0, 0), (math.nan, 0)), "destination_xy"),
    ):
        with pytest.raises(InvalidInput) as refusal:
            ask()
        assert refusal.value.field == field


def test_a_graph_is_shared_by_threads():
    """A network can't be changed, and threads asking it at once get the same times."""
    town = Town(seed=1, nodes=500, edges=1500, oneway_share=0.2)
    with pytest.raises(FrozenInstanceError):
        town.graph.node_xy = town.xy  # type: ignore[misc]
    want = town.graph.times_s(town.points, town.points[0], speed_m_s=1)
    with ThreadPoolExecutor(8) as pool:
        for got in pool.map(lambda _: town.graph.times_s(town.points, town.points[0], speed_m_s=1), range(64)):
            np.testing.assert_array_equal(got, want)


@given(towns)
def test_without_traps_keeps_each_part_s_largest_piece(town: Town):
    """Of every part that roads join, the largest piece stays in which each node reaches each other; networkx agrees."""
    kept = set(town.graph.without_traps().node_id.tolist())
    for part in nx.weakly_connected_components(town.oracle):
        pieces = sorted(map(len, nx.strongly_connected_components(town.oracle.subgraph(part))))
        own = kept & part
        assert len(own) == (pieces[-1] if pieces[-1] > 1 else 0)
        assert not own or nx.is_strongly_connected(town.oracle.subgraph(own))


def test_an_island_stays_and_a_stray_one_way_goes():
    """A place beside a one-way that leads nowhere is reached by the next street; an island keeps its own."""
    graph = RoadGraph.from_edges(
        [0, 1, 3], [1, 2, 4], [100, 100, 50], [False, True, False], [[0, 0], [100, 0], [200, 0], [0, 900], [50, 900]]
    )
    assert math.isinf(graph.times_s([[200, 0]], [0, 0], speed_m_s=1)[0])
    usable = graph.without_traps()
    assert usable.node_id.tolist() == [0, 1, 3, 4]
    assert usable.times_s([[200, 0]], [0, 0], speed_m_s=1)[0] == pytest.approx(200)
    assert usable.times_s([[0, 900]], [50, 900], speed_m_s=1)[0] == pytest.approx(50)
    assert RoadGraph.from_edges([], [], [], [], []).without_traps().is_empty

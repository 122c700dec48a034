from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry.base import BaseGeometry

from geo.crs import geodesic_m
from geo.noding import Lines, Stretches, cut, tidy, with_crossings

Corners = list[tuple[float, float]]


def lines(*corners: Corners, level: list[int] | None = None) -> Lines:
    return tidy(
        Lines(
            xy=np.array([xy for line in corners for xy in line], dtype=np.float64),
            line=np.repeat(np.arange(len(corners)), [len(line) for line in corners]),
            level=np.array(level or [0] * len(corners)),
        )
    )


def drawn(stretches: Stretches) -> list[BaseGeometry]:
    return list(np.atleast_1d(shapely.linestrings(stretches.xy, indices=stretches.stretch)))


CROSS = ([(124.0, 45.0), (124.02, 45.0)], [(124.01, 44.99), (124.01, 45.01)])


def test_lines_of_one_level_cross_in_a_node():
    """Two lines that cross become four stretches round one node; corners alone leave them two."""
    assert cut(lines(*CROSS)).line.size == 2
    crossed = cut(with_crossings(lines(*CROSS)))
    assert (crossed.line.size, crossed.nodes, crossed.components) == (4, 5, 1)
    assert np.abs(crossed.xy - (124.01, 45.0)).max(axis=1).min() < 1e-12


def test_a_bridge_crosses_without_a_node():
    """Lines of two levels stay apart, even where both have a corner in the same place."""
    assert cut(with_crossings(lines(*CROSS, level=[0, 1]))).line.size == 2
    cornered = ([(124.0, 45.0), (124.01, 45.0), (124.02, 45.0)], [(124.01, 44.99), (124.01, 45.0), (124.01, 45.01)])
    assert cut(lines(*cornered, level=[0, 1])).line.size == 2
    assert cut(lines(*cornered)).line.size == 4


def test_a_bridge_ends_in_a_node():
    """Where a line ends, it joins what passes there, whatever its level."""
    ramp = ([(124.0, 45.0), (124.01, 45.0), (124.02, 45.0)], [(124.01, 45.0), (124.01, 45.01)])
    assert cut(lines(*ramp, level=[0, 1])).line.size == 3


def test_an_end_that_nearly_meets_a_line_meets_it():
    """A T whose foot is a centimetre short is a junction; one that is a metre short is none."""
    street = [(124.0, 45.0), (124.02, 45.0)]
    assert cut(with_crossings(lines(street, [(124.01, 45.0000001), (124.01, 45.01)]))).components == 1
    assert cut(with_crossings(lines(street, [(124.01, 45.00001), (124.01, 45.01)]))).components == 2


def test_ends_a_centimetre_apart_are_one_node():
    """Two ends that a draughtsman meant to meet are one place."""
    joined = cut(with_crossings(lines([(124.0, 45.0), (124.01, 45.0)], [(124.0100001, 45.0), (124.02, 45.0)])))
    assert (joined.nodes, joined.components) == (3, 1)


def test_a_line_crosses_itself():
    """A loop that crosses its own beginning is cut there, into tail, ring and tail."""
    loop = cut(
        with_crossings(lines([(124.0, 45.0), (124.02, 45.0), (124.02, 45.01), (124.01, 45.01), (124.01, 44.99)]))
    )
    assert loop.line.tolist() == [0, 0, 0]
    assert (loop.source == loop.target).tolist() == [False, True, False]


def test_what_has_no_length_vanishes():
    """Repeated corners are one, and a line of a single place is none."""
    kept = cut(lines([(124.0, 45.0), (124.0, 45.0), (124.01, 45.0)], [(124.5, 45.0), (124.5, 45.0)]))
    assert kept.line.tolist() == [0]
    assert kept.xy.tolist() == [[124.0, 45.0], [124.01, 45.0]]
    assert cut(with_crossings(lines([(124.5, 45.0), (124.5, 45.0)]))).components == 0


def test_length_is_measured_on_the_ellipsoid():
    """A stretch is as long as its steps on the CGCS2000 ellipsoid."""
    (length_m,) = cut(lines([(124.0, 45.0), (124.01, 45.0), (124.01, 45.01)])).length_m
    steps = geodesic_m([124.0, 124.01], [45.0, 45.0], [124.01, 124.01], [45.0, 45.01])
    assert length_m == pytest.approx(steps.sum(), abs=1e-9)


@given(st.integers(0, 2**32 - 1), st.integers(2, 25))
def test_the_network_is_what_geos_nodes(seed: int, count: int):
    """Random lines are cut into as many pieces, of the same shape, as GEOS's own noding has."""
    rng = np.random.default_rng(seed)
    corners = (124 + rng.random((count, 2, 2)) * 0.05).round(8) - (0, 79)
    noded = shapely.node(shapely.multilinestrings(shapely.linestrings(corners)))
    if shapely.length(shapely.get_parts(noded)).min() < 1e-5 or _nearness(corners) < 1e-5:
        return  # closer than what the tolerance may join
    ours = drawn(cut(with_crossings(lines(*[[tuple(xy) for xy in line] for line in corners.tolist()]))))
    assert len(ours) == len(shapely.get_parts(noded))
    assert shapely.hausdorff_distance(shapely.multilinestrings(ours), noded) < 1e-7


def _nearness(corners: np.ndarray) -> float:
    """How near an end comes to another line."""
    segments = shapely.linestrings(corners)
    metres = shapely.distance(segments[:, None], shapely.points(corners.reshape(-1, 2))[None, :])
    metres[np.arange(len(segments)).repeat(2), np.arange(2 * len(segments))] = np.inf
    return float(metres.min())

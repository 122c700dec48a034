from __future__ import annotations

from itertools import pairwise

import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import geodesic_m
from geo.errors import InvalidInput
from geo.measure import MOST_POINTS, measure

ELLIPSOID = pyproj.Geod(a=6378137.0, rf=298.257222101)
PLACES = st.lists(st.tuples(st.floats(123.5, 124.5), st.floats(44.5, 45.5)), min_size=2, max_size=12, unique=True)


@given(PLACES)
def test_a_line_runs_from_point_to_point(points: list[tuple[float, float]]):
    """Each number is the one before and the geodesic to the next point."""
    running = measure(points).running_m
    legs = [geodesic_m(*one, *other) for one, other in pairwise(points)]
    assert list(running) == pytest.approx([sum(legs[: n + 1]) for n in range(len(legs))])


@given(
    lon=st.floats(123, 125), lat=st.floats(44, 46), side_m=st.floats(10, 20_000), turn=st.floats(0, 360),
    is_clockwise=st.booleans(),
)  # fmt: skip
def test_a_ring_has_the_area_of_the_ellipsoid(
    *, lon: float, lat: float, side_m: float, turn: float, is_clockwise: bool
):
    """A square about a place: GeographicLib's own area, whichever way round, and the sides all around."""
    corners = [ELLIPSOID.fwd(lon, lat, turn + 90 * n, side_m)[:2] for n in range(4)]
    ring = corners[::-1] if is_clockwise else corners
    found = measure(ring, is_closed=True)
    expected, around = ELLIPSOID.polygon_area_perimeter(*zip(*corners, strict=True))
    assert found.area_m2 == pytest.approx(abs(expected))
    assert found.area_m2 == pytest.approx(2 * side_m**2, rel=1e-3)
    assert found.perimeter_m == pytest.approx(around)
    assert found.running_m[-1] < around


def test_a_ring_that_crosses_itself_has_no_area():
    """A bow tie's halves would cancel each other out."""
    tie = [(124.0, 45.0), (124.1, 45.1), (124.1, 45.0), (124.0, 45.1)]
    found = measure(tie, is_closed=True)
    assert found.area_m2 is None
    assert found.perimeter_m is not None


@pytest.mark.parametrize("number", [0, 1, 2])
def test_too_few_points_enclose_nothing(number: int):
    """A point has no length and a line no area."""
    found = measure([(124.0 + n / 100, 45.0) for n in range(number)], is_closed=True)
    assert (len(found.running_m), found.area_m2) == (max(number - 1, 0), None)


@pytest.mark.parametrize(
    "points", [[(181.0, 45.0)], [(124.0, 91.0)], [(float("nan"), 45.0)], [(124.0, 45.0)] * (MOST_POINTS + 1)]
)
def test_what_is_no_place_is_refused(points: list[tuple[float, float]]):
    """Nothing is measured that isn't on the globe, nor without end."""
    with pytest.raises(InvalidInput):
        measure(points)

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidInput
from geo.thinning import breaks, telling

steps = st.lists(st.tuples(st.integers(1, 900), st.integers(-60, 60), st.integers(-60, 60)), min_size=1, max_size=60)


def walked(taken: list[tuple[int, int, int]]) -> tuple[list[float], list[tuple[float, float]]]:
    """Instants and places after each step: seconds later, metres east and north."""
    at, x, y = 0.0, 0.0, 0.0
    instants, places = [], []
    for seconds, east, north in taken:
        at, x, y = at + seconds, x + east, y + north
        instants.append(at)
        places.append((x, y))
    return instants, places


def off_m(at: list[float], xy: list[tuple[float, float]], row: int, before: int, after: int) -> float:
    """How far a row lies from an even pace between two others."""
    share = (at[row] - at[before]) / (at[after] - at[before])
    x = xy[before][0] + share * (xy[after][0] - xy[before][0])
    y = xy[before][1] + share * (xy[after][1] - xy[before][1])
    return math.hypot(xy[row][0] - x, xy[row][1] - y)


@given(steps)
def test_a_track_breaks_at_every_long_silence_and_nowhere_else(taken: list[tuple[int, int, int]]):
    """The stretches hold each row once, in order, and only where one begins was the silence before it too long."""
    at, _ = walked(taken)
    stretches = breaks(at, longest_s=600)
    assert [row for first, last in stretches for row in range(first, last + 1)] == list(range(len(at)))
    begun = {first for first, _ in stretches}
    assert begun == {0} | {row for row in range(1, len(at)) if at[row] - at[row - 1] > 600}


@given(steps)
def test_with_room_enough_nothing_left_out_is_missed(taken: list[tuple[int, int, int]]):
    """Every row that was left out lies within the tolerance of where an even pace between its neighbours puts it."""
    at, xy = walked(taken)
    stretches = breaks(at, longest_s=600)
    kept = telling(at, xy, stretches, most=1000, least_m=5)
    assert {row for stretch in stretches for row in stretch} <= set(kept)
    for row in set(range(len(at))) - set(kept):
        before = max(k for k in kept if k < row)
        after = min(k for k in kept if k > row)
        assert off_m(at, xy, row, before, after) <= 5 + 1e-6


@given(steps, st.integers(0, 20))
def test_no_more_is_kept_than_asked_for_and_the_ends(taken: list[tuple[int, int, int]], most: int):
    """The limit holds, but for the ends of stretches; rows come in order."""
    at, xy = walked(taken)
    stretches = breaks(at, longest_s=600)
    kept = telling(at, xy, stretches, most=most, least_m=0)
    assert len(kept) <= max(most, len({row for stretch in stretches for row in stretch}))
    assert kept == sorted(set(kept))


def test_a_rest_on_a_straight_way_is_kept():
    """By its shape the way is one straight line; by its time it has a rest in the middle."""
    at = [0.0, 60.0, 120.0, 180.0, 240.0, 300.0]
    xy = [(0.0, 0.0), (50.0, 0.0), (50.0, 0.0), (50.0, 0.0), (50.0, 0.0), (100.0, 0.0)]
    assert telling(at, xy, [(0, 5)], most=10) == [0, 1, 4, 5]


def test_nothing_has_no_track():
    """Without rows there are no stretches, and columns of two lengths are refused."""
    assert breaks([], longest_s=600) == []
    assert telling([], [], [], most=5) == []
    with pytest.raises(InvalidInput, match="place"):
        telling([1.0, 2.0], [(0, 0)], [(0, 1)], most=5)

from __future__ import annotations

import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely import Polygon, box

from geo.division import divide, shared_borders, weights_of
from geo.errors import InvalidInput


def board(width: int, height: int) -> list[Polygon]:
    return [box(x, y, x + 1, y + 1) for y in range(height) for x in range(width)]


def test_cells_that_meet_in_a_corner_are_no_neighbours():
    """On a board of four, each cell has two neighbours, not three, and shares one unit with each."""
    assert shared_borders(board(2, 2))[0] == {1: 1.0, 2: 1.0}


@given(
    width=st.integers(2, 9),
    height=st.integers(2, 9),
    data=st.data(),
)
def test_regions_are_contiguous_and_none_is_empty(width: int, height: int, data: st.DataObject):
    """Whatever the weights, each region hangs together, every number is used, and every cell is in one."""
    cells = board(width, height)
    count = data.draw(st.integers(1, len(cells)))
    weights = data.draw(st.lists(st.floats(0, 10), min_size=len(cells), max_size=len(cells)))

    region = divide(cells, count=count, weights=weights)

    assert sorted(set(region)) == list(range(count))
    for number in range(count):
        own = [cell for cell, where in zip(cells, region, strict=True) if where == number]
        assert len(shapely.get_parts(shapely.coverage_union_all(own))) == 1


@given(width=st.integers(4, 12), height=st.integers(4, 12), count=st.integers(2, 6))
def test_equal_cells_are_shared_out_fairly(width: int, height: int, count: int):
    """Among equal cells no region gets more than twice its share."""
    cells = board(width, height)

    region = divide(cells, count=count, weights=[1.0] * len(cells))

    assert max(weights_of(region, [1.0] * len(cells))) <= 2 * len(cells) / count


def test_same_cells_give_the_same_regions():
    """No chance is involved."""
    cells = board(7, 5)
    weights = [float(i % 4 + 1) for i in range(35)]

    assert divide(cells, count=6, weights=weights) == divide(cells, count=6, weights=weights)


@pytest.mark.parametrize("count", [0, 5])
def test_refuses_a_count_that_cells_cannot_make(count: int):
    """Four cells make one to four regions."""
    with pytest.raises(InvalidInput) as refused:
        divide(board(2, 2), count=count, weights=[1.0] * 4)

    assert refused.value.field == "count"


def test_refuses_more_pieces_of_land_than_regions():
    """Two islands can't be one contiguous region."""
    with pytest.raises(InvalidInput):
        divide([box(0, 0, 1, 1), box(5, 0, 6, 1)], count=1, weights=[1.0, 1.0])

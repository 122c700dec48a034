from __future__ import annotations

import math
from contextlib import suppress
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidInput
from geo.extent import Extent

lons, lats = st.floats(-180, 180), st.floats(-90, 90)


@given(lons, lats, lons, lats)
def test_bbox_is_read_as_written(lon1: float, lat1: float, lon2: float, lat2: float):
    """Four numbers in the order west, south, east, north come out as bounds in CRS84's degrees."""
    west, east = sorted((lon1, lon2))
    south, north = sorted((lat1, lat2))
    extent = Extent.from_bbox(f"{west}, {south},{east} ,{north}")
    assert extent.bounds == (west, south, east, north)
    assert extent.srid == 4326


@pytest.mark.parametrize(
    "text",
    [
        "",
        "124,45,125",
        "124,45,125,46,0",
        "124;45;125;46",
        "west,45,125,46",
        "124,45,,46",
        "nan,45,125,46",
        "124,45,inf,46",
        "124,45,181,46",
        "124,-91,125,46",
        "45,124,46,125",
        "125,45,124,46",
        "170,45,-170,46",
        "124,46,125,45",
        "580259,4986004,590000,4990000",
    ],
)
def test_bad_bbox_is_refused(text: str):
    """What is no box of degrees, longitude first, is refused as `bbox`, one across the antimeridian too."""
    with pytest.raises(InvalidInput) as refusal:
        Extent.from_bbox(text)
    assert refusal.value.field == "bbox"


@given(st.text(alphabet="0123456789.,-+eE nai", max_size=40))
def test_any_bbox_is_read_or_refused(text: str):
    """Whatever stands in `bbox`, nothing but a refusal or a box in order comes of it."""
    with suppress(InvalidInput):
        extent = Extent.from_bbox(text)
        assert extent.min_x <= extent.max_x
        assert extent.min_y <= extent.max_y
        assert all(map(math.isfinite, extent.bounds))


@pytest.mark.parametrize("bad", [{"min_x": 2.0}, {"min_y": 2.0}, {"max_x": math.nan}, {"max_y": math.inf}])
def test_an_extent_is_finite_and_in_order(bad: dict[str, float]):
    """An extent whose minimum exceeds its maximum, or without finite numbers, can't be made."""
    with pytest.raises(InvalidInput):
        Extent(**{"min_x": 0.0, "min_y": 0.0, "max_x": 1.0, "max_y": 1.0, **bad}, srid=4550)


def test_a_point_is_an_extent_and_extents_are_values():
    """An extent may be a single point; equal ones are equal, and none can be changed."""
    extent = Extent(min_x=1, min_y=2, max_x=1, max_y=2, srid=4550)
    assert extent == Extent(min_x=1, min_y=2, max_x=1, max_y=2, srid=4550)
    with pytest.raises(FrozenInstanceError):
        extent.min_x = 0  # type: ignore[misc]

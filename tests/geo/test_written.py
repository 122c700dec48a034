from __future__ import annotations

import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import Crs, geodesic_m, to_storage
from geo.errors import InvalidInput
from geo.written import Written, read_coordinates, to_place

LON, LAT = 124.018, 45.005
WAYS = [
    "124.018,45.005",
    "124.018 45.005",
    "45.005, 124.018",
    "124.018，45.005",
    "(124.018; 45.005)",
    "45.005N 124.018E",
    "45.005N124.018E",
    "n45.005 e124.018",
    "E124.018, N45.005",
    "124.018E, 45.005",
    "东经124.018度,北纬45.005度",
    "北纬 45.005 东经 124.018",
    "经度：124.018 纬度：45.005",
    "124°1'4.8\"E 45°0'18\"N",
    "45°0′18″N, 124°1′4.8″E",
    "45°00.3'N 124°01.08'E",
    "124度1分4.8秒 45度0分18秒",
    "１２４.０１８，４５.００５",
    "WGS84 124.018 45.005",
    "EPSG:4490 124.018, 45.005",
]


@pytest.mark.parametrize("text", WAYS)
def test_a_place_is_read_however_it_is_written(text: str):
    """Degrees, minutes and seconds, letters and words, in either order, are the same place."""
    written = read_coordinates(text)
    assert written is not None
    assert not written.is_metric
    lon, lat = to_place(written, datum=Crs.WGS84, metric_srid=4550)
    assert lon == pytest.approx(LON, abs=1e-9)
    assert lat == pytest.approx(LAT, abs=1e-9)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "供暖",
        "12",
        "3 5",
        "12,5",
        "QA20261124-0032",
        "220723003001",
        "幸福路 12-3 号",
        "1.5 2.5 3.5",
        "45.005",
        "999 999",
        "12,305",
    ],
)
def test_words_and_single_numbers_are_no_coordinates(text: str):
    """What somebody looks for by name, number or code is left to the search."""
    assert read_coordinates(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "124°61'E 45°0'N",
        "124°1'60\"E 45°0'N",
        "45.1N 45.2N",
        "124.0E 45.0E",
        "600000, 700000",
    ],
)
def test_coordinates_that_cannot_be_are_refused(text: str):
    """They are meant as a place, so that it is said what is wrong with them."""
    with pytest.raises(InvalidInput):
        read_coordinates(text)


@pytest.mark.parametrize("text", ["999,999", "-999, 500", "999，999"])
def test_numbers_that_lie_beyond_the_earth_are_no_words(text: str):
    """A pair with a comma that no house has is meant as a place, and there is none."""
    written = read_coordinates(text)
    assert written is not None
    with pytest.raises(InvalidInput):
        to_place(written, datum=Crs.WGS84, metric_srid=4550)


@pytest.mark.parametrize("datum", [Crs.GCJ02, Crs.BD09])
def test_degrees_count_in_the_system_that_is_declared(datum: Crs):
    """What a phone's map shows is moved by its datum; a system in the text goes before the one that is chosen."""
    written = read_coordinates(f"{LON},{LAT}")
    assert written is not None
    assert to_place(written, datum=datum, metric_srid=4550) == pytest.approx(to_storage(LON, LAT, datum))

    named = read_coordinates(f"{datum} {LON},{LAT}")
    assert named is not None
    assert to_place(named, datum=Crs.WGS84, metric_srid=4550) == pytest.approx(to_storage(LON, LAT, datum))


@given(
    lon=st.floats(121.6, 124.4), lat=st.floats(43, 47), srid=st.sampled_from([4550, 4529, 4499, 4510]),
    is_northing_first=st.booleans(), is_named=st.booleans(),
)  # fmt: skip
def test_metres_of_a_zone_lead_back_to_the_place(
    *, lon: float, lat: float, srid: int, is_northing_first: bool, is_named: bool
):
    """Either order, with the zone in front or without it: PROJ's own projection, undone."""
    x, y = pyproj.Transformer.from_crs(4490, srid, always_xy=True).transform(lon, lat)
    pair = f"{y:.3f},{x:.3f}" if is_northing_first else f"{x:.3f},{y:.3f}"
    written = read_coordinates(f"EPSG:{srid} {pair}" if is_named else pair)
    assert written is not None
    assert written.is_metric
    chosen = srid if srid in {4550, 4510} else 4550
    found = to_place(written, datum=Crs.WGS84, metric_srid=chosen)
    assert geodesic_m(*found, lon, lat) < 0.01


def test_an_easting_tells_its_zone():
    """Zone 41 is of three degrees, zone 21 of six: the numbers in front don't overlap."""
    assert read_coordinates("41501234, 4985000") == Written(x=41501234, y=4985000, is_metric=True, crs="EPSG:4529")
    assert read_coordinates("4985000, 21501234") == Written(x=21501234, y=4985000, is_metric=True, crs="EPSG:4499")

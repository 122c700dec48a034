from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import geocoordinates_ffi as oracle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.crs import (
    Crs,
    from_storage,
    geodesic_m,
    metric_to_storage,
    parse_crs,
    require_lon_lat_order,
    storage_to_metric,
    to_storage,
    to_storage_many,
)
from geo.datum import wgs84_to_bd09, wgs84_to_gcj02
from geo.errors import InvalidInput
from geo.extent import Extent

COUNTY = Extent(min_x=123.41495, min_y=44.63770, max_x=124.38247, max_y=45.30222, srid=4490)
county_lons = st.floats(COUNTY.min_x, COUNTY.max_x)
county_lats = st.floats(COUNTY.min_y, COUNTY.max_y)
METRIC_SRID = 4550


@pytest.mark.parametrize(
    ("text", "crs"),
    [
        ("wgs84", Crs.WGS84),
        (" WGS-84 ", Crs.WGS84),
        ("WGS 84", Crs.WGS84),
        ("EPSG:4326", Crs.WGS84),
        ("epsg:4326", Crs.WGS84),
        ("urn:ogc:def:crs:EPSG::4326", Crs.WGS84),
        ("http://www.opengis.net/def/crs/EPSG/0/4326", Crs.WGS84),
        ("CRS84", Crs.WGS84),
        ("OGC:CRS84", Crs.WGS84),
        ("urn:ogc:def:crs:OGC:1.3:CRS84", Crs.WGS84),
        ("urn:ogc:def:crs:OGC::CRS84", Crs.WGS84),
        ("http://www.opengis.net/def/crs/OGC/1.3/CRS84", Crs.WGS84),
        ("cgcs2000", Crs.CGCS2000),
        ("EPSG:4490", Crs.CGCS2000),
        ("urn:ogc:def:crs:EPSG::4490", Crs.CGCS2000),
        ("GCJ-02", Crs.GCJ02),
        ("gcj02", Crs.GCJ02),
        ("bd09", Crs.BD09),
        ("BD-09", Crs.BD09),
        ("bd09ll", Crs.BD09),
    ],
)
def test_parse_crs_reads_the_usual_spellings(text: str, crs: Crs):
    """What people and programs write for a reference system is understood."""
    assert parse_crs(text) is crs


@pytest.mark.parametrize("text", [None, "", "  ", "4326", "EPSG:3857", "EPSG:4550", "mars", "wgs84 or gcj02", "bd09mc"])
def test_parse_crs_refuses_to_guess(text: str | None):
    """A missing or unknown reference system is refused, naming the field."""
    with pytest.raises(InvalidInput) as refusal:
        parse_crs(text)
    assert refusal.value.field == "crs"


@given(st.text())
def test_parse_crs_reads_or_refuses(text: str):
    """Any text is either understood or refused; nothing else happens."""
    with suppress(InvalidInput):
        assert parse_crs(text) in Crs


@given(county_lons, county_lats)
def test_to_storage_takes_every_datum_off(lon: float, lat: float):
    """The same place, given in any of the four systems, is stored within a millimetre of itself."""
    for crs, given_as in (
        (Crs.WGS84, (lon, lat)),
        (Crs.CGCS2000, (lon, lat)),
        (Crs.GCJ02, wgs84_to_gcj02(lon, lat)),
        (Crs.BD09, wgs84_to_bd09(lon, lat)),
    ):
        assert geodesic_m(lon, lat, *to_storage(*given_as, crs)) < 0.001


@given(county_lons, county_lats)
def test_from_storage_says_the_same_place_in_any_system(lon: float, lat: float):
    """What a place is called in another system leads back to it, within a millimetre."""
    for crs in Crs:
        assert geodesic_m(lon, lat, *to_storage(*from_storage(lon, lat, crs), crs)) < 0.001
    assert from_storage(lon, lat, Crs.GCJ02) == wgs84_to_gcj02(lon, lat)


BAD_DEGREES = [
    (math.nan, 45.0, "lon"),
    (124.0, math.nan, "lat"),
    (math.inf, 45.0, "lon"),
    (124.0, -math.inf, "lat"),
    (180.1, 45.0, "lon"),
    (-181.0, 45.0, "lon"),
    (124.0, 91.0, "lat"),
    (124.0, -90.001, "lat"),
    (45.005, 124.018, "lat"),
    (0.0, 0.0, "lon"),
    (-0.0, 0.0, "lon"),
]


@pytest.mark.parametrize("crs", Crs)
@pytest.mark.parametrize(("lon", "lat", "field"), BAD_DEGREES)
def test_to_storage_refuses_what_is_no_place(lon: float, lat: float, field: str, crs: Crs):
    """NaN, infinity, a place off the globe and a GPS without a fix are refused by axis, in columns by row too."""
    with pytest.raises(InvalidInput) as refusal:
        to_storage(lon, lat, crs)
    assert refusal.value.field == field
    with pytest.raises(InvalidInput) as refusal:
        to_storage_many([124.0, 124.0, lon, 999.0], [45.0, 45.0, lat, 45.0], crs)
    assert (refusal.value.field, refusal.value.row) == (field, 3)


@pytest.mark.parametrize("value", [None, "124.018", [124.018], 10**400])
def test_to_storage_refuses_what_is_no_number(value: object):
    """Text isn't read as a number on the quiet."""
    with pytest.raises(InvalidInput) as refusal:
        to_storage(value, 45.0, Crs.WGS84)  # type: ignore[arg-type]
    assert refusal.value.field == "lon"


@given(st.sampled_from(Crs), st.lists(st.tuples(county_lons, county_lats), max_size=10))
def test_to_storage_many_equals_one_by_one(crs: Crs, points: list[tuple[float, float]]):
    """A column of points is stored as the points one by one."""
    xy = np.array(points).reshape(-1, 2)
    want = np.array([to_storage(lon, lat, crs) for lon, lat in points]).reshape(-1, 2)
    np.testing.assert_allclose(np.column_stack(to_storage_many(xy[:, 0], xy[:, 1], crs)), want, rtol=0, atol=1e-10)


def test_storage_to_metric_of_the_county_seat():
    """The county seat lies 80 km east of the central meridian: easting first, northing second."""
    assert storage_to_metric(124.018, 45.005, METRIC_SRID) == pytest.approx((580259.1029790, 4986004.2747124), abs=1e-6)


@given(county_lons, county_lats)
def test_metric_round_trip(lon: float, lat: float):
    """Metres and back give the point to a micrometre."""
    assert geodesic_m(lon, lat, *metric_to_storage(*storage_to_metric(lon, lat, METRIC_SRID), METRIC_SRID)) < 1e-5


@given(county_lons, county_lats, st.floats(-0.02, 0.02), st.floats(-0.02, 0.02))
def test_metric_distances_are_true(lon: float, lat: float, east: float, north: float):
    """Distances in the county's projection lie within 0.02 % of the geodesic ones."""
    (x1, y1), (x2, y2) = (storage_to_metric(*p, METRIC_SRID) for p in ((lon, lat), (lon + east, lat + north)))
    true_m = geodesic_m(lon, lat, lon + east, lat + north)
    assert math.hypot(x2 - x1, y2 - y1) == pytest.approx(true_m, rel=2e-4, abs=1e-4)


@given(st.lists(st.tuples(county_lons, county_lats), max_size=10))
def test_projection_of_arrays_equals_scalars(points: list[tuple[float, float]]):
    """An array is projected as its points one by one, both ways."""
    xy = np.array(points).reshape(-1, 2)
    metric = np.column_stack(storage_to_metric(xy[:, 0], xy[:, 1], METRIC_SRID))
    want = np.array([storage_to_metric(lon, lat, METRIC_SRID) for lon, lat in points]).reshape(-1, 2)
    np.testing.assert_array_equal(metric, want)
    back = np.column_stack(metric_to_storage(metric[:, 0], metric[:, 1], METRIC_SRID))
    np.testing.assert_allclose(back, xy, rtol=0, atol=1e-10)


def test_other_countries_project_without_a_datum_shift():
    """Another deployment's national projection takes storage degrees as they are."""
    assert storage_to_metric(26.9, 60.5, 3067) == pytest.approx((494506.6135734, 6707101.3403620), abs=1e-6)


@pytest.mark.parametrize("srid", [3857, 4326, 4490, 2225, 0, -1, 999999])
def test_projection_refuses_what_measures_no_metres(srid: int):
    """Degrees, feet, Web Mercator and systems that don't exist are refused, naming the SRID."""
    with pytest.raises(InvalidInput) as refusal:
        storage_to_metric(124.0, 45.0, srid)
    assert refusal.value.field == "srid"


def test_projection_refuses_what_it_cannot_place():
    """A point without coordinates is refused rather than projected to infinity."""
    with pytest.raises(InvalidInput) as refusal:
        storage_to_metric(math.nan, 45.0, METRIC_SRID)
    assert refusal.value.field == "lon"


def test_projection_serves_many_threads():
    """Threads that share the cached projection get the same metres."""
    lon = np.linspace(123.5, 124.3, 2000)
    lat = np.linspace(44.7, 45.3, 2000)
    want = np.column_stack(storage_to_metric(lon, lat, METRIC_SRID))
    with ThreadPoolExecutor(8) as pool:
        for got in pool.map(lambda _: np.column_stack(storage_to_metric(lon, lat, METRIC_SRID)), range(64)):
            np.testing.assert_array_equal(got, want)


@given(st.floats(-180, 180), st.floats(-89, 89), st.floats(-180, 180), st.floats(-89, 89))
def test_geodesic_agrees_with_the_library(lon1: float, lat1: float, lon2: float, lat2: float):
    """Distances on the ellipsoid equal Karney's in geocoordinates-rs (on WGS 84's ellipsoid) to two millimetres."""
    a = oracle.coordinate_wgs84(lat=lat1, lon=lon1)
    b = oracle.coordinate_wgs84(lat=lat2, lon=lon2)
    assert geodesic_m(lon1, lat1, lon2, lat2) == pytest.approx(oracle.geodesic_distance_m(a, b), abs=2e-3)


def test_geodesic_broadcasts():
    """One point against many gives as many distances; none gives none."""
    many_m = geodesic_m(124.018, 45.005, np.array([124.018, 124.02]), np.array([45.005, 45.005]))
    assert many_m.shape == (2,)
    assert many_m[0] == 0.0
    assert many_m[1] == geodesic_m(124.018, 45.005, 124.02, 45.005)
    assert isinstance(geodesic_m(124.0, 45.0, 124.1, 45.0), float)
    assert geodesic_m(124.0, 45.0, [], []).shape == (0,)


def test_swapped_axes_are_named():
    """A point that fits the county only with its axes swapped is refused as such."""
    with pytest.raises(InvalidInput, match="swapped") as refusal:
        require_lon_lat_order(45.005, 124.018, COUNTY)
    assert refusal.value.field == "lon"


@given(st.floats(-180, 180), st.floats(-90, 90))
def test_only_swapped_axes_are_refused(lon: float, lat: float):
    """A point inside the county, or in it neither way, passes."""
    require_lon_lat_order(lon, lat, COUNTY)

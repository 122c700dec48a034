from __future__ import annotations

import geocoordinates_ffi as oracle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo import datum
from geo.crs import geodesic_m

# Two kilometres off the box's edge, where a point and its image lie on the same side.
lons = st.floats(datum.CHINA.min_x + 0.05, datum.CHINA.max_x - 0.05)
lats = st.floats(datum.CHINA.min_y + 0.05, datum.CHINA.max_y - 0.05)
COUNTY_SEAT = (124.018, 45.005)


@given(lons, lats)
def test_gcj02_round_trip(lon: float, lat: float):
    """A position shifted to GCJ-02 and back moves less than a millimetre."""
    assert geodesic_m(lon, lat, *datum.gcj02_to_wgs84(*datum.wgs84_to_gcj02(lon, lat))) < 0.001


@given(lons, lats)
def test_bd09_round_trip(lon: float, lat: float):
    """A position shifted to BD-09 and back moves less than a millimetre."""
    assert geodesic_m(lon, lat, *datum.bd09_to_wgs84(*datum.wgs84_to_bd09(lon, lat))) < 0.001


@given(lons, lats)
def test_inverses_are_shifted_onto_their_start(lon: float, lat: float):
    """A GCJ-02 or BD-09 position brought to WGS 84 and shifted again is itself to a millimetre."""
    assert geodesic_m(lon, lat, *datum.wgs84_to_gcj02(*datum.gcj02_to_wgs84(lon, lat))) < 0.001
    assert geodesic_m(lon, lat, *datum.gcj02_to_bd09(*datum.bd09_to_gcj02(lon, lat))) < 0.001


@given(lons, lats)
def test_forward_agrees_with_the_library(lon: float, lat: float):
    """Both shifts equal those of geocoordinates-rs to a micrometre."""
    gcj = oracle.wgs84_to_gcj02(oracle.Wgs84(lat=lat, lon=lon))
    bd = oracle.wgs84_to_bd09(oracle.Wgs84(lat=lat, lon=lon))
    assert geodesic_m(gcj.lon, gcj.lat, *datum.wgs84_to_gcj02(lon, lat)) < 1e-6
    assert geodesic_m(bd.lon, bd.lat, *datum.wgs84_to_bd09(lon, lat)) < 1e-6


@given(lons, lats)
def test_inverse_agrees_with_the_library(lon: float, lat: float):
    """The GCJ-02 inverse equals the library's to a millimetre, the BD-09 one to the half metre it vouches for."""
    gcj = oracle.gcj02_to_wgs84_refined(oracle.Gcj02(lat=lat, lon=lon))
    bd = oracle.bd09_to_wgs84_refined(oracle.Bd09(lat=lat, lon=lon))
    assert geodesic_m(gcj.lon, gcj.lat, *datum.gcj02_to_wgs84(lon, lat)) < 0.001
    assert geodesic_m(bd.lon, bd.lat, *datum.bd09_to_wgs84(lon, lat)) < 0.5


@pytest.mark.parametrize(
    "shift",
    [
        datum.wgs84_to_gcj02,
        datum.gcj02_to_wgs84,
        datum.gcj02_to_bd09,
        datum.bd09_to_gcj02,
        datum.wgs84_to_bd09,
        datum.bd09_to_wgs84,
    ],
)
class TestEveryShift:
    @given(st.floats(-180, 180), st.floats(-90, 90))
    def test_outside_china_nothing_moves(self, shift: datum.Shift, lon: float, lat: float):
        """A point outside of China's box comes out as it went in."""
        inside = datum.CHINA.min_x <= lon <= datum.CHINA.max_x and datum.CHINA.min_y <= lat <= datum.CHINA.max_y
        assert inside or shift(lon, lat) == (lon, lat)

    @given(st.lists(st.tuples(st.floats(-180, 180), st.floats(-90, 90)), max_size=20))
    def test_arrays_equal_scalars(self, shift: datum.Shift, points: list[tuple[float, float]]):
        """An array comes out as its points one by one, inside and outside mixed, empty too."""
        xy = np.array(points, dtype=float).reshape(-1, 2)
        before = xy.copy()
        got = np.column_stack(shift(xy[:, 0], xy[:, 1]))
        want = np.array([shift(lon, lat) for lon, lat in points]).reshape(-1, 2)
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-10)
        np.testing.assert_array_equal(xy, before)

    def test_scalars_stay_scalars_and_shapes_stay(self, shift: datum.Shift):
        """Floats give floats, a grid of points a grid."""
        assert [type(v) for v in shift(*COUNTY_SEAT)] == [float, float]
        lon, lat = shift(np.full((2, 3), COUNTY_SEAT[0]), np.full((2, 3), COUNTY_SEAT[1]))
        assert lon.shape == lat.shape == (2, 3)

    def test_what_is_no_number_stays(self, shift: datum.Shift):
        """NaN and infinity pass through silently, for whoever validates."""
        lon, lat = shift(np.array([np.nan, np.inf, 124.0]), np.array([45.0, 45.0, np.nan]))
        assert np.isnan(lon[0])
        assert np.isinf(lon[1])
        assert np.isnan(lat[2])


def test_offsets_in_the_county():
    """In the county GCJ-02 lies 523–580 m off the truth and BD-09 1.3–1.4 km, as the field reports."""
    lon, lat = (a.ravel() for a in np.meshgrid(np.linspace(123.42, 124.38, 20), np.linspace(44.64, 45.30, 20)))
    gcj_m = geodesic_m(lon, lat, *datum.wgs84_to_gcj02(lon, lat))
    bd_m = geodesic_m(lon, lat, *datum.wgs84_to_bd09(lon, lat))
    assert 515 < gcj_m.min() < gcj_m.max() < 590
    assert 1250 < bd_m.min() < bd_m.max() < 1450

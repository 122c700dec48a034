"""GCJ-02 and BD-09, the shifted datums of Chinese phones and map services, to and from WGS 84.

Both shifts are published by reverse engineering only and stand in many open libraries; the constants here are theirs.
A point outside of `CHINA` stays as it is, in both directions: within two kilometres of the box's edge, which lies
abroad or at sea, a point and its shifted image may fall on different sides and then do not round-trip.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Protocol, cast, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.extent import Extent

Degrees = NDArray[np.float64]

CHINA = Extent(min_x=72.004, min_y=0.8293, max_x=137.8347, max_y=55.8271, srid=4326)
"""Where the shifts apply, edges included: the box of the public formula, not the country's border."""

_SEMI_MAJOR_M = 6378245.0
"""Krasovsky 1940's, which the shift is computed on."""
_ECCENTRICITY_SQ = 0.00669342162296594323
_BD_TURN = np.pi * 3000.0 / 180.0
_BD_EAST, _BD_NORTH = 0.0065, 0.006

_SETTLED_DEG = 1e-11
"""A micrometre on the ground: an inverse that moves less has arrived."""
_MAX_STEPS = 16
"""GCJ-02 gains two and a half digits a step, BD-09 one and a half: both arrive in at most nine."""


class Shift(Protocol):
    """Longitude and latitude in degrees in, the same out: floats for floats, arrays for arrays."""

    @overload
    def __call__(self, lon: float, lat: float) -> tuple[float, float]: ...
    @overload
    def __call__(self, lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]: ...


_Step = Callable[[Degrees, Degrees], tuple[Degrees, Degrees]]


def _inside_china(step: _Step) -> Shift:
    """Makes a shift of flat arrays one of scalars and of any arrays that leaves points outside of `CHINA` alone."""

    @wraps(step)
    def shift(lon: ArrayLike, lat: ArrayLike) -> tuple[object, object]:
        x, y = np.broadcast_arrays(np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64))
        x, y = x.copy(), y.copy()
        inside = (x >= CHINA.min_x) & (x <= CHINA.max_x) & (y >= CHINA.min_y) & (y <= CHINA.max_y)
        x[inside], y[inside] = step(x[inside], y[inside])
        return (float(x), float(y)) if x.ndim == 0 else (x, y)

    return cast("Shift", shift)


def _undo(step: _Step) -> _Step:
    """The inverse of a shift by fixed-point steps, until every point moves less than a micrometre."""

    def undone(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
        x, y = lon, lat
        for _ in range(_MAX_STEPS):
            shifted_x, shifted_y = step(x, y)
            error_x, error_y = shifted_x - lon, shifted_y - lat
            x, y = x - error_x, y - error_y
            if max(np.abs(error_x).max(initial=0.0), np.abs(error_y).max(initial=0.0)) < _SETTLED_DEG:
                break
        return x, y

    return undone


def _waves(at: Degrees, *terms: tuple[float, float]) -> Degrees:
    """The sum of amplitude times sin(frequency · π · at), times two thirds as everywhere in the formula."""
    total = np.zeros_like(at)
    for amplitude, frequency in terms:
        total += amplitude * np.sin(frequency * np.pi * at)
    return total * 2.0 / 3.0


def _to_gcj02(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    ripple = _waves(x, (20.0, 6.0), (20.0, 2.0))
    north_m = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + ripple
    north_m += _waves(y, (20.0, 1.0), (40.0, 1 / 3), (160.0, 1 / 12), (320.0, 1 / 30))
    east_m = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + ripple
    east_m += _waves(x, (20.0, 1.0), (40.0, 1 / 3), (150.0, 1 / 12), (300.0, 1 / 30))
    phi = np.radians(lat)
    magic = 1.0 - _ECCENTRICITY_SQ * np.sin(phi) ** 2
    meridian_radius_m = _SEMI_MAJOR_M * (1.0 - _ECCENTRICITY_SQ) / magic**1.5
    parallel_radius_m = _SEMI_MAJOR_M / np.sqrt(magic) * np.cos(phi)
    return lon + np.degrees(east_m / parallel_radius_m), lat + np.degrees(north_m / meridian_radius_m)


def _to_bd09(lon: Degrees, lat: Degrees) -> tuple[Degrees, Degrees]:
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_TURN)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_TURN)
    return radius * np.cos(angle) + _BD_EAST, radius * np.sin(angle) + _BD_NORTH


wgs84_to_gcj02 = _inside_china(_to_gcj02)
"""What a Chinese phone or Amap shows for a true position; some 500 m off."""

gcj02_to_wgs84 = _inside_china(_undo(_to_gcj02))
"""The true position behind a GCJ-02 one, to well under a millimetre."""

gcj02_to_bd09 = _inside_china(_to_bd09)
"""Baidu's second shift, on top of the first."""

bd09_to_gcj02 = _inside_china(_undo(_to_bd09))
"""Baidu's second shift taken off, to well under a millimetre."""


@overload
def wgs84_to_bd09(lon: float, lat: float) -> tuple[float, float]: ...
@overload
def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]: ...
def wgs84_to_bd09(lon: ArrayLike, lat: ArrayLike) -> object:
    """What Baidu shows for a true position; up to 1.4 km off."""
    return gcj02_to_bd09(*wgs84_to_gcj02(lon, lat))


@overload
def bd09_to_wgs84(lon: float, lat: float) -> tuple[float, float]: ...
@overload
def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[Degrees, Degrees]: ...
def bd09_to_wgs84(lon: ArrayLike, lat: ArrayLike) -> object:
    """The true position behind a BD-09 one, to well under a millimetre."""
    return gcj02_to_wgs84(*bd09_to_gcj02(lon, lat))

"""Reference systems: what callers declare, what the database holds, and metres.

The database holds CGCS2000 longitude and latitude (EPSG:4490); metres are measured in the deployment's own projection.
WGS 84 and CGCS2000 differ by centimetres, so going from one to the other is a null transformation here.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from functools import lru_cache
from math import isfinite
from typing import overload

import numpy as np
import pyproj
from numpy.typing import ArrayLike, NDArray
from pyproj.exceptions import CRSError

from geo import datum
from geo.errors import InvalidInput
from geo.extent import Extent

Floats = NDArray[np.float64]

STORAGE_SRID = 4490
"""CGCS2000 geographic; longitude goes first everywhere, though EPSG defines it north-first."""

CGCS2000_SEMI_MAJOR_M = 6378137.0
CGCS2000_INVERSE_FLATTENING = 298.257222101
_GEOD = pyproj.Geod(a=CGCS2000_SEMI_MAJOR_M, rf=CGCS2000_INVERSE_FLATTENING)

MAX_LON, MAX_LAT = 180.0, 90.0


class Crs(StrEnum):
    """The reference systems that a caller may declare."""

    WGS84 = "wgs84"
    CGCS2000 = "cgcs2000"
    GCJ02 = "gcj02"
    BD09 = "bd09"


_SPELLINGS = {
    "wgs84": Crs.WGS84,
    "crs84": Crs.WGS84,
    "epsg4326": Crs.WGS84,
    "cgcs2000": Crs.CGCS2000,
    "epsg4490": Crs.CGCS2000,
    "gcj02": Crs.GCJ02,
    "bd09": Crs.BD09,
    "bd09ll": Crs.BD09,
}
_AUTHORITY = ("http://www.opengis.net/def/crs/", "https://www.opengis.net/def/crs/", "urn:ogc:def:crs:")
_CRS84_PATHS = ("ogc/1.3/crs84", "ogc/0/crs84", "ogc:1.3:crs84", "ogc::crs84", "ogc:crs84")


def parse_crs(text: str | None) -> Crs:
    """The reference system that a caller declares, in any usual spelling: `GCJ-02`, `EPSG:4326`, OGC's URN or URL.

    Raises `InvalidInput` naming `crs` when it is missing or unknown: it is never guessed, since a wrong one picks the
    wrong worker nine times in ten.
    """
    if text is None or not text.strip():
        raise InvalidInput("declare the reference system: " + ", ".join(Crs), field="crs")
    name = text.strip().lower()
    for authority in _AUTHORITY:
        name = name.removeprefix(authority)
    if name in _CRS84_PATHS:
        return Crs.WGS84
    # EPSG's URN and URL carry an empty or zero version between authority and number.
    name = name.replace("epsg::", "epsg:").replace("epsg/0/", "epsg:")
    known = _SPELLINGS.get(name.replace("-", "").replace(" ", "").replace("epsg:", "epsg"))
    if known is None:
        raise InvalidInput(f"unknown reference system {text.strip()[:80]!r}; known are " + ", ".join(Crs), field="crs")
    return known


def _check_degrees(lon: float, lat: float, *, row: int | None = None) -> None:
    for field, value, limit in (("lon", lon, MAX_LON), ("lat", lat, MAX_LAT)):
        try:
            is_number = isfinite(value)
        except (TypeError, OverflowError) as error:
            raise InvalidInput(f"{field} takes a number of degrees", field=field, row=row) from error
        if not is_number:
            raise InvalidInput(f"{field} is not a finite number", field=field, row=row)
        if abs(value) > limit:
            raise InvalidInput(f"{field} {value} lies outside of ±{limit:.0f}°", field=field, row=row)
    if lon == 0 and lat == 0:
        raise InvalidInput("0, 0 is what a GPS without a fix sends", field="lon", row=row)


def to_storage(lon: float, lat: float, crs: Crs) -> tuple[float, float]:
    """Longitude and latitude in EPSG:4490 of a point given in `crs`.

    WGS 84 is taken as CGCS2000 unchanged: both follow the ITRF, their ellipsoids differ by a tenth of a millimetre, and
    PROJ too has nothing but a null transformation between them. Raises `InvalidInput` naming `lon` or `lat` for what is
    no finite number or leaves the globe, and for 0, 0, a GPS without a fix.
    """
    _check_degrees(lon, lat)
    match crs:
        case Crs.GCJ02:
            return datum.gcj02_to_wgs84(lon, lat)
        case Crs.BD09:
            return datum.bd09_to_wgs84(lon, lat)
        case Crs.WGS84 | Crs.CGCS2000:
            return float(lon), float(lat)


def from_storage(lon: float, lat: float, crs: Crs) -> tuple[float, float]:
    """Longitude and latitude in `crs` of a point in EPSG:4490: what `to_storage` takes back to the same place."""
    match crs:
        case Crs.GCJ02:
            return datum.wgs84_to_gcj02(lon, lat)
        case Crs.BD09:
            return datum.wgs84_to_bd09(lon, lat)
        case Crs.WGS84 | Crs.CGCS2000:
            return float(lon), float(lat)


def to_storage_many(lon: ArrayLike, lat: ArrayLike, crs: Crs) -> tuple[Floats, Floats]:
    """`to_storage` for whole columns; the `InvalidInput` carries the first bad row, counted from 1."""
    x, y = np.array(lon, dtype=np.float64), np.array(lat, dtype=np.float64)
    good = np.isfinite(x) & np.isfinite(y) & (np.abs(x) <= MAX_LON) & (np.abs(y) <= MAX_LAT) & ((x != 0) | (y != 0))
    if not good.all():
        bad = int(np.argmin(good))
        _check_degrees(float(x[bad]), float(y[bad]), row=bad + 1)
    match crs:
        case Crs.GCJ02:
            return datum.gcj02_to_wgs84(x, y)
        case Crs.BD09:
            return datum.bd09_to_wgs84(x, y)
        case Crs.WGS84 | Crs.CGCS2000:
            return x, y


@lru_cache(maxsize=32)
def _projection(srid: int) -> pyproj.Transformer:
    """From the projection's own geographic system to it: storage counts as that system (a null transformation).

    One object serves every thread: pyproj keeps its PROJ handles in a `threading.local`.
    """
    try:
        crs = pyproj.CRS.from_epsg(srid)
    except CRSError as error:
        raise InvalidInput(f"EPSG has no system {srid}", field="srid") from error
    # Web Mercator stretches this latitude's kilometre to 1,412 m.
    is_metric = crs.is_projected and crs.axis_info[0].unit_name == "metre" and srid != 3857  # noqa: PLR2004
    if not is_metric:
        raise InvalidInput(f"EPSG:{srid} doesn't measure metres", field="srid")
    return pyproj.Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True)


def _project(
    transform: Callable[[Floats, Floats], tuple[Floats, Floats]], a: ArrayLike, b: ArrayLike
) -> tuple[float, float] | tuple[Floats, Floats]:
    first, second = transform(np.asarray(a, dtype=np.float64), np.asarray(b, dtype=np.float64))
    if not (np.isfinite(first).all() and np.isfinite(second).all()):
        raise InvalidInput("the point can't be projected", field="lon")
    return (float(first), float(second)) if np.ndim(first) == 0 else (first, second)


@overload
def storage_to_metric(lon: float, lat: float, srid: int) -> tuple[float, float]: ...
@overload
def storage_to_metric(lon: ArrayLike, lat: ArrayLike, srid: int) -> tuple[Floats, Floats]: ...
def storage_to_metric(lon: ArrayLike, lat: ArrayLike, srid: int) -> tuple[float, float] | tuple[Floats, Floats]:
    """Easting and northing in metres of EPSG:4490 points, in the projection `srid` (4550 for Qian'an).

    Raises `InvalidInput` naming `srid` when that measures no metres, `lon` when a point can't be projected.
    """
    return _project(_projection(srid).transform, lon, lat)


@overload
def metric_to_storage(x: float, y: float, srid: int) -> tuple[float, float]: ...
@overload
def metric_to_storage(x: ArrayLike, y: ArrayLike, srid: int) -> tuple[Floats, Floats]: ...
def metric_to_storage(x: ArrayLike, y: ArrayLike, srid: int) -> tuple[float, float] | tuple[Floats, Floats]:
    """Longitude and latitude in EPSG:4490 of easting and northing in the projection `srid`."""
    transformer = _projection(srid)
    return _project(lambda a, b: transformer.transform(a, b, direction="INVERSE"), x, y)


@overload
def geodesic_m(lon1: float, lat1: float, lon2: float, lat2: float) -> float: ...
@overload
def geodesic_m(lon1: ArrayLike, lat1: ArrayLike, lon2: ArrayLike, lat2: ArrayLike) -> Floats: ...
def geodesic_m(lon1: ArrayLike, lat1: ArrayLike, lon2: ArrayLike, lat2: ArrayLike) -> float | Floats:
    """Metres along the CGCS2000 ellipsoid between points in degrees: the true distance, whatever the projection.

    Arrays are broadcast: one point against many is fine.
    """
    ends = np.broadcast_arrays(*(np.asarray(v, dtype=np.float64) for v in (lon1, lat1, lon2, lat2)))
    starts_lon, starts_lat, ends_lon, ends_lat = (np.array(end) for end in ends)
    _, _, distance_m = _GEOD.inv(starts_lon, starts_lat, ends_lon, ends_lat)
    return float(distance_m) if ends[0].ndim == 0 else np.asarray(distance_m)


def require_lon_lat_order(lon: float, lat: float, extent: Extent) -> None:
    """Raises `InvalidInput` naming `lon` when the point lies outside of `extent` (degrees) but fits with axes swapped.

    A point that fits neither way passes: whether it lies in the county is asked elsewhere.
    """
    if not _within(lon, lat, extent) and _within(lat, lon, extent):
        raise InvalidInput(
            f"longitude {lon} and latitude {lat} look swapped: longitude goes first", field="lon", is_swapped=True
        )


def _within(x: float, y: float, extent: Extent) -> bool:
    return extent.min_x <= x <= extent.max_x and extent.min_y <= y <= extent.max_y

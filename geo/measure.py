"""Lengths and areas of what somebody draws, along the CGCS2000 ellipsoid."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyproj
from shapely.geometry import Polygon

from geo.crs import CGCS2000_INVERSE_FLATTENING, CGCS2000_SEMI_MAJOR_M, MAX_LAT, MAX_LON
from geo.errors import InvalidInput

MOST_POINTS = 200
_CORNERS = 3
_GEOD = pyproj.Geod(a=CGCS2000_SEMI_MAJOR_M, rf=CGCS2000_INVERSE_FLATTENING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Metres from the first point to each of the others, in order; of a ring also all around, and square metres inside.

    `area_m2` is None for a line, and for a ring that crosses itself: it has no one inside.
    """

    running_m: tuple[float, ...]
    perimeter_m: float | None = None
    area_m2: float | None = None


def measure(points: Sequence[tuple[float, float]], *, is_closed: bool = False) -> Measured:
    """Measures a line, or the ring that closes it, over EPSG:4490 longitude and latitude.

    Raises `InvalidInput` naming `points`: too many, or one that is on no globe.
    """
    if len(points) > MOST_POINTS:
        raise InvalidInput(f"at most {MOST_POINTS} points are measured", field="points")
    places = np.array(points, dtype=np.float64).reshape(len(points), 2)
    if not (np.isfinite(places).all() and (np.abs(places) <= (MAX_LON, MAX_LAT)).all()):
        raise InvalidInput("a point has longitude and latitude", field="points")
    lons, lats = places[:, 0], places[:, 1]
    running = np.cumsum(_GEOD.line_lengths(lons, lats)) if len(points) > 1 else np.empty(0)
    running_m = tuple(float(metres) for metres in running)
    if not is_closed or len(points) < _CORNERS:
        return Measured(running_m=running_m)
    area_m2, perimeter_m = _GEOD.polygon_area_perimeter(lons, lats)
    is_simple = Polygon(places).is_valid
    return Measured(running_m=running_m, perimeter_m=float(perimeter_m), area_m2=abs(area_m2) if is_simple else None)

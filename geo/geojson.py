"""RFC 7946 GeoJSON, out and in.

Out: longitude first, at most 7 decimals (a centimetre), right-hand winding, no `crs` member. The database's EPSG:4490
degrees go out as WGS 84 unchanged (see `geo.crs.to_storage`). In: every fault is an `InvalidInput` with the feature's
row, counted from 1, and the field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from math import isfinite
from typing import Any, NoReturn

import numpy as np
import shapely
from shapely.geometry import mapping, shape
from shapely.geometry.base import BaseGeometry

from geo.crs import MAX_LAT, MAX_LON, Crs, parse_crs
from geo.errors import InvalidInput

DECIMALS = 7

_DEPTHS = {"Point": 0, "MultiPoint": 1, "LineString": 1, "MultiLineString": 2, "Polygon": 2, "MultiPolygon": 3}
"""How many lists stand around a position in `coordinates`."""
_MIN_RING = 4
_MIN_LINE = 2


@dataclass(frozen=True, slots=True)
class _Limit:
    """How far from zero a coordinate may be."""

    field: str
    most: float
    unit: str


_Limits = tuple[_Limit, _Limit]
_DEGREES: _Limits = (_Limit("lon", MAX_LON, "°"), _Limit("lat", MAX_LAT, "°"))
_METRES: _Limits = (_Limit("x", 1e8, " m"), _Limit("y", 1e8, " m"))
"""Zone numbers before the easting make it tens of millions."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """A feature as it was read: `row` counts from 1, the geometry is flat (no heights) and may cross itself."""

    row: int
    fid: str | int | None
    geometry: BaseGeometry | None
    properties: Mapping[str, Any]


def feature(
    geometry: BaseGeometry | None, properties: Mapping[str, Any], fid: str | int | None = None
) -> dict[str, Any] | None:
    """A GeoJSON feature of a geometry in degrees, or None for what has no place: a null or empty geometry.

    Instants in `properties` come out as ISO 8601 with their offset. Raises `InvalidInput` naming the property, or
    `geometry`, for NaN and infinity, for instants without an offset, and for a geometry that isn't in degrees.
    """
    if geometry is None or geometry.is_empty:
        return None
    written: dict[str, Any] = {"type": "Feature"}
    if fid is not None:
        written["id"] = fid
    written["geometry"] = _geometry_out(geometry)
    written["properties"] = {name: _checked(value, name) for name, value in properties.items()}
    return written


def collection(features: Iterable[dict[str, Any] | None]) -> dict[str, Any]:
    """A GeoJSON FeatureCollection of what `feature` made, without those that have no place."""
    return {"type": "FeatureCollection", "features": [one for one in features if one is not None]}


def dumps(document: Mapping[str, Any]) -> str:
    """Compact JSON text, Chinese left readable."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _geometry_out(geometry: BaseGeometry) -> dict[str, Any]:
    flat = shapely.force_2d(geometry)
    xy = shapely.get_coordinates(flat)
    # NaN compares false, so that it is refused here too.
    if not (np.abs(xy) <= (MAX_LON, MAX_LAT)).all():
        raise InvalidInput("a coordinate is not finite or not in degrees", field="geometry")
    # Adding zero turns −0.0 into 0.0. Winding comes last: rounding may turn a sliver over.
    rounded = shapely.set_coordinates(flat, np.round(xy, DECIMALS) + 0.0)
    written: dict[str, Any] = mapping(shapely.orient_polygons(rounded))
    return written


def _checked(value: Any, name: str, row: int | None = None) -> Any:
    """The value as JSON may hold it."""
    match value:
        case None | bool() | int() | str():
            return value
        case float():
            if not isfinite(value):
                raise InvalidInput(f"{name} is not a finite number", field=name, row=row)
            return value
        case datetime():
            if value.utcoffset() is None:
                raise InvalidInput(f"the instant {name} has no offset from UTC", field=name, row=row)
            return value.isoformat()
        case date():
            return value.isoformat()
        case Mapping():
            return {key: _checked(inner, name, row) for key, inner in value.items()}
        case list() | tuple():
            return [_checked(inner, name, row) for inner in value]
        case _:
            kind = type(value).__name__
            raise InvalidInput(f"{name} holds a {kind}, which JSON has no word for", field=name, row=row)


def read_features(text: str | bytes, *, in_metres: bool = False) -> list[Feature]:
    """The features of a FeatureCollection, or of a single Feature, in order; a null or empty geometry reads as None.

    Raises `InvalidInput` with row and field (`type`, `id`, `geometry`, `properties` or one of them, `crs`, `lon`,
    `lat`; the row is None for the document itself). A `crs` member passes only when it says CRS84, EPSG:4326 or
    EPSG:4490, all of them plain degrees. Whether rings are valid is left to `geo.topology`, whether axes are swapped to
    `geo.crs`.

    `in_metres` takes coordinates as somebody declared them by hand, against the RFC: easting and northing, and then a
    `crs` member on the document contradicts that and doesn't pass.
    """
    document = _parse(text)
    if not isinstance(document, dict):
        raise InvalidInput("GeoJSON is an object", field="type")
    _refuse_other_crs(document, None)
    if in_metres and "crs" in document:
        raise InvalidInput("declared are metres, but the file's crs member says degrees", field="crs")
    limits = _METRES if in_metres else _DEGREES
    match document.get("type"):
        case "FeatureCollection":
            features = document.get("features")
            if not isinstance(features, list):
                raise InvalidInput("a FeatureCollection has a list of features", field="features")
            return [_feature_in(one, row, limits) for row, one in enumerate(features, start=1)]
        case "Feature":
            return [_feature_in(document, 1, limits)]
        case other:
            raise InvalidInput(f"type is {str(other)[:40]!r}, not FeatureCollection or Feature", field="type")


def _parse(text: str | bytes) -> Any:
    try:
        # A byte order mark is against the RFC, but Windows writes it.
        decoded = text.decode("utf-8-sig") if isinstance(text, bytes) else text
        return json.loads(decoded, parse_constant=_refuse_constant)
    except UnicodeDecodeError as error:
        raise InvalidInput("GeoJSON is UTF-8 text", field="type") from error
    except json.JSONDecodeError as error:
        raise InvalidInput(f"not JSON: {error.msg} in line {error.lineno}", field="type") from error
    except (ValueError, RecursionError) as error:
        # A number of thousands of digits, or lists nested thousands deep.
        raise InvalidInput("not JSON that anybody would write", field="type") from error


def _refuse_constant(name: str) -> NoReturn:
    raise InvalidInput(f"JSON has no {name}", field="type")


def _refuse_other_crs(member: Mapping[str, Any], row: int | None) -> None:
    if "crs" not in member:
        return
    match member["crs"]:
        case {"type": "name", "properties": {"name": str(name)}}:
            try:
                declared = parse_crs(name)
            except InvalidInput as error:
                raise InvalidInput(f"the crs member says {name[:80]}, not CRS84", field="crs", row=row) from error
            if declared in (Crs.WGS84, Crs.CGCS2000):
                return
            raise InvalidInput(f"the crs member says {name[:80]}, not CRS84", field="crs", row=row)
        case _:
            raise InvalidInput("the crs member can't be read", field="crs", row=row)


def _feature_in(one: Any, row: int, limits: _Limits) -> Feature:
    if not isinstance(one, dict) or one.get("type") != "Feature":
        raise InvalidInput("not a Feature", field="type", row=row)
    _refuse_other_crs(one, row)
    fid = one.get("id")
    if isinstance(fid, bool) or not isinstance(fid, str | int | None):
        raise InvalidInput("id is text or a whole number", field="id", row=row)
    properties = one.get("properties")
    if not isinstance(properties, dict | None):
        raise InvalidInput("properties is an object or null", field="properties", row=row)
    if "geometry" not in one:
        raise InvalidInput("a Feature has a geometry, if only null", field="geometry", row=row)
    checked = {name: _checked(value, name, row) for name, value in (properties or {}).items()}
    return Feature(row=row, fid=fid, geometry=_geometry_in(one["geometry"], row, limits), properties=checked)


def _geometry_in(written: Any, row: int, limits: _Limits) -> BaseGeometry | None:
    if written is None:
        return None
    if not isinstance(written, dict):
        raise InvalidInput("geometry is an object or null", field="geometry", row=row)
    _refuse_other_crs(written, row)
    kind = written.get("type")
    if kind == "GeometryCollection":
        return _collection_in(written, row, limits)
    if not isinstance(kind, str) or kind not in _DEPTHS:
        raise InvalidInput(f"no such geometry: {str(kind)[:40]!r}", field="geometry", row=row)
    coordinates = written.get("coordinates")
    if not isinstance(coordinates, list):
        raise InvalidInput(f"a {kind} has a list of coordinates", field="geometry", row=row)
    if not coordinates:
        return None
    flat = _coordinates_in(coordinates, _DEPTHS[kind], row, limits)
    _check_counts(kind, flat, row)
    return shape({"type": kind, "coordinates": flat})


def _collection_in(written: Mapping[str, Any], row: int, limits: _Limits) -> BaseGeometry | None:
    parts = written.get("geometries")
    if not isinstance(parts, list):
        raise InvalidInput("a GeometryCollection has a list of geometries", field="geometry", row=row)
    if any(isinstance(part, dict) and part.get("type") == "GeometryCollection" for part in parts):
        raise InvalidInput("collections inside collections are not read", field="geometry", row=row)
    read = [part for one in parts if (part := _geometry_in(one, row, limits)) is not None]
    return shapely.GeometryCollection(read) if read else None


def _coordinates_in(coordinates: Any, depth: int, row: int, limits: _Limits) -> Any:
    """The same lists with flat positions, every one of them checked."""
    if not isinstance(coordinates, list):
        raise InvalidInput("coordinates are lists of positions", field="geometry", row=row)
    if depth:
        return [_coordinates_in(inner, depth - 1, row, limits) for inner in coordinates]
    if len(coordinates) < 2:  # noqa: PLR2004  longitude, latitude
        raise InvalidInput("a position has a longitude and a latitude", field="geometry", row=row)
    return [_number_in(value, limit, row) for value, limit in zip(coordinates, limits, strict=False)]


def _number_in(value: Any, limit: _Limit, row: int) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(f"{limit.field} is not a number", field=limit.field, row=row)
    # The largest literals read as infinity, which is refused here as well.
    if not abs(value) <= limit.most:
        said = f"{limit.field} {str(value)[:20]} lies outside of ±{limit.most:.0f}{limit.unit}"
        raise InvalidInput(said, field=limit.field, row=row)
    return float(value)


def _check_counts(kind: str, flat: Any, row: int) -> None:
    match kind:
        case "LineString" | "MultiLineString":
            lines = [flat] if kind == "LineString" else flat
            if any(len(line) < _MIN_LINE for line in lines):
                raise InvalidInput("a line has at least two positions", field="geometry", row=row)
        case "Polygon" | "MultiPolygon":
            polygons = [flat] if kind == "Polygon" else flat
            if not all(polygons):
                raise InvalidInput("a polygon has at least one ring", field="geometry", row=row)
            rings = [ring for polygon in polygons for ring in polygon]
            if any(len(ring) < _MIN_RING or ring[0] != ring[-1] for ring in rings):
                raise InvalidInput(
                    "a ring has at least four positions and ends where it began", field="geometry", row=row
                )
        case _:
            return

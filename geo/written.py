"""Coordinates as people write them: degrees, with minutes and seconds, or metres of a projection, in either order."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from geo.crs import MAX_LAT, MAX_LON, Crs, to_storage
from geo.errors import InvalidInput
from geo.source_crs import source_crs

_SIXTY = 60
_ZONE_WIDTH_M = 1_000_000
_ZONES_3, _ZONES_6 = range(25, 46), range(13, 24)
_FIRST_3_SRID, _FIRST_6_SRID = 4513, 4491
"""EPSG's numbers of CGCS2000 / Gauss-Krüger with the zone in front of the easting: of zone 25 and of zone 13."""

_NORTHINGS_M = (1_500_000, 6_500_000)
_EASTINGS_M = (200_000, 800_000)
_LEAST_M = 100_000
"""From which on a number can't be degrees."""

_PLAIN = str.maketrans({"º": "°", "˚": "°", "度": "°", "′": "'", "’": "'", "分": "'", "″": '"', "”": '"', "秒": '"'})
_SIDES = {"北纬": "N", "南纬": "S", "东经": "E", "西经": "W", "纬度": "N", "经度": "E"}
_ANGLE = r"""(?P<degrees>[-+]?\d+(?:\.\d+)?)\s*
    (?P<mark>°\s*(?:(?P<minutes>\d+(?:\.\d+)?)\s*'(?!')\s*(?:(?P<seconds>\d+(?:\.\d+)?)\s*(?:"|''))?)?)?"""
_LETTER_FIRST = re.compile(rf"(?P<side>[NSEW])?\s*:?\s*{_ANGLE}", re.VERBOSE)
_LETTER_LAST = re.compile(rf"{_ANGLE}\s*(?P<side>[NSEW])?", re.VERBOSE)
_SYSTEM = re.compile(r"^\s*(EPSG:\s*\d{4,6}|WGS-?84|CGCS-?2000|GCJ-?02|BD-?09)\b[\s:,]*", re.IGNORECASE)
_BETWEEN = re.compile(r"[\s,;、()\[\]]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """Two numbers as they were written, longitude or easting first.

    `crs` is the system that the text itself names, or the zone in front of an easting; "" where it says nothing.
    """

    x: float
    y: float
    is_metric: bool
    crs: str = ""


@dataclass(frozen=True, slots=True)
class _Value:
    amount: float
    side: str
    is_marked: bool


def read_coordinates(text: str) -> Written | None:
    """The coordinates that `text` is, or None when it is something else, to be looked for as words.

    Without letters longitude goes first, unless the second number alone can be one. Raises `InvalidInput` naming `lon`
    for coordinates that can't be: 61 minutes, two latitudes, metres of no zone.
    """
    for word, letter in _SIDES.items():
        text = text.replace(word, letter)
    plain = unicodedata.normalize("NFKC", text.translate(_PLAIN)).translate(_PLAIN).strip()
    system = _SYSTEM.match(plain)
    crs = re.sub(r"\s", "", system[1]) if system else ""
    rest = (plain[system.end() :] if system else plain).upper()
    number = _LETTER_FIRST if rest.lstrip("([ ")[:1] in set("NSEW") else _LETTER_LAST
    found = list(number.finditer(rest))
    if len(found) != 2 or not _BETWEEN.fullmatch(number.sub("", rest)):  # noqa: PLR2004
        return None
    one, other = (_value(match) for match in found)
    if abs(one.amount) >= _LEAST_M and abs(other.amount) >= _LEAST_M and not (one.is_marked or other.is_marked):
        return _metres(one.amount, other.amount, crs)
    # Two plain whole numbers are a house's or a street's far more often, but no house has such a pair of them.
    is_beyond = "," in rest and min(abs(one.amount), abs(other.amount)) > MAX_LON
    if not is_beyond and not crs and not one.side and not other.side and "." not in rest and "°" not in rest:
        return None
    return _degrees(one, other, crs)


def to_place(written: Written, *, datum: Crs, metric_srid: int) -> tuple[float, float]:
    """Longitude and latitude in EPSG:4490 of what was written.

    Where the text doesn't say its system, degrees are of `datum` and metres of `metric_srid`. Raises `InvalidInput`.
    """
    if written.is_metric:
        system = source_crs(declared=written.crs or f"EPSG:{metric_srid}", in_file=None)
    elif written.crs:
        system = source_crs(declared=written.crs, in_file=None)
    else:
        return to_storage(written.x, written.y, datum)
    x, y = system.to_storage(np.array([written.x]), np.array([written.y]))
    return float(x[0]), float(y[0])


def _value(match: re.Match[str]) -> _Value:
    degrees = float(match["degrees"])
    minutes, seconds = float(match["minutes"] or 0), float(match["seconds"] or 0)
    if minutes >= _SIXTY or seconds >= _SIXTY:
        raise InvalidInput("there are 60 minutes in a degree, and 60 seconds in a minute", field="lon")
    amount = abs(degrees) + minutes / _SIXTY + seconds / _SIXTY**2
    side = match["side"] or ""
    is_negative = match["degrees"].startswith("-") != (side in {"S", "W"})
    return _Value(-amount if is_negative else amount, side, match["mark"] is not None)


def _degrees(one: _Value, other: _Value, crs: str) -> Written:
    said = [value.side in {"N", "S"} if value.side else None for value in (one, other)]
    if None not in said and said[0] == said[1]:
        raise InvalidInput("one longitude and one latitude are needed", field="lon")
    is_latitude_first = said[0] is True or said[1] is False
    if said == [None, None]:
        is_latitude_first = abs(one.amount) <= MAX_LAT < abs(other.amount)
    lon, lat = (other.amount, one.amount) if is_latitude_first else (one.amount, other.amount)
    return Written(x=lon, y=lat, is_metric=False, crs=crs)


def _metres(one: float, other: float, crs: str) -> Written:
    """Easting and northing, told apart by their size: surveyors write the northing first, files the easting."""
    for easting, northing in ((one, other), (other, one)):
        zone, within = divmod(easting, _ZONE_WIDTH_M)
        if not _NORTHINGS_M[0] <= northing <= _NORTHINGS_M[1] or not _EASTINGS_M[0] <= within <= _EASTINGS_M[1]:
            continue
        if crs or zone == 0:
            return Written(x=easting, y=northing, is_metric=True, crs=crs)
        for zones, first in ((_ZONES_3, _FIRST_3_SRID), (_ZONES_6, _FIRST_6_SRID)):
            if int(zone) in zones:
                return Written(x=easting, y=northing, is_metric=True, crs=f"EPSG:{first + int(zone) - zones[0]}")
    raise InvalidInput("no zone has such metres: an easting and a northing are needed", field="lon")

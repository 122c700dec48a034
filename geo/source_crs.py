"""The reference system of a file: what the file says, what the caller declares, and the way from it to storage."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import pyproj
from numpy.typing import NDArray
from pyproj.exceptions import CRSError

from geo.crs import Crs, parse_crs, to_storage_many
from geo.errors import InvalidInput

Floats = NDArray[np.float64]

_EPSG = re.compile(r"epsg:(\d{4,6})", re.IGNORECASE)
_PLAIN_DATUMS = ("wgs1984", "worldgeodeticsystem1984", "china2000", "chinageodeticcoordinatesystem2000", "cgcs2000")
"""Of which storage is a null transformation, as `geo.crs.to_storage` explains."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceCrs:
    """Where the file's coordinates lie: in a datum of degrees, after `projection` is undone where there is one."""

    datum: Crs
    projection: pyproj.CRS | None = None

    def to_storage(self, x: Floats, y: Floats) -> tuple[Floats, Floats]:
        """Longitude and latitude in EPSG:4490 of the file's coordinates, easting or longitude first.

        Raises `InvalidInput` naming `lon` or `lat`, its row the first bad point's, counted from 1.
        """
        if self.projection is not None:
            undo = pyproj.Transformer.from_crs(self.projection, self.projection.geodetic_crs, always_xy=True)
            x, y = undo.transform(x, y)
        return to_storage_many(x, y, self.datum)


def source_crs(*, declared: str | None, in_file: str | None) -> SourceCrs:
    """The reference system of a file that says `in_file` (WKT or a code; None: nothing) and is declared so.

    A file that says nothing needs a declaration: a name that `geo.crs.parse_crs` knows, or EPSG:n. For one that says
    degrees, GCJ-02 or BD-09 may be declared, since no file can say that; any other contradiction is refused. Raises
    `InvalidInput` naming `crs`, also for a datum that has no published way to CGCS2000, such as Xian 1980.
    """
    said = None if in_file is None else _from_definition(in_file)
    if said is None:
        return _from_declaration(declared)
    if declared is None:
        return said
    meant = _from_declaration(declared)
    if meant.datum in (Crs.GCJ02, Crs.BD09):
        if said.projection is not None:
            raise InvalidInput(f"{meant.datum} is degrees, the file says {said.projection.name}", field="crs")
        return meant
    if not _is_same(meant.projection, said.projection):
        raise InvalidInput(f"declared is {declared}, but the file says {_name(said)}", field="crs")
    return said


def _is_same(one: pyproj.CRS | None, other: pyproj.CRS | None) -> bool:
    if one is None or other is None:
        return one is other
    return bool(one.equals(other, ignore_axis_order=True))


def _name(source: SourceCrs) -> str:
    return source.datum if source.projection is None else str(source.projection.name)


def _from_declaration(declared: str | None) -> SourceCrs:
    number = _EPSG.fullmatch((declared or "").strip())
    if number is not None and int(number[1]) not in (4326, 4490):
        return _from_definition(f"EPSG:{number[1]}")
    return SourceCrs(datum=parse_crs(declared))


def _from_definition(definition: str) -> SourceCrs:
    try:
        crs = pyproj.CRS.from_user_input(definition)
    except CRSError as error:
        raise InvalidInput(f"unknown reference system {definition[:80]!r}", field="crs") from error
    datum = None if crs.geodetic_crs is None else crs.geodetic_crs.datum
    name = "" if datum is None else re.sub(r"[^a-z0-9]|^d_", "", datum.name.lower()).removesuffix("ensemble")
    if name not in _PLAIN_DATUMS:
        raise InvalidInput(f"{crs.name} 无法准确转换到 CGCS2000 has no exact way to CGCS2000", field="crs")
    if crs.is_geographic:
        return SourceCrs(datum=Crs.CGCS2000)
    return SourceCrs(datum=Crs.CGCS2000, projection=crs)

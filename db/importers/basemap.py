"""A county's ground from a file: blocks, water and footprints, each part that the file holds replaced as a whole.

Buildings that are on record, with whom they house and how they are rated, are none of it and stay as they are.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely
from shapely import MultiPolygon

from db.demo.copying import copy_rows, ewkb
from db.importers.county import connected, county_of
from db.importers.ground_files import FileArea, read_ground_file
from db.importers.ground_names import Part
from db.session import Database
from geo.errors import InvalidInput, OutsideCounty
from governance.access import Permission, Principal

_AFAR = "outside the county"
_NONE_HERE = "没有一块地在本县 nothing in the file lies in the county: is the crs right?"
_TABLES: Mapping[Part, str] = {Part.BLOCKS: "base.block", Part.WATER: "base.water", Part.BUILDINGS: "base.footprint"}
# Maps go on with the old ground until the commit; a second import waits.
_LOCK = "LOCK TABLE base.block, base.water, base.footprint IN SHARE ROW EXCLUSIVE MODE"
_EMPTY: Mapping[Part, str] = {
    Part.BLOCKS: "DELETE FROM base.block",
    Part.WATER: "DELETE FROM base.water",
    Part.BUILDINGS: "DELETE FROM base.footprint",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class BasemapImported:
    """What an import has put into the database: areas by part (`blocks`, `water`, `buildings`).

    `replaced` counts the areas that were there before those taken, and are gone. A part that the file holds nothing of
    keeps what there was, and isn't named. A block of several pieces is as many blocks. `repaired` counts outlines that
    crossed themselves or were cut off; `skipped`, by reason, the rows that are no ground, outlines of which the file
    lacks a node, and the areas outside the county.
    """

    taken: Mapping[str, int]
    replaced: Mapping[str, int]
    repaired: int
    skipped: Mapping[str, int]
    at: datetime


def part_named(name: str | None) -> Part | None:
    """The part that somebody names. Raises `InvalidInput` naming `part`."""
    if name is not None and name not in list(Part):
        raise InvalidInput(f"{name} 不是底图的一部分 is no part; there are {', '.join(Part)}", field="part")
    return None if name is None else Part(name)


def import_basemap(
    database: Database, principal: Principal, path: Path, *, crs: str | None, now: datetime, part: Part | None = None
) -> BasemapImported:
    """Replaces the parts of the ground that the file holds, in one transaction; on any error the old ground stays.

    Reads OpenStreetMap (`.osm.pbf`, `.osm`), GeoPackage, Shapefile and GeoJSON. `crs` is declared for a file that
    doesn't say its own, or to say GCJ-02 or BD-09; `part` for one that doesn't say what its areas are. Areas that
    don't meet the county are left out. Raises `NotPermitted`, `InvalidInput` naming `file`, `layer`, `part`, `crs` or
    row and field, `OutsideCounty` when nothing meets the county, `Unavailable`.
    """
    principal.require(Permission.EDIT_GEOGRAPHY)
    found = read_ground_file(path, crs=crs, part=part)
    skipped = Counter(found.skipped)
    with connected(database) as cursor:
        county = county_of(cursor)
    areas = found.areas
    if county is not None and areas:
        shapely.prepare(county.ground)
        is_near = shapely.intersects(county.ground, np.array([MultiPolygon(a.shapes) for a in areas], dtype=object))
        areas = [area for area, near in zip(areas, is_near, strict=True) if near]
        skipped[_AFAR] += len(found.areas) - len(areas)
    if found.areas and not areas:
        raise OutsideCounty(_NONE_HERE, field="file")
    if not areas:
        told = ", ".join(f"{reason}: {count}" for reason, count in (+skipped).items()) or "empty"
        raise InvalidInput(f"{path.name} 里没有底图要素 holds no ground ({told})", field="file")
    with connected(database) as cursor:
        cursor.execute(_LOCK)
        changed = {str(one): _replace(cursor, one, areas) for one in Part}
    return BasemapImported(
        taken={name: now_there for name, (_, now_there) in changed.items() if now_there},
        replaced={name: gone for name, (gone, now_there) in changed.items() if now_there},
        repaired=found.repaired,
        skipped=dict(+skipped),
        at=now,
    )


def _replace(cursor: psycopg.Cursor[Any], part: Part, areas: Sequence[FileArea]) -> tuple[int, int]:
    """Puts the part in the place of the old one; how many areas that had, and this has. Without any, the old stays."""
    chosen = [area for area in areas if area.part is part]
    if not chosen:
        return 0, 0
    cursor.execute(_EMPTY[part])
    gone = cursor.rowcount
    _COPIED[part](cursor, chosen)
    cursor.execute(f"ANALYZE {_TABLES[part]}")
    return gone, sum(len(area.shapes) for area in chosen) if part is Part.BLOCKS else len(chosen)


def _copy_blocks(cursor: psycopg.Cursor[Any], areas: Sequence[FileArea]) -> None:
    """The larger first: they are drawn in this order, and a park lies in its quarter."""
    pieces = [(area.use, area.name, shape) for area in areas for shape in area.shapes]
    pieces.sort(key=lambda piece: -piece[2].area)
    shapes = ewkb([shape for *_, shape in pieces])
    rows = ((use, name, text) for (use, name, _), text in zip(pieces, shapes, strict=True))
    copy_rows(cursor, "base.block", ("use", "name", "geom"), rows)


def _copy_whole(table: str) -> Callable[[psycopg.Cursor[Any], Sequence[FileArea]], None]:
    def copy(cursor: psycopg.Cursor[Any], areas: Sequence[FileArea]) -> None:
        shapes = ewkb([MultiPolygon(area.shapes) for area in areas])
        copy_rows(cursor, table, ("name", "geom"), zip([area.name for area in areas], shapes, strict=True))

    return copy


_COPIED: Mapping[Part, Callable[[psycopg.Cursor[Any], Sequence[FileArea]], None]] = {
    Part.BLOCKS: _copy_blocks,
    Part.WATER: _copy_whole("base.water"),
    Part.BUILDINGS: _copy_whole("base.footprint"),
}

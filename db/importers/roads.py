"""A county's road network from a file: `base.road` and its stretches, replaced as a whole or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import psycopg
import shapely
from numpy.typing import NDArray

from db.demo.copying import copy_rows, ewkb, follow_ids
from db.importers.county import County, connected, county_of
from db.importers.road_files import FileRoads, read_road_file
from db.session import Database
from geo.crs import storage_to_metric
from geo.errors import InvalidInput, OutsideCounty
from geo.noding import Lines, Stretches, cut, tidy, with_crossings
from governance.access import Permission, Principal

_MARGIN_M = 5_000
"""Around the county's extent: a way to a neighbour may lead out and back in."""
_METRES_A_DEGREE = 111_000
_AFAR = "outside the county"
_NONE_HERE = "没有一条道路在本县 none of the roads lies in the county: is the crs right?"
# Readers go on with the old network until the commit; a second import waits.
_LOCK = "LOCK TABLE base.road, base.road_edge IN SHARE ROW EXCLUSIVE MODE"
# Ids go on and are never used again: `db.roads` tells a new network by them.
_NEXT_ROAD = "SELECT nextval(pg_get_serial_sequence('base.road', 'id'))"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoadsImported:
    """What an import has put into the database.

    A named road of one class is one road. `edges` are its stretches, `one_ways` those of one direction, `components`
    the parts of the network that nothing joins. `skipped` counts, by reason, the rows that are no road and the lines
    that lie far outside the county.
    """

    roads: int
    edges: int
    nodes: int
    one_ways: int
    components: int
    skipped: Mapping[str, int]
    at: datetime


def import_roads(
    database: Database, principal: Principal, path: Path, *, crs: str | None, now: datetime
) -> RoadsImported:
    """Replaces the deployment's road network by the file's, in one transaction; on any error the old one stays.

    Reads OpenStreetMap (`.osm.pbf`, `.osm`), where ways meet at common nodes, and GeoPackage, Shapefile and GeoJSON,
    where they also meet at crossings of one level. `crs` is declared for a file that doesn't say its own, or to say
    GCJ-02 or BD-09. Lines that keep away from the county's extent by 5 km are left out. Raises `NotPermitted`,
    `InvalidInput` naming `file`, `layer`, `crs` or row and field, `OutsideCounty` when no road meets the county,
    `Unavailable`.
    """
    principal.require(Permission.EDIT_GEOGRAPHY)
    found = read_road_file(path, crs=crs)
    whole = tidy(found.lines)
    gone = len(found.name) - np.unique(whole.line).size
    with connected(database) as cursor:
        county = county_of(cursor)
    lines = whole if county is None else _within_reach(whole, county)
    afar = np.unique(whole.line).size - np.unique(lines.line).size
    stretches = cut(lines if found.meets_at_corners else with_crossings(lines))
    skipped = dict(found.skipped) | ({"no length": gone} if gone else {}) | ({_AFAR: afar} if afar else {})
    if afar and not stretches.line.size:
        raise OutsideCounty(_NONE_HERE, field="file")
    if not stretches.line.size:
        told = ", ".join(f"{reason}: {count}" for reason, count in skipped.items()) or "empty"
        raise InvalidInput(f"{path.name} 里没有道路 holds no roads ({told})", field="file")
    with connected(database) as cursor:
        roads = _replace(cursor, found, stretches, county)
    return RoadsImported(
        roads=roads,
        edges=stretches.line.size,
        nodes=stretches.nodes,
        one_ways=int(found.is_oneway[stretches.line].sum()),
        components=stretches.components,
        skipped=skipped,
        at=now,
    )


def _within_reach(lines: Lines, county: County) -> Lines:
    """The lines that meet the county's extent or come within 5 km of it; another loses all of its corners."""
    west, south, east, north = county.ground.bounds
    lat_margin = _MARGIN_M / _METRES_A_DEGREE
    lon_margin = lat_margin / np.cos(np.radians(max(abs(south), abs(north))))
    reach = shapely.box(west - lon_margin, south - lat_margin, east + lon_margin, north + lat_margin)
    numbers, at = np.unique(lines.line, return_inverse=True)
    shapes = np.asarray(shapely.linestrings(lines.xy, indices=at), dtype=object)
    is_near = np.isin(lines.line, numbers[shapely.intersects(reach, shapes)])
    return Lines(xy=lines.xy[is_near], line=lines.line[is_near], level=lines.level)


def _replace(cursor: psycopg.Cursor[Any], found: FileRoads, stretches: Stretches, county: County | None) -> int:
    """Puts the network in the place of the old one; how many roads it has."""
    lines = np.asarray(shapely.linestrings(stretches.xy, indices=stretches.stretch), dtype=object)
    if county is not None:
        _require_county(county, stretches, lines)
    road = _road_of(found)[stretches.line]
    of_road, road = np.unique(road, return_inverse=True)
    example = np.empty(of_road.size, dtype=np.int64)
    example[road] = stretches.line
    names, classes = np.array(found.name, dtype=object), np.array(found.road_class, dtype=object)
    by_road = np.argsort(road, kind="stable")
    whole = np.asarray(shapely.multilinestrings(lines[by_road], indices=road[by_road]), dtype=object)
    cursor.execute(_LOCK)
    cursor.execute("DELETE FROM base.road_edge")
    cursor.execute("DELETE FROM base.road")
    cursor.execute(_NEXT_ROAD)
    (first,) = cursor.fetchone() or (1,)
    copy_rows(
        cursor,
        "base.road",
        ("id", "name", "class", "geom"),
        zip(
            range(first, first + of_road.size),
            names[example],
            classes[example],
            ewkb(whole.tolist()),
            strict=True,
        ),
    )
    follow_ids(cursor, ["base.road"])
    copy_rows(
        cursor,
        "base.road_edge",
        ("road_id", "source", "target", "length_m", "is_oneway", "geom"),
        zip(
            (road + first).tolist(),
            (stretches.source + 1).tolist(),
            (stretches.target + 1).tolist(),
            stretches.length_m.tolist(),
            found.is_oneway[stretches.line].tolist(),
            ewkb(lines.tolist()),
            strict=True,
        ),
    )
    cursor.execute("ANALYZE base.road, base.road_edge")
    return int(of_road.size)


def _require_county(county: County, stretches: Stretches, lines: NDArray[np.object_]) -> None:
    """Refuses a network that the deployment could make nothing of: beside its county, or beyond its projection."""
    shapely.prepare(county.ground)
    if not shapely.intersects(county.ground, lines).any():
        raise OutsideCounty(_NONE_HERE, field="file")
    storage_to_metric(stretches.xy[:, 0], stretches.xy[:, 1], county.metric_srid)


def _road_of(found: FileRoads) -> NDArray[np.int64]:
    """For each line its road: lines of one name and class are one, a nameless line is one of its own."""
    numbers: dict[tuple[str, str, int], int] = {}
    return np.array(
        [
            numbers.setdefault((name, road_class, -1 if name else line), len(numbers))
            for line, (name, road_class) in enumerate(zip(found.name, found.road_class, strict=True))
        ],
        dtype=np.int64,
    )

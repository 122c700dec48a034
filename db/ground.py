"""The ground that the base map is drawn from: whole as GeoJSON, or as vector tiles that show what their zoom can."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from sqlalchemy import text
from sqlalchemy.orm import Session

from db.sql import statement
from db.tile_statements import UNITS, WORLD_M
from db.tiles import Tile
from geo.errors import NotFound
from geo.extent import Extent

_SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "boundary": "SELECT id, name, NULL::text AS use, NULL::text AS class, boundary AS geom FROM deployment",
        "blocks": "SELECT id, name, use, NULL::text AS class, geom FROM base.block",
        "water": "SELECT id, name, NULL::text AS use, NULL::text AS class, geom FROM base.water",
        "roads": "SELECT id, name, NULL::text AS use, class, geom FROM base.road",
        "buildings": (
            "SELECT id, name, NULL::text AS use, NULL::text AS class, geom FROM base.footprint UNION ALL "
            "SELECT id, name, usage AS use, NULL::text AS class, geom FROM building "
            "WHERE NOT EXISTS (SELECT FROM base.footprint)"
        ),
    }
)
KEYS = tuple(_SOURCES)
"""The parts of the ground, from the largest to the smallest."""

_CLASSES = ("trunk", "main", "side", "lane", "path")
_ROADS_FROM = (0, 9, 11, 13, 14)
"""The zoom at which each class of road begins to be drawn: where it is about half a pixel wide."""
_NAMES_FROM = (10, 12, 13, 15, 16)
HOUSES_FROM = 13
"""From this zoom on a house is two pixels wide."""
_LEAST_PX = 3.0
_TILE_PX = 512
"""Side of a tile on the screen, as deck.gl shows it; each pixel has several of the tile's units."""
_CHARACTER_PX = 13.0
_DEGREE_M = 111_320.0

# Storage is EPSG:4490; GeoJSON is WGS 84 longitude, latitude. Polygons turn counter-clockwise as RFC 7946 asks; lines
# pass ST_ForcePolygonCCW unchanged. Seven decimals are one centimetre. Corners that change a shape by less than 17
# centimetres are left out: nobody sees them, and half of what a browser without a graphics card has to draw are such.
_COLLECTION = """
SELECT '{"type":"FeatureCollection","features":['
    || coalesce(string_agg(
        '{"type":"Feature","id":' || id
        || ',"properties":' || jsonb_strip_nulls(jsonb_build_object('name', name, 'use', use, 'class', class))::text
        || ',"geometry":' || ST_AsGeoJSON(
            ST_ForcePolygonCCW(ST_Transform(ST_SimplifyPreserveTopology(geom, 0.0000015), 4326)), 7, 0) || '}',
        ',' ORDER BY id), '')
    || ']}'
FROM (%s) AS source
WHERE geom IS NOT NULL AND NOT ST_IsEmpty(geom)
    AND (CAST(:west AS float8) IS NULL OR geom && ST_MakeEnvelope(:west, :south, :east, :north, 4490))
"""
_STATEMENTS = {key: text(_COLLECTION.replace("%s", source)) for key, source in _SOURCES.items()}

_STANDING = text("""
SELECT
    coalesce((SELECT max(id) FROM base.block), 0) + coalesce((SELECT max(id) FROM base.water), 0)
    + coalesce((SELECT max(id) FROM base.road), 0) + coalesce((SELECT max(id) FROM base.footprint), 0)
    + coalesce((SELECT max(id) FROM building), 0) AS revision,
    (SELECT count(*) FROM base.block) + (SELECT count(*) FROM base.water) + (SELECT count(*) FROM base.road)
    + coalesce(nullif((SELECT count(*) FROM base.footprint), 0), (SELECT count(*) FROM building)) AS number
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How much ground there is: its `revision` rises with every import, `number` counts what is drawn of it."""

    revision: int
    number: int


def standing(session: Session) -> Standing:
    """The ground as of now. Imports never use an id again, so that the highest ones tell a new ground from an old."""
    row = session.execute(_STANDING).one()
    return Standing(revision=row.revision, number=row.number)


def tile(session: Session, at: Tile) -> bytes:
    """One tile of the ground, with a layer for each of `KEYS` that it shows (Mapbox Vector Tile 2.1)."""
    unit_m = WORLD_M / 2**at.z / UNITS
    pixel_deg = WORLD_M / 2**at.z / _TILE_PX / _DEGREE_M
    facts = {
        **_place(at, _ROADS_FROM),
        "unit_m": unit_m,
        "least_deg": _LEAST_PX * pixel_deg,
        "houses": at.z >= HOUSES_FROM,
    }
    return bytes(session.execute(statement("ground_tile"), facts).scalar_one())


def names_tile(session: Session, at: Tile) -> bytes:
    """The names of roads in a tile: points in the layer `names` with `name`, `angle` and `rank`."""
    facts = {**_place(at, _NAMES_FROM), "character_m": WORLD_M / 2**at.z / _TILE_PX * _CHARACTER_PX}
    return bytes(session.execute(statement("ground_names"), facts).scalar_one())


def _place(at: Tile, begins: tuple[int, ...]) -> dict[str, object]:
    shown = [name for name, zoom in zip(_CLASSES, begins, strict=True) if at.z >= zoom]
    return {"z": at.z, "x": at.x, "y": at.y, "classes": shown}


def ground(session: Session, key: str, *, within: Extent | None = None) -> str:
    """One part of the ground (`KEYS`) as the text of a GeoJSON FeatureCollection, ordered by id.

    `within` (degrees) leaves out what lies beside it. Properties are `name` and, where the part has one, `use` or
    `class`. Raises `NotFound` for another key.
    """
    asked = _STATEMENTS.get(key)
    if asked is None:
        raise NotFound(f"no ground {key!r}", key=key)
    bounds = (None,) * 4 if within is None else within.bounds
    facts = dict(zip(("west", "south", "east", "north"), bounds, strict=True))
    return str(session.execute(asked, facts).scalar_one())

"""The ground that the base map is drawn from, as GeoJSON."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.errors import NotFound

_SOURCES: Mapping[str, str] = MappingProxyType(
    {
        "boundary": "SELECT id, name, NULL::text AS use, NULL::text AS class, boundary AS geom FROM deployment",
        "blocks": "SELECT id, name, use, NULL::text AS class, geom FROM base.block",
        "water": "SELECT id, name, NULL::text AS use, NULL::text AS class, geom FROM base.water",
        "roads": "SELECT id, name, NULL::text AS use, class, geom FROM base.road",
        "buildings": "SELECT id, name, usage AS use, NULL::text AS class, geom FROM building",
    }
)
KEYS = tuple(_SOURCES)
"""The parts of the ground, from the largest to the smallest."""

# Storage is EPSG:4490; GeoJSON is WGS 84 longitude, latitude. Polygons turn counter-clockwise as RFC 7946 asks; lines
# pass ST_ForcePolygonCCW unchanged. Seven decimals are one centimetre.
_COLLECTION = """
SELECT '{"type":"FeatureCollection","features":['
    || coalesce(string_agg(
        '{"type":"Feature","id":' || id
        || ',"properties":' || jsonb_strip_nulls(jsonb_build_object('name', name, 'use', use, 'class', class))::text
        || ',"geometry":' || ST_AsGeoJSON(ST_ForcePolygonCCW(ST_Transform(geom, 4326)), 7, 0) || '}',
        ',' ORDER BY id), '')
    || ']}'
FROM (%s) AS source
WHERE geom IS NOT NULL AND NOT ST_IsEmpty(geom)
"""
_STATEMENTS = {key: text(_COLLECTION.replace("%s", source).replace(":", r"\:")) for key, source in _SOURCES.items()}


def ground(session: Session, key: str) -> str:
    """One part of the ground (`KEYS`) as the text of a GeoJSON FeatureCollection, ordered by id.

    Properties are `name` and, where the part has one, `use` or `class`. Raises `NotFound` for another key.
    """
    statement = _STATEMENTS.get(key)
    if statement is None:
        raise NotFound(f"no ground {key!r}", key=key)
    return str(session.execute(statement).scalar_one())

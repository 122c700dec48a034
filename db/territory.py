"""The county of the deployment, its grids, and where a point lies among them."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from geo.errors import OutsideCounty, Unavailable, UnknownCode


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """The county that this database serves. Bounds are west, south, east, north in degrees."""

    profile: str
    name: str
    title: str
    county_code: str
    number_prefix: str
    metric_srid: int
    code_lengths: tuple[int, ...]
    timezone: str
    is_demo: bool
    source_note: str
    bounds: tuple[float, float, float, float]
    town_bounds: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """A grid without its geometry."""

    code: str
    name: str
    level: str
    kind: str
    parent_code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Locus:
    """Where a point lies: its grid and the chain above it, finest first.

    Outside of all grids the grid is the nearest community, by metric distance, and `is_outside_grid` is set.
    """

    grid_code: str
    is_outside_grid: bool
    chain: tuple[GridRow, ...]


_COUNTY = text(
    """SELECT profile, name, title, county_code, number_prefix, metric_srid, code_lengths, timezone, is_demo,
        source_note,
        ARRAY[ST_XMin(boundary), ST_YMin(boundary), ST_XMax(boundary), ST_YMax(boundary)] AS bounds,
        ARRAY[ST_XMin(town), ST_YMin(town), ST_XMax(town), ST_YMax(town)] AS town_bounds
    FROM deployment"""
)

_GRIDS = text(
    """SELECT code, name, level, kind, parent_code
    FROM grid
    WHERE (CAST(:level AS text) IS NULL OR level = :level)
        AND (CAST(:under AS text) IS NULL OR starts_with(code, :under))
    ORDER BY code"""
)

_SUBTREE = """WITH RECURSIVE subtree AS (
    SELECT code FROM grid WHERE code = :grid
    UNION ALL
    SELECT g.code FROM grid AS g JOIN subtree AS s ON g.parent_code = s.code
) SELECT code FROM subtree"""
"""The grid `:grid` and all below it. A building grid's code doesn't continue its quarter's, so prefixes won't do."""

_CHAIN = text(
    """WITH RECURSIVE chain AS (
        SELECT code, name, level, kind, parent_code, 0 AS height FROM grid WHERE code = :code
        UNION ALL
        SELECT g.code, g.name, g.level, g.kind, g.parent_code, c.height + 1
        FROM chain AS c JOIN grid AS g ON g.code = c.parent_code
    )
    SELECT code, name, level, kind, parent_code FROM chain ORDER BY height"""
)

_BOUNDS = text(
    "SELECT ST_XMin(geom) AS west, ST_YMin(geom) AS south, ST_XMax(geom) AS east, ST_YMax(geom) AS north"
    " FROM grid WHERE code = :code"
)

_REACH = text(
    """SELECT ST_XMin(reach) AS west, ST_YMin(reach) AS south, ST_XMax(reach) AS east, ST_YMax(reach) AS north
    FROM (SELECT ST_Extent(geom) AS reach FROM grid WHERE starts_with(code, :prefix)) AS found
    WHERE reach IS NOT NULL"""
)

# A point on a shared border belongs to the lower code; a building grid lies in its quarter and is the finer.
_FINEST = text(
    """SELECT g.code
    FROM grid AS g
    WHERE ST_Covers(g.geom, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490))
    ORDER BY array_position(ARRAY['building', 'quarter', 'community', 'street'], g.level), g.code
    LIMIT 1"""
)

_IN_COUNTY = text(
    "SELECT ST_Covers(boundary, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)) FROM deployment",
)

_NEAREST_COMMUNITY = text(
    """SELECT g.code
    FROM grid AS g, deployment AS d
    WHERE g.level = 'community'
    ORDER BY ST_Distance(
        ST_Transform(g.geom, d.metric_srid),
        ST_Transform(ST_SetSRID(ST_MakePoint(:lon, :lat), 4490), d.metric_srid)
    ), g.code
    LIMIT 1"""
)


def county(session: Session) -> County:
    """The deployment's county. Raises `Unavailable` while none is loaded."""
    row = session.execute(_COUNTY).one_or_none()
    if row is None:
        raise Unavailable("no county is loaded yet")
    fields = row._asdict()
    for name in ("code_lengths", "bounds", "town_bounds"):
        fields[name] = tuple(fields[name])
    return County(**fields)


def grids(session: Session, *, level: str | None = None, under: str | None = None) -> list[GridRow]:
    """Grids in the order of their codes; `under` keeps the codes that begin with it."""
    return [GridRow(**row._asdict()) for row in session.execute(_GRIDS, {"level": level, "under": under})]


def chain(session: Session, code: str) -> tuple[GridRow, ...]:
    """The grid `code` and what lies above it, finest first; empty when there is none."""
    return tuple(GridRow(**row._asdict()) for row in session.execute(_CHAIN, {"code": code}))


def bounds(session: Session, code: str) -> tuple[float, float, float, float]:
    """West, south, east and north of the grid in degrees. Raises `UnknownCode` when there is none."""
    row = session.execute(_BOUNDS, {"code": code}).one_or_none()
    if row is None:
        raise UnknownCode(f"there is no grid {code}", field="grid")
    return (row.west, row.south, row.east, row.north)


def reach(session: Session, prefix: str) -> tuple[float, float, float, float] | None:
    """West, south, east and north in degrees of all grids whose codes begin with `prefix`; None when there are none."""
    row = session.execute(_REACH, {"prefix": prefix}).one_or_none()
    return None if row is None else (row.west, row.south, row.east, row.north)


def subtree(session: Session, code: str) -> list[str]:
    """Codes of the grid and of every grid below it. Raises `UnknownCode` when there is none."""
    codes = list(session.scalars(text(_SUBTREE), {"grid": code}))
    if not codes:
        raise UnknownCode(f"there is no grid {code}", field="grid")
    return codes


def locate(session: Session, lon: float, lat: float) -> Locus:
    """Where the point (EPSG:4490, degrees) lies. Raises `OutsideCounty` beyond the county's boundary."""
    point = {"lon": lon, "lat": lat}
    if not session.scalar(_IN_COUNTY, point):
        raise OutsideCounty("the place lies outside the county", field="lon", lon=lon, lat=lat)
    code = session.scalar(_FINEST, point)
    is_outside_grid = code is None
    if code is None:
        code = session.scalars(_NEAREST_COMMUNITY, point).one()
    return Locus(grid_code=code, is_outside_grid=is_outside_grid, chain=chain(session, code))

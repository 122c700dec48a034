"""Statements that make vector tiles: of one tile or of several at once, whole, gathered into cells, or from counts.

Places within a tile are in its units from the upper left corner; parameters are named as `SQUARE` names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache
from math import pi
from typing import Any, cast

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import ARRAY

from db.features import view_of
from db.models.record import STORAGE_SRID
from db.session import Statement
from geo.features import FeatureType, Kind

MOST_APART = 256
"""Of a tile on a screen that makes 32 pixels for each side of a point: the symbols of more would lie on one another."""
CELLS = 8
"""Of a tile's side: 64 pixels on a map, which a disc with a number fills without touching the next."""
UNITS = 4096
"""Of a tile's side, to which geometries are rounded."""
_BUFFER = 64
"""Of a tile's side, in which the geometries of lines and areas reach beyond it, so that outlines meet."""
WORLD_M = 40_075_016.685578488
"""The side of Web Mercator's square, which tiles divide (OGC Two Dimensional Tile Matrix Set, WebMercatorQuad)."""
_MERCATOR = 3857
RADIUS_M = WORLD_M / (2 * pi)

_EDGES: Mapping[str, sa.types.TypeEngine[Any]] = dict.fromkeys(("west", "south", "east", "north"), sa.Float())
SQUARE: Mapping[str, sa.types.TypeEngine[Any]] = {
    **_EDGES,
    **dict.fromkeys(("left", "top"), sa.Float()),
    **dict.fromkeys(("first_column", "first_row"), sa.BigInteger()),
}
"""What tells one tile of a zoom from another: edges in degrees, upper left corner in metres, first of the cells."""


CELL: Mapping[str, sa.types.TypeEngine[Any]] = {
    **dict.fromkeys(("across", "down", "n"), sa.Integer()),
    "fid": sa.BigInteger(),
}
"""Of each cell that is counted: its middle in the tile's units, the number of points, and who is alone in it."""


class _Square:
    """A tile in a statement: one that is given, or each of several, which have to be read in a query beneath."""

    def __init__(self, several: sa.TableValuedAlias | None = None) -> None:
        self.several = several

    def __getattr__(self, name: str) -> sa.ColumnElement[Any]:
        if self.several is None:
            return sa.bindparam(name, type_=SQUARE[name])
        return cast("sa.ColumnElement[Any]", self.several.c[name])

    def select(self, *columns: Any) -> sa.Select[tuple[Any, ...]]:
        """Begins a query about it."""
        made = sa.select(*columns)
        return made if self.several is None else made.correlate(self.several)


def _metres(geom: sa.ColumnElement[Any]) -> tuple[sa.ColumnElement[float], sa.ColumnElement[float]]:
    """A point's place in EPSG:3857.

    The projection is written out: PROJ takes a tenth of a second to begin in each of a query's processes. It is that of
    WGS 84, from which storage differs by less than a millimetre.
    """
    north = sa.func.asinh(sa.func.tan(sa.func.radians(sa.func.ST_Y(geom))))
    return sa.func.radians(sa.func.ST_X(geom)) * RADIUS_M, north * RADIUS_M


def counted(
    kind: FeatureType,
    where: Sequence[sa.ColumnElement[bool]],
    cell_m: sa.ColumnElement[float],
    square: _Square | None = None,
) -> sa.Subquery:
    """Number, middle and least `fid` of the points in each cell, by column from the west and row from the north."""
    view, square = view_of(kind), square or _Square()
    x, y = _metres(view.c.geom)
    # OFFSET 0 keeps PostgreSQL from working out a place wherever it is used.
    here = square.select(view.c.fid, x.label("x"), y.label("y")).where(*where).offset(0).subquery("here")
    side, edge = sa.cast(cell_m, sa.Float()), WORLD_M / 2
    column = sa.cast(sa.func.floor((here.c.x + edge) / side), sa.BigInteger()).label("column")
    row = sa.cast(sa.func.floor((edge - here.c.y) / side), sa.BigInteger()).label("row")
    made = square.select(
        column,
        row,
        sa.func.count().label("n"),
        sa.func.min(here.c.fid).label("fid"),
        sa.func.avg(here.c.x).label("x"),
        sa.func.avg(here.c.y).label("y"),
    )
    return made.group_by(column, row).offset(0).subquery("cell")


def gathered(kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], *, personal: bool) -> Statement:
    """The cells of a tile."""
    square = _Square()
    return Statement.of(_cells_of(kind, _cells(kind, where, square).subquery("cell"), square, personal=personal))


def _cells(kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], square: _Square) -> sa.Select[Any]:
    """The cells of a tile, counted."""
    meets = _meets(view_of(kind).c.geom, square)
    cell = counted(kind, [meets, *where], sa.bindparam("cell_m", type_=sa.Float()), square)
    # The index finds a point or two beyond the edges, which belong to the neighbours.
    inside = (
        axis.between(first, first + CELLS - 1)
        for axis, first in ((cell.c.column, square.first_column), (cell.c.row, square.first_row))
    )
    return square.select(cell).where(*inside)


def _cells_of(
    kind: FeatureType,
    cell: sa.FromClause,
    square: _Square,
    *,
    personal: bool,
    spot: sa.ColumnElement[Any] | None = None,
) -> sa.Select[tuple[bytes]]:
    """A tile of its cells; who is alone in one brings the properties along, and is looked up for them."""
    view = view_of(kind)
    alone = (
        sa.select(view.c.fid, *_properties(kind, personal=personal))
        .where(view.c.fid == cell.c.fid, cell.c.n == 1)
        .offset(0)  # or PostgreSQL reads the whole view for a join
        .lateral("alone")
    )
    if spot is None:
        spot = _spot(cell.c.x, cell.c.y, square)
    made = square.select(spot, cell.c.n, *alone.c)
    made = made.select_from(cell.outerjoin(alone, sa.true()))
    return _encoded(kind.key, made, square, feature_id="fid")


def _points_of(
    kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], square: _Square, *, personal: bool
) -> sa.Select[tuple[bytes]]:
    """Every point of a tile."""
    view = view_of(kind)
    place = sa.func.ST_X(view.c.geom).label("lon"), sa.func.ST_Y(view.c.geom).label("lat")
    near = square.select(*place, view.c.fid, *_properties(kind, personal=personal))
    # OFFSET 0 keeps PostgreSQL from unpacking a geometry wherever its place is used.
    here = near.where(_meets(view.c.geom, square), *where).offset(0).subquery("here")
    lon, lat, *properties = here.c
    # Who stands on an edge is in one tile, as in a cell.
    inside = (lon >= square.west, lon < square.east, lat > square.south, lat <= square.north)
    made = square.select(_close_spot(lon, lat, square), *properties).where(*inside)
    return _encoded(kind.key, made, square, feature_id="fid")


def gathered_each(kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], *, personal: bool) -> Statement:
    """The cells of several tiles."""
    square, each = _several()
    cell = _cells(kind, where, square).subquery("cell")
    return Statement.of(each(_cells_of(kind, cell, square, personal=personal).scalar_subquery()))


@cache
def counted_each(kind: FeatureType, *, personal: bool) -> Statement:
    """Several tiles of cells that are counted: of each tile they are arrays, written as text as PostgreSQL does.

    The driver would take longer to write them than the database to read the points of a small tile.
    """
    square, each = _several(dict.fromkeys(CELL, sa.Text()))
    arrays = (sa.cast(getattr(square, name), ARRAY(type_)) for name, type_ in CELL.items())
    columns = (sa.column(name, type_) for name, type_ in CELL.items())
    cell = sa.func.unnest(*arrays).table_valued(*columns).render_derived(name="cell")
    spot = sa.func.ST_MakePoint(cell.c.across, cell.c.down).label("geom")
    made = Statement.of(each(_cells_of(kind, cell, square, personal=personal, spot=spot).scalar_subquery()))
    return replace(made, is_kept=True)


def apart(kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], *, personal: bool) -> Statement:
    """Every point of several tiles."""
    square, each = _several(_EDGES)
    return Statement.of(each(_points_of(kind, where, square, personal=personal).scalar_subquery()))


def apart_with_room(kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], *, personal: bool) -> Statement:
    """Every point of several tiles; the cells of those that hold more than `MOST_APART`."""
    square, each = _several()
    cell = _cells(kind, where, square).cte("cell")
    number = sa.select(sa.func.coalesce(sa.func.sum(cell.c.n), 0)).scalar_subquery()
    points = _points_of(kind, where, square, personal=personal).scalar_subquery()
    gathered_ = _cells_of(kind, cell, square, personal=personal).scalar_subquery()
    chosen = sa.select(sa.case((number <= MOST_APART, points), else_=gathered_)).add_cte(cell, nest_here=True)
    return Statement.of(each(chosen.scalar_subquery()))


def _several(
    told: Mapping[str, sa.types.TypeEngine[Any]] = SQUARE,
) -> tuple[_Square, Callable[[sa.ColumnElement[bytes]], sa.Select[tuple[bytes]]]]:
    """A tile of which a query knows what is `told`, and what makes it a query for each of several, in their order."""
    arrays = (sa.bindparam(name, type_=ARRAY(type_)) for name, type_ in told.items())
    columns = (sa.column(name, type_) for name, type_ in told.items())  # without types it would divide as NUMERIC
    given = sa.func.unnest(*arrays).table_valued(*columns, with_ordinality="nth").render_derived(name="square")
    return _Square(given), lambda made: sa.select(made).select_from(given).order_by(given.c.nth)


def shapes(kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], *, personal: bool) -> Statement:
    """Every line or area of a tile."""
    view = view_of(kind)
    envelope = sa.func.ST_TileEnvelope(*(sa.bindparam(name, type_=sa.Integer()) for name in "zxy"))
    wider = sa.func.ST_Expand(envelope, _BUFFER / sa.bindparam("units_a_m", type_=sa.Float()))
    placed = sa.func.ST_Transform(view.c.geom, _MERCATOR)
    geometry = sa.func.ST_AsMVTGeom(placed, envelope, UNITS, _BUFFER, True).label("geom")
    near = view.c.geom.op("&&")(sa.func.ST_Transform(wider, STORAGE_SRID))
    made = sa.select(geometry, view.c.fid, *_properties(kind, personal=personal)).where(near, *where)
    return Statement.of(_encoded(kind.key, made.order_by(view.c.fid), _Square(), feature_id="fid"))


def _meets(geom: sa.ColumnElement[Any], square: _Square) -> sa.ColumnElement[bool]:
    """Whether a point's box meets the tile, to the half metre that boxes are rounded to."""
    box = sa.func.ST_MakeEnvelope(square.west, square.south, square.east, square.north, STORAGE_SRID)
    return geom.op("&&")(box)


def _spot(x: sa.ColumnElement[float], y: sa.ColumnElement[float], square: _Square) -> sa.ColumnElement[Any]:
    """A place in EPSG:3857 in the tile's units, from its upper left corner."""
    units = sa.bindparam("units_a_m", type_=sa.Float())
    across, down = sa.func.round((x - square.left) * units), sa.func.round((square.top - y) * units)
    return sa.func.ST_MakePoint(across, down).label("geom")


def _close_spot(lon: sa.ColumnElement[float], lat: sa.ColumnElement[float], square: _Square) -> sa.ColumnElement[Any]:
    """A place in degrees in a close tile's units.

    Within it Mercator's stretching changes by less than a millimetre, a thirtieth of a unit at `WHOLE_FROM`.
    """
    across = (lon - square.west) * (UNITS / (square.east - square.west))
    down = (square.north - lat) * (UNITS / (square.north - square.south))
    return sa.func.ST_MakePoint(sa.func.round(across), sa.func.round(down)).label("geom")


def _properties(kind: FeatureType, *, personal: bool) -> list[sa.ColumnElement[Any]]:
    """As tiles can hold them: lists and instants as text, like the items' JSON."""
    made: list[sa.ColumnElement[Any]] = []
    for visible in kind.visible(personal=personal):
        column: sa.ColumnElement[Any] = view_of(kind).c[visible.name]
        if visible.kind is Kind.TEXT_LIST:
            column = sa.func.array_to_string(column, "、")
        elif visible.kind is Kind.INSTANT:
            # Sessions are in UTC. What makes JSON of an instant takes twice as long as what makes text.
            column = sa.func.replace(sa.cast(column, sa.Text()), " ", "T") + ":00"
        made.append(sa.label(visible.name, column))
    return made


def _encoded(
    key: str, rows: sa.Select[tuple[Any, ...]], square: _Square, *, feature_id: str | None = None
) -> sa.Select[tuple[bytes]]:
    args = ["geom"] if feature_id is None else ["geom", feature_id]
    made = square.select(sa.func.ST_AsMVT(sa.literal_column("t"), key, UNITS, *args, type_=sa.LargeBinary()))
    return made.select_from(rows.subquery("t"))

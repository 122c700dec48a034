"""Vector tiles of a layer, by the same filter as its items: dense points come as cells with their number.

At every zoom below `WHOLE_FROM` a tile is divided into `CELLS` × `CELLS` cells. A point alone in its cell is itself;
several become one point amid them with their number `n`. Cells continue over the edges of tiles, so that neighbours
agree, and no tile holds more than `CELLS`² points however many there are. Just above it a tile is divided if it holds
more than `MOST_APART` points, and from `APART_FROM` on none is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import atan, degrees, pi, sinh
from typing import Any, Self

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects.postgresql import ARRAY

from db.features import conditions, feature_type, view_of
from db.models.record import STORAGE_SRID
from db.session import Database, Statement
from geo.errors import InvalidInput
from geo.features import FeatureFilter, FeatureType, Kind
from governance.access import Principal

MOST_ZOOM = 22
WHOLE_FROM = 18
"""From this zoom on a tile is some 150 metres wide, and every point is itself where there is room."""
APART_FROM = 19
"""The closest that maps go: every point is itself."""
MOST_APART = 256
"""Of a tile on a screen that makes 32 pixels for each side of a point: the symbols of more would lie on one another."""
COARSE_BELOW = 14
"""Tiles of lower zooms are made from `Cells`, which are counted once for all of them."""
CELLS = 8
"""Of a tile's side: 64 pixels on a map, which a disc with a number fills without touching the next."""
_CELL_BITS = 3
UNITS = 4096
"""Of a tile's side, to which geometries are rounded."""
_BUFFER = 64
"""Of a tile's side, in which the geometries of lines and areas reach beyond it, so that outlines meet."""
WORLD_M = 40_075_016.685578488
"""The side of Web Mercator's square, which tiles divide (OGC Two Dimensional Tile Matrix Set, WebMercatorQuad)."""
_MERCATOR = 3857
_RADIUS_M = WORLD_M / (2 * pi)
_EVERYTHING = FeatureFilter()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """A tile's place: zoom, column from the west, row from the north."""

    z: int
    x: int
    y: int

    def __post_init__(self) -> None:
        if not 0 <= self.z <= MOST_ZOOM:
            raise InvalidInput(f"zoom runs from 0 to {MOST_ZOOM}", field="z")
        for name, value in (("x", self.x), ("y", self.y)):
            if not 0 <= value < 2**self.z:
                raise InvalidInput(f"{name} runs from 0 to {2**self.z - 1} at zoom {self.z}", field=name)

    @property
    def side_m(self) -> float:
        """The length of its sides in EPSG:3857."""
        return WORLD_M / (1 << self.z)

    @property
    def corner(self) -> tuple[float, float]:
        """Its left and upper edge in EPSG:3857."""
        return self.x * self.side_m - WORLD_M / 2, WORLD_M / 2 - self.y * self.side_m


@dataclass(frozen=True, slots=True)
class Cells:
    """Points counted by the cells of the finest coarse zoom: column, row, number, and the middle in EPSG:3857."""

    column: NDArray[np.int64]
    row: NDArray[np.int64]
    number: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]

    @classmethod
    def unpack(cls, packed: bytes) -> Self:
        """What `pack` made."""
        rows = np.frombuffer(packed, dtype=_PACKED)
        return cls(rows["column"], rows["row"], rows["number"], rows["x"], rows["y"])

    def pack(self) -> bytes:
        """As bytes, to be kept."""
        rows = np.empty(self.column.size, dtype=_PACKED)
        for name in _PACKED.names or ():
            rows[name] = getattr(self, name)
        return rows.tobytes()

    def within(self, tile: Tile) -> tuple[list[float], list[float], list[int]]:
        """x, y and number of each cell of a coarse tile that holds anything."""
        coarser = COARSE_BELOW - 1 - tile.z
        column, row = self.column >> coarser, self.row >> coarser
        is_here = (column >> _CELL_BITS == tile.x) & (row >> _CELL_BITS == tile.y)
        number = self.number[is_here]
        cells, which = np.unique(
            (column[is_here] & CELLS - 1) * CELLS + (row[is_here] & CELLS - 1), return_inverse=True
        )
        total = np.bincount(which, weights=number, minlength=cells.size)
        x = np.bincount(which, weights=self.x[is_here] * number, minlength=cells.size) / total
        y = np.bincount(which, weights=self.y[is_here] * number, minlength=cells.size) / total
        return x.tolist(), y.tolist(), total.astype(int).tolist()


_PACKED = np.dtype([("column", "i8"), ("row", "i8"), ("number", "i8"), ("x", "f8"), ("y", "f8")])


def is_dense(key: str) -> bool:
    """Whether the layer's features are points, which tiles gather into cells. Raises `UnknownCode`."""
    return feature_type(key).geometry == "Point"


def cells(database: Database, principal: Principal, key: str, flt: FeatureFilter) -> Cells:
    """The points that the filter leaves, counted by cell for all coarse tiles. Raises as `features.items` does."""
    with database.session(principal) as session:
        where = (view_of(feature_type(key)).c.geom.is_not(None), *conditions(session, key, flt))
        counted = _counted(feature_type(key), where, sa.literal(WORLD_M / 2 ** (COARSE_BELOW - 1) / CELLS))
        rows = session.execute(sa.select(*(counted.c[name] for name in ("column", "row", "n", "x", "y")))).all()
    found = np.array([tuple(r) for r in rows], dtype=_PACKED)
    return Cells(found["column"], found["row"], found["number"], found["x"], found["y"])


def coarse(database: Database, principal: Principal, key: str, counted: Cells, tile: Tile) -> bytes:
    """A tile of the cells in it: points with their number `n`, and nothing else."""
    x, y, number = counted.within(tile)
    if not number:
        return b""
    return _read(database, principal, _coarse(key), tile, xs=x, ys=y, numbers=number) or b""


def tile(database: Database, principal: Principal, key: str, flt: FeatureFilter, at: Tile, *, personal: bool) -> bytes:
    """A tile of the features that the filter leaves (Mapbox Vector Tile 2.1, one layer named `key`).

    Points below `WHOLE_FROM` are gathered into cells; use `coarse` below `COARSE_BELOW`, where reading them all for
    each tile would take long. Raises as `features.items` does.
    """
    where: list[sa.ColumnElement[bool]] = []
    if flt != _EVERYTHING:
        with database.session(principal) as session:
            where = conditions(session, key, flt)
    for form in _forms(key, at.z):
        if where:
            statement = form(feature_type(key), where, personal=personal)
        else:
            statement = _unfiltered(form, key, personal=personal)
        made = _read(database, principal, statement, at)
        if made is not None:
            return made
    raise AssertionError("the last form always answers")


def _forms(key: str, zoom: int) -> tuple[Callable[..., Statement], ...]:
    """How such a tile is made: by the first of these that gives one."""
    if not is_dense(key):
        return (_shapes,)
    if zoom >= APART_FROM:
        return (_points,)
    return (_few, _gathered) if zoom >= WHOLE_FROM else (_gathered,)


@cache
def _unfiltered(form: Callable[..., Statement], key: str, *, personal: bool) -> Statement:
    """Kept, because putting a statement together takes longer than most tiles do."""
    return form(feature_type(key), (), personal=personal)


@cache
def _coarse(key: str) -> Statement:
    arrays = (
        sa.bindparam("xs", type_=ARRAY(sa.Float())),
        sa.bindparam("ys", type_=ARRAY(sa.Float())),
        sa.bindparam("numbers", type_=ARRAY(sa.Integer())),
    )
    rows = sa.func.unnest(*arrays).table_valued("x", "y", "n").render_derived()
    return _encoded(key, sa.select(_spot(rows.c.x, rows.c.y), rows.c.n))


def _read(
    database: Database, principal: Principal, statement: Statement, at: Tile, **more: list[float] | list[int]
) -> bytes | None:
    left, top = at.corner
    # The neighbours' very numbers: no point may fall between two tiles.
    right, bottom = (at.x + 1) * at.side_m - WORLD_M / 2, WORLD_M / 2 - (at.y + 1) * at.side_m
    place = {
        "west": degrees(left / _RADIUS_M),
        "east": degrees(right / _RADIUS_M),
        "north": degrees(atan(sinh(top / _RADIUS_M))),
        "south": degrees(atan(sinh(bottom / _RADIUS_M))),
        "left": left,
        "top": top,
        "units_a_m": UNITS / at.side_m,
        "cell_m": at.side_m / CELLS,
        "first_column": at.x * CELLS,
        "first_row": at.y * CELLS,
        "z": at.z,
        "x": at.x,
        "y": at.y,
    }
    made: bytes | None = database.scalar(principal, statement, {**place, **more})
    return made


def _metres(geom: sa.ColumnElement[Any]) -> tuple[sa.ColumnElement[float], sa.ColumnElement[float]]:
    """A point's place in EPSG:3857.

    The projection is written out: PROJ takes a tenth of a second to begin in each of a query's processes. It is that of
    WGS 84, from which storage differs by less than a millimetre.
    """
    north = sa.func.asinh(sa.func.tan(sa.func.radians(sa.func.ST_Y(geom))))
    return sa.func.radians(sa.func.ST_X(geom)) * _RADIUS_M, north * _RADIUS_M


def _counted(
    kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], cell_m: sa.ColumnElement[float]
) -> sa.Subquery:
    """Number, middle and least `fid` of the points in each cell, by column from the west and row from the north."""
    view = view_of(kind)
    x, y = _metres(view.c.geom)
    # OFFSET 0 keeps PostgreSQL from working out a place wherever it is used.
    here = sa.select(view.c.fid, x.label("x"), y.label("y")).where(*where).offset(0).subquery("here")
    side, edge = sa.cast(cell_m, sa.Float()), WORLD_M / 2
    column = sa.cast(sa.func.floor((here.c.x + edge) / side), sa.BigInteger()).label("column")
    row = sa.cast(sa.func.floor((edge - here.c.y) / side), sa.BigInteger()).label("row")
    return (
        sa.select(
            column,
            row,
            sa.func.count().label("n"),
            sa.func.min(here.c.fid).label("fid"),
            sa.func.avg(here.c.x).label("x"),
            sa.func.avg(here.c.y).label("y"),
        )
        .group_by(column, row)
        .offset(0)
        .subquery("cell")
    )


def _gathered(kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], *, personal: bool) -> Statement:
    """The cells of a tile; who is alone in one brings the properties along, and is looked up for them."""
    view = view_of(kind)
    cell = _counted(kind, [_meets(view.c.geom), *where], sa.bindparam("cell_m", type_=sa.Float()))
    alone = (
        sa.select(view.c.fid, *(_plain(kind, view.c, p.name) for p in kind.visible(personal=personal)))
        .where(view.c.fid == cell.c.fid, cell.c.n == 1)
        .offset(0)  # or PostgreSQL reads the whole view for a join
        .lateral("alone")
    )
    # The index finds a point or two beyond the edges, which belong to the neighbours.
    inside = (
        axis.between(sa.bindparam(first, type_=sa.BigInteger()), sa.bindparam(first, type_=sa.BigInteger()) + CELLS - 1)
        for axis, first in ((cell.c.column, "first_column"), (cell.c.row, "first_row"))
    )
    made = sa.select(_spot(cell.c.x, cell.c.y), cell.c.n, *alone.c).select_from(cell.outerjoin(alone, sa.true()))
    return _encoded(kind.key, made.where(*inside), feature_id="fid")


def _points(kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], *, personal: bool) -> Statement:
    """Every point of a tile."""
    view = view_of(kind)
    rows = _apart(kind, view.c, personal=personal).where(_meets(view.c.geom), *where)
    return _encoded(kind.key, rows, feature_id="fid")


def _few(kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], *, personal: bool) -> Statement:
    """Every point of a tile that holds no more than `MOST_APART`; no answer for another."""
    view = view_of(kind)
    columns = (view.c[p.name] for p in kind.visible(personal=personal))
    found = sa.select(view.c.fid, view.c.geom, *columns).where(_meets(view.c.geom), *where).limit(MOST_APART + 1)
    here = found.cte("here").prefix_with("MATERIALIZED")
    number = sa.select(sa.func.count()).select_from(here).scalar_subquery()
    rows = _apart(kind, here.c, personal=personal)
    return _encoded(kind.key, rows, feature_id="fid", provided=number <= MOST_APART)


def _apart(kind: FeatureType, columns: Any, *, personal: bool) -> sa.Select[tuple[Any, ...]]:
    lon, lat = sa.func.ST_X(columns.geom), sa.func.ST_Y(columns.geom)
    west, south, east, north = _edges()
    plain = (_plain(kind, columns, p.name) for p in kind.visible(personal=personal))
    made = sa.select(_spot(*_metres(columns.geom)), columns.fid, *plain)
    # Who stands on an edge is in one tile, as in a cell.
    return made.where(lon >= west, lon < east, lat > south, lat <= north).order_by(columns.fid)


def _shapes(kind: FeatureType, where: Sequence[sa.ColumnElement[bool]], *, personal: bool) -> Statement:
    """Every line or area of a tile."""
    view = view_of(kind)
    envelope = sa.func.ST_TileEnvelope(*(sa.bindparam(name, type_=sa.Integer()) for name in "zxy"))
    square = sa.func.ST_Expand(envelope, _BUFFER / sa.bindparam("units_a_m", type_=sa.Float()))
    placed = sa.func.ST_Transform(view.c.geom, _MERCATOR)
    geometry = sa.func.ST_AsMVTGeom(placed, envelope, UNITS, _BUFFER, True).label("geom")
    columns = (_plain(kind, view.c, p.name) for p in kind.visible(personal=personal))
    near = view.c.geom.op("&&")(sa.func.ST_Transform(square, STORAGE_SRID))
    made = sa.select(geometry, view.c.fid, *columns).where(near, *where).order_by(view.c.fid)
    return _encoded(kind.key, made, feature_id="fid")


def _edges() -> tuple[sa.BindParameter[float], ...]:
    return tuple(sa.bindparam(name, type_=sa.Float()) for name in ("west", "south", "east", "north"))


def _meets(geom: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    """Whether a point's box meets the tile, to the half metre that boxes are rounded to."""
    return geom.op("&&")(sa.func.ST_MakeEnvelope(*_edges(), STORAGE_SRID))


def _spot(x: sa.ColumnElement[float], y: sa.ColumnElement[float]) -> sa.ColumnElement[Any]:
    """A place in EPSG:3857 in the tile's units, from its upper left corner."""
    left, top, units = (sa.bindparam(name, type_=sa.Float()) for name in ("left", "top", "units_a_m"))
    across, down = sa.func.round((x - left) * units), sa.func.round((top - y) * units)
    return sa.func.ST_MakePoint(across, down).label("geom")


def _plain(kind: FeatureType, columns: Any, name: str) -> sa.ColumnElement[Any]:
    """A property as tiles can hold it: lists and instants as text, like the items' JSON."""
    of = next(p.kind for p in kind.properties if p.name == name)
    column = columns[name]
    if of is Kind.TEXT_LIST:
        return sa.func.array_to_string(column, "、").label(name)
    if of is Kind.INSTANT:
        return sa.func.to_json(column).op("#>>")(sa.literal([], ARRAY(sa.Text()))).label(name)
    return sa.label(name, column)


def _encoded(
    key: str,
    rows: sa.Select[tuple[Any, ...]],
    *,
    feature_id: str | None = None,
    provided: sa.ColumnElement[bool] | None = None,
) -> Statement:
    args = ["geom"] if feature_id is None else ["geom", feature_id]
    made = sa.select(sa.func.ST_AsMVT(sa.literal_column("t"), key, UNITS, *args, type_=sa.LargeBinary()))
    made = made.select_from(rows.subquery("t"))
    return Statement.of(made if provided is None else made.having(provided))

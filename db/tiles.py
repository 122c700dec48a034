"""Vector tiles of a layer, by the same filter as its items: dense points come as cells with their number.

At every zoom below `WHOLE_FROM` a tile is divided into `CELLS` × `CELLS` cells. A point alone in its cell is itself;
several become one point amid them with their number `n`. Cells continue over the edges of tiles, so that neighbours
agree, and no tile holds more than `CELLS`² points however many there are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from db.features import conditions, feature_type, view_of
from db.models.record import STORAGE_SRID
from geo.errors import InvalidInput
from geo.features import FeatureFilter, FeatureType, Kind

MOST_ZOOM = 22
WHOLE_FROM = 18
"""From this zoom on a tile is some 150 metres wide, and every point is itself."""
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
    def envelope(self) -> sa.ColumnElement[Any]:
        """The tile's square, in EPSG:3857."""
        return sa.func.ST_TileEnvelope(self.z, self.x, self.y)


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


def cells(session: Session, key: str, flt: FeatureFilter) -> Cells:
    """The points that the filter leaves, counted by cell for all coarse tiles. Raises as `features.items` does."""
    here = _here(session, key, flt)
    column, row = _cell(here, COARSE_BELOW - 1)
    counted = sa.select(column, row, sa.func.count(), sa.func.avg(here.c.x), sa.func.avg(here.c.y))
    rows = session.execute(counted.group_by(column, row)).all()
    found = np.array([tuple(r) for r in rows], dtype=_PACKED)
    return Cells(found["column"], found["row"], found["number"], found["x"], found["y"])


def coarse(session: Session, key: str, counted: Cells, tile: Tile) -> bytes:
    """A tile of the cells in it: points with their number `n`, and nothing else."""
    x, y, number = counted.within(tile)
    rows = (
        sa.func.unnest(
            sa.literal(x, ARRAY(sa.Float())), sa.literal(y, ARRAY(sa.Float())), sa.literal(number, ARRAY(sa.Integer()))
        )
        .table_valued("x", "y", "n")
        .render_derived()
    )
    made = sa.select(_in_tile(_point(rows.c.x, rows.c.y), tile, buffer=0), rows.c.n).subquery("t")
    return _encoded(session, key, made)


def tile(session: Session, key: str, flt: FeatureFilter, at: Tile, *, personal: bool) -> bytes:
    """A tile of the features that the filter leaves (Mapbox Vector Tile 2.1, one layer named `key`).

    Points below `WHOLE_FROM` are gathered into cells; use `coarse` below `COARSE_BELOW`, where reading them all for
    each tile would take long. Raises as `features.items` does.
    """
    kind = feature_type(key)
    if not is_dense(key) or at.z >= WHOLE_FROM:
        return _encoded(session, key, _whole(session, kind, flt, at, personal=personal), feature_id="fid")
    here = _here(session, key, flt, at)
    column, row = _cell(here, at.z)
    cell = (
        sa.select(
            sa.func.count().label("n"),
            sa.func.min(here.c.fid).label("fid"),
            sa.func.avg(here.c.x).label("x"),
            sa.func.avg(here.c.y).label("y"),
        )
        .where(*(c.between(n * CELLS, n * CELLS + CELLS - 1) for c, n in ((column, at.x), (row, at.y))))
        .group_by(column, row)
        .subquery("cell")
    )
    alone = sa.and_(cell.c.n == 1, here.c.fid == cell.c.fid)
    made = sa.select(
        _in_tile(_point(cell.c.x, cell.c.y), at, buffer=0),
        cell.c.n,
        here.c.fid,
        *(_plain(kind, here.c, p.name) for p in kind.visible(personal=personal)),
    ).select_from(cell.outerjoin(here, alone))
    return _encoded(session, key, made.subquery("t"), feature_id="fid")


def _here(session: Session, key: str, flt: FeatureFilter, at: Tile | None = None) -> sa.CTE:
    """Every column of the filtered view, of one tile or all, with `x`, `y` in EPSG:3857; transformed once each."""
    view = view_of(feature_type(key))
    placed = sa.func.ST_Transform(view.c.geom, _MERCATOR)
    wanted = sa.select(
        *(c for c in view.c if c.name != "geom"), sa.func.ST_X(placed).label("x"), sa.func.ST_Y(placed).label("y")
    ).where(view.c.geom.is_not(None), *conditions(session, key, flt))
    if at is not None:
        wanted = wanted.where(_meets(view.c.geom, at.envelope))
    return wanted.cte("here").prefix_with("MATERIALIZED")


def _whole(session: Session, kind: FeatureType, flt: FeatureFilter, at: Tile, *, personal: bool) -> sa.Subquery:
    view = view_of(kind)
    buffer = 0 if is_dense(kind.key) else _BUFFER
    square = sa.func.ST_Expand(at.envelope, WORLD_M / 2**at.z * buffer / UNITS)
    geometry = _in_tile(sa.func.ST_Transform(view.c.geom, _MERCATOR), at, buffer=buffer)
    columns = (_plain(kind, view.c, p.name) for p in kind.visible(personal=personal))
    where = (_meets(view.c.geom, square), *conditions(session, kind.key, flt))
    return sa.select(geometry, view.c.fid, *columns).where(*where).order_by(view.c.fid).subquery("t")


def _meets(geom: sa.ColumnElement[Any], square: sa.ColumnElement[Any]) -> sa.ColumnElement[bool]:
    return geom.op("&&")(sa.func.ST_Transform(square, STORAGE_SRID))


def _cell(here: sa.CTE, zoom: int) -> tuple[sa.ColumnElement[int], sa.ColumnElement[int]]:
    """Column from the west and row from the north of each point's cell, over the whole world at that zoom."""
    side, edge = WORLD_M / 2 ** (zoom + _CELL_BITS), WORLD_M / 2
    column = sa.cast(sa.func.floor((here.c.x + edge) / side), sa.BigInteger())
    return column, sa.cast(sa.func.floor((edge - here.c.y) / side), sa.BigInteger())


def _point(x: sa.ColumnElement[Any], y: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    return sa.func.ST_SetSRID(sa.func.ST_MakePoint(x, y), _MERCATOR)


def _in_tile(geometry: sa.ColumnElement[Any], at: Tile, *, buffer: int) -> sa.ColumnElement[Any]:
    return sa.func.ST_AsMVTGeom(geometry, at.envelope, UNITS, buffer, True).label("geom")


def _plain(kind: FeatureType, columns: Any, name: str) -> sa.ColumnElement[Any]:
    """A property as tiles can hold it: lists and instants as text, like the items' JSON."""
    of = next(p.kind for p in kind.properties if p.name == name)
    column = columns[name]
    if of is Kind.TEXT_LIST:
        return sa.func.array_to_string(column, "、").label(name)
    if of is Kind.INSTANT:
        return sa.func.to_json(column).op("#>>")(sa.literal([], ARRAY(sa.Text()))).label(name)
    return sa.label(name, column)


def _encoded(session: Session, key: str, rows: sa.Subquery, *, feature_id: str | None = None) -> bytes:
    args = ["geom"] if feature_id is None else ["geom", feature_id]
    made = sa.func.ST_AsMVT(sa.literal_column("t"), key, UNITS, *args, type_=sa.LargeBinary())
    return bytes(session.scalars(sa.select(made).select_from(rows)).one() or b"")

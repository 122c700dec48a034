"""Vector tiles of a layer, by the same filter as its items: dense points come as cells with their number.

At every zoom below `WHOLE_FROM` a tile is divided into `CELLS` × `CELLS` cells. A point alone in its cell is itself;
several become one point amid them with their number `n`. Cells continue over the edges of tiles, so that neighbours
agree, and no tile holds more than `CELLS`² points however many there are. Just above it a tile is divided if it holds
more than `MOST_APART` points, and from `APART_FROM` on none is.

From `CLOSE_FROM` on a tile is so small that asking takes longer than reading: several are asked for in one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from math import atan, degrees, sinh
from typing import Self

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from db import tile_statements as statements
from db.features import conditions, feature_type, view_of
from db.session import Database, Statement
from db.tile_statements import CELLS, RADIUS_M, SQUARE, UNITS, WORLD_M
from geo.errors import InvalidInput
from geo.features import FeatureFilter
from governance.access import Principal

MOST_ZOOM = 22
WHOLE_FROM = 18
"""From this zoom on a tile is some 150 metres wide, and every point is itself where there is room."""
APART_FROM = 19
"""The closest that maps go: every point is itself."""
CLOSE_FROM = 16
"""Tiles of these zooms are read several at once. Larger ones are planned by what is in them, and fill a core each."""
COARSE_BELOW = 14
"""Tiles of lower zooms are made from `Cells`, which are counted once for all of them."""
_CELL_BITS = CELLS.bit_length() - 1
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

    @property
    def edges(self) -> tuple[float, float, float, float]:
        """West, south, east and north in degrees. Neighbours have the very numbers: no point falls between two."""
        left, top = self.corner
        right, bottom = (self.x + 1) * self.side_m - WORLD_M / 2, WORLD_M / 2 - (self.y + 1) * self.side_m
        south, north = (degrees(atan(sinh(y / RADIUS_M))) for y in (bottom, top))
        return degrees(left / RADIUS_M), south, degrees(right / RADIUS_M), north


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
        counted = statements.counted(feature_type(key), where, sa.literal(WORLD_M / 2 ** (COARSE_BELOW - 1) / CELLS))
        rows = session.execute(sa.select(*(counted.c[name] for name in ("column", "row", "n", "x", "y")))).all()
    found = np.array([tuple(r) for r in rows], dtype=_PACKED)
    return Cells(found["column"], found["row"], found["number"], found["x"], found["y"])


def coarse(database: Database, principal: Principal, key: str, counted: Cells, tile: Tile) -> bytes:
    """A tile of the cells in it: points with their number `n`, and nothing else."""
    x, y, number = counted.within(tile)
    if not number:
        return b""
    cells_ = {"xs": x, "ys": y, "numbers": number}
    return bytes(database.column(principal, statements.coarse(key), _place(tile) | cells_)[0])


def tile(database: Database, principal: Principal, key: str, flt: FeatureFilter, at: Tile, *, personal: bool) -> bytes:
    """A tile of the features that the filter leaves (Mapbox Vector Tile 2.1, one layer named `key`).

    Points below `WHOLE_FROM` are gathered into cells; use `coarse` below `COARSE_BELOW`, where reading them all for
    each tile would take long. Raises as `features.items` does.
    """
    if is_close(key, at.z):
        return close(database, principal, key, flt, [at], personal=personal)[0]
    form = statements.gathered if is_dense(key) else statements.shapes
    statement = _put_together(database, principal, form, key, flt, personal=personal)
    return bytes(database.column(principal, statement, _place(at))[0])


def is_close(key: str, zoom: int) -> bool:
    """Whether tiles of this zoom are read by `close`."""
    return zoom >= CLOSE_FROM and is_dense(key)


def close(
    database: Database, principal: Principal, key: str, flt: FeatureFilter, several: Sequence[Tile], *, personal: bool
) -> list[bytes]:
    """Tiles of points, all of one zoom from `CLOSE_FROM` on, in the order in which they are asked for.

    Raises as `features.items` does.
    """
    zoom = several[0].z
    form = statements.gathered_each
    if zoom >= WHOLE_FROM:
        form = statements.apart if zoom >= APART_FROM else statements.apart_with_room
    statement = _put_together(database, principal, form, key, flt, personal=personal)
    places = [_place(at) for at in several]
    squares = {name: [place[name] for place in places] for name in SQUARE}
    sizes = {name: places[0][name] for name in ("units_a_m", "cell_m")}
    return [bytes(made) for made in database.column(principal, statement, squares | sizes)]


def _put_together(
    database: Database,
    principal: Principal,
    form: Callable[..., Statement],
    key: str,
    flt: FeatureFilter,
    *,
    personal: bool,
) -> Statement:
    if flt == _EVERYTHING:
        return _unfiltered(form, key, personal=personal)
    with database.session(principal) as session:
        return form(feature_type(key), conditions(session, key, flt), personal=personal)


@cache
def _unfiltered(form: Callable[..., Statement], key: str, *, personal: bool) -> Statement:
    """Kept, because putting a statement together takes longer than most tiles do."""
    return form(feature_type(key), (), personal=personal)


def _place(at: Tile) -> dict[str, float]:
    left, top = at.corner
    west, south, east, north = at.edges
    return {
        "west": west,
        "south": south,
        "east": east,
        "north": north,
        "left": left,
        "top": top,
        "first_column": at.x * CELLS,
        "first_row": at.y * CELLS,
        "units_a_m": UNITS / at.side_m,
        "cell_m": at.side_m / CELLS,
        "z": at.z,
        "x": at.x,
        "y": at.y,
    }

"""Vector tiles of a layer, by the same filter as its items: dense points come as cells with their number.

At every zoom below `WHOLE_FROM` a tile is divided into `CELLS` × `CELLS` cells. A point alone in its cell is itself;
several become one point amid them with their number `n`. Cells continue over the edges of tiles, so that neighbours
agree, and no tile holds more than `CELLS`² points however many there are. At it a tile is divided if it holds more than
`MOST_APART` points, and from `APART_FROM` on none is.

`Cells` are counted once for the tiles of all these zooms, and tell which closer ones hold what. Where nobody has
counted, tiles from `COARSE_BELOW` on are read one by one, for that is sooner done than counting the whole layer. From
`CLOSE_FROM` on a tile is so small that asking takes longer than reading: several are asked for in one statement.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from math import atan, degrees, sinh
from typing import Any, Self, TypeVar

import numpy as np
import sqlalchemy as sa
from numpy.typing import NDArray

from db import tile_statements as statements
from db.features import conditions, feature_type, view_of
from db.session import Database, Statement
from db.tile_statements import CELL, CELLS, MOST_APART, RADIUS_M, SQUARE, UNITS, WORLD_M
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
"""Tiles of lower zooms are made from `Cells` only: each would have to read much of the layer."""
COUNTED = APART_FROM - 1
"""The zoom whose cells are counted: the closest at which any are shown."""
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
    """Points counted by the smallest cells: how many, their middle in EPSG:3857 and the least `fid` of them.

    They are sorted by `place`, which is that of a cell on the Z-order curve (Morton 1966): those of any tile and of any
    larger cell follow one another.
    """

    place: NDArray[np.int64]
    number: NDArray[np.int64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    fid: NDArray[np.int64]
    before: NDArray[np.int64]
    """How many points come before each cell, and at last how many there are."""

    @classmethod
    def of(cls, rows: Sequence[Sequence[float]]) -> Self:
        """From rows of column, row, number, x, y and `fid`."""
        found = np.array([tuple(row) for row in rows], dtype=_COUNTED)
        place = _along(found["column"], found["row"])
        by_place = np.argsort(place)
        number, x, y, fid = (found[name][by_place] for name in ("number", "x", "y", "fid"))
        return cls(place[by_place], number, x, y, fid, np.cumsum(np.append(0, number)))

    @property
    def nbytes(self) -> int:
        """What they take in memory."""
        return sum(part.nbytes for part in (self.place, self.number, self.x, self.y, self.fid, self.before))

    def most_in(self, tile: Tile) -> int:
        """How many points are in the tile; of one that is smaller than a cell, how many are in that."""
        span = self._span(tile)
        return int(self.before[span.stop] - self.before[span.start])

    def within(self, tile: Tile) -> dict[str, NDArray[np.int64]]:
        """The tile's own cells that hold anything, as `tile_statements.CELL` names it. Not of zooms past `COUNTED`."""
        span = self._span(tile)
        larger = self.place[span] >> 2 * (COUNTED - tile.z)
        first = np.flatnonzero(np.diff(larger, prepend=-1))
        number = self.number[span]
        total = np.add.reduceat(number, first)
        x, y = (np.add.reduceat(axis[span] * number, first) / total for axis in (self.x, self.y))
        left, top = tile.corner
        units_a_m = UNITS / tile.side_m
        across, down = (np.rint(metres * units_a_m).astype(np.int64) for metres in (x - left, top - y))
        alone = np.where(total == 1, np.minimum.reduceat(self.fid[span], first), 0)
        return dict(zip(CELL, (across, down, total, alone), strict=True))

    def _span(self, tile: Tile) -> slice:
        """Which of the cells lie in the tile, or have it in them."""
        finer = 2 * (COUNTED + _CELL_BITS - tile.z)
        place = _along(tile.x, tile.y)
        first, last = (place << finer, place + 1 << finer) if finer >= 0 else (place >> -finer, (place >> -finer) + 1)
        return slice(*self.place.searchsorted((first, last)).tolist())


_COUNTED = np.dtype([("column", "i8"), ("row", "i8"), ("number", "i8"), ("x", "f8"), ("y", "f8"), ("fid", "i8")])


_Bits = TypeVar("_Bits", int, NDArray[np.int64])


def _along(column: _Bits, row: _Bits) -> _Bits:
    """The place on the Z-order curve: the bits of both by turns, up to 31 of each."""
    return _spread(column) | _spread(row) << 1


def _spread(bits: _Bits) -> _Bits:
    for shift, mask in _SPREAD:
        bits = (bits | bits << shift) & mask
    return bits


_SPREAD = (
    (16, 0x0000FFFF0000FFFF),
    (8, 0x00FF00FF00FF00FF),
    (4, 0x0F0F0F0F0F0F0F0F),
    (2, 0x3333333333333333),
    (1, 0x5555555555555555),
)


def is_dense(key: str) -> bool:
    """Whether the layer's features are points, which tiles gather into cells. Raises `UnknownCode`."""
    return feature_type(key).geometry == "Point"


def cells(database: Database, principal: Principal, key: str, flt: FeatureFilter) -> Cells:
    """The points that the filter leaves, counted by the smallest cells. Raises as `features.items` does."""
    with database.session(principal) as session:
        where = (view_of(feature_type(key)).c.geom.is_not(None), *conditions(session, key, flt))
        counted = statements.counted(feature_type(key), where, sa.literal(WORLD_M / 2**COUNTED / CELLS))
        columns = (counted.c[name] for name in ("column", "row", "n", "x", "y", "fid"))
        return Cells.of(session.execute(sa.select(*columns)).all())


def tile(database: Database, principal: Principal, key: str, flt: FeatureFilter, at: Tile, *, personal: bool) -> bytes:
    """A tile of the features that the filter leaves (Mapbox Vector Tile 2.1, one layer named `key`).

    Points below `WHOLE_FROM` are gathered into cells; use `close` with `cells` below `COARSE_BELOW`, where reading them
    all for each tile would take long. Raises as `features.items` does.
    """
    if is_close(key, at.z):
        return close(database, principal, key, flt, [at], personal=personal)[0]
    form = statements.gathered if is_dense(key) else statements.shapes
    statement = _put_together(database, principal, form, key, flt, personal=personal)
    return bytes(database.column(principal, statement, _place(at))[0])


def is_close(key: str, zoom: int) -> bool:
    """Whether tiles of this zoom are read by `close` even if nothing is counted."""
    return zoom >= CLOSE_FROM and is_dense(key)


def close(
    database: Database,
    principal: Principal,
    key: str,
    flt: FeatureFilter,
    several: Sequence[Tile],
    *,
    personal: bool,
    counted: Cells | None = None,
) -> list[bytes]:
    """Tiles of points, all of one zoom, in the order in which they are asked for.

    From `CLOSE_FROM` on they may be read; where the filter's points are `counted`, tiles of any zoom are made from that
    as far as it goes. Raises as `features.items` does.
    """
    zoom = several[0].z
    asked = _Asked(database=database, principal=principal, key=key, flt=flt, personal=personal)
    if counted is None or zoom >= APART_FROM:
        return asked.read(_uncounted(zoom), several)
    number = {at: counted.most_in(at) for at in several}
    gathered = [at for at, n in number.items() if n and (zoom < WHOLE_FROM or n > MOST_APART)]
    whole = [at for at, n in number.items() if n and at not in gathered]
    made = dict(zip(gathered, asked.tell(counted, gathered), strict=True))
    made |= zip(whole, asked.read(statements.apart, whole), strict=True)
    return [made.get(at, b"") for at in several]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What is asked of the database for tiles of one zoom, as `close` has it."""

    database: Database
    principal: Principal
    key: str
    flt: FeatureFilter
    personal: bool

    def read(self, form: Callable[..., Statement], several: Sequence[Tile]) -> list[bytes]:
        """The tiles from the layer's points."""
        if not several:
            return []
        made = _put_together(self.database, self.principal, form, self.key, self.flt, personal=self.personal)
        return self._found(made, several, {})

    def tell(self, counted: Cells, several: Sequence[Tile]) -> list[bytes]:
        """The tiles from what is counted."""
        if not several:
            return []
        parts = [counted.within(at) for at in several]
        cells_ = {name: [f"{{{','.join(map(str, part[name].tolist()))}}}" for part in parts] for name in CELL}
        return self._found(statements.counted_each(feature_type(self.key), personal=self.personal), several, cells_)

    def _found(self, statement: Statement, several: Sequence[Tile], more: Mapping[str, Any]) -> list[bytes]:
        places = [_place(at) for at in several]
        squares = {name: [place[name] for place in places] for name in SQUARE}
        sizes = {name: places[0][name] for name in ("units_a_m", "cell_m")}
        found = self.database.column(self.principal, statement, {**squares, **sizes, **more})
        return list(map(bytes, found))


def _uncounted(zoom: int) -> Callable[..., Statement]:
    """How tiles of a zoom are read where nobody has counted what is in them."""
    if zoom < WHOLE_FROM:
        return statements.gathered_each
    return statements.apart_with_room if zoom < APART_FROM else statements.apart


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
    made = form(feature_type(key), (), personal=personal)
    # What is for one tile is planned by how much is in that.
    return replace(made, is_kept=form not in (statements.gathered, statements.shapes))


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

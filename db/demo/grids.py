"""Grids out of lots: lots make quarters, quarters communities, communities streets. Borders are shared exactly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator
from shapely import Polygon

from db.demo.layout import Layout
from db.demo.names import NamePools
from db.demo.plan import AXIS_X, AXIS_Y, polygons_of
from geo.division import divide

QUARTERS = 122
BUILDING_GRIDS = 28
_WEIGHT = {"residential": 1.0, "business": 0.5, "public": 0.3, "industrial": 0.2, "park": 0.04}
"""How much a hectare of a use counts towards the size of a quarter: about as many people live or work there."""
_TOWER_LOT_M2 = (3_500.0, 17_000.0)
_TOWERS_PER_QUARTER = 2
BASIC_DOMAINS = ("party", "civil_affairs", "politics_law", "health", "safety")
"""Lines of work that a basic grid serves, since they were merged into one (多网合一)."""
TOWER_DOMAINS = ("party", "politics_law", "safety")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedGrid:
    """A grid in plan metres; `lots` are the places of the lots that it is made of."""

    code: str
    name: str
    level: str
    kind: str
    parent_code: str | None
    domains: tuple[str, ...]
    lots: tuple[int, ...]
    shape: Polygon


@dataclass(frozen=True, slots=True, kw_only=True)
class Territory:
    """All grids, each level after the one above it, and what the lots came to be used for."""

    grids: tuple[PlannedGrid, ...]
    uses: tuple[str, ...]

    def level(self, level: str) -> list[PlannedGrid]:
        """The grids of one level, by code."""
        return [grid for grid in self.grids if grid.level == level]


@dataclass(frozen=True, slots=True, kw_only=True)
class Division:
    """A street or community on the national list: its code, its name, its street's code."""

    code: str
    name: str
    parent_code: str | None = None


def draw_grids(
    layout: Layout, *, streets: Sequence[Division], communities: Sequence[Division], names: NamePools, rng: Generator
) -> Territory:
    """The town's grids. `streets` are Rongye (east), Chiyu (south-west) and Rusong (north-west), in this order."""
    lots_of_block: list[list[int]] = [[] for _ in layout.blocks]
    for place, lot in enumerate(layout.lots):
        lots_of_block[lot.block].append(place)
    uses = [lot.use for lot in layout.lots]
    shapes = [_joined(layout, lots) for lots in lots_of_block]
    weights = [shape.area * _WEIGHT[block.use] for shape, block in zip(shapes, layout.blocks, strict=True)]

    community_of = [""] * len(shapes)
    for street, members in zip(streets, _thirds(shapes), strict=True):
        own = [community for community in communities if community.parent_code == street.code]
        for community, blocks in zip(own, _communities(layout, shapes, weights, members, len(own)), strict=True):
            for block in blocks:
                community_of[block] = community.code

    total = sum(weights)
    load = {
        c.code: sum(w for w, code in zip(weights, community_of, strict=True) if code == c.code) for c in communities
    }
    counts = _apportioned([load[c.code] / total for c in communities], QUARTERS)
    quarter_names = iter(names.quarters(rng, count=QUARTERS))
    quarters: list[PlannedGrid] = []
    for community, count in zip(communities, counts, strict=True):
        members = [block for block, code in enumerate(community_of) if code == community.code]
        for serial, blocks in enumerate(_quarters(shapes, weights, members, count), start=1):
            lots = tuple(sorted(lot for block in blocks for lot in lots_of_block[block]))
            _house(layout, lots, uses)
            quarters.append(
                _grid(
                    layout,
                    f"{community.code}{serial:03d}",
                    next(quarter_names),
                    "quarter",
                    parent_code=community.code,
                    lots=lots,
                )
            )
    towers = _towers(layout, quarters, uses, names.towers(rng, count=BUILDING_GRIDS), rng)
    upper = [_above(layout, c, "community", quarters) for c in communities]
    top = [_above(layout, s, "street", upper) for s in streets]
    return Territory(grids=(*top, *upper, *quarters, *towers), uses=tuple(uses))


def _joined(layout: Layout, lots: Sequence[int]) -> Polygon:
    return _union([layout.lots[lot].face for lot in lots])


def _union(faces: Sequence[Polygon]) -> Polygon:
    (shape,) = polygons_of(shapely.coverage_union_all(faces))
    return shape


def _thirds(shapes: Sequence[Polygon]) -> list[list[int]]:
    """The blocks of the east half, the south-west and the north-west: the axis roads part them."""
    east: list[int] = []
    south_west: list[int] = []
    north_west: list[int] = []
    for block, shape in enumerate(shapes):
        x, y = shape.centroid.coords[0]
        (east if x > AXIS_X else south_west if y < AXIS_Y else north_west).append(block)
    return [east, south_west, north_west]


def _communities(
    layout: Layout, shapes: Sequence[Polygon], weights: Sequence[float], members: Sequence[int], count: int
) -> list[list[int]]:
    """A street's blocks parted along main roads, from north to south."""
    cells: dict[int, list[int]] = {}
    for block in members:
        cells.setdefault(layout.blocks[block].district, []).append(block)
    districts = [_union([shapes[block] for block in blocks]) for blocks in cells.values()]
    region = divide(districts, count=count, weights=[sum(weights[b] for b in blocks) for blocks in cells.values()])
    groups: list[list[int]] = [[] for _ in range(count)]
    for number, blocks in zip(region, cells.values(), strict=True):
        groups[number] += blocks
    return sorted(groups, key=lambda g: -float(np.mean([shapes[block].centroid.y for block in g])))


def _quarters(
    shapes: Sequence[Polygon], weights: Sequence[float], members: Sequence[int], count: int
) -> list[list[int]]:
    """A community's blocks in as many quarters, row by row from the north-west."""
    region = divide([shapes[b] for b in members], count=count, weights=[weights[b] for b in members])
    groups: list[list[int]] = [[] for _ in range(count)]
    for number, block in zip(region, members, strict=True):
        groups[number].append(block)

    def row_by_row(group: list[int]) -> tuple[float, float]:
        x, y = np.mean([shapes[block].centroid.coords[0] for block in group], axis=0)
        return -round(y / 300), float(x)

    return sorted(groups, key=row_by_row)


def _apportioned(shares: Sequence[float], seats: int) -> list[int]:
    """Whole numbers by largest remainder."""
    exact = [share * seats for share in shares]
    counts = [int(value) for value in exact]
    by_remainder = sorted(range(len(exact)), key=lambda i: counts[i] - exact[i])
    for i in by_remainder[: seats - sum(counts)]:
        counts[i] += 1
    return counts


def _house(layout: Layout, lots: Sequence[int], uses: list[str]) -> None:
    """A quarter without homes gets some on its largest lot that isn't planted."""
    if not any(uses[lot] == "residential" for lot in lots):
        largest = max(lots, key=lambda lot: (uses[lot] != "park", layout.lots[lot].face.area))
        uses[largest] = "residential"


def _towers(
    layout: Layout, quarters: Sequence[PlannedGrid], uses: list[str], names: Sequence[str], rng: Generator
) -> list[PlannedGrid]:
    """Lots with shops and offices, at most a few a quarter, as exclusive grids (专属网格)."""
    fitting = [
        (quarter, lot)
        for quarter in quarters
        for lot in quarter.lots
        if uses[lot] == "business" and _TOWER_LOT_M2[0] < layout.lots[lot].face.area < _TOWER_LOT_M2[1]
    ]
    serial: dict[str, int] = {}
    taken: dict[str, int] = {}
    for quarter in quarters:
        serial[quarter.code[:-3]] = max(serial.get(quarter.code[:-3], 0), int(quarter.code[-3:]))
    towers: list[PlannedGrid] = []
    for i in rng.permutation(len(fitting)):
        quarter, lot = fitting[i]
        if len(towers) == len(names):
            break
        if taken.get(quarter.code, 0) < _TOWERS_PER_QUARTER:
            taken[quarter.code] = taken.get(quarter.code, 0) + 1
            community = quarter.code[:-3]
            serial[community] += 1
            code = f"{community}{serial[community]:03d}"
            towers.append(_grid(layout, code, names[len(towers)], "building", parent_code=quarter.code, lots=(lot,)))
    return sorted(towers, key=lambda tower: tower.code)


def _grid(
    layout: Layout, code: str, name: str, level: str, *, parent_code: str | None, lots: tuple[int, ...]
) -> PlannedGrid:
    is_tower = level == "building"
    return PlannedGrid(
        code=code,
        name=name,
        level=level,
        kind="exclusive" if is_tower else "basic",
        parent_code=parent_code,
        domains=TOWER_DOMAINS if is_tower else BASIC_DOMAINS,
        lots=lots,
        shape=_joined(layout, lots),
    )


def _above(layout: Layout, division: Division, level: str, below: Sequence[PlannedGrid]) -> PlannedGrid:
    lots = tuple(lot for grid in below if grid.parent_code == division.code for lot in grid.lots)
    return _grid(layout, division.code, division.name, level, parent_code=division.parent_code, lots=lots)

"""Land divided into contiguous regions of about the same weight: blocks into grids, grids into bigger ones."""

from __future__ import annotations

from collections.abc import Sequence

from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from shapely import Polygon, STRtree

from geo.errors import InvalidInput

_ROUNDS = 40
"""Passes over all cells at most; balance settles after a handful."""
_SHARED = 1e-9
"""Less common border than this (in the cells' unit) is a touch at a corner."""

Borders = list[dict[int, float]]
"""For each cell its neighbours, and how long the border with each is."""


def shared_borders(cells: Sequence[Polygon]) -> Borders:
    """For each cell, its neighbours and the length of the border shared with each, in the cells' unit.

    Cells that meet in a point only are no neighbours.
    """
    tree = STRtree(cells)
    borders: Borders = [{} for _ in cells]
    for one, other in zip(*tree.query(cells, predicate="intersects"), strict=True):
        if one < other:
            length = cells[one].boundary.intersection(cells[other].boundary).length
            if length > _SHARED:
                borders[int(one)][int(other)] = borders[int(other)][int(one)] = length
    return borders


def divide(cells: Sequence[Polygon], *, count: int, weights: Sequence[float]) -> list[int]:
    """The region of each cell: numbers from 0 to `count` - 1, each region contiguous and none empty.

    Cells stay whole. Weights come out as equal as whole cells allow, regions rather compact than long. The same
    cells give the same regions. Raises `InvalidInput` when there are fewer cells than regions, or more separate pieces
    of land than regions.
    """
    if not 1 <= count <= len(cells):
        raise InvalidInput(f"{len(cells)} cells can't make {count} regions", field="count")
    borders = shared_borders(cells)
    if _pieces(range(len(cells)), borders) > count:
        raise InvalidInput(f"the land lies in more than {count} separate pieces", field="count")
    region = _merge(cells, borders, weights, count)
    _balance(region, borders, weights)
    order = {number: place for place, number in enumerate(dict.fromkeys(region))}
    return [order[number] for number in region]


def _pieces(members: Sequence[int] | range, borders: Borders) -> int:
    """How many pieces the cells form that hang together by borders."""
    place = {cell: i for i, cell in enumerate(members)}
    pairs = [(place[a], place[b]) for a in members for b in borders[a] if b in place]
    if not pairs:
        return len(place)
    rows, columns = zip(*pairs, strict=True)
    graph = coo_array(([1] * len(pairs), (rows, columns)), shape=(len(place), len(place)))
    return int(connected_components(graph, directed=False)[0])


def _merge(cells: Sequence[Polygon], borders: Borders, weights: Sequence[float], count: int) -> list[int]:
    """Joins the lightest region to the neighbour that suits it best, until `count` are left."""
    region = list(range(len(cells)))
    weight = dict(enumerate(weights))
    perimeter = {i: cell.length for i, cell in enumerate(cells)}
    around = {i: dict(neighbours) for i, neighbours in enumerate(borders)}
    target = sum(weights) / count or 1.0
    while len(weight) > count:
        light = min((i for i in weight if around[i]), key=lambda i: (weight[i], i))
        heir = min(
            around[light],
            key=lambda j: (
                (weight[light] + weight[j]) / target - 2 * around[light][j] / min(perimeter[light], perimeter[j]),
                j,
            ),
        )
        weight[heir] += weight.pop(light)
        perimeter[heir] += perimeter.pop(light) - 2 * around[light][heir]
        for j, length in around.pop(light).items():
            del around[j][light]
            if j != heir:
                around[heir][j] = around[j][heir] = around[heir].get(j, 0.0) + length
        region = [heir if number == light else number for number in region]
    return region


def _balance(region: list[int], borders: Borders, weights: Sequence[float]) -> None:
    """Moves cells on the rim of heavy regions to lighter neighbours while that evens the weights out."""
    weight: dict[int, float] = {}
    for cell, number in enumerate(region):
        weight[number] = weight.get(number, 0.0) + weights[cell]
    for _ in range(_ROUNDS):
        moved = False
        for cell in range(len(region)):
            home = region[cell]
            inside = sum(length for j, length in borders[cell].items() if region[j] == home)
            offers: dict[int, float] = {}
            for j, length in borders[cell].items():
                if region[j] != home:
                    offers[region[j]] = offers.get(region[j], 0.0) + length
            for other in sorted(offers, key=lambda number: (weight[number], number)):
                gains = weight[home] - weight[other] - weights[cell]
                if gains <= 0 or offers[other] < inside / 2 or not _can_leave(cell, region, borders):
                    continue
                region[cell] = other
                weight[home] -= weights[cell]
                weight[other] += weights[cell]
                moved = True
                break
        if not moved:
            return


def _can_leave(cell: int, region: list[int], borders: Borders) -> bool:
    """Whether the cell's region stays whole, and not empty, without it."""
    left = [i for i, number in enumerate(region) if number == region[cell] and i != cell]
    return bool(left) and _pieces(left, borders) == 1


def weights_of(region: Sequence[int], weights: Sequence[float]) -> list[float]:
    """The weight of each region, by its number."""
    total = [0.0] * (max(region) + 1)
    for number, weight in zip(region, weights, strict=True):
        total[number] += weight
    return total

"""The road network: streets of the plan woven into edges between junctions, gathered into roads with names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import atan2, degrees

import shapely
from shapely import LineString, Point, STRtree

from db.demo.frame import finely
from db.demo.plan import Street

PRECISION_M = 0.5
"""Junctions are put on this raster: what meets on it meets for good."""
_RANK = {"trunk": 0, "main": 1, "side": 2, "lane": 3, "path": 4}
_STRAIGHT_ON_DEG = 14.0
_NUMERALS = "一二三四五六七八九十"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edge:
    """A stretch between two junctions, in plan metres; one way along the line where it says so."""

    road: int
    source: int
    target: int
    line: LineString
    is_oneway: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Road:
    """A road under its name; its edges carry its number."""

    name: str
    road_class: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """Roads, the edges that they are made of, and the junctions, whose place is their number."""

    roads: tuple[Road, ...]
    edges: tuple[Edge, ...]
    junctions: tuple[Point, ...]


def weave(streets: Sequence[Street], *, road_names: Iterator[str]) -> Network:
    """The connected network of the streets. Nameless streets get names from `road_names`, lanes from their street."""
    roads, road_of = _gathered(streets, road_names)
    union = shapely.unary_union([street.line for street in streets], grid_size=PRECISION_M)
    pieces = [finely(piece) for piece in shapely.get_parts(shapely.line_merge(union))]
    tree = STRtree([street.line for street in streets])
    numbers: dict[tuple[float, float], int] = {}
    edges = []
    for piece in pieces:
        ends = [numbers.setdefault(piece.coords[i], len(numbers)) for i in (0, -1)]
        middle = piece.interpolate(0.5, normalized=True)
        near = tree.query(middle, predicate="dwithin", distance=5 * PRECISION_M)
        street = min(near, key=lambda i: (_RANK[streets[i].road_class], i))
        edges.append(Edge(road=road_of[street], source=ends[0], target=ends[1], line=piece))
    return Network(roads=tuple(roads), edges=tuple(edges), junctions=tuple(Point(xy) for xy in numbers))


def _gathered(streets: Sequence[Street], road_names: Iterator[str]) -> tuple[list[Road], list[int]]:
    """The roads, and for each street the number of its road."""
    leader = list(range(len(streets)))

    def head(i: int) -> int:
        while leader[i] != i:
            i = leader[i]
        return i

    for i, j in _joined(streets):
        leader[max(head(i), head(j))] = min(head(i), head(j))
    roads: list[Road] = []
    number: dict[int, int] = {}
    lanes: dict[str, int] = {}
    tree = STRtree([street.line for street in streets])
    for i in sorted(range(len(streets)), key=lambda i: (_RANK[streets[i].road_class], i)):
        chief = head(i)
        if chief in number:
            continue
        street = streets[chief]
        name = street.name
        if not name and street.road_class == "side":
            name = next(road_names) + ("街" if _is_upright(street.line) else "路")
        elif not name:
            parents = [j for j in tree.query(street.line, predicate="dwithin", distance=0.5) if head(int(j)) in number]
            parent = roads[number[head(int(min(parents)))]].name if parents else roads[0].name
            lanes[parent] = lanes.get(parent, 0) + 1
            name = f"{parent}{_counted(lanes[parent])}{'胡同' if _is_upright(street.line) else '巷'}"
        number[chief] = len(roads)
        roads.append(Road(name=name, road_class=street.road_class))
    return roads, [number[head(i)] for i in range(len(streets))]


def _joined(streets: Sequence[Street]) -> Iterator[tuple[int, int]]:
    """Pairs of streets that are one road: same name, or side streets that go straight on over a junction."""
    first: dict[str, int] = {}
    ends: dict[tuple[int, int], list[int]] = {}
    for i, street in enumerate(streets):
        if street.name:
            yield first.setdefault(street.name, i), i
        elif street.road_class == "side":
            for x, y in (street.line.coords[0], street.line.coords[-1]):
                for j in ends.get((round(x), round(y)), []):
                    if abs((_bearing(street.line) - _bearing(streets[j].line) + 90) % 180 - 90) < _STRAIGHT_ON_DEG:
                        yield j, i
                ends.setdefault((round(x), round(y)), []).append(i)


def _bearing(line: LineString) -> float:
    (x1, y1), (x2, y2) = line.coords[0], line.coords[-1]
    return degrees(atan2(y2 - y1, x2 - x1)) % 180


def _is_upright(line: LineString) -> bool:
    return 45 < _bearing(line) < 135  # noqa: PLR2004  nearer to north-south than to east-west


def _counted(number: int) -> str:
    if number <= 10:  # noqa: PLR2004
        return _NUMERALS[number - 1]
    tens, ones = divmod(number, 10)
    return f"{_NUMERALS[tens - 1] if tens > 1 else ''}十{_NUMERALS[ones - 1] if ones else ''}"

"""Lines into a network: where they meet, they are cut, and every place of meeting is one node.

Lines have a level: a bridge passes over what it crosses. Coordinates are degrees; two that differ by less than
`TOLERANCE_DEG` are one place to a surveyor, and equal ones are one place to everybody.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree
from shapely import STRtree

from geo.crs import geodesic_m

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Flags = NDArray[np.bool_]

TOLERANCE_DEG = 2e-7
"""Two centimetres: ends that a draughtsman meant to meet."""
_DECIMALS = 8
"""Of a computed crossing: a millimetre."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lines:
    """Lines as one column of corners: `xy` (N, 2) in degrees, `line` (N,) the line of each, rising.

    `level` (L,) is by line. Lines that have no corners are allowed and vanish.
    """

    xy: Floats
    line: Indices
    level: Indices


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stretches:
    """Pieces of lines between two nodes, in the order and direction of the lines.

    `line`, `source`, `target` and `length_m` (on the ellipsoid) have one value each, nodes are numbered from 0 without
    holes; `xy` are their corners, `stretch` the stretch of each corner, rising.
    """

    line: Indices
    source: Indices
    target: Indices
    length_m: Floats
    xy: Floats
    stretch: Indices

    @property
    def nodes(self) -> int:
        """How many nodes there are."""
        return int(max(self.source.max(), self.target.max())) + 1 if self.line.size else 0

    @property
    def components(self) -> int:
        """How many parts there are that nothing joins, one-ways taken both ways."""
        size = (self.nodes, self.nodes)
        joined = coo_array((np.ones(self.line.size), (self.source, self.target)), shape=size)
        return int(connected_components(joined.tocsr(), directed=False)[0]) if self.line.size else 0


def tidy(lines: Lines) -> Lines:
    """The lines without corners repeated in a row; a line of a single place loses all of its corners."""
    is_new = np.ones(lines.line.size, dtype=np.bool_)
    is_new[1:] = (lines.line[1:] != lines.line[:-1]) | (lines.xy[1:] != lines.xy[:-1]).any(axis=1)
    xy, line = lines.xy[is_new], lines.line[is_new]
    is_line = np.bincount(line, minlength=lines.level.size)[line] > 1
    return Lines(xy=xy[is_line], line=line[is_line], level=lines.level)


def with_crossings(lines: Lines) -> Lines:
    """The lines with a common corner wherever two of one level cross, and where an end touches a line of any level.

    Corners closer than `TOLERANCE_DEG` become one. Expects and gives tidy lines.
    """
    start = np.flatnonzero(lines.line[1:] == lines.line[:-1])
    if not start.size:
        return lines
    a, b = lines.xy[start], lines.xy[start + 1]
    segments = np.asarray(shapely.linestrings(np.stack([a, b], axis=1)), dtype=object)
    left, right = STRtree(segments).query(segments, predicate="dwithin", distance=TOLERANCE_DEG)
    is_pair = left < right
    left, right = left[is_pair], right[is_pair]
    level = lines.level[lines.line[start]]
    where, share, place = [], [], []
    for found in (
        _crossed(a, b, left, right, is_level=level[left] == level[right]),
        *_touched(lines, start, left, right),
    ):
        where.append(found[0])
        share.append(found[1])
        place.append(found[2])
    segment, at, xy = np.concatenate(where), np.concatenate(share), np.concatenate(place)
    # A corner is as far along its segment as nothing; what is put in lies between it and the next one.
    order = np.lexsort(
        (np.concatenate([np.zeros(lines.line.size), at]), np.concatenate([np.arange(lines.line.size), start[segment]]))
    )
    return tidy(
        Lines(
            xy=_merged(np.concatenate([lines.xy, xy]))[order],
            line=np.concatenate([lines.line, lines.line[start[segment]]])[order],
            level=lines.level,
        )
    )


Put = tuple[Indices, Floats, Floats]
"""Corners to put in: the segment of each, how far along (0 to 1), and its place."""


def _crossed(a: Floats, b: Floats, left: Indices, right: Indices, *, is_level: Flags) -> Put:
    """The places where two segments of one level cross, farther than the tolerance from all four ends."""
    left, right = left[is_level], right[is_level]
    along, across, gap = b[left] - a[left], b[right] - a[right], a[right] - a[left]
    turn = _cross(along, across)
    with np.errstate(divide="ignore", invalid="ignore"):  # parallel segments don't cross, they touch
        t, u = _cross(gap, across) / turn, _cross(gap, along) / turn
    is_inside = _is_inside(t, np.hypot(*along.T)) & _is_inside(u, np.hypot(*across.T))
    t, u, left, right = t[is_inside], u[is_inside], left[is_inside], right[is_inside]
    place = np.round(a[left] + t[:, None] * along[is_inside], _DECIMALS)
    return np.concatenate([left, right]), np.concatenate([t, u]), np.concatenate([place, place])


def _touched(lines: Lines, start: Indices, left: Indices, right: Indices) -> list[Put]:
    """The corners of one segment that lie on the other, between its ends; each pair is looked at four ways."""
    is_end = _is_end(lines)
    level = lines.level[lines.line]
    found = []
    for segment, other in ((left, right), (right, left)):
        for corner in (start[other], start[other] + 1):
            a = lines.xy[start[segment]]
            along, offset = lines.xy[start[segment] + 1] - a, lines.xy[corner] - a
            metres = np.hypot(*along.T)
            t = (along * offset).sum(axis=1) / metres**2
            is_on = np.abs(_cross(along, offset)) / metres <= TOLERANCE_DEG
            may_join = (level[corner] == level[start[segment]]) | is_end[corner]
            put = is_on & may_join & _is_inside(t, metres)
            found.append((segment[put], t[put], lines.xy[corner[put]]))
    return found


def _cross(a: Floats, b: Floats) -> Floats:
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0])


def _is_inside(share: Floats, length: Floats) -> Flags:
    return np.asarray((share * length > TOLERANCE_DEG) & ((1 - share) * length > TOLERANCE_DEG))


def _is_end(lines: Lines) -> Flags:
    """Whether each corner is the first or last of its line."""
    is_end = np.ones(lines.line.size, dtype=np.bool_)
    is_end[1:-1] = (lines.line[1:-1] != lines.line[:-2]) | (lines.line[1:-1] != lines.line[2:])
    return is_end


def _merged(xy: Floats) -> Floats:
    """The places, those within the tolerance of each other moved onto the first of them."""
    places, number = _numbered(xy)
    pairs = cKDTree(places).query_pairs(TOLERANCE_DEG, output_type="ndarray")
    if not pairs.size:
        return xy
    size = (len(places), len(places))
    group = connected_components(coo_array((np.ones(len(pairs)), pairs.T), shape=size).tocsr(), directed=False)[1]
    _, first = np.unique(group, return_index=True)
    return places[first[group]][number]


def _numbered(xy: Floats) -> tuple[Floats, Indices]:
    """The different places and for each row the number of its own."""
    places, number = np.unique(xy[:, 0] + 1j * xy[:, 1], return_inverse=True)
    return np.column_stack([places.real, places.imag]), np.asarray(number, dtype=np.int64)


def cut(lines: Lines) -> Stretches:
    """The tidy lines cut at their ends and at every corner that they share with another line or with themselves.

    A corner where no line ends is shared by lines of one level only: there, a bridge passes over a road.
    """
    _, place = _numbered(lines.xy)
    is_end = _is_end(lines)
    has_end = np.zeros(place.max(initial=-1) + 1, dtype=np.bool_)
    has_end[place[is_end]] = True
    levels, rank = np.unique(lines.level, return_inverse=True)
    storey = np.where(has_end[place], 0, rank[lines.line])
    _, meeting = np.unique(place * max(1, levels.size) + storey, return_inverse=True)
    at = np.flatnonzero(is_end | (np.bincount(meeting)[meeting] > 1)) if meeting.size else np.empty(0, dtype=np.int64)
    _, node = np.unique(meeting[at], return_inverse=True)
    is_piece = lines.line[at[1:]] == lines.line[at[:-1]]
    first, last = at[:-1][is_piece], at[1:][is_piece]
    corners = last - first + 1
    stretch = np.repeat(np.arange(first.size), corners)
    offset = np.cumsum(corners) - corners
    xy = lines.xy[np.arange(stretch.size) - np.repeat(offset - first, corners)]
    return Stretches(
        line=lines.line[first],
        source=node[:-1][is_piece],
        target=node[1:][is_piece],
        length_m=_length_m(xy, stretch, first.size),
        xy=xy,
        stretch=stretch,
    )


def _length_m(xy: Floats, stretch: Indices, count: int) -> Floats:
    is_step = stretch[1:] == stretch[:-1]
    steps = geodesic_m(xy[:-1, 0], xy[:-1, 1], xy[1:, 0], xy[1:, 1])
    return np.asarray(np.bincount(stretch[:-1][is_step], weights=steps[is_step], minlength=count), dtype=np.float64)

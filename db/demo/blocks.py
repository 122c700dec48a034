"""Blocks and lots: the land between roads, cut as towns are cut, the long side first and streets carried on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from math import atan2, degrees, hypot, radians

import numpy as np
import shapely
from numpy.random import Generator
from shapely import LineString, Polygon
from shapely.affinity import rotate
from shapely.ops import split

_SQUARE_TO_AXIS_DEG = 18.0
"""A block turned less than this is cut along the town's own axes."""
_MIDDLE = (0.36, 0.64)
"""Where along its long side a block is cut."""
_LEAST_SHARE = 0.25
_LEAST_ROUNDNESS = 0.28
"""4πA/P² below which a piece is a splinter."""
_TRIES = 7
_CARRIED_ON = 0.22
"""How far off the middle a cut may be to carry on a street."""
_ON_RIM_M = 1.0


@dataclass(slots=True)
class Cutter:
    """Cuts faces in two until they are small enough, and remembers the cuts: they are the roads between."""

    rng: Generator
    corners: list[tuple[float, float]]
    """Where cuts have met roads so far; a later cut on the other side carries the street on from there."""

    def subdivide(self, face: Polygon, *, largest_m2: float) -> tuple[list[Polygon], list[LineString]]:
        """The pieces of the face, each smaller than about `largest_m2`, and the cuts between them."""
        if face.area <= largest_m2 * self.rng.uniform(0.85, 1.15):
            return [face], []
        found = self._cut(face)
        if found is None:
            return [face], []
        line, pieces = found
        self.corners += ends_of(line)
        parts, lines = [], [line]
        for piece in pieces:
            more, cuts = self.subdivide(piece, largest_m2=largest_m2)
            parts += more
            lines += cuts
        return parts, lines

    def _cut(self, face: Polygon) -> tuple[LineString, list[Polygon]] | None:
        angle = _long_side(face)
        straight = rotate(face, -degrees(angle), origin=(0, 0))
        low, south, high, north = straight.bounds
        wished = self._carried_on(face, angle, low, high)
        ratios = [*wished, *self.rng.uniform(*_MIDDLE, size=_TRIES)]
        for ratio in ratios:
            at = low + ratio * (high - low)
            line = rotate(LineString([(at, south - 1), (at, north + 1)]), degrees(angle), origin=(0, 0))
            pieces = [piece for piece in split(face, line).geoms if isinstance(piece, Polygon)]
            inside = line.intersection(face)
            if len(pieces) == 2 and isinstance(inside, LineString) and all(_is_sound(p, face) for p in pieces):  # noqa: PLR2004
                return inside, pieces
        return None

    def _carried_on(self, face: Polygon, angle: float, low: float, high: float) -> list[float]:
        """Ratios at which a cut would carry on a street that ends at this face, the most central first."""
        corners = np.array(self.corners)
        touching = corners[shapely.dwithin(face.exterior, shapely.points(corners), _ON_RIM_M)]
        along = touching @ np.array([np.cos(angle), np.sin(angle)])
        ratios = (along - low) / (high - low)
        central = ratios[np.abs(ratios - 0.5) <= _CARRIED_ON].tolist()
        return sorted(set(central), key=lambda r: (abs(r - 0.5), r))


def ends_of(line: LineString) -> list[tuple[float, float]]:
    """Where the line begins and where it ends."""
    return [(line.coords[i][0], line.coords[i][1]) for i in (0, -1)]


def _long_side(face: Polygon) -> float:
    """The direction of the face's longer side in radians, along the town's axes where it nearly is."""
    box = face.minimum_rotated_rectangle
    if not isinstance(box, Polygon):
        return 0.0
    corners = box.exterior.coords
    sides = [(x2 - x1, y2 - y1) for (x1, y1), (x2, y2) in pairwise(corners[:3])]
    x, y = max(sides, key=lambda side: hypot(*side))
    angle = atan2(y, x)
    nearest = round(degrees(angle) / 90) * 90
    return radians(nearest) if abs(degrees(angle) - nearest) < _SQUARE_TO_AXIS_DEG else angle


def _is_sound(piece: Polygon, face: Polygon) -> bool:
    roundness = 4 * np.pi * piece.area / piece.length**2
    return bool(piece.area >= _LEAST_SHARE * face.area and roundness >= _LEAST_ROUNDNESS)

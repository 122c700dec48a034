"""Addresses: the nearest named road and a number that rises along it."""

from __future__ import annotations

from collections.abc import Sequence

from shapely import Point, STRtree

from db.demo.layout import Layout

_NUMBER_EVERY_M = 16.0
_PEOPLE_SAY = {"trunk", "main", "side"}


class Addresses:
    """The roads of a layout that people give as an address."""

    def __init__(self, layout: Layout) -> None:
        roads = layout.network.roads
        edges = [
            edge
            for edge in layout.network.edges
            if roads[edge.road].road_class in _PEOPLE_SAY and roads[edge.road].name
        ]
        self._names = [roads[edge.road].name for edge in edges]
        self._lines = [edge.line for edge in edges]
        self._tree = STRtree(self._lines)
        self._has_numbers = layout.has_numbers
        self._west, self._south, _, _ = layout.rim.bounds

    def roads_at(self, places: Sequence[Point]) -> list[str]:
        """For each place the name of the nearest road."""
        return [self._names[nearest] for nearest in self._tree.nearest(places)]

    def at(self, places: Sequence[Point]) -> list[str]:
        """For each place (plan metres) its address, such as 和平路36号; the road alone where numbers aren't made up."""
        if not self._has_numbers:
            return self.roads_at(places)
        found = []
        for place, nearest in zip(places, self._tree.nearest(places), strict=True):
            (x1, y1), (x2, y2) = self._lines[nearest].coords[0], self._lines[nearest].coords[-1]
            is_upright = abs(y2 - y1) > abs(x2 - x1)
            along = place.y - self._south if is_upright else place.x - self._west
            side = (place.x > (x1 + x2) / 2) if is_upright else (place.y > (y1 + y2) / 2)
            number = 2 * max(0, int(along / _NUMBER_EVERY_M)) + 1 + side
            found.append(f"{self._names[nearest]}{number}号")
        return found

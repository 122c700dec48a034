"""The road network of an OpenStreetMap extract: ways cut where they share a corner, gathered under their names.

Ways meet where they share a corner, as OpenStreetMap says it; a bridge that merely crosses a road shares none.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise

from shapely import LineString, Point

from db.demo.frame import GroundFrame
from db.demo.roads import Edge, Network, Road
from db.importers.osm import ROAD_CLASS, ExtractRoad

Corner = tuple[float, float]


def network_of(extract_roads: Sequence[ExtractRoad], *, frame: GroundFrame) -> Network:
    """The network in plan metres. A name is one road in each class; a nameless way is a road of its own."""
    ways = [way for way in extract_roads if way.kind in ROAD_CLASS]
    corners = [_corners(way.line) for way in ways]
    uses = Counter(corner for way in corners for corner in way)
    uses.update(way[i] for way in corners for i in (0, -1))
    roads: dict[tuple[str, str, int], int] = {}
    junctions: dict[Corner, int] = {}
    stretches: list[tuple[int, Corner, Corner, bool]] = []
    lines: list[LineString] = []
    for place, (way, way_corners) in enumerate(zip(ways, corners, strict=True)):
        key = (way.name, ROAD_CLASS[way.kind], -1 if way.name else place)
        road = roads.setdefault(key, len(roads))
        for stretch in _stretches(way_corners, uses):
            stretches.append((road, stretch[0], stretch[-1], way.is_oneway))
            lines.append(LineString(stretch))
    return Network(
        roads=tuple(Road(name=name, road_class=road_class) for name, road_class, _ in roads),
        edges=tuple(
            Edge(
                road=road,
                source=junctions.setdefault(source, len(junctions)),
                target=junctions.setdefault(target, len(junctions)),
                line=line,
                is_oneway=is_oneway,
            )
            for (road, source, target, is_oneway), line in zip(stretches, frame.surveyed(lines), strict=True)
        ),
        junctions=tuple(frame.surveyed([Point(corner) for corner in junctions])),
    )


def _corners(line: LineString) -> list[Corner]:
    """The line's corners in degrees, none twice in a row."""
    xy = [(x, y) for x, y, *_ in line.coords]
    return [xy[0], *(there for here, there in pairwise(xy) if there != here)]


def _stretches(way: Sequence[Corner], uses: Counter[Corner]) -> Iterator[Sequence[Corner]]:
    """The way cut at every corner that it shares with another way or with itself."""
    start = 0
    for i in range(1, len(way)):
        if uses[way[i]] > 1 or i == len(way) - 1:
            yield way[start : i + 1]
            start = i

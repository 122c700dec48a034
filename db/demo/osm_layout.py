"""The layout of a real town: the land between its streets, and what it is used for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, Point, Polygon, STRtree, box
from shapely.geometry.base import BaseGeometry

from db.demo.frame import GroundFrame, finely
from db.demo.layout import Block, Layout, Lot
from db.demo.osm_roads import network_of
from db.demo.plan import polygons_of
from db.demo.roads import Network
from db.importers.osm import ExtractLand, OsmExtract

_PRECISION_M = 0.01
_DIVIDES = {"trunk", "main", "side", "lane", "path"}
_RIM_MARGIN_DEG = 2e-5
"""The extent's own edge runs through corners of buildings; this is a metre or two."""
_REACH_M = 90.0
"""A street that ends so near to the edge was cut off there and goes on."""
_LEAST_SHARE = 0.3
"""Of a block's land, below which a use doesn't give its name to the block."""
_USES = {
    "residential": {"landuse=residential", "landuse=allotments"},
    "business": {"landuse=retail", "landuse=commercial"},
    "industrial": {"landuse=industrial", "landuse=railway", "landuse=construction"},
    "public": {"amenity=school", "amenity=hospital", "landuse=education", "landuse=cemetery", "landuse=religious"},
    "farm": {"landuse=farmland", "landuse=farmyard", "landuse=meadow", "landuse=greenhouse_horticulture"},
    "park": {"landuse=forest", "landuse=grass", "natural=wood", "natural=scrub", "leisure=park"},
}
_USE_OF = {kind: use for use, kinds in _USES.items() for kind in kinds}


def survey(extract: OsmExtract, *, frame: GroundFrame, homes: Sequence[Point]) -> Layout:
    """The extract's town in plan metres; `homes` are places inside its buildings.

    Each block is one lot. A block that no mapped land claims is residential where it has buildings, else green.
    """
    network = network_of(extract.roads, frame=frame)
    west, south, east, north = extract.extent.bounds
    margin = _RIM_MARGIN_DEG
    (rim,) = frame.surveyed([finely_cornered(box(west - margin, south - margin, east + margin, north + margin))])
    faces = _faces(network, rim)
    is_built = np.zeros(len(faces), dtype=bool)
    is_built[np.unique(STRtree(faces).query(homes, predicate="within")[1])] = True
    blocks = [
        Block(face=face, use=use, district=0, name="")
        for face, use in zip(faces, _uses(faces, extract.land, is_built, frame), strict=True)
    ]
    return Layout(
        has_numbers=False,
        rim=polygons_of(shapely.coverage_union_all(faces))[0],
        network=network,
        blocks=tuple(blocks),
        lots=tuple(Lot(face=block.face, block=place, use=block.use) for place, block in enumerate(blocks)),
        waters=tuple(
            zip([w.name for w in extract.water], frame.surveyed([w.shape for w in extract.water]), strict=True)
        ),
    )


def finely_cornered(rectangle: Polygon) -> Polygon:
    """The rectangle in degrees with corners in between, since a parallel is no straight line in metres."""
    return shapely.segmentize(rectangle, 0.001)


def _faces(network: Network, rim: Polygon) -> list[Polygon]:
    """The land between streets, filling the rim; neighbours share their corners."""
    streets = [edge.line for edge in network.edges if network.roads[edge.road].road_class in _DIVIDES]
    lines = [*streets, *_carried_on(streets, rim), LineString(rim.exterior.coords)]
    union = shapely.unary_union(lines, grid_size=_PRECISION_M)
    pieces = [finely(piece) for piece in shapely.get_parts(shapely.line_merge(union))]
    faces = polygons_of(shapely.polygonize(pieces))
    inside = rim.buffer(_PRECISION_M)
    return sorted((f for f in faces if inside.contains(f.representative_point())), key=lambda f: f.centroid.coords[0])


def _carried_on(streets: Sequence[LineString], rim: Polygon) -> Iterator[LineString]:
    """Stretches from streets' loose ends to the rim, where that is near."""
    ends, counts = np.unique(
        np.array([line.coords[i] for line in streets for i in (0, -1)]).round(3), axis=0, return_counts=True
    )
    for x, y in ends[counts == 1]:
        end = Point(x, y)
        if rim.exterior.distance(end) < _REACH_M:
            yield LineString(shapely.shortest_line(end, rim.exterior).coords)


def _uses(
    faces: Sequence[Polygon], land: Sequence[ExtractLand], is_built: NDArray[np.bool_], frame: GroundFrame
) -> Iterator[str]:
    known = [(piece, _USE_OF[piece.kind]) for piece in land if piece.kind in _USE_OF]
    ground: dict[str, list[Polygon]] = {}
    for shape, (_, use) in zip(frame.surveyed([piece.shape for piece, _ in known]), known, strict=True):
        ground.setdefault(use, []).append(shape)
    covers: dict[str, BaseGeometry] = {use: shapely.union_all(shapes) for use, shapes in ground.items()}
    for face, has_buildings in zip(faces, is_built, strict=True):
        shares = {use: cover.intersection(face).area / face.area for use, cover in covers.items()}
        use = max(shares, key=lambda name: shares[name], default="")
        if shares.get(use, 0.0) < _LEAST_SHARE:
            use = "residential" if has_buildings else "park"
        yield use

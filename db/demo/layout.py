"""The whole layout of the demo town on paper: network, blocks, lots, and the grids made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator
from shapely import LineString, Point, Polygon, STRtree
from shapely.geometry.base import BaseGeometry

from db.demo.blocks import Cutter, ends_of
from db.demo.frame import finely
from db.demo.plan import AXIS_X, AXIS_Y, Plan, Street, lines_of, polygons_of
from db.demo.roads import PRECISION_M, Network, weave

_BLOCK_M2 = 62_000.0
_LOT_M2 = {"residential": 23_000.0, "business": 13_000.0, "public": 30_000.0, "industrial": 48_000.0}
_SPLINTER_M2 = 16_000.0
"""Land between main roads that is too small for streets of its own; it is planted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Land between streets, and what it is used for."""

    face: Polygon
    use: str
    district: int
    """The number of the land between main roads that it is part of."""
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lot:
    """Land between streets and lanes, the smallest piece that has a border of its own; `block` is its block's place."""

    face: Polygon
    block: int
    use: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """The town in plan metres. Lots share every vertex with their neighbours; together they fill the rim."""

    rim: Polygon
    network: Network
    blocks: tuple[Block, ...]
    lots: tuple[Lot, ...]
    waters: tuple[tuple[str, BaseGeometry], ...]
    """Names and shapes; these may reach beyond the rim."""
    has_numbers: bool = True
    """Whether addresses may have made-up numbers; real streets have their own."""


def lay_out(plan: Plan, *, rng: Generator, road_names: Iterator[str]) -> Layout:
    """Cuts the plan into blocks and lots, and weaves streets and lanes into the network."""
    union = shapely.unary_union([street.line for street in plan.streets], grid_size=PRECISION_M)
    between_mains = [
        f for f in polygons_of(shapely.polygonize([union])) if plan.town.contains(f.representative_point())
    ]
    corners = [xy for street in plan.streets for xy in ends_of(street.line)]
    cutter = Cutter(rng=rng, corners=corners)
    blocks: list[Block] = []
    streets = list(plan.streets)
    for district, face in enumerate(sorted(between_mains, key=lambda f: f.centroid.coords[0])):
        if face.contains(plan.lake_park) or plan.river_strip.contains(face.representative_point()):
            name = "环湖公园" if face.contains(plan.lake_park) else "滨河公园"
            blocks.append(Block(face=face, use="park", district=district, name=name))
            continue
        parts, cuts = cutter.subdivide(face, largest_m2=_BLOCK_M2)
        blocks += [Block(face=part, use=_use(part, rng), district=district, name="街心公园") for part in parts]
        streets += [Street(line=cut, road_class="side") for cut in cuts]
    for block in blocks:
        if block.use in _LOT_M2:
            _, cuts = cutter.subdivide(block.face, largest_m2=_LOT_M2[block.use])
            streets += [Street(line=cut, road_class="lane") for cut in cuts]
    streets += _paths(plan)
    network = weave(streets, road_names=road_names)
    return Layout(
        rim=plan.town,
        network=network,
        blocks=tuple(blocks),
        lots=tuple(_lots(plan, network, blocks)),
        waters=(("乾湖", plan.lake), ("玉带河", plan.river)),
    )


def _lots(plan: Plan, network: Network, blocks: list[Block]) -> Iterator[Lot]:
    tree = STRtree([block.face for block in blocks])
    lines = [edge.line for edge in network.edges if network.roads[edge.road].road_class != "path"]
    faces = polygons_of(shapely.polygonize(lines))
    for face in sorted(faces, key=lambda f: f.centroid.coords[0]):
        inside = face.representative_point()
        if plan.town.contains(inside):
            block = int(min(tree.query(inside, predicate="dwithin", distance=PRECISION_M)))
            yield Lot(face=face, block=block, use=blocks[block].use)


def _use(face: Polygon, rng: Generator) -> str:
    """What a block is used for: shops in the middle and at the main crossings, works at the rim, homes between."""
    x, y = face.centroid.coords[0]
    chance = rng.random()
    if face.area < _SPLINTER_M2:
        return "park"
    centre = float(np.hypot(x - AXIS_X, y - AXIS_Y))
    if centre < 420:  # noqa: PLR2004
        return "business" if chance < 0.6 else "public"  # noqa: PLR2004
    if (x < -1270 and y < -600) or (x > 1210 and y > 1130):  # noqa: PLR2004
        return "industrial" if chance < 0.72 else "residential"  # noqa: PLR2004
    beside_axis = min(abs(x - AXIS_X), abs(y - AXIS_Y)) < 200  # noqa: PLR2004
    for use, share in (("business", 0.24 if beside_axis else 0.07), ("public", 0.13), ("park", 0.035)):
        if chance < share:
            return use
        chance -= share
    return "residential"


def _paths(plan: Plan) -> list[Street]:
    """A walk around the lake, tied to the streets beside the park."""
    (walk,) = polygons_of(plan.lake.buffer(28).simplify(4))
    x, y = walk.centroid.coords[0]
    lines = [LineString(walk.exterior.coords)]
    for street in plan.streets:
        target = street.line.interpolate(street.line.project(Point(x, y)))
        if street.road_class == "main" and target.distance(walk) < 260:  # noqa: PLR2004
            lines += lines_of(shapely.shortest_line(walk.exterior, target))
    return [Street(line=finely(line), road_class="path", name="环湖步道") for line in lines]

"""Farmland around the town: long fields between it and the bypass, for the base map only."""

from __future__ import annotations

import shapely
from numpy.random import Generator
from shapely import Polygon, box

from db.demo.blocks import Cutter
from db.demo.plan import Plan, polygons_of
from db.demo.roads import Network

_REACH_M = 4_300.0
_FIELD_M2 = 420_000.0
_ROAD_M = 26.0
_RIVER_M = 40.0
_TOWN_M = 55.0
_TRACK_M = 7.0
"""Half the width of the farm tracks between fields."""
_LEAST_M2 = 30_000.0


def lay_fields(plan: Plan, network: Network, rng: Generator) -> list[Polygon]:
    """The fields in plan metres, clear of town, roads and river."""
    trunks = [edge.line for edge in network.edges if network.roads[edge.road].road_class == "trunk"]
    taken = shapely.union_all(
        [plan.town.buffer(_TOWN_M), plan.river.buffer(_RIVER_M), *(t.buffer(_ROAD_M) for t in trunks)]
    )
    land = box(-_REACH_M, -_REACH_M, _REACH_M, _REACH_M)
    parts, _ = Cutter(rng=rng, corners=[(0.0, 0.0)]).subdivide(land, largest_m2=_FIELD_M2)
    pieces = [piece for part in parts for piece in polygons_of(part.buffer(-_TRACK_M).difference(taken))]
    return sorted((p for p in pieces if p.area > _LEAST_M2), key=lambda p: p.centroid.coords[0])

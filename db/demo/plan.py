"""The town plan: its ring, main roads, river and parks, and the roads that leave it.

All in plan metres (`db.demo.frame`). The town is made up: an axis of north-south and east-west main roads at uneven
distances, half a ring around the north of the centre, a diagonal to the station side, a river that bends through the
south-east with roads along both banks, a lake park in the north-west, and a bypass.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from scipy.interpolate import CubicSpline
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

AXIS_X = -40.0
"""The main road between the east half and the west half."""
AXIS_Y = 40.0
"""The main road between the north-west and the south-west."""
_NORTH_SOUTH = (AXIS_X, 600.0, -700.0, 1210.0, -1270.0)
_EAST_WEST = (AXIS_Y, -600.0, 640.0, -1130.0, 1130.0)
_RING = ((-1760, -1600), (1180, -1600), (1800, -980), (1800, 1500), (1480, 1640), (-1080, 1640), (-1760, 1020))
_RING_ROUNDING_M = 130.0
_RIVER = (
    *((12_000, 3_100), (8_600, 1_500), (5_400, 1_900), (2_600, 900), (1_960, 700), (1_560, 380), (1_290, -130)),
    *((930, -520), (640, -1_010), (430, -1_600), (420, -2_300), (-300, -5_200), (500, -8_800), (-200, -12_000)),
)
_RIVER_WIDTH_M = 46.0
_BANK_M = 74.0
"""From the middle of the river to the road along it."""
_LAKE_PARK = (-930.0, 1330.0)
"""A point in the block that the lake lies in."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Street:
    """A road of the plan. `name` is set for those that the plan names; the others are named when they are known."""

    line: LineString
    road_class: str
    name: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is drawn first; blocks and side roads are cut out of it."""

    town: Polygon
    streets: tuple[Street, ...]
    river: Polygon
    river_strip: BaseGeometry
    """The river with both banks, out to the roads along it."""
    lake: Polygon
    lake_park: Point


def curve(points: Sequence[tuple[float, float]], *, step_m: float = 40.0) -> LineString:
    """A smooth line through the points."""
    xy = np.array(points, dtype=float)
    along = np.concatenate(([0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))))
    return LineString(CubicSpline(along, xy)(np.linspace(0.0, along[-1], max(2, int(along[-1] / step_m)))))


def arc(centre: tuple[float, float], radii: tuple[float, float], degrees: tuple[float, float]) -> LineString:
    """A stretch of an ellipse, from and to the angles given, counted from east to north."""
    angle = np.radians(np.linspace(*degrees, 24))
    return LineString(np.column_stack((centre[0] + radii[0] * np.cos(angle), centre[1] + radii[1] * np.sin(angle))))


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanNames:
    """Names of the roads that the plan draws, in the order in which it draws them."""

    ring: str
    north_south: tuple[str, ...]
    east_west: tuple[str, ...]
    half_ring: str
    station: str
    banks: tuple[str, str]
    leaving: tuple[str, ...]


def draw(names: PlanNames) -> Plan:
    """The plan, its roads under the given names."""
    town = Polygon(_RING).buffer(-_RING_ROUNDING_M).buffer(_RING_ROUNDING_M, quad_segs=6)
    town = shapely.set_precision(town, 0.01)
    river_line = curve(_RIVER)
    lines = [
        *((LineString([(x, -2000), (x, 2000)]), name) for x, name in zip(_NORTH_SOUTH, names.north_south, strict=True)),
        *((LineString([(-2000, y), (2000, y)]), name) for y, name in zip(_EAST_WEST, names.east_west, strict=True)),
        (arc((AXIS_X, AXIS_Y), (640, 600), (0, 180)), names.half_ring),
        (LineString([(-700, 640), (-1600, 1540)]), names.station),
    ]
    mains = [Street(line=LineString(town.exterior.coords), road_class="main", name=names.ring)] + [
        Street(line=part, road_class="main", name=name)
        for line, name in lines
        for part in lines_of(line.intersection(town))
    ]
    banks = [
        Street(line=part, road_class="side", name=name)
        for distance_m, name in zip((_BANK_M, -_BANK_M), names.banks, strict=True)
        for part in lines_of(river_line.offset_curve(distance_m).intersection(town))
    ]
    return Plan(
        town=town,
        streets=(*mains, *banks, *_leaving(town, names.leaving)),
        river=river_line.buffer(_RIVER_WIDTH_M / 2),
        river_strip=river_line.buffer(_BANK_M, cap_style="flat").intersection(town),
        lake=_lake(),
        lake_park=Point(_LAKE_PARK),
    )


def lines_of(geometry: BaseGeometry) -> list[LineString]:
    """The lines that a geometry is made of."""
    return [part for part in shapely.get_parts(geometry) if isinstance(part, LineString)]


def polygons_of(geometry: BaseGeometry) -> list[Polygon]:
    """The polygons that a geometry is made of."""
    return [part for part in shapely.get_parts(geometry) if isinstance(part, Polygon)]


def _lake() -> Polygon:
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    radius = 1 + 0.16 * np.sin(2 * angle + 0.5) + 0.09 * np.sin(3 * angle - 0.9) + 0.05 * np.sin(5 * angle)
    x, y = _LAKE_PARK
    return Polygon(np.column_stack((x - 20 + 150 * radius * np.cos(angle), y + 40 + 100 * radius * np.sin(angle))))


def _leaving(town: Polygon, names: Sequence[str]) -> list[Street]:
    """The roads out into the county, and the bypass that joins two of them."""
    out: list[list[tuple[float, float]]] = [
        [(AXIS_X, 1640), (20, 2400), (-160, 5200), (700, 9800), (300, 14800), (1400, 19600)],
        [(1800, AXIS_Y), (2700, 80), (5600, -300), (9800, 500), (15200, -200), (22000, 900)],
        [(AXIS_X, -1600), (-110, -2500), (200, -5600), (-700, -9900), (-300, -15400), (-1500, -21000)],
        [(-1760, AXIS_Y), (-2600, 0), (-5200, 260), (-9900, -500), (-16400, 400), (-24500, -600)],
    ]
    roads = [curve(points, step_m=120) for points in out]
    bypass = curve([(-4200, 150), (-3300, 1500), (-2050, 2500), (-100, 3050), (1700, 2750), (2700, 1700), (3900, -40)])
    ends = [roads[3], roads[1]]
    first, last = (end.interpolate(end.project(Point(bypass.coords[i]))) for end, i in zip(ends, (0, -1), strict=True))
    bypass = LineString([first, *(Point(xy) for xy in bypass.coords[1:-1]), last])
    return [
        Street(line=part, road_class="trunk", name=name)
        for line, name in zip([*roads, bypass], names, strict=True)
        for part in lines_of(line.difference(town.buffer(-1)))
    ]

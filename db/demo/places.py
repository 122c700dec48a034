"""Where residents go and what watches over them: stations, centres, canteens, venues, devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import shapely
from numpy.random import Generator
from shapely import Point, Polygon

from db.demo.buildings import PlannedBuilding
from db.demo.grids import PlannedGrid, Territory

STATIONS = {"warm_stop": 21, "errand_point": 15, "tool_station": 11}
VENUES = {"tea_room": 24, "residents_hall": 12, "building_corner": 18}
"""How the 47 stations and 54 venues divide by kind is not published: made up."""
DEVICE_QUARTERS = 56
_KIND_NAMES = {
    "warm_stop": "暖心驿站",
    "errand_point": "零跑代办点",
    "tool_station": "便民工具站",
    "tea_room": "邻里茶话室",
    "residents_hall": "居民议事厅",
    "building_corner": "楼栋议事角",
    "camera": "智能抓拍",
    "access_gate": "智能门禁",
    "charging_pile": "智能充电桩",
    "video_intercom": "智能可视对讲",
}
_HOURS = {
    "warm_stop": "00:00–24:00",
    "errand_point": "08:00–17:00",
    "tool_station": "08:00–18:00",
    "tea_room": "08:00–20:00",
    "residents_hall": "08:30–17:30",
    "building_corner": "08:00–20:00",
    "community_centre": "08:00–17:00",
    "community_canteen": "06:30–18:30",
}
_DEVICE_SHARES = {"camera": 0.42, "access_gate": 0.26, "charging_pile": 0.14, "video_intercom": 0.18}
_DEVICES_PER_BUILDING = (3.0, 6.0)
_STATUS_SHARES = {"online": 0.958, "offline": 0.034, "alarm": 0.008}
_BESIDE_M = (3.0, 9.0)
"""How far from a building's wall its devices stand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedPlace:
    """A station, centre, canteen or venue, in plan metres."""

    code: str
    name: str
    category: str
    kind: str
    opening_hours: str
    grid_code: str
    point: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedDevice:
    """A device of a quarter, in plan metres."""

    code: str
    name: str
    kind: str
    status: str
    quarter_code: str
    point: Point


def open_places(
    territory: Territory, buildings: Sequence[PlannedBuilding], *, model_communities: Sequence[str], rng: Generator
) -> list[PlannedPlace]:
    """All places; the centres and canteens stand in the communities whose codes are given."""
    quarters = territory.level("quarter")
    free = territory.level("building")
    places: list[PlannedPlace] = []
    for category, kinds in (("station", STATIONS), ("venue", VENUES)):
        order = iter(_spread(quarters, rng, sum(kinds.values())))
        for kind, count in kinds.items():
            for quarter in [next(order) for _ in range(count)]:
                number = len(places) + 1
                point = _spot(quarter, buildings, free, rng)
                places.append(
                    _place(category, kind, f"{quarter.name}{_KIND_NAMES[kind]}", quarter.code, point, number=number)
                )
    for community in territory.level("community"):
        if community.code in model_communities:
            inside = [quarter for quarter in quarters if quarter.parent_code == community.code]
            middle = community.shape.centroid
            nearest = sorted(inside, key=lambda q: q.shape.centroid.distance(middle))
            for quarter, category, kind, what in (
                (nearest[0], "centre", "community_centre", "党群服务中心"),
                (nearest[1], "canteen", "community_canteen", "便民食堂"),
            ):
                point = _spot(quarter, buildings, free, rng)
                name = f"{community.name}{what}"
                places.append(_place(category, kind, name, quarter.code, point, number=len(places) + 1))
    return places


def install_devices(territory: Territory, buildings: Sequence[PlannedBuilding], rng: Generator) -> list[PlannedDevice]:
    """Devices beside the buildings of exactly as many quarters as the county reports."""
    quarters = territory.level("quarter")
    chosen = {quarters[i].code for i in rng.permutation(len(quarters))[:DEVICE_QUARTERS]}
    devices: list[PlannedDevice] = []
    kinds, shares = list(_DEVICE_SHARES), list(_DEVICE_SHARES.values())
    for building in buildings:
        if building.quarter.code not in chosen:
            continue
        for _ in range(int(rng.uniform(*_DEVICES_PER_BUILDING))):
            kind = str(rng.choice(kinds, p=shares))
            ring = building.footprint.buffer(float(rng.uniform(*_BESIDE_M))).exterior
            point = ring.interpolate(float(rng.random()), normalized=True)
            if not building.quarter.shape.contains(point):
                point = building.footprint.centroid
            number = len(devices) + 1
            devices.append(
                PlannedDevice(
                    code=f"D{number:05d}",
                    name=f"{building.name}{_KIND_NAMES[kind]}",
                    kind=kind,
                    status=str(rng.choice(list(_STATUS_SHARES), p=list(_STATUS_SHARES.values()))),
                    quarter_code=building.quarter.code,
                    point=point,
                )
            )
    return devices


def _spread(quarters: Sequence[PlannedGrid], rng: Generator, count: int) -> list[PlannedGrid]:
    """As many different quarters, from all communities alike."""
    by_community: dict[str, list[PlannedGrid]] = {}
    for i in rng.permutation(len(quarters)):
        by_community.setdefault(quarters[i].parent_code or "", []).append(quarters[i])
    rounds = (turn for depth in range(len(quarters)) for turn in ((depth, code) for code in sorted(by_community)))
    picked = [by_community[code][depth] for depth, code in rounds if depth < len(by_community[code])]
    return picked[:count]


def _spot(
    quarter: PlannedGrid, buildings: Sequence[PlannedBuilding], towers: Sequence[PlannedGrid], rng: Generator
) -> Point:
    """A place in front of one of the quarter's buildings, in the quarter and in none of its building grids."""
    own = [building for building in buildings if building.grid_code == quarter.code]
    closed = shapely.union_all([tower.shape for tower in towers if tower.parent_code == quarter.code])
    for i in rng.permutation(len(own)):
        west, south, east, _ = own[i].footprint.bounds
        point = Point(float(rng.uniform(west, east)), south - 7.0)
        if quarter.shape.contains(point) and not closed.intersects(point):
            return point
    land = quarter.shape.difference(closed)
    return land.representative_point()


def _place(category: str, kind: str, name: str, grid_code: str, point: Point, *, number: int) -> PlannedPlace:
    return PlannedPlace(
        code=f"P{number:04d}",
        name=name,
        category=category,
        kind=kind,
        opening_hours=_HOURS[kind],
        grid_code=grid_code,
        point=point,
    )


def random_point(land: Polygon, rng: Generator) -> Point:
    """A point anywhere on the land."""
    west, south, east, north = land.bounds
    shapely.prepare(land)
    while True:
        x, y = rng.uniform(west, east), rng.uniform(south, north)
        if shapely.contains_xy(land, x, y):
            return Point(x, y)

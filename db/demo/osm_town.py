"""A real town for the demo: its ground from OpenStreetMap, its grids, workers and devices made up. 演示数据."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
from numpy.random import Generator
from shapely import MultiPolygon, Point, Polygon, STRtree, box

from db.demo.addresses import Addresses
from db.demo.buildings import PlannedBuilding
from db.demo.frame import GroundFrame
from db.demo.grids import PlannedGrid, Territory
from db.demo.history import Pace
from db.demo.layout import Layout
from db.demo.names import NamePools
from db.demo.osm_grids import Site, number_off
from db.demo.osm_layout import survey
from db.demo.people import Staffing, appoint
from db.demo.places import PlannedPlace, install_devices
from db.demo.town import Town
from db.importers.osm import ExtractBuilding, ExtractPoint, OsmExtract
from geo.errors import InvalidInput
from governance.profile import Profile

STAFFING = Staffing(
    full_time=190,
    part_time=60,
    outstanding=6,
    on_duty={"full_time": 84, "part_time": 8},
    position_known=0.55,
    building_chiefs=0,
    others="building_chief",
)
PACE = Pace(per_day=7.0, still_open=12, outside=0.0)
_BUSINESS = {"commercial", "hotel", "industrial", "kiosk", "office", "retail", "supermarket", "warehouse"}
_PUBLIC = {"church", "civic", "hospital", "kindergarten", "public", "school", "train_station", "university"}
_FLOORS = {"apartments": 4, "residential": 2, "house": 2, "terrace": 2, "school": 2, "public": 2}
_SITE_M2 = (500.0, 9_000.0)
"""How large a building is that may have a grid of its own."""
_WATCHED = 40
"""So many of the largest shops, works and public buildings have devices."""
_PLACE_OF = {
    "highway=bus_stop": ("station", "warm_stop", "公交站"),
    "amenity=post_box": ("station", "errand_point", "邮筒"),
    "amenity=post_office": ("station", "errand_point", "邮局"),
    "amenity=fuel": ("station", "tool_station", "加油站"),
    "amenity=car_wash": ("station", "tool_station", "洗车站"),
    "amenity=kindergarten": ("centre", "community_centre", "幼儿园"),
    "amenity=childcare": ("centre", "community_centre", "托幼点"),
    "amenity=school": ("centre", "community_centre", "学校"),
    "amenity=training": ("centre", "community_centre", "培训学校"),
    "amenity=library": ("centre", "community_centre", "图书馆"),
    "amenity=cafe": ("canteen", "community_canteen", "咖啡馆"),
    "amenity=restaurant": ("canteen", "community_canteen", "餐馆"),
    "leisure=park": ("venue", "residents_hall", "公园"),
    "leisure=pitch": ("venue", "residents_hall", "运动场"),
    "leisure=playground": ("venue", "building_corner", "游乐场"),
    "leisure=dog_park": ("venue", "building_corner", "遛狗园"),
}
"""Category and kind under which a service point is shown, and what it is."""
_SHOP = ("station", "tool_station", "商店")


def found_osm_town(extract: OsmExtract, profile: Profile, names: NamePools, rng: Generator) -> Town:
    """The extract's town with everything that the demo adds; the same generator gives the same town.

    Raises `InvalidInput` naming `file` when the extract lies elsewhere than the profile says.
    """
    west, south, east, north = extract.extent.bounds
    if not box(*profile.town_bounds).contains(Point((west + east) / 2, (south + north) / 2)):
        raise InvalidInput(
            f"数据位于别处，不是{profile.name} the extract lies at {west:.3f}–{east:.3f}, {south:.3f}–{north:.3f}",
            field="file",
        )
    if not extract.buildings:
        raise InvalidInput("数据里没有建筑 the extract holds no buildings", field="file")
    frame = GroundFrame(profile.metric_srid)
    footprints = frame.surveyed([building.shape for building in extract.buildings])
    homes = [footprint.representative_point() for footprint in footprints]
    layout = survey(extract, frame=frame, homes=homes)
    addresses = Addresses(layout).at(homes)
    settlements = [place for place in extract.settlements if place.name]
    layout, territory = number_off(
        layout,
        homes,
        _sites(extract.buildings, footprints, addresses),
        county=(profile.county_code, profile.name),
        settlements=list(
            zip([s.name for s in settlements], frame.surveyed([s.point for s in settlements]), strict=True)
        ),
    )
    buildings = _entered(extract.buildings, footprints, territory)
    largest = sorted((b for b in buildings if b.usage != "residential"), key=lambda b: -b.footprint.area)
    (rim,) = frame.on_ground([layout.rim])
    return Town(
        frame=frame,
        boundary=MultiPolygon([rim]),
        layout=layout,
        fields=(),
        territory=territory,
        buildings=buildings,
        households=(),
        places=list(_places(extract.services, layout, territory, frame)),
        devices=install_devices(territory, largest[:_WATCHED], rng),
        workers=appoint(
            territory,
            buildings,
            skills=[skill.key for skill in profile.skills],
            names=names,
            rng=rng,
            staffing=STAFFING,
        ),
        names=names,
        staffing=STAFFING,
        pace=PACE,
    )


def _usage(building: ExtractBuilding) -> str:
    if building.kind in _PUBLIC:
        return "public"
    return "business" if building.kind in _BUSINESS else "residential"


def _sites(buildings: Sequence[ExtractBuilding], footprints: Sequence[Polygon], addresses: Sequence[str]) -> list[Site]:
    """Large shops, works and public buildings, the largest first."""
    what = {"public": "公共建筑", "business": "商务楼"}
    fitting = [
        Site(footprint=footprint, name=building.name or f"{address}{what[_usage(building)]}")
        for building, footprint, address in zip(buildings, footprints, addresses, strict=True)
        if _usage(building) in what and _SITE_M2[0] < footprint.area < _SITE_M2[1]
    ]
    return sorted(fitting, key=lambda site: -site.footprint.area)


def _entered(
    buildings: Sequence[ExtractBuilding], footprints: Sequence[Polygon], territory: Territory
) -> list[PlannedBuilding]:
    """Every building in the quarter, and the building grid if any, that holds its middle; numbered in its quarter."""
    homes = [footprint.representative_point() for footprint in footprints]
    quarters = _holding(homes, territory.level("quarter"))
    finest = _finest(homes, territory)
    serial: Counter[str] = Counter()
    entered = []
    for building, footprint, quarter, grid in zip(buildings, footprints, quarters, finest, strict=True):
        serial[quarter.code] += 1
        number = serial[quarter.code]
        entered.append(
            PlannedBuilding(
                quarter=quarter,
                grid_code=grid.code,
                number=number,
                name=building.name or f"{quarter.name}{number}号楼",
                usage=_usage(building),
                floors=building.levels or _FLOORS.get(building.kind, 1),
                units=1,
                footprint=footprint,
            )
        )
    return entered


def _holding(points: Sequence[Point], grids: Sequence[PlannedGrid]) -> list[PlannedGrid]:
    """For each point the grid that holds it, of those that share a border the one with the lower code."""
    held, holders = STRtree([grid.shape for grid in grids]).query(points, predicate="intersects")
    order = np.lexsort((holders, held))
    _, first = np.unique(held[order], return_index=True)
    return [grids[int(holders[order][i])] for i in first]


def _finest(points: Sequence[Point], territory: Territory) -> list[PlannedGrid]:
    """For each point its building grid where it lies in one, else its quarter."""
    towers = territory.level("building")
    return [
        next((tower for tower in towers if tower.shape.intersects(point)), quarter)
        for point, quarter in zip(points, _holding(points, territory.level("quarter")), strict=True)
    ]


def _places(
    services: Sequence[ExtractPoint], layout: Layout, territory: Territory, frame: GroundFrame
) -> Iterator[PlannedPlace]:
    """The service points of kinds that the product knows, inside the town."""
    known = [(s, _SHOP if s.kind.startswith("shop=") else _PLACE_OF.get(s.kind)) for s in services]
    shown = [(service, place) for service, place in known if place is not None]
    points = frame.surveyed([service.point for service, _ in shown])
    inside = [i for i, point in enumerate(points) if layout.rim.contains(point)]
    grids = _finest([points[i] for i in inside], territory)
    for number, (i, grid) in enumerate(zip(inside, grids, strict=True), start=1):
        service, (category, kind, what) = shown[i]
        yield PlannedPlace(
            code=f"P{number:04d}",
            name=f"{service.name}（{what}）" if service.name else f"{grid.name}{what}",
            category=category,
            kind=kind,
            opening_hours="",
            grid_code=grid.code,
            point=points[i],
        )

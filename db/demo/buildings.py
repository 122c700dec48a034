"""Buildings on the lots: slabs in rows facing south, towers on the building grids, halls on public land."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.random import Generator
from shapely import Polygon, box

from db.demo.grids import PlannedGrid, Territory
from db.demo.layout import Layout

BUILDINGS = 475
MEMBER_HOUSEHOLDS = 2_175
_SETBACK_M = 13.0
"""From the middle of the road to the front of a building."""
_SLAB_DEPTH_M = 14.0
_ROW_M = 42.0
"""From row to row: the sun must reach the ground floor in winter."""
_GAP_M = 16.0
_UNIT_M = 15.0
"""A staircase with two flats a floor takes so much of a slab's length."""
_FLATS_PER_FLOOR = 2
_LEAST_PER_QUARTER = 2
_SHARE_OF_HALLS = 0.45
"""How many lots of public land carry a building on file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedBuilding:
    """A building in plan metres; `number` counts the quarter's buildings from 1."""

    quarter: PlannedGrid
    grid_code: str
    number: int
    name: str
    usage: str
    floors: int
    units: int
    footprint: Polygon


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedHousehold:
    """The household of a party member (党员中心户); `building` is its building's place in the list."""

    building: int
    unit: int
    room: str


def put_up(layout: Layout, territory: Territory, rng: Generator) -> list[PlannedBuilding]:
    """All buildings, by quarter: those of building grids, some public halls, and homes up to the full number."""
    quarters = territory.level("quarter")
    towers = territory.level("building")
    sites = {
        quarter.code: _slabs(
            layout, territory, [lot for lot in quarter.lots if territory.uses[lot] == "residential"], rng
        )
        for quarter in quarters
    }
    fixed: dict[str, list[tuple[str, str, str, Polygon]]] = {quarter.code: [] for quarter in quarters}
    for tower in towers:
        (lot,) = tower.lots
        fixed[tower.parent_code or ""].append(
            (tower.code, tower.name, "business", _block(layout.lots[lot].face, rng, 1.0))
        )
    for quarter in quarters:
        for lot in quarter.lots:
            if territory.uses[lot] == "public" and rng.random() < _SHARE_OF_HALLS:
                fixed[quarter.code].append((quarter.code, "", "public", _block(layout.lots[lot].face, rng, 1.6)))
    counts = _homes(quarters, {code: len(s) for code, s in sites.items()}, sum(map(len, fixed.values())))
    buildings: list[PlannedBuilding] = []
    for quarter in quarters:
        own = [(quarter.code, "", "residential", site) for site in sites[quarter.code][: counts[quarter.code]]]
        for number, (grid_code, name, usage, footprint) in enumerate([*own, *fixed[quarter.code]], start=1):
            buildings.append(
                PlannedBuilding(
                    quarter=quarter,
                    grid_code=grid_code,
                    number=number,
                    name=name or f"{quarter.name}{number}号楼",
                    usage=usage,
                    floors=_floors(usage, rng),
                    units=max(1, round(_width(footprint) / _UNIT_M)) if usage == "residential" else 1,
                    footprint=footprint,
                )
            )
    return buildings


def settle(buildings: Sequence[PlannedBuilding], rng: Generator) -> list[PlannedHousehold]:
    """Members' households, spread over the homes by the number of their units; no flat twice."""
    homes = [place for place, building in enumerate(buildings) if building.usage == "residential"]
    units = np.array([buildings[place].units for place in homes], dtype=float)
    counts = np.floor(units / units.sum() * MEMBER_HOUSEHOLDS).astype(int)
    counts[rng.permutation(len(homes))[: MEMBER_HOUSEHOLDS - counts.sum()]] += 1
    households = []
    for place, count in zip(homes, counts.tolist(), strict=True):
        building = buildings[place]
        flats = building.units * building.floors * _FLATS_PER_FLOOR
        for flat in np.sort(rng.choice(flats, size=min(count, flats), replace=False)).tolist():
            unit, rest = divmod(flat, building.floors * _FLATS_PER_FLOOR)
            floor, door = divmod(rest, _FLATS_PER_FLOOR)
            households.append(PlannedHousehold(building=place, unit=unit + 1, room=f"{floor + 1}{door + 1:02d}"))
    return households


def _slabs(layout: Layout, territory: Territory, lots: Sequence[int], rng: Generator) -> list[Polygon]:
    """Room for slabs on the lots, lot by lot from the largest, so that a few buildings stand together."""
    taken = {lot for tower in territory.level("building") for lot in tower.lots}
    order = sorted((lot for lot in lots if lot not in taken), key=lambda lot: -layout.lots[lot].face.area)
    return [slab for lot in order for slab in _rows(layout.lots[lot].face.buffer(-_SETBACK_M), rng)]


def _rows(land: Polygon, rng: Generator) -> Iterator[Polygon]:
    west, south, east, north = land.bounds
    length = float(rng.choice([46.0, 61.0, 61.0, 76.0]))
    y = north - _SLAB_DEPTH_M
    while y >= south:
        x = west
        while x + length <= east + 1:
            slab = box(x, y, x + length, y + _SLAB_DEPTH_M)
            if land.contains(slab):
                yield slab
                x += length + _GAP_M
            else:
                x += 6.0
        y -= _ROW_M


def _block(land: Polygon, rng: Generator, ratio: float) -> Polygon:
    """One compact building amid the land, at most `ratio` times as long as deep."""
    room = land.buffer(-_SETBACK_M)
    room = land.buffer(-4) if room.is_empty else room
    x, y = shapely.point_on_surface(room).coords[0]
    if room.contains(room.centroid):
        x, y = room.centroid.coords[0]
    depth = float(rng.uniform(24, 38))
    sizes: list[float] = np.linspace(1.0, 0.05, 20).tolist()
    footprints = [
        box(x - w / 2, y - h / 2, x + w / 2, y + h / 2) for w, h in ((depth * ratio * k, depth * k) for k in sizes)
    ]
    return next(footprint for footprint in footprints if bool(land.contains(footprint.buffer(3))))


def _homes(quarters: Sequence[PlannedGrid], room: dict[str, int], others: int) -> dict[str, int]:
    """How many homes each quarter gets: at least a few, then by room, all of the county's number in the end."""
    counts = {quarter.code: min(_LEAST_PER_QUARTER, room[quarter.code]) for quarter in quarters}
    for _ in range(BUILDINGS - others - sum(counts.values())):
        emptiest = min(quarters, key=lambda q: ((counts[q.code] + 1) / max(room[q.code], 1), q.code))
        counts[emptiest.code] += 1
    return counts


def _floors(usage: str, rng: Generator) -> int:
    choices = {"residential": [5, 6, 6, 6, 6, 7, 11, 17], "business": [6, 8, 9, 12, 15, 18], "public": [2, 3, 4, 5]}
    return int(rng.choice(choices[usage]))


def _width(footprint: Polygon) -> float:
    west, _, east, _ = footprint.bounds
    return float(east - west)

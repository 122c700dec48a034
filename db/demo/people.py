"""Grid workers: who holds which post, what they can do, and who is on duty where."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import numpy as np
from numpy.random import Generator
from shapely import Point, STRtree

from db.demo.buildings import PlannedBuilding
from db.demo.grids import PlannedGrid, Territory
from db.demo.layout import Layout
from db.demo.names import NamePools

FULL_TIME = 2_730
PART_TIME = 1_781
OUTSTANDING = 39
ON_DUTY = {"full_time": 411, "part_time": 47}
"""How many of each are on duty at any time: about one in seven of those whose job it is, few of the others."""
POSITION_KNOWN = 0.26
"""Three of four workers on duty have no position in one real feed."""
_STALE = 0.16
_STALE_MIN = (34.0, 110.0)
_FRESH_MIN = (0.1, 9.0)
_NEAR_POST_M = 420.0

_GRID_CHIEFS = {"street": 2, "community": 4, "quarter": 2, "building": 2}
_BUILDING_CHIEFS = 2
_DUTIES = ("information_collection", "hazard_inspection", "interviews", "community_affairs")
_ORIGINS = {
    "full_time": {"community_staff": 0.60, "party_member": 0.21, "police": 0.07, "lawyer": 0.02, "volunteer": 0.10},
    "part_time": {"community_staff": 0.04, "party_member": 0.55, "police": 0.04, "lawyer": 0.03, "volunteer": 0.34},
}
_BY_PROFESSION: Mapping[str, tuple[str, ...]] = {"police": ("public_order",), "lawyer": ("legal",)}
"""What only these origins can do."""
_LEARNT = 0.34
"""The chance that a worker has learnt any one of the other skills."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Staffing:
    """How many workers there are. `on_duty` counts by employment; every building has so many `building_chiefs`.

    Whoever is left after all chiefs looks after the `others` posts of buildings drawn by their units.
    """

    full_time: int = FULL_TIME
    part_time: int = PART_TIME
    outstanding: int = OUTSTANDING
    on_duty: Mapping[str, int] = field(default_factory=lambda: ON_DUTY)
    position_known: float = POSITION_KNOWN
    building_chiefs: int = _BUILDING_CHIEFS
    others: str = "unit_chief"


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedWorker:
    """A worker and their post; `building` is the building's place in the list, `home` where they count as standing."""

    code: str
    full_name: str
    full_phone: str
    employment: str
    origin: str
    post: str
    duties: tuple[str, ...]
    skills: tuple[str, ...]
    is_outstanding: bool
    grid_code: str
    building: int | None
    home: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """Whether a worker is on duty, and their last position (plan metres) where one is known."""

    on_duty: bool
    position: Point | None
    positioned_at: datetime | None
    idle_since: datetime


def phones(first: int, count: int) -> list[str]:
    """Numbers that nobody can have: mobile numbers under 1440 have thirteen digits, these have eleven."""
    return [f"1440{number:07d}" for number in range(first, first + count)]


def appoint(
    territory: Territory,
    buildings: Sequence[PlannedBuilding],
    *,
    skills: Sequence[str],
    names: NamePools,
    rng: Generator,
    staffing: Staffing,
) -> list[PlannedWorker]:
    """All workers. Every grid has a chief who does it full time; `skills` are the keys known to the deployment."""
    posts = list(_posts(territory, buildings, staffing, rng))
    count = staffing.full_time + staffing.part_time
    is_full_time = np.zeros(count, dtype=bool)
    first_chiefs = [i for i, (_, _, _, is_first) in enumerate(posts) if is_first]
    others = np.setdiff1d(np.arange(count), first_chiefs)
    is_full_time[first_chiefs] = True
    is_full_time[rng.permutation(others)[: staffing.full_time - len(first_chiefs)]] = True
    outstanding = set(rng.permutation(count)[: staffing.outstanding].tolist())
    people = names.people(rng, count=count)
    numbers = phones(1_000_000, count)
    workers = []
    for i, (post, grid, building, _) in enumerate(posts):
        employment = "full_time" if is_full_time[i] else "part_time"
        origins = _ORIGINS[employment]
        origin = str(rng.choice(list(origins), p=list(origins.values())))
        workers.append(
            PlannedWorker(
                code=f"W{i + 1:05d}",
                full_name=people[i],
                full_phone=numbers[i],
                employment=employment,
                origin=origin,
                post=post,
                duties=tuple(duty for duty in _DUTIES if rng.random() < 0.55) or (_DUTIES[i % 4],),  # noqa: PLR2004
                skills=_skills(origin, skills, rng),
                is_outstanding=i in outstanding,
                grid_code=grid.code,
                building=building,
                home=grid.shape.representative_point() if building is None else buildings[building].footprint.centroid,
            )
        )
    return workers


def put_on_duty(
    layout: Layout, workers: Sequence[PlannedWorker], *, staffing: Staffing, now: datetime, rng: Generator
) -> list[Shift]:
    """The shift at `now`, in the order of the workers. Known positions lie on a street near the post."""
    on_duty: set[int] = set()
    for employment, count in staffing.on_duty.items():
        own = [i for i, worker in enumerate(workers) if worker.employment == employment]
        on_duty |= set(rng.permutation(own)[:count].tolist())
    roads = layout.network.roads
    streets = [edge.line for edge in layout.network.edges if roads[edge.road].road_class != "trunk"]
    tree = STRtree(streets)
    shifts = []
    for i, worker in enumerate(workers):
        position, positioned_at = None, None
        if i in on_duty and rng.random() < staffing.position_known:
            near = tree.query(worker.home, predicate="dwithin", distance=_NEAR_POST_M)
            street = streets[int(rng.choice(near if len(near) else [tree.nearest(worker.home)]))]
            position = street.interpolate(float(rng.random()), normalized=True)
            span = _STALE_MIN if rng.random() < _STALE else _FRESH_MIN
            positioned_at = now - timedelta(minutes=float(rng.uniform(*span)))
        idle_since = now - timedelta(minutes=float(rng.uniform(5, 420)))
        shifts.append(
            Shift(on_duty=i in on_duty, position=position, positioned_at=positioned_at, idle_since=idle_since)
        )
    return shifts


def _posts(
    territory: Territory, buildings: Sequence[PlannedBuilding], staffing: Staffing, rng: Generator
) -> list[tuple[str, PlannedGrid, int | None, bool]]:
    """Post, grid, building, and whether it is the grid's first chief; as many as there are workers."""
    by_code = {grid.code: grid for grid in territory.grids}
    posts: list[tuple[str, PlannedGrid, int | None, bool]] = [
        ("grid_chief", grid, None, number == 0)
        for grid in territory.grids
        for number in range(_GRID_CHIEFS[grid.level])
    ]
    places = range(len(buildings))
    posts += [
        ("building_chief", by_code[buildings[place].grid_code], place, False)
        for _ in range(staffing.building_chiefs)
        for place in places
    ]
    units = np.array([building.units for building in buildings], dtype=float)
    left = staffing.full_time + staffing.part_time - len(posts)
    for place in np.sort(rng.choice(len(buildings), size=left, p=units / units.sum())).tolist():
        posts.append((staffing.others, by_code[buildings[place].grid_code], place, False))
    return posts


def _skills(origin: str, known: Sequence[str], rng: Generator) -> tuple[str, ...]:
    kept_to_others = {skill for other, own in _BY_PROFESSION.items() if other != origin for skill in own}
    own = _BY_PROFESSION.get(origin, ())
    return tuple(
        skill
        for skill in known
        if skill in own or (skill not in kept_to_others and (skill == "patrol" or rng.random() < _LEARNT))
    )

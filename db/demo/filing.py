"""The town written into the database: rows of everything but incidents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import Any

import numpy as np
import psycopg
import shapely
from shapely import MultiLineString, MultiPolygon, Polygon

from db.demo.addresses import Addresses
from db.demo.copying import copy_rows, ewkb
from db.demo.frame import finely
from db.demo.people import Shift, phones
from db.demo.plan import polygons_of
from db.demo.town import Town
from db.policies import CARD_COLUMNS, card_values, policy_values
from governance.profile import Profile

_ROAD_MARGIN_M = {"park": 5.0}
_COMMON_MARGIN_M = 8.0
_COMMITTEES = {"street": ("street_committee", "党工委"), "community": ("community_general_branch", "党总支")}
_HOUSEHOLD_PHONES = 3_000_000

Row = tuple[Any, ...]


def file_profile(cursor: psycopg.Cursor[Any], profile: Profile, town: Town, *, now: datetime) -> None:
    """The deployment, and what its profile says: skills, classes, alarms, limits, policy, calendar, figures."""
    streets = [finely(grid.shape) for grid in town.territory.level("street")]
    (outline,) = polygons_of(shapely.coverage_union_all(town.frame.on_ground(streets)))
    copy_rows(
        cursor,
        "deployment",
        (
            *("id", "profile", "name", "title", "county_code", "number_prefix", "metric_srid", "code_lengths"),
            *("timezone", "is_demo", "source_note", "boundary", "town", "loaded_at"),
        ),
        [
            (
                *(1, profile.key, profile.name, profile.title, profile.county_code, profile.number_prefix),
                *(profile.metric_srid, list(profile.code_lengths), profile.timezone, True, profile.source_note),
                *ewkb([town.boundary, outline]),
                now,
            )
        ],
    )
    copy_rows(cursor, "skill", ("id", "key", "name"), [(s.id, s.key, s.name) for s in profile.skills])
    copy_rows(
        cursor,
        "incident_class",
        (
            *("code", "major_code", "major_name", "name", "domain", "skills", "default_severity"),
            *("limit_amount", "limit_clock", "is_sensitive", "needs_check", "needs_photo"),
        ),
        [
            (
                *(c.code, c.major_code, c.major_name, c.name, c.domain, list(c.skills), c.default_severity),
                *(c.limit.amount, c.limit.clock.value, c.is_sensitive, c.needs_check, c.needs_photo),
            )
            for c in profile.classes
        ],
    )
    copy_rows(cursor, "department", ("code", "name"), [(d.code, d.name) for d in profile.departments])
    copy_rows(
        cursor,
        "alarm_type",
        ("code", "name", "class_code", "severity", "device_kinds"),
        [(a.code, a.name, a.class_code, a.severity, list(a.device_kinds)) for a in profile.alarms],
    )
    stages = {stage: getattr(profile.stages, stage) for stage in ("accept", "dispatch", "verify")}
    copy_rows(
        cursor,
        "stage_limit",
        ("stage", "limit_amount", "limit_clock"),
        [(stage, limit.amount, limit.clock.value) for stage, limit in stages.items()],
    )
    policy = policy_values(profile.policy, made_by="system", now=now)
    copy_rows(cursor, "dispatch_policy", ("id", *policy), [(1, *policy.values())])
    copy_rows(
        cursor,
        "run_card",
        ("policy_id", *CARD_COLUMNS),
        [(1, *(line[column] for column in CARD_COLUMNS)) for line in card_values(profile.policy)],
    )
    copy_rows(cursor, "calendar_day", ("day", "kind", "name"), [(d.day, d.kind, d.name) for d in profile.calendar])
    copy_rows(
        cursor,
        "reported_figure",
        ("key", "section", "name", "value", "unit", "qualifier", "note", "as_of", "position"),
        [
            (f.key, f.section, f.name, f.value, f.unit, f.qualifier, f.note, f.as_of, position)
            for position, f in enumerate(profile.figures, start=1)
        ],
    )


def file_ground(cursor: psycopg.Cursor[Any], town: Town) -> None:
    """Roads, their edges, blocks and water."""
    network, frame = town.layout.network, town.frame
    lines = frame.on_ground([edge.line for edge in network.edges])
    lengths = shapely.length(np.array(frame.in_metres([edge.line for edge in network.edges]), dtype=object))
    of_road: list[list[Any]] = [[] for _ in network.roads]
    for edge, line in zip(network.edges, lines, strict=True):
        of_road[edge.road].append(line)
    roads = ewkb([MultiLineString(parts) for parts in of_road])
    copy_rows(
        cursor,
        "base.road",
        ("id", "name", "class", "geom"),
        [(i, r.name, r.road_class, geom) for i, r, geom in zip(count(1), network.roads, roads, strict=False)],
    )
    copy_rows(
        cursor,
        "base.road_edge",
        ("road_id", "source", "target", "length_m", "is_oneway", "geom"),
        [
            (edge.road + 1, edge.source + 1, edge.target + 1, float(length), edge.is_oneway, geom)
            for edge, length, geom in zip(network.edges, lengths, ewkb(lines), strict=True)
        ],
    )
    blocks = list(_blocks(town))
    grounds = ewkb(frame.on_ground([finely(shape) for _, _, shape in blocks]))
    copy_rows(
        cursor,
        "base.block",
        ("use", "name", "geom"),
        [(use, name, geom) for (use, name, _), geom in zip(blocks, grounds, strict=True)],
    )
    waters = town.layout.waters
    shapes = ewkb(frame.on_ground([MultiPolygon(polygons_of(finely(shape))) for _, shape in waters]))
    names = [name for name, _ in waters]
    copy_rows(cursor, "base.water", ("name", "geom"), list(zip(names, shapes, strict=True)))


def file_territory(cursor: psycopg.Cursor[Any], town: Town) -> None:
    """Grids, buildings, households and, where members live, party organisations."""
    grids = town.territory.grids
    shapes = ewkb([MultiPolygon([shape]) for shape in town.frame.on_ground([grid.shape for grid in grids])])
    copy_rows(
        cursor,
        "grid",
        ("code", "name", "level", "kind", "parent_code", "domains", "geom"),
        [
            (g.code, g.name, g.level, g.kind, g.parent_code, list(g.domains), geom)
            for g, geom in zip(grids, shapes, strict=True)
        ],
    )
    buildings = town.buildings
    footprints = ewkb(town.frame.on_ground([building.footprint for building in buildings]))
    addresses = Addresses(town.layout).at([building.footprint.centroid for building in buildings])
    copy_rows(
        cursor,
        "building",
        ("id", "code", "name", "usage", "floors", "units", "address", "quarter_code", "grid_code", "geom"),
        [
            (i, _building_code(b), b.name, b.usage, b.floors, b.units, address, b.quarter.code, b.grid_code, geom)
            for i, b, address, geom in zip(count(1), buildings, addresses, footprints, strict=False)
        ],
    )
    heads = town.names.people(np.random.default_rng(len(town.households)), count=len(town.households))
    numbers = phones(_HOUSEHOLD_PHONES, len(town.households))
    copy_rows(
        cursor,
        "household",
        ("id", "code", "building_id", "unit", "room", "head_name", "phone", "is_member_household", "grid_code"),
        [
            (i, f"H{i:05d}", h.building + 1, h.unit, h.room, head, phone, True, buildings[h.building].grid_code)
            for i, h, head, phone in zip(count(1), town.households, heads, numbers, strict=False)
        ],
    )
    copy_rows(
        cursor,
        "organisation",
        ("code", "name", "level", "parent_code", "grid_code", "building_id", "household_id"),
        _organisations(town) if town.households else (),
    )


def file_services(cursor: psycopg.Cursor[Any], town: Town, *, now: datetime) -> None:
    """Stations, centres, canteens, venues and devices."""
    places = town.places
    points = ewkb(town.frame.on_ground([place.point for place in places]))
    addresses = Addresses(town.layout).at([place.point for place in places])
    copy_rows(
        cursor,
        "place",
        ("code", "name", "category", "kind", "address", "opening_hours", "grid_code", "geom"),
        [
            (p.code, p.name, p.category, p.kind, address, p.opening_hours, p.grid_code, geom)
            for p, address, geom in zip(places, addresses, points, strict=True)
        ],
    )
    points = ewkb(town.frame.on_ground([device.point for device in town.devices]))
    copy_rows(
        cursor,
        "device",
        ("code", "name", "kind", "status", "status_at", "quarter_code", "geom"),
        [
            (d.code, d.name, d.kind, d.status, now, d.quarter_code, geom)
            for d, geom in zip(town.devices, points, strict=True)
        ],
    )


def file_workers(
    cursor: psycopg.Cursor[Any],
    town: Town,
    shifts: Sequence[Shift],
    *,
    loads: Sequence[int],
    profile: Profile,
    now: datetime,
) -> None:
    """Workers on file, and each as dispatch sees them."""
    ids = {skill.key: skill.id for skill in profile.skills}
    workers = town.workers
    copy_rows(
        cursor,
        "worker",
        (
            *("id", "code", "full_name", "full_phone", "employment", "origin", "post", "duties", "skills"),
            *("is_outstanding", "grid_code", "building_id"),
        ),
        [
            (
                *(i, w.code, w.full_name, w.full_phone, w.employment, w.origin, w.post, list(w.duties)),
                *([ids[key] for key in w.skills], w.is_outstanding, w.grid_code),
                None if w.building is None else w.building + 1,
            )
            for i, w in enumerate(workers, start=1)
        ],
    )
    stands = [shift.position or worker.home for worker, shift in zip(workers, shifts, strict=True)]
    points = ewkb(town.frame.in_metres(stands), srid=profile.metric_srid)
    positions = town.frame.on_ground(stands)
    latest = ewkb(positions)
    copy_rows(
        cursor,
        "responder",
        (
            *("worker_id", "point", "latest", "positioned_at", "raw_x", "raw_y", "raw_crs", "skills", "pool"),
            *("on_duty", "load", "cap", "grid_code", "idle_since", "updated_at"),
        ),
        [
            (
                *(i, points[i - 1]),
                *(
                    (latest[i - 1], s.positioned_at, positions[i - 1].x, positions[i - 1].y, "cgcs2000")
                    if s.position
                    else (None, None, None, None, None)
                ),
                *([ids[key] for key in w.skills], w.employment, s.on_duty, loads[i - 1], profile.policy.cap),
                *(w.grid_code, s.idle_since, now),
            )
            for i, w, s in zip(count(1), workers, shifts, strict=False)
        ],
    )


def _blocks(town: Town) -> Iterator[tuple[str, str, Polygon]]:
    """Use, name and shape (plan metres) of each block, drawn back from the roads around it."""
    uses: dict[int, dict[str, float]] = {}
    for lot, use in zip(town.layout.lots, town.territory.uses, strict=True):
        shares = uses.setdefault(lot.block, {})
        shares[use] = shares.get(use, 0.0) + lot.face.area
    yield from (("farm", "", field) for field in town.fields)
    for place, block in enumerate(town.layout.blocks):
        use = max(uses[place], key=lambda use: uses[place][use]) if place in uses else block.use
        name = block.name if use == "park" else ""
        for shape in polygons_of(block.face.buffer(-_ROAD_MARGIN_M.get(use, _COMMON_MARGIN_M), join_style="mitre")):
            yield use, name, shape


def _organisations(town: Town) -> Iterator[Row]:
    for level, (organisation, suffix) in _COMMITTEES.items():
        for grid in town.territory.level(level):
            parent = f"P{grid.parent_code}" if grid.parent_code else None
            yield f"P{grid.code}", f"{grid.name}{suffix}", organisation, parent, grid.code, None, None
    for grid in town.territory.level("quarter"):
        yield f"P{grid.code}", f"{grid.name}网格党支部", "grid_branch", f"P{grid.parent_code}", grid.code, None, None
    for i, b in enumerate(town.buildings, start=1):
        code = f"P{_building_code(b)}"
        yield code, f"{b.name}党小组", "building_group", f"P{b.quarter.code}", b.grid_code, i, None
    for i, household in enumerate(town.households, start=1):
        b = town.buildings[household.building]
        name = f"{b.name}{household.unit}单元{household.room}党员中心户"
        yield f"PH{i:05d}", name, "member_household", f"P{_building_code(b)}", b.grid_code, None, i


def _building_code(building: Any) -> str:
    return f"{building.quarter.code}B{building.number:02d}"

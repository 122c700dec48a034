from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import insert, text

from db import candidates, models, policies
from db.session import Database
from db.territory import locate
from geo.crs import storage_to_metric
from geo.errors import OutsideCounty
from governance.access import SYSTEM, Principal
from governance.policy import Policy, Requirement
from tests.oracle import Oracle, Spot
from tests.people import OFFICER

CASES = 120
"""For each of the worlds: more than two thousand in all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """A policy, what happened to the county before, and who asks."""

    name: str
    policy: dict[str, Any]
    change: str = "SELECT 1"
    principal: Principal = SYSTEM
    has_history: bool = False
    """Whether people were sent to the incidents before, are there still or declined."""


_BUSY = """UPDATE responder SET load = worker_id % 4 % (cap + 1), cap = greatest(cap, worker_id % 4 % (cap + 1)),
    finished_at = TIMESTAMPTZ '2026-11-23 02:05Z' - make_interval(secs => worker_id % 1200)"""
_NO_ROADS = "DELETE FROM base.road_edge"
_TORN_ROADS = "DELETE FROM base.road_edge WHERE id % 3 = 0"
_CARDS = {
    "0301": (
        Requirement(posts=frozenset({"grid_chief"}), skills=frozenset({1}), freshness_s=600),
        Requirement(people=2, origins=frozenset({"police", "community_staff"}), cap=2, rest_s=300),
    ),
    "0101": (Requirement(pools=frozenset({"part_time", "full_time"}), max_distance_m=1500),),
}
WORLDS = [
    World(name="as it is", policy={}),
    World(name="by e-bike, with run cards", policy={"mode": "ebike", "cards": _CARDS, "shortlist": 3}),
    World(name="by car", policy={"mode": "car", "shortlist": 20, "pools": frozenset({"full_time", "part_time"})}),
    World(name="near ones only", policy={"max_distance_m": 600, "shortlist": 12}),
    World(name="busy and tired", policy={"rest_s": 600, "cap": 2, "shortlist": 1}, change=_BUSY),
    World(name="no roads", policy={"excludes_stale": True, "freshness_s": 120}, change=_NO_ROADS),
    World(name="torn roads", policy={"max_distance_m": 2500, "shortlist": 10}, change=_TORN_ROADS),
    World(name="an officer's street", policy={"excludes_stale": True, "cards": _CARDS}, principal=OFFICER),
    World(name="sent before", policy={"rest_s": 600, "cap": 2}, change=_BUSY, has_history=True),
]
ENDINGS = {"sent": "sent", "arrived": "sent", "refused": "declined", "timed_out": "declined", "handed_over": "declined"}
"""What somebody's assignment makes of them; who was withdrawn or is done may be sent again."""


def points(database: Database, rng: np.random.Generator) -> Iterator[tuple[float, float]]:
    """Anywhere in and about the town, at corners and on borders of grids, and where people stand (many share it)."""
    with database.engine.connect() as connection:
        west, south, east, north = connection.execute(
            text("SELECT ST_XMin(town), ST_YMin(town), ST_XMax(town), ST_YMax(town) FROM deployment")
        ).one()
        corners = connection.execute(
            text("SELECT ST_X(p.geom) AS x, ST_Y(p.geom) AS y FROM grid, ST_DumpPoints(geom) AS p ORDER BY 1, 2")
        ).all()
        stands = connection.execute(
            text(
                """SELECT ST_X(ST_Transform(point, 4490)) AS x, ST_Y(ST_Transform(point, 4490)) AS y
                FROM responder WHERE on_duty ORDER BY worker_id"""
            )
        ).all()
    while True:
        match rng.integers(5):
            case 0:
                yield tuple(corners[rng.integers(len(corners))])
            case 1:
                first = int(rng.integers(len(corners) - 1))
                a, b = corners[first], corners[first + 1]
                yield (a.x + b.x) / 2, (a.y + b.y) / 2
            case 2:
                yield tuple(stands[rng.integers(len(stands))])
            case _:
                yield float(rng.uniform(west - 0.005, east + 0.005)), float(rng.uniform(south - 0.005, north + 0.005))


def incidents_at(
    database: Database, rng: np.random.Generator, now: datetime, scope: str
) -> list[tuple[str, str, str, float, float]]:
    """Reports put straight into the table: number, class, grid and place."""
    with database.engine.connect() as connection:
        classes = connection.execute(text("SELECT code FROM incident_class ORDER BY code")).scalars().all()
    rows: list[tuple[str, str, str, float, float]] = []
    with database.session(SYSTEM) as session:
        for lon, lat in points(database, rng):
            if len(rows) == CASES:
                break
            try:
                grid = locate(session, lon, lat).grid_code
            except OutsideCounty:
                continue
            if grid.startswith(scope):
                code = "0301" if rng.random() < 0.1 else str(classes[rng.integers(len(classes))])
                rows.append((f"T{len(rows)}", code, grid, lon, lat))
    with database.engine.begin() as connection:
        connection.execute(
            insert(models.Incident),
            [
                {
                    **dict.fromkeys(("title", "description", "address", "reporter_name", "reporter_phone"), ""),
                    **dict.fromkeys(("is_sensitive", "is_supervised", "is_outside_grid", "is_exempt"), False),
                    **dict.fromkeys(("suspensions", "extensions", "reworks"), 0),
                    **dict.fromkeys(("reported_at", "stage_since", "settle_by"), now),
                    "no": no, "class_code": code, "severity": 4, "status": "reported", "is_open": True,
                    "source": "patrol", "geom": f"SRID=4490;POINT({lon!r} {lat!r})", "raw_x": lon, "raw_y": lat,
                    "raw_crs": "cgcs2000", "grid_code": grid, "limit_amount": 1, "limit_clock": "work_day",
                    "version": 1,
                }
                for no, code, grid, lon, lat in rows
            ],
        )  # fmt: skip
    return rows


def people_sent(
    database: Database, rng: np.random.Generator, now: datetime, numbers: Sequence[str]
) -> dict[str, dict[int, str]]:
    """Assignments put straight into the table, to every incident some; what is to be told of whom, by incident."""
    told: dict[str, dict[int, str]] = {}
    with database.engine.begin() as connection:
        ids = {row.no: row.id for row in connection.execute(text("SELECT id, no FROM incident"))}
        workers = list(connection.scalars(text("SELECT worker_id FROM responder WHERE on_duty ORDER BY worker_id")))
        rows = []
        for no in numbers:
            chosen = rng.choice(workers, size=int(rng.integers(40)), replace=False)
            statuses = [str(s) for s in rng.choice([*ENDINGS, "withdrawn", "done"], size=len(chosen))]
            told[no] = {int(w): ENDINGS[s] for w, s in zip(chosen, statuses, strict=True) if s in ENDINGS}
            rows += [
                {
                    **dict.fromkeys(("reason", "end_reason", "dispatched_by"), ""),
                    "incident_id": ids[no], "worker_id": int(worker), "status": status, "is_override": False,
                    "distance_m": 1.0, "dispatched_at": now, "slot": slot,
                    "ended_at": None if ENDINGS.get(status) == "sent" else now,
                }
                for slot, (worker, status) in enumerate(zip(chosen, statuses, strict=True), start=1)
            ]  # fmt: skip
        connection.execute(insert(models.Assignment), rows)
    return told


@pytest.mark.parametrize("world", WORLDS, ids=[world.name for world in WORLDS])
def test_the_recommended_order_equals_brute_force(county: Database, now: datetime, world: World):
    """At 120 places in each of nine worlds the list, its times and the counts are those of judging everybody."""
    rng = np.random.default_rng(WORLDS.index(world))
    with county.engine.begin() as connection:
        connection.execute(text(world.change))
    with county.session(SYSTEM) as session:
        given: Policy = replace(policies.policy_in_force(session), **{"cards": {}, **world.policy})
    policy = policies.save(county, SYSTEM, given, note=world.name, now=now)
    places = incidents_at(county, rng, now, world.principal.grid_prefix)
    away = people_sent(county, rng, now, [no for no, *_ in places]) if world.has_history else {}
    oracle = Oracle(county)
    later = now + timedelta(seconds=60)
    with county.session(world.principal) as session:
        for no, class_code, grid, lon, lat in places:
            found = candidates.recommend(session, no, principal=world.principal, now=later)
            x, y = storage_to_metric(lon, lat, 4550)
            card = policy.cards.get(class_code) or (Requirement(),)
            assert [line.rules.people for line in found.lines] == [line.people for line in card]
            for line, got in zip(card, found.lines, strict=True):
                place = Spot(grid=grid, class_code=class_code, lon=lon, lat=lat, x=x, y=y)
                scope = world.principal.grid_prefix
                expected = oracle.answer(place, policy, line, now=later, scope=scope, away=away.get(no, {}))
                listed = [
                    (e.candidate.code, int(e.ring), e.eta_s, e.is_estimated, e.position.value)
                    for e in got.ranking.ranked
                ]
                assert listed == expected.listed, (no, class_code, lon, lat)
                assert {reason.value: n for reason, n in got.ranking.excluded.items()} == expected.excluded

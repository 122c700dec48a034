"""Where nobody is free, and who could move there."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any

import pytest
from shapely import from_wkb
from shapely.geometry.base import BaseGeometry
from sqlalchemy import text

from db import coverage
from db.session import Database
from governance.access import SYSTEM
from governance.privacy import mask_name
from tests.people import DISPATCHER, OFFICER, RUSONG, VIEWER

_POSTS = text(
    """SELECT r.worker_id, w.code, w.full_name, r.grid_code, g.level, g.parent_code, r.on_duty, r.load, r.pool,
        ST_AsBinary(r.point) AS point
    FROM responder AS r JOIN worker AS w ON w.id = r.worker_id JOIN grid AS g ON g.code = r.grid_code"""
)
_QUARTERS = text(
    """SELECT code, ST_AsBinary(ST_Transform(ST_PointOnSurface(geom), 4550)) AS inside FROM grid
    WHERE level = 'quarter' ORDER BY code"""
)
_WAITING = text(
    """SELECT CASE WHEN g.level = 'building' THEN g.parent_code ELSE g.code END AS code
    FROM incident AS i JOIN grid AS g ON g.code = i.grid_code
    WHERE i.status IN ('reported', 'accepted', 'returned') AND g.level IN ('quarter', 'building')"""
)


def gaps(database: Database, principal: Any = SYSTEM) -> list[coverage.Gap]:
    with database.session(principal) as session:
        return coverage.gaps(session)


def stir(database: Database, *, seed: int, busy: float, on_duty: float) -> None:
    """Gives everybody a duty and a load by chance; most of it in few hands, so that there are gaps."""
    chance = random.Random(seed)
    with database.engine.begin() as connection:
        people = connection.execute(text("SELECT worker_id FROM responder ORDER BY worker_id")).scalars().all()
        rows = [
            {"id": one, "duty": chance.random() < on_duty, "load": int(chance.random() < busy) * chance.randint(1, 3)}
            for one in people
        ]
        connection.execute(
            text(
                """UPDATE responder AS r SET on_duty = n.duty, load = n.load
                FROM unnest(CAST(:ids AS bigint[]), CAST(:duties AS bool[]), CAST(:loads AS int[])) AS n(id, duty, load)
                WHERE r.worker_id = n.id"""
            ),
            {name: [row[key] for row in rows] for name, key in (("ids", "id"), ("duties", "duty"), ("loads", "load"))},
        )


def by_hand(database: Database) -> dict[str, tuple[int, int, float | None, set[str]]]:
    """Of each gap: on duty, waiting, how near the nearest mover is, and who may be meant (equally near)."""
    with database.engine.connect() as connection:
        people = [row._asdict() for row in connection.execute(_POSTS)]
        quarters = {row.code: from_wkb(bytes(row.inside)) for row in connection.execute(_QUARTERS)}
        waiting = list(connection.execute(_WAITING).scalars())
    at_work = [one | {"quarter": _quarter(one)} for one in people if one["on_duty"] and one["pool"] == "full_time"]
    free = [one for one in at_work if one["load"] == 0]
    found = {}
    for code, inside in quarters.items():
        own = [one for one in at_work if one["quarter"] == code]
        if any(one["load"] == 0 for one in own) or not (own or code in waiting):
            continue
        able = [
            one
            for one in free
            if one["quarter"] != code
            and (one["quarter"] is None or sum(mate["quarter"] == one["quarter"] for mate in free) > 1)
        ]
        far = {one["code"]: _metres(one, inside) for one in able}
        least = min(far.values(), default=None)
        nearest = {who for who, m in far.items() if least is not None and m - least < 1e-6}
        found[code] = (len(own), waiting.count(code), least, nearest)
    return found


def _quarter(one: Mapping[str, Any]) -> str | None:
    return {"quarter": one["grid_code"], "building": one["parent_code"]}.get(one["level"])


def _metres(one: Mapping[str, Any], inside: BaseGeometry) -> float:
    return float(from_wkb(bytes(one["point"])).distance(inside))


@pytest.mark.parametrize(("seed", "busy", "on_duty"), [(1, 0.9, 0.08), (2, 0.97, 0.05), (3, 0.6, 0.03), (4, 1.0, 0.05)])
def test_gaps_and_movers_are_those_of_the_definition(county: Database, seed: int, busy: float, on_duty: float):
    """Whatever the duty: the same quarters, counts, people and metres as told by hand from all rows."""
    stir(county, seed=seed, busy=busy, on_duty=on_duty)
    expected = by_hand(county)
    found = {gap.code: gap for gap in gaps(county)}
    assert set(found) == set(expected)
    assert found
    for code, (own, waiting, least, nearest) in expected.items():
        gap = found[code]
        assert (gap.on_duty, gap.waiting) == (own, waiting), code
        if least is None:
            assert gap.mover is None
        else:
            assert gap.mover is not None
            assert gap.mover.distance_m == pytest.approx(least, abs=1e-3)
            assert gap.mover.code in nearest


def test_where_somebody_is_free_there_is_no_gap(county: Database):
    """With everybody on duty and nothing in hand no quarter is listed, whatever waits."""
    stir(county, seed=5, busy=0, on_duty=1)
    assert gaps(county) == []


def test_nobody_on_duty_is_a_gap_only_where_something_waits(county: Database):
    """At night, with everybody at home, the quarters are listed in which incidents wait; nobody can move."""
    stir(county, seed=6, busy=0, on_duty=0)
    found = gaps(county)
    assert [gap.waiting for gap in found] == sorted((gap.waiting for gap in found), reverse=True)
    assert all(gap.waiting and not gap.on_duty and gap.mover is None for gap in found)


def test_names_are_masked_and_scope_holds(county: Database):
    """A street's officer reads gaps of the own street and movers of it; nobody reads a full name."""
    stir(county, seed=1, busy=0.9, on_duty=0.08)
    with county.engine.connect() as connection:
        people = {row.code: row for row in connection.execute(text("SELECT code, full_name, grid_code FROM worker"))}
    everybody, own = gaps(county, DISPATCHER), gaps(county, OFFICER)
    assert [gap.code for gap in own] == [gap.code for gap in everybody if gap.code.startswith(RUSONG)]
    assert 0 < len(own) < len(everybody)
    for gap in (*everybody, *own, *gaps(county, VIEWER)):
        assert gap.mover is None or gap.mover.name == mask_name(people[gap.mover.code].full_name)
    assert all(gap.mover is None or people[gap.mover.code].grid_code.startswith(RUSONG) for gap in own)

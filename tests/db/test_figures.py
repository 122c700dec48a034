"""The wall's figures, of the county and of a part of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from db import devices, figures, incidents, territory
from db.session import Database
from geo.errors import UnknownCode
from governance.access import SYSTEM

_OPEN = text("SELECT no, ST_X(geom) AS lon, ST_Y(geom) AS lat FROM incident WHERE is_open ORDER BY no")


def test_streets_make_the_county(shared_county: Database, now: datetime):
    """Every count of the county is the sum of its streets': all grids lie in one."""
    since = now - timedelta(days=3)
    with shared_county.session(SYSTEM) as session:
        streets = [row.code for row in territory.grids(session, level="street")]
        whole = figures.today(session, now=now, since=since)
        parts = [figures.today(session, now=now, since=since, grid=code) for code in streets]
        for name in ("reported", "closed", "waiting", "processing", "overdue"):
            assert getattr(whole, name) == sum(getattr(part, name) for part in parts) > 0, name
        assert whole.waiting + whole.processing == len(incidents.queue(session))
        hours = [figures.trend(session, now=now, grid=code) for code in streets]
        assert [h.reported for h in figures.trend(session, now=now)] == [
            sum(h.reported for h in hour) for hour in zip(*hours, strict=True)
        ]
        duties = [figures.on_duty(session, grid=code) for code in streets]
        duty = figures.on_duty(session)
        assert (duty.total, duty.on_duty, duty.busy) == tuple(
            sum(getattr(part, name) for part in duties) for name in ("total", "on_duty", "busy")
        )
        assert [part.total for part in duty.parts] == [part.total for part in duties]
        tallies = [devices.tally(session, grid=code) for code in streets]
        assert devices.tally(session) == {
            status: sum(tally[status] for tally in tallies) for status in devices.STATUSES
        }


def test_a_quarter_takes_in_the_buildings_that_it_has(shared_county: Database, now: datetime):
    """A building grid's code doesn't continue its quarter's, and still its people and incidents are the quarter's."""
    since = now - timedelta(days=180)
    with shared_county.session(SYSTEM) as session:
        building = territory.grids(session, level="building")[0]
        quarter = building.parent_code
        assert quarter is not None
        duty = figures.on_duty(session, grid=quarter)
        assert building.code in [part.code for part in duty.parts]
        assert duty.total >= sum(part.total for part in duty.parts) > 0
        ranked = figures.closure_ranking(session, since=since, now=now, under=quarter)
        assert building.code in [rate.code for rate in ranked]
        inside = figures.today(session, now=now, since=since, grid=building.code)
        assert figures.today(session, now=now, since=since, grid=quarter).reported >= inside.reported > 0
        assert figures.closure_ranking(session, since=since, now=now, under=building.code) == []


def test_a_rank_counts_all_below_it(shared_county: Database, now: datetime):
    """What was closed in a community is what was closed in its quarters, their buildings, and beside them."""
    since = now - timedelta(days=180)
    with shared_county.session(SYSTEM) as session:
        for community in figures.closure_ranking(session, since=since, now=now):
            below = figures.closure_ranking(session, since=since, now=now, under=community.code)
            beside = text(
                """SELECT count(*) FROM incident WHERE grid_code = :code AND status = 'closed' AND NOT is_exempt
                AND closed_at >= :since AND closed_at < :now"""
            )
            own = session.scalar(beside, {"code": community.code, "since": since, "now": now})
            assert community.closed == sum(rate.closed for rate in below) + own > 0


def test_an_unknown_grid_is_named(shared_county: Database):
    """No figure of a grid that there isn't."""
    with shared_county.session(SYSTEM) as session:
        for ask in (figures.on_duty, devices.tally):
            with pytest.raises(UnknownCode):
                ask(session, grid="999")
        with pytest.raises(UnknownCode):
            territory.bounds(session, "999")


def test_the_set_of_open_incidents_is_known_by_its_mark(county: Database):
    """The bounds hold them all; the mark changes with the set and with nothing else."""
    with county.session(SYSTEM) as session:
        before = incidents.open_set(session)
        rows = session.execute(_OPEN).all()
    assert before.bounds is not None
    west, south, east, north = before.bounds
    assert {west, east} <= {row.lon for row in rows}
    assert all(west <= row.lon <= east and south <= row.lat <= north for row in rows)
    with county.engine.begin() as connection:
        connection.execute(text("UPDATE incident SET title = title || '!' WHERE is_open"))
    with county.session(SYSTEM) as session:
        assert incidents.open_set(session) == before

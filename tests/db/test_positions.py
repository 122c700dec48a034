"""Positions as they come in: converted, taken once, and refused by row."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db import positions
from db.positions import Fix
from db.session import Database
from geo.datum import wgs84_to_gcj02
from geo.errors import InvalidInput, NotPermitted, UnknownCode
from tests.people import DISPATCHER, OFFICER

LON, LAT = 124.018, 45.005


def fix(now: datetime, **given: Any) -> Fix:
    return Fix(**{"worker": "W00001", "lon": LON, "lat": LAT, "crs": "wgs84", "at": now, **given})


def responder(database: Database, worker: str = "W00001") -> Any:
    with database.engine.connect() as connection:
        return connection.execute(
            text(
                """SELECT r.*, ST_X(r.latest) AS lon, ST_Y(r.latest) AS lat,
                    ST_Distance(r.point, ST_Transform(ST_SetSRID(ST_MakePoint(:lon, :lat), 4490), 4550)) AS off_m
                FROM responder AS r JOIN worker AS w ON w.id = r.worker_id WHERE w.code = :worker"""
            ),
            {"worker": worker, "lon": LON, "lat": LAT},
        ).one()


def test_a_fix_is_stored_in_the_countys_frames(county: Database, now: datetime):
    """A phone's GCJ-02 position lands where the worker stands, in degrees and in metres, the raw values beside it."""
    lon, lat = wgs84_to_gcj02(LON, LAT)
    taken = positions.record(county, DISPATCHER, [fix(now, lon=lon, lat=lat, crs="gcj02")], now=now)
    found = responder(county)
    assert (taken.accepted, taken.unknown) == (1, ())
    assert math.hypot(found.lon - LON, found.lat - LAT) < 1e-8
    assert found.off_m < 0.01
    assert (found.raw_x, found.raw_y, found.raw_crs) == (lon, lat, "gcj02")


def test_an_older_fix_changes_nothing(county: Database, now: datetime):
    """What arrives late, or twice, doesn't move anyone back."""
    positions.record(county, DISPATCHER, [fix(now)], now=now)
    late = positions.record(county, DISPATCHER, [fix(now - timedelta(minutes=1), lon=124.0), fix(now)], now=now)
    assert late.accepted == 0
    assert responder(county).lon == pytest.approx(LON)


def test_the_newest_of_a_batch_counts(county: Database, now: datetime):
    """Several fixes of one worker in a batch are taken in their order: the last one is where they are."""
    batch = [fix(now - timedelta(minutes=2), lon=124.0), fix(now), fix(now - timedelta(minutes=1), lon=124.01)]
    assert positions.record(county, DISPATCHER, batch, now=now).accepted == 3
    assert responder(county).lon == pytest.approx(LON)


def test_a_short_step_leaves_the_index_alone(county: Database, now: datetime):
    """Ten metres move the latest position, not the indexed point; thirty move both."""
    positions.record(county, DISPATCHER, [fix(now)], now=now)
    near = fix(now + timedelta(seconds=5), lat=LAT + 10 / 111_130)
    positions.record(county, DISPATCHER, [near], now=now + timedelta(seconds=5))
    assert responder(county).lat == pytest.approx(near.lat)
    assert responder(county).off_m < 0.01
    far = fix(now + timedelta(seconds=9), lat=LAT + 30 / 111_130)
    positions.record(county, DISPATCHER, [far], now=now + timedelta(seconds=9))
    assert responder(county).off_m == pytest.approx(30, abs=0.5)


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"lat": 91.0}, "lat"),
        ({"lon": math.nan}, "lon"),
        ({"lon": 0.0, "lat": 0.0}, "lon"),
        ({"crs": "mercator"}, "crs"),
    ],
)
def test_a_bad_row_refuses_the_batch(county: Database, now: datetime, given: dict[str, Any], field: str):
    """One fix that can't be read names its row and field, and none of the batch is taken."""
    with pytest.raises(InvalidInput) as refused:
        positions.record(county, DISPATCHER, [fix(now), fix(now, worker="W00002", **given)], now=now)
    assert (refused.value.field, refused.value.row) == (field, 2)
    assert responder(county).positioned_at != now


def test_a_fix_from_the_future_is_refused(county: Database, now: datetime):
    """A clock that is hours ahead would pin a worker for hours."""
    with pytest.raises(InvalidInput) as refused:
        positions.record(county, DISPATCHER, [fix(now + timedelta(hours=1))], now=now)
    assert refused.value.field == "at"


def test_unknown_workers_are_told(county: Database, now: datetime):
    """A batch with a stranger takes the others and names the stranger."""
    taken = positions.record(county, DISPATCHER, [fix(now), fix(now, worker="W99999")], now=now)
    assert (taken.accepted, taken.unknown) == (1, ("W99999",))


def test_only_feeds_may_report_positions(county: Database, now: datetime):
    """A street's officer has no such right."""
    with pytest.raises(NotPermitted):
        positions.record(county, OFFICER, [fix(now)], now=now)


def test_going_off_duty_forgets_where_somebody_is(county: Database, now: datetime):
    """Off duty, a worker's position is gone and the post stands in its place."""
    positions.set_duty(county, DISPATCHER, {"W00001": True}, now=now)
    positions.record(county, DISPATCHER, [fix(now)], now=now)
    assert positions.set_duty(county, DISPATCHER, {"W00001": False}, now=now) == 1
    found = responder(county)
    assert (found.on_duty, found.positioned_at, found.latest) == (False, None, None)
    with county.engine.connect() as connection:
        at_post = connection.scalar(
            text(
                """SELECT ST_DWithin(r.point, ST_Transform(g.geom, 4550), 1) FROM responder AS r
                JOIN worker AS w ON w.id = r.worker_id JOIN grid AS g ON g.code = w.grid_code WHERE w.code = 'W00001'"""
            )
        )
    assert at_post
    with pytest.raises(UnknownCode):
        positions.set_duty(county, DISPATCHER, {"W99999": True}, now=now)

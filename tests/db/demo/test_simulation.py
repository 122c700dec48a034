"""The live demo on the real commands."""

from __future__ import annotations

import logging
import threading
from datetime import datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from db import cases, incidents
from db.demo.simulation import Simulation, run_on_demo_data
from db.demo.walking import along, is_silent
from db.profiles import read_profile
from db.session import Database
from geo.errors import NotPermitted
from governance.access import SYSTEM, Principal, Role

DISPATCHER = Principal(account="dispatcher", role=Role.DISPATCHER, display_name="指挥中心")
TICK = timedelta(seconds=20)

BROKEN = {
    "load": """SELECT worker_id FROM responder AS r WHERE load <> (
        SELECT count(*) FROM assignment AS a WHERE a.worker_id = r.worker_id AND a.ended_at IS NULL)""",
    "active": """SELECT i.no FROM incident AS i WHERE (i.status IN ('dispatched', 'processing')) <> EXISTS (
        SELECT FROM assignment AS a WHERE a.incident_id = i.id AND a.ended_at IS NULL)""",
    "chain": """SELECT s.id FROM incident_step AS s WHERE s.hash <> incident_step_hash(s.previous_hash, s)""",
    "status": """SELECT i.no FROM incident AS i WHERE i.status <> (
        SELECT s.to_status FROM incident_step AS s WHERE s.incident_id = i.id ORDER BY s.id DESC LIMIT 1)""",
    "astray": """SELECT r.worker_id FROM responder AS r, deployment AS d
        WHERE r.on_duty AND NOT ST_DWithin(r.point, ST_Transform(d.town, d.metric_srid), 12000)""",
}


def live(county: Database, now: datetime, *, ticks: int, seed: int = 3) -> datetime:
    simulation = Simulation(county, read_profile("qianan"), seed=seed)
    for _ in range(ticks):
        now += TICK
        simulation.tick(now)
    return now


def figure(database: Database, statement: str) -> int:
    with database.engine.connect() as connection:
        return int(connection.scalar(text(statement)) or 0)


def test_an_hour_passes_and_everything_still_adds_up(county: Database, now: datetime):
    """Incidents come and are settled, workers walk and relieve each other, and no promise of the tables is broken."""
    on_duty = figure(county, "SELECT count(*) FROM responder WHERE on_duty")
    reports, steps = (figure(county, f"SELECT count(*) FROM {t}") for t in ("incident", "incident_step"))
    closed = figure(county, "SELECT count(*) FROM incident WHERE status = 'closed'")

    live(county, now, ticks=180)

    with county.engine.connect() as connection:
        for what, statement in BROKEN.items():
            assert connection.execute(text(statement)).all() == [], what
    assert figure(county, "SELECT count(*) FROM responder WHERE on_duty") == on_duty
    assert figure(county, "SELECT count(*) FROM incident") - reports > 8
    assert figure(county, "SELECT count(*) FROM incident WHERE status = 'closed'") > closed
    assert figure(county, "SELECT count(*) FROM incident_step") - steps > 60
    assert 40 <= figure(county, "SELECT count(*) FROM incident WHERE is_open") <= 85
    assert figure(county, "SELECT count(DISTINCT status_at) FROM device") > 10


def test_walkers_move_at_walking_pace(county: Database, now: datetime):
    """Within a tick a worker with a position moves as far as one on foot or on an e-bike gets, on the way or not."""
    live(county, now, ticks=1)
    places = "SELECT worker_id, ST_X(ST_Transform(latest, 4550)), ST_Y(ST_Transform(latest, 4550)) FROM responder"
    with county.engine.connect() as connection:
        before = {row[0]: np.array(row[1:]) for row in connection.execute(text(f"{places} WHERE latest IS NOT NULL"))}
    live(county, now + TICK, ticks=1, seed=4)
    with county.engine.connect() as connection:
        after = {row[0]: np.array(row[1:]) for row in connection.execute(text(f"{places} WHERE latest IS NOT NULL"))}

    moves = [float(np.hypot(*(after[worker] - before[worker]))) for worker in before if worker in after]

    assert sum(move > 5 for move in moves) > 60
    assert max(moves) <= 20 * 15 / 3.6 + 1


def test_somebodys_own_report_waits_for_somebody(county: Database, now: datetime):
    """What a person reports is not accepted or dispatched behind their back."""
    own = incidents.report(
        county,
        DISPATCHER,
        incidents.Report(title="暴露垃圾", class_code="0101", lon=124.0176, lat=45.0071, crs="cgcs2000"),
        now=now + timedelta(seconds=1),
    )

    later = live(county, now, ticks=60)

    assert later - now == timedelta(minutes=20)
    with county.session(SYSTEM) as session:
        assert cases.get(session, own.no).status == "reported"


def test_real_data_is_never_touched(county: Database, now: datetime, caplog: pytest.LogCaptureFixture):
    """On a deployment that is no demo, a tick refuses, a run ends, and nothing has changed."""
    with county.engine.begin() as connection:
        connection.execute(text("UPDATE deployment SET is_demo = false"))
    steps = figure(county, "SELECT count(*) FROM incident_step")

    with pytest.raises(NotPermitted):
        live(county, now, ticks=1)
    with caplog.at_level(logging.INFO):
        run_on_demo_data(county, threading.Event())

    assert "no demo county" in caplog.text
    assert figure(county, "SELECT count(*) FROM incident_step") == steps
    assert figure(county, "SELECT count(*) FROM responder WHERE updated_at > '2026-11-23 02:05:01+00'") == 0


def test_a_stumble_is_logged_and_the_run_goes_on(
    county: Database, now: datetime, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
):
    """A broken tick is said in the log with its trace, and the next one works again."""
    monkeypatch.setattr("db.demo.simulation.TICK_S", 0.01)
    monkeypatch.setattr("db.demo.simulation._RETRY_S", 0.01)
    stop, instants = threading.Event(), iter([None, now + TICK, now + 2 * TICK])

    def clock() -> datetime:
        instant = next(instants, "over")
        if instant == "over":
            stop.set()
            return now + 3 * TICK
        if instant is None:
            raise RuntimeError("the clock has stopped")
        return instant

    Simulation(county, read_profile("qianan"), clock=clock).run(stop)

    assert "the clock has stopped" in caplog.text
    assert figure(county, "SELECT count(*) FROM responder WHERE updated_at > '2026-11-23 02:05:01+00'") > 0


def test_one_process_simulates_a_database(county: Database, now: datetime):
    """While another process holds the simulation's lock, this one stands by."""
    with county.engine.connect() as other:
        other.execute(text("SELECT pg_advisory_lock(220724)"))
        Simulation(county, read_profile("qianan"), clock=lambda: now + TICK)._run_alone(threading.Event())
        other.execute(text("SELECT pg_advisory_unlock(220724)"))

    assert figure(county, "SELECT count(*) FROM responder WHERE updated_at > '2026-11-23 02:05:01+00'") == 0


@given(
    corners=st.lists(st.tuples(st.floats(-500, 500), st.floats(-500, 500)), min_size=1, max_size=8),
    distance_m=st.floats(0, 2000),
)
def test_along_never_goes_further_than_asked(corners: list[tuple[float, float]], distance_m: float):
    """The point lies on the way, no further along than the distance, and at the end when the way is shorter."""
    way = np.array(corners)
    length = float(np.hypot(*np.diff(way, axis=0).T).sum()) if len(way) > 1 else 0.0

    point, left = along(way, distance_m)

    assert np.hypot(*(np.array(point) - way[0])) <= distance_m + 1e-6
    if distance_m > length + 1e-6:
        assert point == pytest.approx(tuple(way[-1]))
        assert len(left) == 0


def test_some_phones_are_silent_always_the_same():
    """About one in seven, so that some positions grow stale."""
    silent = [is_silent(f"W{i:05d}") for i in range(2000)]

    assert 0.10 < sum(silent) / 2000 < 0.18
    assert silent == [is_silent(f"W{i:05d}") for i in range(2000)]

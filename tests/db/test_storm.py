"""Many at once: everybody claims, ends and moves the same responders, and the books are right at every moment."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from multiprocessing import get_context
from time import sleep
from typing import Any

from sqlalchemy import text

from db import assignments, incidents, replacements
from db.candidates import recommend
from db.incidents import Report
from db.session import Database
from tests.db import storm
from tests.db.balance import require_balance, until_waiting
from tests.db.storm import FEEDS, LAT, LON
from tests.people import DISPATCHER

COMMANDERS = 64
CONNECTIONS = 40
"""Which they share, as the threads of a server do: the embedded cluster takes 60 clients."""
INCIDENTS, ON_DUTY, MOVING = 60, 60, 1500


def report(database: Database, now: datetime, **facts: Any) -> str:
    given = {"title": "暴露垃圾", "class_code": "0101", "lon": LON, "lat": LAT, "crs": "wgs84", **facts}
    return incidents.report(database, DISPATCHER, Report(**given), now=now).no


def deadlocks(database: Database) -> int:
    with database.engine.connect() as connection:
        counted = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        return int(connection.scalar(text(counted)) or 0)


@contextmanager
def crowd(database: Database) -> Iterator[Database]:
    """A pool for many; when its connections are gone, PostgreSQL has counted what happened to them."""
    opened = Database.open(database.url, pool_size=CONNECTIONS)
    try:
        yield opened
    finally:
        opened.dispose()


def staff(database: Database, people: int) -> list[tuple[int, str]]:
    """Leaves so many free responders on duty; their ids and codes in the order of the ids."""
    with database.engine.begin() as connection:
        connection.execute(
            text(
                """UPDATE responder SET on_duty = worker_id IN (
                    SELECT worker_id FROM responder WHERE pool = 'full_time' AND on_duty AND load = 0
                    ORDER BY worker_id LIMIT :people)"""
            ),
            {"people": people},
        )
        codes = "SELECT id, code FROM worker WHERE id IN (SELECT worker_id FROM responder WHERE on_duty) ORDER BY id"
        return [(row.id, row.code) for row in connection.execute(text(codes))]


def test_calling_back_a_crew_never_waits_against_a_batch_of_positions(county: Database, now: datetime):
    """A batch holds the second of a crew and comes to the lead, who has just refused: one waits, none is killed."""
    no, ((second, _), (leading, code)) = report(county, now), staff(county, 2)
    assignments.dispatch(county, DISPATCHER, no, now=now, worker=code, reason="熟悉情况")
    assignments.reinforce(county, DISPATCHER, no, now=now)
    hold = text("SELECT FROM responder WHERE worker_id = :id FOR NO KEY UPDATE")
    with ThreadPoolExecutor(1) as pool, county.engine.begin() as batch:
        batch.execute(hold, {"id": second})
        refused = pool.submit(replacements.refuse, county, DISPATCHER, no, reason="在忙", now=now)
        until_waiting(county, 1)
        batch.execute(hold, {"id": leading})
        batch.commit()
        assert refused.result(timeout=20).crew == ()
    require_balance(county)


def test_a_batch_of_positions_doesn_t_make_anybody_ineligible(county: Database, now: datetime):
    """While a batch holds everybody on duty the sending waits for a moment, and then takes the first after all."""
    no, people = report(county, now), staff(county, 3)
    with county.session(DISPATCHER) as session:
        first = recommend(session, no, principal=DISPATCHER, now=now).ranking.ranked[0].candidate
    with ThreadPoolExecutor(1) as pool, county.engine.begin() as batch:
        hold = text("SELECT FROM responder WHERE worker_id = ANY (:ids) ORDER BY worker_id FOR NO KEY UPDATE")
        batch.execute(hold, {"ids": [worker for worker, _ in people]})
        sent = pool.submit(assignments.dispatch, county, DISPATCHER, no, now=now)
        sleep(0.1)
        assert not sent.done()
        batch.commit()
        assert [one.worker_code for one in sent.result(timeout=20).crew] == [first.code]


def positions_of(database: Database) -> dict[str, tuple[datetime, float, float]]:
    with database.engine.connect() as connection:
        rows = connection.execute(
            text(
                """SELECT w.code, r.positioned_at, r.raw_x, r.raw_y
                FROM responder AS r JOIN worker AS w ON w.id = r.worker_id"""
            )
        )
        return {row.code: (row.positioned_at, row.raw_x, row.raw_y) for row in rows}


def test_a_storm_of_commands_and_positions(county: Database, now: datetime):
    """64 commanders and two feeds of 1,000 fixes a batch share few responders: no deadlock, and the books stay right.

    Everybody's load equals their active assignments at every moment, nobody is sent beyond the cap, each one's last
    position is the newest ever known, and whatever is refused is refused by the rules.
    """
    on_duty = [code for _, code in staff(county, ON_DUTY)]
    standing = positions_of(county)
    moving = sorted({*on_duty, *sorted(standing)[:MOVING]})
    numbers = [report(county, now, lon=LON + place * 1e-4) for place in range(INCIDENTS)]
    with (
        crowd(county) as database,
        ThreadPoolExecutor(COMMANDERS) as threads,
        ProcessPoolExecutor(FEEDS + 1, mp_context=get_context("spawn")) as processes,
    ):
        [waiting.result() for waiting in [processes.submit(storm.ready) for _ in range(FEEDS + 1)]]
        clock = storm.Clock(now)
        watcher = processes.submit(storm.watch, county.url, clock)
        feeds = [processes.submit(storm.feed, county.url, clock, turn, moving) for turn in range(FEEDS)]
        commanders = [
            threads.submit(storm.command, database, clock, turn, numbers, on_duty) for turn in range(COMMANDERS)
        ]
        outcomes = sum((commander.result() for commander in commanders), Counter[str]())
        streamed = [running.result() for running in feeds]
        looks = watcher.result()
    require_balance(county)
    storm.require_crews(county)
    assert deadlocks(county) == 0
    newest = {code: place for code, place in standing.items() if place[0]}
    for code, fix in (item for _, found in streamed for item in found.items()):
        sent = (fix.at, fix.lon, fix.lat)
        newest[code] = max(sent, newest.get(code, sent))
    stored = positions_of(county)
    assert {code: stored[code] for code in newest} == newest
    # A busy machine gets less far in the time; without anything of each kind it would have been no storm.
    assert looks > 1
    assert min(outcomes["dispatch"], outcomes["resolve"], *(taken for taken, _ in streamed)) > 0

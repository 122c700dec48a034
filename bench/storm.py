"""Sixty-four dispatchers at once while positions pour in: who got sent twice, what was lost, what got stuck."""

from __future__ import annotations

import multiprocessing
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from bench.crowd import DISPATCHER, NOW, reports
from db import assignments, positions
from db.positions import MOST_FIXES, Fix
from db.session import Database
from geo.errors import AlreadyDispatched, GridCommandError, NobodyEligible
from governance.access import SYSTEM

_DISPATCHERS = 64
_RATE = 5_000
"""Positions a second."""


def run(database: Database, *, seconds: int, pause_s: float, seed: int) -> None:
    """Storms for so long, then counts: nothing of what is printed first may be other than zero.

    All dispatchers strike at the same instant, every `pause_s` seconds; with 0 each as fast as the machine lets it.
    """
    numbers = reports(database, 20 * seconds, seed=seed)
    with database.engine.connect() as connection:
        workers = list(connection.execute(text("SELECT code FROM worker ORDER BY id LIMIT 4000")).scalars())
        before = connection.scalar(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
    outcomes: Counter[str] = Counter()
    # A process of its own, as phones are: the dispatchers' threads leave it none of this one's time.
    spawn = multiprocessing.get_context("spawn")
    taken = spawn.Value("q", 0)
    fed = spawn.Process(target=_feed, args=(database.url, workers, seconds, seed, taken))
    fed.start()
    while fed.is_alive() and not taken.value:
        time.sleep(0.05)
    began = time.monotonic()
    ends = began + seconds

    def dispatch(turn: int) -> None:
        for blow, no in enumerate(numbers[turn::8]):  # eight dispatchers want each incident
            time.sleep(max(0.0, began + blow * pause_s - time.monotonic()))
            if time.monotonic() > ends:
                return
            try:
                assignments.dispatch(database, DISPATCHER, no, now=NOW)
                outcomes["sent"] += 1
            except AlreadyDispatched:
                outcomes["taken"] += 1
            except NobodyEligible:
                outcomes["nobody"] += 1
            except GridCommandError as error:
                outcomes[error.code] += 1

    with ThreadPoolExecutor(_DISPATCHERS) as pool:
        list(pool.map(dispatch, [n % 8 for n in range(_DISPATCHERS)]))
    fed.join()
    outcomes["fixes"] = taken.value
    with database.engine.connect() as connection:
        after = connection.scalar(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
        twice = connection.scalar(
            text(
                """SELECT count(*) FROM (SELECT incident_id FROM assignment WHERE ended_at IS NULL AND slot = 1
                GROUP BY incident_id HAVING count(*) > 1) AS d"""
            )
        )
        lost = connection.scalar(
            text(
                """SELECT count(*) FROM responder AS r WHERE r.load <> (
                    SELECT count(*) FROM assignment AS a WHERE a.worker_id = r.worker_id AND a.ended_at IS NULL)"""
            )
        )
    told = f"one dispatch each every {pause_s:g} s" if pause_s else "flat out"
    print(f"\nstorm: {_DISPATCHERS} dispatchers {told}, {seconds} s")
    print(f"  double claims {twice}, lost updates {lost}, deadlocks {(after or 0) - (before or 0)}")
    print(f"  {outcomes['sent'] / seconds:.0f} dispatches/s, {outcomes['fixes'] / seconds:,.0f} positions/s")
    print(f"  {dict(outcomes)}")


def _feed(url: str, workers: list[str], seconds: int, seed: int, taken: Any) -> None:
    """Feeds positions; those of a later seed are later ones."""
    database = Database.open(url)
    began, turn = time.monotonic(), 0
    while time.monotonic() < began + seconds:
        chosen = [workers[(turn * MOST_FIXES + n) % len(workers)] for n in range(MOST_FIXES)]
        at = NOW + timedelta(seconds=seed, milliseconds=turn)
        fixes = [
            Fix(worker=code, lon=124.0 + n % 40 * 1e-3, lat=45.0 + turn % 20 * 1e-3, crs="cgcs2000", at=at)
            for n, code in enumerate(chosen)
        ]
        taken.value += positions.record(database, SYSTEM, fixes, now=NOW + timedelta(minutes=1)).accepted
        turn += 1
        # By the clock, so that a batch that was held up is made up for, as phones send what they kept.
        time.sleep(max(0.0, began + turn * MOST_FIXES / _RATE - time.monotonic()))

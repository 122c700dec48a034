"""The parts of a storm: commanders as threads of one process, feeds and a watcher in processes of their own."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from time import monotonic, sleep

from sqlalchemy import text

from db import assignments, handling, positions, replacements
from db.positions import MOST_FIXES, Fix
from db.session import Database
from geo.errors import Conflict
from governance.lifecycle import Action
from tests.db.balance import require_balance
from tests.people import DISPATCHER

LON, LAT = 124.018, 45.005
LASTS_S = 5.0
PAUSE_S = 0.05
FEEDS = 2
_MINUTE = timedelta(minutes=1)
_WALKS = {
    ("dispatch",): 8,
    ("withdraw", "dispatch"): 4,
    ("dispatch", "acknowledge", "arrive", "resolve", "verify", "reopen"): 4,
    ("arrive", "resolve", "rework", "resolve", "verify", "reopen"): 4,
    ("refuse",): 3,
    ("reinforce",): 2,
    ("reassign",): 2,
    ("time_out",): 1,
    ("hand_over",): 1,
}
"""What a commander does with an incident, and how often; the first refusal ends it."""

_WRONG_CREW = text(
    """SELECT i.no, i.status, count(a.id) FROM incident AS i
    LEFT JOIN assignment AS a ON a.incident_id = i.id AND a.slot = 1 AND a.ended_at IS NULL
    GROUP BY i.id HAVING count(a.id) <> (i.status IN ('dispatched', 'processing'))::int ORDER BY i.no"""
)
_POSITIONED = text("SELECT worker_id, positioned_at FROM responder WHERE positioned_at IS NOT NULL")


class Clock:
    """Runs on from an instant of the demo county, the same in every process of this machine."""

    def __init__(self, now: datetime) -> None:
        self._now, self._began = now, monotonic()

    @property
    def is_over(self) -> bool:
        return monotonic() - self._began > LASTS_S

    def read(self) -> datetime:
        return self._now + timedelta(seconds=monotonic() - self._began)


def command(database: Database, clock: Clock, turn: int, numbers: list[str], workers: list[str]) -> Counter[str]:
    """Takes one incident after another a part of its way; what was done, and what was refused because others did."""
    chance, outcomes = random.Random(turn), Counter[str]()
    while not clock.is_over:
        walk = chance.choices(list(_WALKS), list(_WALKS.values()))[0]
        no, worker = chance.choice(numbers), chance.choice(workers)
        for name in walk:
            try:
                _take(database, clock.read(), name, no, worker)
            except Conflict as refused:
                outcomes[f"{name}: {refused.code}"] += 1
                break
            outcomes[name] += 1
    return outcomes


def _take(database: Database, now: datetime, name: str, no: str, worker: str) -> object:
    commands: dict[str, Callable[[], object]] = {
        "dispatch": lambda: assignments.dispatch(database, DISPATCHER, no, now=now),
        "reinforce": lambda: assignments.reinforce(database, DISPATCHER, no, now=now),
        "refuse": lambda: replacements.refuse(database, DISPATCHER, no, reason="在忙", now=now),
        "reassign": lambda: replacements.reassign(database, DISPATCHER, no, reason="换人", now=now),
        "hand_over": lambda: replacements.hand_over(database, DISPATCHER, worker, now=now),
        # As if most of the time to answer were over. No step may be five minutes older than the last: a command that a
        # busy machine holds up for as long as is missing here would be.
        "time_out": lambda: replacements.time_out(database, now=now + timedelta(seconds=300 - 0.8 * LASTS_S)),
    }
    if name in commands:
        return commands[name]()
    return handling.advance(database, DISPATCHER, no, Action(name), now=now, opinion="已处理")


def feed(url: str, clock: Clock, turn: int, workers: list[str]) -> tuple[int, dict[str, Fix]]:
    """Streams whole batches, a tenth of the fixes late by minutes: how many were taken, and the newest sent of each.

    No two fixes of a storm are of one instant.
    """
    chance, database = random.Random(turn), Database.open(url)
    taken, newest = 0, dict[str, Fix]()
    while not clock.is_over:
        now = clock.read()
        now -= timedelta(microseconds=now.microsecond % FEEDS)  # so that the last digit tells the feeds apart
        batch = [
            Fix(
                worker=worker,
                lon=LON + chance.uniform(-0.02, 0.02),
                lat=LAT + chance.uniform(-0.01, 0.01),
                crs="cgcs2000",
                at=now - chance.choice([0] * 9 + [2]) * _MINUTE - timedelta(microseconds=FEEDS * place + turn),
            )
            for place, worker in enumerate(chance.sample(workers, MOST_FIXES))
        ]
        taken += positions.record(database, DISPATCHER, batch, now=now).accepted
        for fix in batch:
            if fix.worker not in newest or newest[fix.worker].at < fix.at:
                newest[fix.worker] = fix
        sleep(PAUSE_S)
    database.dispose()
    return taken, newest


def watch(url: str, clock: Clock) -> int:
    """Looks again and again whether loads and crews are right and nobody moves back in time; how often it looked."""
    database, looks = Database.open(url), 0
    before: dict[int, datetime] = {}
    while not clock.is_over:
        require_balance(database)
        require_crews(database)
        with database.engine.connect() as connection:
            seen = {row.worker_id: row.positioned_at for row in connection.execute(_POSITIONED)}
        assert all(seen[worker] >= at for worker, at in before.items())
        before = seen
        looks += 1
        sleep(PAUSE_S)
    database.dispose()
    return looks


def require_crews(database: Database) -> None:
    """Whoever leads is on the way or at work where the status says so, and nowhere else."""
    with database.engine.connect() as connection:
        assert connection.execute(_WRONG_CREW).all() == []


def ready() -> None:
    """Nothing: a process that answers has loaded what it needs."""

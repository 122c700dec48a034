"""The change feed: every commit is heard, by layer, also after the connection was lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime

import pytest
from sqlalchemy import text

from db import devices, incidents
from db.feed import ChangeFeed
from db.incidents import Report
from db.session import Database
from tests.people import DISPATCHER

PATIENCE_S = 15.0


def until(happened: Callable[[], bool]) -> bool:
    """Whether it happens before patience ends."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        if happened():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def feed(county: Database) -> Iterator[ChangeFeed]:
    feed = ChangeFeed(county)
    feed.start()
    assert until(lambda: feed.is_live)
    yield feed
    feed.stop()


def report(database: Database, now: datetime) -> None:
    facts = Report(title="暴露垃圾", class_code="0101", lon=124.018, lat=45.005, crs="wgs84")
    incidents.report(database, DISPATCHER, facts, now=now)


def test_a_commit_raises_the_layers_it_touched(county: Database, feed: ChangeFeed, now: datetime):
    """A reported incident raises the incidents' revision and nobody else's."""
    seen = feed.revisions()
    report(county, now)
    heard = feed.wait(seen, PATIENCE_S)
    assert heard["incidents"] > seen["incidents"]
    assert {key: rev for key, rev in heard.items() if key != "incidents"} == {
        key: rev for key, rev in seen.items() if key != "incidents"
    }
    assert feed.last_change_at is not None


def test_a_rolled_back_change_is_not_heard(county: Database, feed: ChangeFeed, now: datetime):
    """What wasn't committed didn't happen; the next commit is heard."""
    seen = feed.revisions()
    connection = county.engine.connect()
    connection.execute(text("UPDATE device SET status_at = now()"))
    connection.rollback()
    connection.close()
    report(county, now)
    heard = feed.wait(seen, PATIENCE_S)
    assert heard["devices"] == seen["devices"]


def test_a_lost_connection_heals_and_misses_nothing(county: Database, feed: ChangeFeed, now: datetime):
    """Cut off, the feed says so; back again, every revision has risen, since something may have changed meanwhile."""
    seen = feed.revisions()
    with county.engine.connect() as connection:
        connection.execute(
            text(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()"""
            )
        )
    code = "devices"
    assert until(lambda: all(feed.revision(key) > rev for key, rev in seen.items()))
    assert until(lambda: feed.is_live)
    with county.engine.connect() as connection:
        device = connection.scalar(text("SELECT code FROM device WHERE status = 'online' ORDER BY id LIMIT 1"))
    before = feed.revision(code)
    devices.set_status(county, DISPATCHER, {device: "offline"}, now=now)
    assert until(lambda: feed.revision(code) > before)

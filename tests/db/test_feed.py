"""The change feed: every commit is heard, by layer, also after the connection was lost."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from db import devices, incidents
from db.feed import ChangeFeed
from db.incidents import Report
from db.session import Database
from tests.conftest import Server
from tests.frost import frozen
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


def test_a_database_that_hangs_is_told_and_heals(server: Server, county: Database, feed: ChangeFeed, now: datetime):
    """It breaks no connection and answers nothing: the feed says so in time, and misses nothing afterwards."""
    if server.cluster is None:
        pytest.skip("the server belongs to somebody else: it isn't stopped")
    seen = feed.revisions()
    stopped_at = datetime.now(UTC)
    with frozen(server.cluster):
        assert until(lambda: not feed.is_live)
        assert feed.lost_at is not None
        assert abs((feed.lost_at - stopped_at).total_seconds()) < 3, "it tells the last sign of life"
        time.sleep(6)  # longer than an answer is waited for: it has tried to connect anew
        assert not feed.is_live, "a connection that is opened but not answered is none"
    assert until(lambda: feed.is_live)
    assert feed.lost_at is None
    assert all(feed.revision(key) > rev for key, rev in seen.items())
    before = feed.revision("incidents")
    report(county, now)
    assert until(lambda: feed.revision("incidents") > before)


def test_a_feed_whose_thread_hangs_is_not_believed(feed: ChangeFeed, monkeypatch: pytest.MonkeyPatch):
    """Whoever asks looks at the last sign of life by a clock of their own."""
    later = time.monotonic() + 10
    monkeypatch.setattr("db.feed.time.monotonic", lambda: later)
    assert not feed.is_live


def test_a_change_that_comes_with_an_answer_is_heard(county: Database, now: datetime, monkeypatch: pytest.MonkeyPatch):
    """What is told while the feed asks for a sign of life counts as much as what is told while it waits."""
    monkeypatch.setattr("db.feed._HEARTBEAT_S", 0.0)
    feed = ChangeFeed(county)
    feed.start()
    try:
        assert until(lambda: feed.is_live)
        for _ in range(20):
            before = feed.revision("incidents")
            report(county, now)
            assert until(lambda was=before: feed.revision("incidents") > was)
    finally:
        feed.stop()

"""Whether everybody's load is what they have to do, and who waits for whom."""

from __future__ import annotations

from time import monotonic, sleep

from sqlalchemy import text

from db.session import Database

_UNBALANCED = text(
    """SELECT r.worker_id, r.load, r.cap, count(a.id) AS active
    FROM responder AS r
    LEFT JOIN assignment AS a ON a.worker_id = r.worker_id AND a.ended_at IS NULL
    GROUP BY r.worker_id
    HAVING r.load <> count(a.id) OR r.load > r.cap
    ORDER BY r.worker_id"""
)
_WAITING = text("SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'")


def require_balance(database: Database) -> None:
    """Everybody's load equals their active assignments and is within the cap, in one snapshot."""
    with database.engine.connect() as connection:
        assert connection.execute(_UNBALANCED).all() == []


def until_waiting(database: Database, sessions: int) -> None:
    """Returns once so many of the database's sessions wait for a lock."""
    until = monotonic() + 20
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        while (connection.scalar(_WAITING) or 0) < sessions:
            assert monotonic() < until, f"{sessions} sessions never waited"
            sleep(0.01)

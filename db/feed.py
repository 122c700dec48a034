"""Hears of changes as they are committed and counts them: one listener per process, a revision per layer."""

from __future__ import annotations

import logging
import select
import threading
import time
from collections.abc import Mapping
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo
from psycopg.pq import ExecStatus
from sqlalchemy import make_url

from db.session import LINE, Database
from geo.features import FEATURE_TYPES

_LOG = logging.getLogger(__name__)
_HEARTBEAT_S = 2.0
"""How often a quiet connection is asked whether it still lives."""
_ANSWER_S = 5.0
"""A database that hangs breaks no connection: one that says nothing for so long is taken for gone."""
_BELIEVED_S = _HEARTBEAT_S + _ANSWER_S + 2.0
"""So long after its last sign of life the database counts as there, whatever holds up the thread that listens."""
_RETRY_S = 1.0


class ChangeFeed:
    """Listens on the channel `changes` in a thread of its own, outside of the pool.

    A revision begins at the process's start in milliseconds and only rises, so that a number seen before a restart is
    never met again for other content. After a lost connection every revision rises once: something may have been
    missed. Notices name tables and no rows: PostgreSQL sends equal ones of a commit once, however much it changed, and
    screens ask for a layer's revision.
    """

    def __init__(self, database: Database) -> None:
        url = make_url(database.url).set(drivername="postgresql")
        self._conninfo = make_conninfo(url.render_as_string(hide_password=False), **LINE)
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._revisions = dict.fromkeys(FEATURE_TYPES, time.time_ns() // 1_000_000)
        self._layers_of: dict[str, list[str]] = {}
        for kind in FEATURE_TYPES.values():
            for table in kind.tables:
                self._layers_of.setdefault(table, []).append(kind.key)
        self._listens = False
        self._alive_until = 0.0
        self._alive_at: datetime | None = None
        self.last_change_at: datetime | None = None

    def start(self) -> None:
        """Begins to listen; a second call changes nothing."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="change-feed", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Ends the listening and wakes everyone who waits."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=_HEARTBEAT_S + 1)
            self._thread = None

    @property
    def is_live(self) -> bool:
        """Whether changes are heard; judged by the clock of whoever asks, because the listening thread may hang."""
        return self._listens and time.monotonic() < self._alive_until

    @property
    def lost_at(self) -> datetime | None:
        """The database's last sign of life, or the first attempt to reach it; None while it is there or not asked."""
        return None if self.is_live else self._alive_at

    @property
    def is_stopped(self) -> bool:
        """Whether `stop` was called."""
        return self._stop.is_set()

    def revision(self, key: str) -> int:
        """The revision of layer `key`: it rises with each commit that touched its tables."""
        return self._revisions[key]

    def revisions(self) -> dict[str, int]:
        """Every layer's revision."""
        with self._changed:
            return dict(self._revisions)

    def wait(self, seen: Mapping[str, int], timeout_s: float) -> dict[str, int]:
        """The revisions as soon as one differs from `seen`, or as they are after `timeout_s` or at the stop."""
        with self._changed:
            self._changed.wait_for(lambda: self._stop.is_set() or self._revisions != seen, timeout=timeout_s)
            return dict(self._revisions)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._listen()
            except psycopg.Error as error:
                if self._listens or self._alive_at is None:
                    _LOG.warning("the change feed lost its connection: %s", error)
                self._alive_at = self._alive_at or datetime.now(UTC)
                self._listens = False
                self._stop.wait(_RETRY_S)
        self._listens = False

    def _listen(self) -> None:
        # Closed without a word of farewell, for whose answer one that hangs would be waited for.
        with closing(psycopg.connect(self._conninfo, autocommit=True, connect_timeout=5)) as connection:
            _ask(connection, b"LISTEN changes")
            self._raise(list(self._revisions))
            self._lives()
            self._listens = True
            while not self._stop.is_set():
                # Returns with the first batch; a commit's notices come together.
                told = [notice.payload for notice in connection.notifies(timeout=_HEARTBEAT_S, stop_after=1)]
                told = told or _ask(connection, b"SELECT 1")
                self._lives()
                if told:
                    self.last_change_at = datetime.now(UTC)
                    self._raise({key for table in told for key in self._layers_of.get(table, ())})

    def _lives(self) -> None:
        self._alive_at = datetime.now(UTC)
        self._alive_until = time.monotonic() + _BELIEVED_S

    def _raise(self, keys: set[str] | list[str]) -> None:
        with self._changed:
            for key in keys:
                self._revisions[key] += 1
            self._changed.notify_all()


def _ask(connection: psycopg.Connection[Any], statement: bytes) -> list[str]:
    """Has the statement done and answers which notices came meanwhile; psycopg's own call waits for ever.

    Raises `psycopg.OperationalError` after `_ANSWER_S` without an answer.
    """
    line, until = connection.pgconn, time.monotonic() + _ANSWER_S
    answers = select.poll()
    answers.register(line.socket, select.POLLIN)
    line.send_query(statement)
    while True:
        while line.is_busy():
            if not answers.poll(max(0.0, until - time.monotonic()) * 1000):
                raise psycopg.OperationalError(f"no answer within {_ANSWER_S:.0f} s")
            line.consume_input()
        result = line.get_result()
        if result is None:
            break
        if result.status == ExecStatus.FATAL_ERROR:
            raise psycopg.OperationalError(result.get_error_message())
    told = []
    while notice := line.notifies():
        told.append(notice.extra.decode())
    return told

"""Hears of changes as they are committed and counts them: one listener per process, a revision per layer."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import psycopg
from sqlalchemy import make_url

from db.session import Database
from geo.features import FEATURE_TYPES

_LOG = logging.getLogger(__name__)
_HEARTBEAT_S = 2.0
"""How often a quiet connection is asked whether it still lives."""
_RETRY_S = 1.0


class ChangeFeed:
    """Listens on the channel `changes` in a thread of its own, outside of the pool.

    A revision begins at the process's start in milliseconds and only rises, so that a number seen before a restart is
    never met again for other content. After a lost connection every revision rises once: something may have been
    missed.
    """

    def __init__(self, database: Database) -> None:
        url = make_url(database.url).set(drivername="postgresql")
        self._conninfo = url.render_as_string(hide_password=False)
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._revisions = dict.fromkeys(FEATURE_TYPES, time.time_ns() // 1_000_000)
        self._layers_of: dict[str, list[str]] = {}
        for kind in FEATURE_TYPES.values():
            for table in kind.tables:
                self._layers_of.setdefault(table, []).append(kind.key)
        self.is_live = False
        self.lost_at: datetime | None = None
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
                if self.is_live or self.lost_at is None:
                    _LOG.warning("the change feed lost its connection: %s", error)
                    self.lost_at = datetime.now(UTC)
                self.is_live = False
                self._stop.wait(_RETRY_S)
        self.is_live = False

    def _listen(self) -> None:
        with psycopg.connect(self._conninfo, autocommit=True, connect_timeout=5) as connection:
            connection.execute("LISTEN changes")
            self._raise(list(self._revisions))
            self.is_live = True
            self.lost_at = None
            while not self._stop.is_set():
                keys: set[str] = set()
                # Returns with the first batch; a commit's notices come together.
                for notice in connection.notifies(timeout=_HEARTBEAT_S, stop_after=1):
                    keys.update(self._layers_of.get(notice.payload, ()))
                    self.last_change_at = datetime.now(UTC)
                if keys:
                    self._raise(keys)
                else:
                    connection.execute("SELECT 1")

    def _raise(self, keys: set[str] | list[str]) -> None:
        with self._changed:
            for key in keys:
                self._revisions[key] += 1
            self._changed.notify_all()

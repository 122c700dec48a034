"""What all streams of a process are told: looked at once, and written once, for however many listen."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable
from datetime import datetime
from typing import Self

from db.feed import ChangeFeed

_LOG = logging.getLogger(__name__)
HEARTBEAT_S = 5.0
"""A screen that misses two of them calls itself cut off (`assets/components/live.js`)."""
_TICK_S = 0.1
"""How often the revisions are looked at. They lie in memory, so a look costs less than a thread that waits."""


class Pulse:
    """Wakes streams when the feed's revisions change, when a heartbeat is due, and at the end; only while one listens.

    `news` is set then, and replaced by another. `number` rises with each change, whose event is `said`.
    """

    def __init__(self, feed: ChangeFeed, clock: Callable[[], datetime], *, is_ending: Callable[[], bool]) -> None:
        self.number = 0
        self.said = ""
        self.is_over = False
        self.news = asyncio.Event()
        self._feed, self._clock, self._is_ending = feed, clock, is_ending
        self._seen: tuple[dict[str, int], bool] | None = None
        self._woke_at = 0.0
        self._streams = 0
        self._beating: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Somebody listens from here on."""
        if self._beating is None:
            self._look()
            self._beating = asyncio.create_task(self._beat())
        self._streams += 1
        return self

    async def __aexit__(self, *_: object) -> None:
        """One less listens."""
        self._streams -= 1
        if not self._streams and self._beating is not None:
            self._beating.cancel()
            self._beating = None

    def event(self) -> str:
        """Where every layer stands, and the instant at which it is said."""
        revisions, is_live = self._seen or (self._feed.revisions(), self._feed.is_live)
        changed_at = self._feed.last_change_at
        lost_at = None if is_live else self._feed.lost_at
        data = {
            "now": self._clock().isoformat(),
            "revisions": revisions,
            "is_live": is_live,
            "lost_at": None if lost_at is None else lost_at.isoformat(),
            "changed_at": None if changed_at is None else changed_at.isoformat(),
        }
        return f"event: revisions\ndata: {json.dumps(data)}\n\n"

    async def _beat(self) -> None:
        try:
            while True:
                await asyncio.sleep(_TICK_S)
                self._look()
        except Exception:  # noqa: BLE001  whatever it was, streams would say nothing for ever
            # Screens come again by themselves; of a stream that says nothing they would hear too late.
            _LOG.exception("the streams end")
            self._beating, self.is_over = None, True
            self.news.set()

    def _look(self) -> None:
        current, now = (self._feed.revisions(), self._feed.is_live), time.monotonic()
        self.is_over = self._feed.is_stopped or self._is_ending()
        if current != self._seen:
            self._seen = current
            self.number += 1
            self.said = self.event()
        elif now - self._woke_at < HEARTBEAT_S and not self.is_over:
            return
        self._woke_at = now
        heard, self.news = self.news, asyncio.Event()
        heard.set()

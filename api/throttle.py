"""How often a login may be tried."""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta

FAILURES_PER_PAIR = 5
"""Wrong passwords for one username from one address within `WINDOW`."""
FAILURES_PER_ADDRESS = 50
"""Wrong passwords from one address, whatever the username: a hall of desks may share one."""
WINDOW = timedelta(minutes=10)
_REMEMBERED = 10_000


@dataclass(slots=True)
class Throttle:
    """Failed logins in this process's memory: a restart forgets them, and each process counts its own."""

    _failures: OrderedDict[tuple[str, str], list[datetime]] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def wait_s(self, username: str, address: str, *, now: datetime) -> int:
        """Seconds until the next try is allowed; 0 when it is allowed now."""
        with self._lock:
            waits = (
                self._wait((username, address), FAILURES_PER_PAIR, now),
                self._wait(("", address), FAILURES_PER_ADDRESS, now),
            )
        return max(waits)

    def _wait(self, key: tuple[str, str], allowed: int, now: datetime) -> int:
        recent = [at for at in self._failures.get(key, ()) if now - at < WINDOW]
        if len(recent) < allowed:
            return 0
        frees_at = recent[-allowed] + WINDOW
        return max(1, int((frees_at - now).total_seconds()))

    def failed(self, username: str, address: str, *, now: datetime) -> None:
        """Remembers a wrong password."""
        with self._lock:
            for key in ((username, address), ("", address)):
                recent = [at for at in self._failures.pop(key, ()) if now - at < WINDOW]
                self._failures[key] = [*recent[-FAILURES_PER_ADDRESS:], now]
            while len(self._failures) > _REMEMBERED:
                self._failures.popitem(last=False)

    def succeeded(self, username: str, address: str) -> None:
        """Forgets the failures of this username from this address."""
        with self._lock:
            self._failures.pop((username, address), None)

"""Who was let in a moment ago: maps ask for many pieces at once, and for each the database would be asked who it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from governance.access import Principal

TRUSTED_FOR_S = 10.0
"""So late a login that ended in another process may still see layers."""
_MOST = 4096


@dataclass(slots=True)
class Passes:
    """Principals by their secret, each believed for `TRUSTED_FOR_S`; a refusal isn't kept."""

    _known: dict[str, tuple[float, Principal]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def principal(self, secret: str, ask: Callable[[], Principal]) -> Principal:
        """Whose secret it is: as known, or as `ask` says, whose errors pass through."""
        known = self.known(secret)
        if known is not None:
            return known
        now = time.monotonic()
        found = ask()
        with self._lock:
            if len(self._known) >= _MOST:
                self._known.clear()
            self._known[secret] = (now + TRUSTED_FOR_S, found)
        return found

    def known(self, secret: str) -> Principal | None:
        """Whose secret it is, if that was asked a moment ago."""
        with self._lock:
            until, known = self._known.get(secret, (0.0, None))
        return known if time.monotonic() < until else None

    def forget(self, secret: str) -> None:
        """Lets nobody in by this secret without asking."""
        with self._lock:
            self._known.pop(secret, None)

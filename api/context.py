"""What every route of this door works with."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from api.answers import AnswerCache, Kept
from api.metrics import Counters
from api.passes import Passes
from api.pictures import Pictures
from api.pulse import Pulse
from api.throttle import Throttle
from api.together import Together
from db.feed import ChangeFeed
from db.session import Database
from db.settings import Settings
from db.tiles import Cells, Tile


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One process's database, change feed and settings, and what its routes remember.

    `stopping` may be set by whoever stops the server: streams then end at once.
    """

    database: Database
    feed: ChangeFeed
    settings: Settings
    clock: Callable[[], datetime] = _now
    answers: AnswerCache = field(default_factory=AnswerCache)
    counters: Counters = field(default_factory=Counters)
    cells: Kept[Cells] = field(default_factory=lambda: Kept(limit_bytes=64 * 1024 * 1024))
    tiles: Together[Tile] = field(init=False)
    passes: Passes = field(default_factory=Passes)
    pictures: Pictures = field(default_factory=Pictures)
    throttle: Throttle = field(default_factory=Throttle)
    stopping: threading.Event = field(default_factory=threading.Event)
    pulse: Pulse = field(init=False)

    def __post_init__(self) -> None:
        pulse = Pulse(self.feed, self.clock, is_ending=lambda: self.is_stopping)
        object.__setattr__(self, "pulse", pulse)
        object.__setattr__(self, "tiles", Together(self.answers))

    @property
    def is_stopping(self) -> bool:
        """Whether the server is on its way down.

        uvicorn tells the lifespan only after the last connection has closed, and an open stream would keep it waiting
        for ever; so its server object, which owns the signal handler, is asked.
        """
        server = getattr(signal.getsignal(signal.SIGTERM), "__self__", None)
        return self.stopping.is_set() or bool(getattr(server, "should_exit", False))

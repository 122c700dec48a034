"""A limit that runs down minute by minute."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from governance.deadlines import Clock


@dataclass(slots=True, kw_only=True)
class Walk:
    """A limit of `whole` minutes that began at `now`: the deadline is where the last minute of the budget ends.

    Each minute that counts is written down with its end. While it is stopped, none is; but a limit that had run out
    before does not stand still, for it stays overdue by as much as it is.
    """

    worked: Callable[[int], bool]
    """Whether the minute after so many minutes is working time; the simulation's own calendar."""
    clock: Clock
    whole: int
    now: int
    budget: int = 0
    ends: list[int] = field(default_factory=list)
    stopped_at: int | None = None

    def __post_init__(self) -> None:
        self.begin()

    def begin(self) -> None:
        self.budget, self.ends, self.stopped_at = self.whole, [], None

    def counts(self, minute: int) -> bool:
        return self.clock in {Clock.URGENT_HOUR, Clock.CALENDAR_DAY} or self.worked(minute)

    def wait(self, minutes: int) -> None:
        for _ in range(minutes):
            self.now += 1
            if self.stopped_at is None and self.counts(self.now - 1):
                self.ends.append(self.now)

    def stop(self) -> None:
        if self.stopped_at is None:
            self.stopped_at = self.now

    def go_on(self) -> None:
        began, self.stopped_at = self.stopped_at, None
        if began is not None and len(self.ends) >= self.budget:
            self.ends += [minute + 1 for minute in range(began, self.now) if self.counts(minute)]

    @property
    def left(self) -> int:
        return self.budget - len(self.ends)

    def deadline(self) -> int:
        if self.left <= 0:
            return self.ends[self.budget - 1]
        left, minute = self.left, self.now
        while left:
            left -= self.counts(minute)
            minute += 1
        return minute

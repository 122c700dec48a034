"""The rates and spans that staff ask for; where there is nothing to divide by, there is no figure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from math import floor

from geo.errors import InvalidInput


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Incidents of a span of time by how far they came, each step's among those of the step before.

    `on_time`: of the closed ones, those that were resolved by the deadline of the whole matter. `reworked`: of the
    resolved ones, those that failed a check at least once.
    """

    reported: int
    accepted: int
    resolved: int
    closed: int
    on_time: int
    reworked: int

    def __post_init__(self) -> None:
        line = ("reported", "accepted", "resolved", "closed", "on_time")
        for wider, narrower in (*pairwise(line), ("resolved", "reworked")):
            if not 0 <= getattr(self, narrower) <= getattr(self, wider):
                raise InvalidInput(f"{narrower} lies between 0 and {wider}", field=narrower)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rates:
    """Shares between 0 and 1, or None where nothing has come that far.

    `acceptance` 受理率: accepted of reported. `closure` 办结率: closed of accepted. `on_time` 按期办结率: in time of
    closed. `rework` 返工率: sent back at least once of resolved.
    """

    acceptance: float | None
    closure: float | None
    on_time: float | None
    rework: float | None


def rates(tally: Tally) -> Rates:
    """The rates of a tally."""
    return Rates(
        acceptance=share(tally.accepted, tally.reported),
        closure=share(tally.closed, tally.accepted),
        on_time=share(tally.on_time, tally.closed),
        rework=share(tally.reworked, tally.resolved),
    )


def share(part: int, whole: int) -> float | None:
    """`part` of `whole`; None of nothing."""
    return part / whole if whole else None


def percentile(spans: Iterable[timedelta], fraction: float) -> timedelta | None:
    """The span that `fraction` (0 to 1) of them don't exceed, between two of them in proportion; None of none.

    As PostgreSQL's `percentile_cont`, so that a figure counted here equals one counted there.
    """
    if not 0 <= fraction <= 1:
        raise InvalidInput("a fraction lies between 0 and 1", field="fraction")
    ordered = sorted(spans)
    if not ordered:
        return None
    place = fraction * (len(ordered) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def mean_duration(spans: Iterable[timedelta]) -> timedelta | None:
    """The mean of the spans (平均处置时长); None of none."""
    measured = list(spans)
    return sum(measured, timedelta()) / len(measured) if measured else None

"""What a wall shows besides the map, read together and shared by every wall of the same scope."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from db import candidates, devices, figures, incidents, territory
from geo.errors import NotFound, NotPermitted
from governance.access import Principal
from governance.dispatch import Shortfall
from governance.incident import Severity
from pages.ui import context, shared
from pages.ui.panels import Proposal

RANKED_DAYS = 30
"""The ranking of communities looks back this far, whatever period the figures are of."""

_READ_EVERY_S = 5
"""Some figures change by the clock alone: what becomes overdue, the hours of the trend."""

_PROPOSE_EVERY_S = 10
STANDS_S = (8.0, 12.0)
"""How long a page of a list that doesn't fit stands: a run after the first turns it, one at the second comes anyhow."""
_STEPS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One reading of the wall's figures and lists, all in one transaction."""

    today: figures.Today
    trend: Sequence[figures.HourCount]
    ranking: Sequence[figures.GridRate]
    duty: figures.Duty
    devices: Mapping[str, int]
    queue: Sequence[incidents.QueueRow]
    urgent: Sequence[incidents.QueueRow]
    reported: Sequence[figures.Figure]
    steps: Sequence[incidents.TickerRow]
    chain: tuple[territory.GridRow, ...]
    """The grid that the board is of with those above it, finest first; empty for the county."""
    grids: frozenset[str] | None
    """Codes of the grid that the board is of and of all below it; None for the county."""


def read(*, revisions: tuple[int, ...], grid: str | None, since: datetime, now: datetime) -> Board:
    """The board as of now: read anew once for all walls of a scope when a revision or five seconds have passed.

    With a `grid` all but the county's published figures, the steps and what is urgent is of it and what lies below.
    Raises `NotAuthenticated` and `Unavailable`.
    """
    tick = int(now.timestamp() // _READ_EVERY_S)
    until = datetime.fromtimestamp((tick + 1) * _READ_EVERY_S, tz=since.tzinfo)

    def ask(session: Any) -> Board:
        return Board(
            today=figures.today(session, now=until, since=since, grid=grid),
            trend=figures.trend(session, now=until, grid=grid),
            ranking=figures.closure_ranking(session, since=until - timedelta(days=RANKED_DAYS), now=until, under=grid),
            duty=figures.on_duty(session, grid=grid),
            devices=devices.tally(session, grid=grid),
            queue=incidents.queue(session, grid=grid),
            urgent=incidents.queue(session, severities=(Severity.I, Severity.II)),
            reported=figures.reported_figures(session),
            steps=incidents.latest_steps(session, limit=_STEPS),
            chain=territory.chain(session, grid) if grid else (),
            grids=frozenset(territory.subtree(session, grid)) if grid else None,
        )

    return shared.read("board", (revisions, grid, since, tick), ask)


class Turns:
    """How often the lists that don't fit have turned their pages: together, and on every wall."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._number = 0
        self._at: datetime | None = None

    def look(self, now: datetime) -> tuple[int, float]:
        """How often they have turned as of `now`, and in how many seconds to look again."""
        least_s, most_s = STANDS_S
        with self._lock:
            stood_s = least_s if self._at is None else (now - self._at).total_seconds()
            if not 0 <= stood_s < least_s:
                self._number, self._at, stood_s = self._number + 1, now, 0.0
            return self._number, most_s - stood_s


TURNS = Turns()
"""Those of this process."""


def proposals(numbers: tuple[str, ...], *, revision: int, now: datetime) -> Mapping[str, Proposal]:
    """Who would be sent to each of the incidents, looked up anew every ten seconds.

    Raises `NotAuthenticated` and `Unavailable`.
    """
    tick, principal = int(now.timestamp() // _PROPOSE_EVERY_S), context.principal()

    def ask(session: Any) -> Mapping[str, Proposal]:
        found = {no: _propose(session, no, principal, now) for no in numbers}
        return {no: proposal for no, proposal in found.items() if proposal is not None}

    return shared.read("proposals", (numbers, revision, tick), ask)


def _propose(session: Any, no: str, principal: Principal, now: datetime) -> Proposal | None:
    try:
        ranking = candidates.recommend(session, no, principal=principal, now=now).ranking
    except (NotFound, NotPermitted):
        return None
    if not ranking.ranked:
        return Proposal(shortfall=str(ranking.shortfall or Shortfall.NOBODY_ON_DUTY))
    first = ranking.ranked[0]
    return Proposal(name=first.candidate.name, distance_m=first.candidate.distance_m, eta_s=first.eta_s)

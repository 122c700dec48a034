"""What a wall shows besides the map, read together and shared by every wall of the same scope."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st
from sqlalchemy.orm import Session

from db import candidates, devices, figures, incidents, territory
from db import coverage as vacancies
from db.coverage import Gap
from db.session import Database
from geo.errors import NotFound, NotPermitted
from governance.access import Principal
from governance.dispatch import Shortfall
from governance.incident import Severity
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


def read(
    database: Database,
    principal: Principal,
    *,
    revisions: tuple[int, ...],
    grid: str | None,
    since: datetime,
    now: datetime,
) -> Board:
    """The board as of now: read anew once for all walls of a scope when a revision or five seconds have passed.

    With a `grid` all but the county's published figures, the steps and what is urgent is of it and what lies below.
    Raises `Unavailable`.
    """
    scope = (principal.role.value, principal.grid_prefix)
    tick = int(now.timestamp() // _READ_EVERY_S)
    return _read(scope, revisions, grid, since, tick, _database=database, _principal=principal)


@st.cache_resource(ttl=30, max_entries=64, show_spinner=False)
def _read(
    scope: tuple[str, str],  # noqa: ARG001  with the next two, what the answer is kept under
    revisions: tuple[int, ...],  # noqa: ARG001
    grid: str | None,
    since: datetime,
    tick: int,
    *,
    _database: Database,
    _principal: Principal,
) -> Board:
    now = datetime.fromtimestamp((tick + 1) * _READ_EVERY_S, tz=since.tzinfo)
    with _database.session(_principal) as session:
        return Board(
            today=figures.today(session, now=now, since=since, grid=grid),
            trend=figures.trend(session, now=now, grid=grid),
            ranking=figures.closure_ranking(session, since=now - timedelta(days=RANKED_DAYS), now=now, under=grid),
            duty=figures.on_duty(session, grid=grid),
            devices=devices.tally(session, grid=grid),
            queue=incidents.queue(session, grid=grid),
            urgent=incidents.queue(session, severities=(Severity.I, Severity.II)),
            reported=figures.reported_figures(session),
            steps=incidents.latest_steps(session, limit=_STEPS),
            chain=territory.chain(session, grid) if grid else (),
            grids=frozenset(territory.subtree(session, grid)) if grid else None,
        )


def coverage(database: Database, principal: Principal, *, revisions: tuple[int, ...]) -> Sequence[Gap]:
    """Where nobody is free, over all grids in scope; once per revision for all walls. Raises `Unavailable`."""
    scope = (principal.role.value, principal.grid_prefix)
    return _coverage(scope, revisions, _database=database, _principal=principal)


@st.cache_resource(ttl=60, max_entries=16, show_spinner=False)
def _coverage(
    scope: tuple[str, str],  # noqa: ARG001  with the next, what the answer is kept under
    revisions: tuple[int, ...],  # noqa: ARG001
    *,
    _database: Database,
    _principal: Principal,
) -> Sequence[Gap]:
    with _database.session(_principal) as session:
        return vacancies.gaps(session)


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


@st.cache_resource(show_spinner=False)
def turns() -> Turns:
    """The turns of this process."""
    return Turns()


def proposals(
    database: Database, principal: Principal, numbers: tuple[str, ...], *, revision: int, now: datetime
) -> Mapping[str, Proposal]:
    """Who would be sent to each of the incidents, looked up anew every ten seconds. Raises `Unavailable`."""
    scope = (principal.role.value, principal.grid_prefix)
    tick = int(now.timestamp() // _PROPOSE_EVERY_S)
    return _proposals(scope, numbers, revision, tick, _database=database, _principal=principal, _now=now)


@st.cache_resource(ttl=60, max_entries=64, show_spinner=False)
def _proposals(
    scope: tuple[str, str],  # noqa: ARG001  with the next three, what the answer is kept under
    numbers: tuple[str, ...],
    revision: int,  # noqa: ARG001
    tick: int,  # noqa: ARG001
    *,
    _database: Database,
    _principal: Principal,
    _now: datetime,
) -> Mapping[str, Proposal]:
    with _database.session(_principal) as session:
        found = {no: _propose(session, no, _principal, _now) for no in numbers}
    return {no: proposal for no, proposal in found.items() if proposal is not None}


def _propose(session: Session, no: str, principal: Principal, now: datetime) -> Proposal | None:
    try:
        ranking = candidates.recommend(session, no, principal=principal, now=now).ranking
    except (NotFound, NotPermitted):
        return None
    if not ranking.ranked:
        return Proposal(shortfall=str(ranking.shortfall or Shortfall.NOBODY_ON_DUTY))
    first = ranking.ranked[0]
    return Proposal(name=first.candidate.name, distance_m=first.candidate.distance_m, eta_s=first.eta_s)

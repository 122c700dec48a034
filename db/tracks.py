"""Where workers have been while on duty: read within a span, thinned, and deleted when old."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session

from db.models import Worker
from db.session import Database
from db.sql import statement
from db.territory import county, subtree
from geo.crs import storage_to_metric
from geo.errors import InvalidInput, Unavailable, UnknownCode
from geo.thinning import breaks, telling

MOST_WORKERS = 20
"""Whose tracks are told at once: more can't be told apart on a map."""
MOST_POINTS = 500
"""Of one track, unless it has more ends."""
LONGEST = timedelta(days=8)
"""A span: a week and the day that is running."""
GAP = timedelta(minutes=10)
"""Of silence, after which a track begins anew: nobody knows the way between."""
_SLICE = 500
"""Positions of one worker that one statement deletes, so that none holds its locks for long."""

Seen = tuple[float, float, float]
"""Longitude and latitude (EPSG:4490) and the instant, in seconds since 1970 in UTC."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Where one worker was: lines between silences, each in order of time. `name` is masked."""

    worker: str
    name: str
    lines: tuple[tuple[Seen, ...], ...]


def tracks(session: Session, workers: Sequence[str], *, since: datetime, until: datetime) -> list[Track]:
    """The tracks of the workers (by code) from `since` to `until`, in the order of codes; of each a line at least.

    Nothing is told to those who don't read names in full. Raises `UnknownCode` for a worker who doesn't exist or is out
    of scope, `InvalidInput` naming `workers` or `until` for too many, or a span that is none or too long.
    """
    _require_span(since, until)
    wanted = sorted(set(workers))
    if len(wanted) > MOST_WORKERS:
        raise InvalidInput(f"tracks of at most {MOST_WORKERS} workers at once", field="workers")
    there = set(session.scalars(select(Worker.code).where(Worker.code.in_(wanted))))
    unknown = next((code for code in wanted if code not in there), None)
    if unknown is not None:
        raise UnknownCode(f"there is no worker {unknown}", field="workers")
    srid = county(session).metric_srid
    rows = session.execute(statement("tracks"), {"workers": wanted, "since": since, "until": until})
    return [Track(worker=row.code, name=row.name, lines=_lines(row.ats, row.lons, row.lats, srid=srid)) for row in rows]


def tracked_in(session: Session, grid: str, *, since: datetime, until: datetime) -> list[str]:
    """The codes of workers posted in the grid or below who have a track in the span, for `tracks`.

    Raises `UnknownCode` for a grid that there isn't, `InvalidInput` naming `grid` for more than `MOST_WORKERS`, or
    `until` as `tracks` does.
    """
    _require_span(since, until)
    span = {"grids": subtree(session, grid), "since": since, "until": until}
    found = list(session.scalars(statement("tracked"), span))
    if len(found) > MOST_WORKERS:
        raise InvalidInput(
            f"{len(found)} workers have tracks there, at most {MOST_WORKERS} are told at once: "
            "name some by workers, or take a smaller grid or a shorter span",
            field="grid",
            found=len(found),
            most=MOST_WORKERS,
        )
    return found


def prune(database: Database, *, now: datetime, days: int) -> int:
    """Deletes positions that are older than `days`, as the owner of the tables; how many. Safe from several processes.

    Raises `Unavailable` when the database can't be reached.
    """
    before = now - timedelta(days=days)
    deleted = 0
    try:
        while True:
            with database.engine.begin() as connection:
                gone = connection.execute(statement("old_tracks"), {"before": before, "most": _SLICE}).rowcount
            deleted += gone
            if not gone:
                return deleted
    except (OperationalError, InterfaceError, PoolTimeout) as error:
        raise Unavailable("the database can't be reached") from error


def _require_span(since: datetime, until: datetime) -> None:
    if not since < until:
        raise InvalidInput("until comes after since", field="until")
    if until - since > LONGEST:
        raise InvalidInput(f"a span has at most {LONGEST.days} days", field="until")


def _lines(
    ats: Sequence[float], lons: Sequence[float], lats: Sequence[float], *, srid: int
) -> tuple[tuple[Seen, ...], ...]:
    xy = np.column_stack(storage_to_metric(np.array(lons), np.array(lats), srid))
    stretches = breaks(ats, longest_s=GAP.total_seconds())
    kept = telling(ats, xy, stretches, most=MOST_POINTS)
    return tuple(
        tuple((lons[row], lats[row], ats[row]) for row in kept if first <= row <= last) for first, last in stretches
    )

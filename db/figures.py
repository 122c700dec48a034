"""Figures for the screens: what the system counts itself, and beside it what the county reported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.models import ReportedFigure
from db.sql import statement
from db.territory import subtree


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """Counts since an instant, and what is open now: `waiting` for somebody, or `processing`, with anybody.

    `mean_settle_s` is None when nothing was closed.
    """

    reported: int
    closed: int
    waiting: int
    processing: int
    overdue: int
    mean_settle_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HourCount:
    """Incidents reported and closed in the hour that begins at `hour`."""

    hour: datetime
    reported: int
    closed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRate:
    """Of the incidents closed in a grid, how many in time; `rate` is None when none was closed."""

    code: str
    name: str
    closed: int
    on_time: int
    rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GridDuty:
    """Full-time workers of a grid and all below it: on duty, and on file."""

    code: str
    name: str
    on_duty: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Full-time workers: on file, on duty, of these with an open task; and by the grids of the level below.

    Whoever is posted at the grid itself counts in the whole and in none of the parts.
    """

    total: int
    on_duty: int
    busy: int
    parts: tuple[GridDuty, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A number that the county published."""

    key: str
    section: str
    name: str
    value: Decimal
    unit: str
    qualifier: str
    note: str


_TODAY = text(
    """SELECT
        count(*) FILTER (WHERE reported_at >= :since) AS reported,
        count(*) FILTER (WHERE status = 'closed' AND closed_at >= :since) AS closed,
        count(*) FILTER (WHERE status IN ('reported', 'accepted', 'returned')) AS waiting,
        count(*) FILTER (WHERE is_open AND status NOT IN ('reported', 'accepted', 'returned')) AS processing,
        count(*) FILTER (WHERE is_open AND due_at < :now) AS overdue,
        CAST(avg(extract(epoch FROM closed_at - reported_at)) FILTER (WHERE status = 'closed' AND closed_at >= :since)
            AS float8) AS mean_settle_s
    FROM incident
    WHERE (is_open OR reported_at >= :since OR closed_at >= :since)
        AND (CAST(:grids AS text[]) IS NULL OR grid_code = ANY (CAST(:grids AS text[])))"""
)

_TREND = text(
    """WITH span AS (
        SELECT generate_series(
            date_trunc('hour', CAST(:now AS timestamptz)) - make_interval(hours => :hours - 1),
            date_trunc('hour', CAST(:now AS timestamptz)), interval '1 hour') AS hour
    )
    SELECT span.hour,
        (SELECT count(*) FROM incident
         WHERE reported_at >= span.hour AND reported_at < span.hour + interval '1 hour'
            AND (CAST(:grids AS text[]) IS NULL OR grid_code = ANY (CAST(:grids AS text[])))) AS reported,
        (SELECT count(*) FROM incident
         WHERE status = 'closed' AND closed_at >= span.hour AND closed_at < span.hour + interval '1 hour'
            AND (CAST(:grids AS text[]) IS NULL OR grid_code = ANY (CAST(:grids AS text[])))) AS closed
    FROM span
    ORDER BY span.hour"""
)

_FORCES = text(
    """SELECT count(*) AS total, count(*) FILTER (WHERE on_duty) AS on_duty,
        count(*) FILTER (WHERE on_duty AND load > 0) AS busy
    FROM responder
    WHERE pool = 'full_time' AND (CAST(:grids AS text[]) IS NULL OR grid_code = ANY (CAST(:grids AS text[])))"""
)


def _grids(session: Session, grid: str | None) -> list[str] | None:
    return subtree(session, grid) if grid else None


def today(session: Session, *, now: datetime, since: datetime, grid: str | None = None) -> Today:
    """What was reported and closed since `since`, and what is open at `now`, in the caller's scope.

    Here and below `grid` takes in all below it; `UnknownCode` for one that there isn't.
    """
    asked = {"now": now, "since": since, "grids": _grids(session, grid)}
    return Today(**session.execute(_TODAY, asked).one()._asdict())


def trend(session: Session, *, now: datetime, hours: int = 24, grid: str | None = None) -> list[HourCount]:
    """The last `hours` hours, the running one last."""
    asked = {"now": now, "hours": hours, "grids": _grids(session, grid)}
    return [HourCount(**row._asdict()) for row in session.execute(_TREND, asked)]


def closure_ranking(session: Session, *, since: datetime, now: datetime, under: str | None = None) -> list[GridRate]:
    """Grids by the share of incidents closed since `since` that were settled in time (按期办结率), best first.

    The communities, or the grids one level below `under`.
    """
    return [
        GridRate(**row._asdict(), rate=row.on_time / row.closed if row.closed else None)
        for row in session.execute(statement("ranking"), {"since": since, "now": now, "under": under})
    ]


def on_duty(session: Session, *, grid: str | None = None) -> Duty:
    """Full-time workers on file and on duty, by street or by the grids one level below `grid`."""
    whole = session.execute(_FORCES, {"grids": _grids(session, grid)}).one()
    parts = session.execute(statement("duty"), {"under": grid})
    return Duty(**whole._asdict(), parts=tuple(GridDuty(**row._asdict()) for row in parts))


def reported_figures(session: Session) -> list[Figure]:
    """What the county published, in its own order."""
    return [
        Figure(
            key=row.key,
            section=row.section,
            name=row.name,
            value=row.value,
            unit=row.unit,
            qualifier=row.qualifier,
            note=row.note,
        )
        for row in session.scalars(select(ReportedFigure).order_by(ReportedFigure.position))
    ]

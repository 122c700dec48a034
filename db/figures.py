"""Figures for the screens: what the system counts itself, and beside it what the county reported."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.models import ReportedFigure


@dataclass(frozen=True, slots=True, kw_only=True)
class Today:
    """Counts since an instant, and what is open now. `mean_settle_s` is None when nothing was closed."""

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
class CommunityRate:
    """Of the incidents closed in a community, how many in time; `rate` is None when none was closed."""

    code: str
    name: str
    closed: int
    on_time: int
    rate: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetDuty:
    """Full-time workers of a street: on duty, and on file."""

    code: str
    name: str
    on_duty: int
    total: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Duty:
    """Full-time workers: on file, on duty, of these with an open task; and by street."""

    total: int
    on_duty: int
    busy: int
    by_street: tuple[StreetDuty, ...]


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
        count(*) FILTER (WHERE status IN ('dispatched', 'processing', 'resolved')) AS processing,
        count(*) FILTER (WHERE is_open AND due_at < :now) AS overdue,
        CAST(avg(extract(epoch FROM closed_at - reported_at)) FILTER (WHERE status = 'closed' AND closed_at >= :since)
            AS float8) AS mean_settle_s
    FROM incident
    WHERE is_open OR reported_at >= :since OR closed_at >= :since"""
)

_TREND = text(
    """WITH span AS (
        SELECT generate_series(
            date_trunc('hour', CAST(:now AS timestamptz)) - make_interval(hours => :hours - 1),
            date_trunc('hour', CAST(:now AS timestamptz)), interval '1 hour') AS hour
    )
    SELECT span.hour,
        (SELECT count(*) FROM incident
         WHERE reported_at >= span.hour AND reported_at < span.hour + interval '1 hour') AS reported,
        (SELECT count(*) FROM incident
         WHERE status = 'closed' AND closed_at >= span.hour AND closed_at < span.hour + interval '1 hour') AS closed
    FROM span
    ORDER BY span.hour"""
)

# In time: settled on the spot (resolved) by the deadline of the whole matter. An appeal that was granted leaves the
# matter out of this statistic, and nowhere else.
_CLOSURE_RANKING = text(
    """SELECT g.code, g.name, count(i.id) AS closed,
        count(i.id) FILTER (WHERE coalesce(i.resolved_at, i.closed_at) <= i.settle_by) AS on_time
    FROM grid AS g
    LEFT JOIN incident AS i ON starts_with(i.grid_code, g.code) AND i.status = 'closed'
        AND i.closed_at >= :since AND i.closed_at < :now AND NOT i.is_exempt
    WHERE g.level = 'community'
    GROUP BY g.code, g.name
    ORDER BY count(i.id) FILTER (WHERE coalesce(i.resolved_at, i.closed_at) <= i.settle_by)::float8
        / nullif(count(i.id), 0) DESC NULLS LAST, g.code"""
)

_DUTY = text(
    """SELECT g.code, g.name, count(r.worker_id) AS total, count(r.worker_id) FILTER (WHERE r.on_duty) AS on_duty,
        count(r.worker_id) FILTER (WHERE r.on_duty AND r.load > 0) AS busy
    FROM grid AS g
    LEFT JOIN responder AS r ON starts_with(r.grid_code, g.code) AND r.pool = 'full_time'
    WHERE g.level = 'street'
    GROUP BY g.code, g.name
    ORDER BY g.code"""
)


def today(session: Session, *, now: datetime, since: datetime) -> Today:
    """What was reported and closed since `since`, and what is open at `now`, in the caller's scope."""
    return Today(**session.execute(_TODAY, {"now": now, "since": since}).one()._asdict())


def trend(session: Session, *, now: datetime, hours: int = 24) -> list[HourCount]:
    """The last `hours` hours, the running one last."""
    return [HourCount(**row._asdict()) for row in session.execute(_TREND, {"now": now, "hours": hours})]


def closure_ranking(session: Session, *, since: datetime, now: datetime) -> list[CommunityRate]:
    """Communities by the share of incidents closed since `since` that were settled in time (按期办结率), best first."""
    return [
        CommunityRate(**row._asdict(), rate=row.on_time / row.closed if row.closed else None)
        for row in session.execute(_CLOSURE_RANKING, {"since": since, "now": now})
    ]


def on_duty(session: Session) -> Duty:
    """Full-time workers on file and on duty, by street."""
    rows = session.execute(_DUTY).all()
    return Duty(
        total=sum(row.total for row in rows),
        on_duty=sum(row.on_duty for row in rows),
        busy=sum(row.busy for row in rows),
        by_street=tuple(StreetDuty(code=row.code, name=row.name, on_duty=row.on_duty, total=row.total) for row in rows),
    )


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

"""Incidents: reported, queued and found again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sqlalchemy import func, insert, select, text
from sqlalchemy.orm import Session

from db import models
from db.calendar import clockwork
from db.cases import Incident, get
from db.session import Database
from db.sql import statement
from db.steps import append_step
from db.territory import county, locate, subtree
from geo.crs import parse_crs, require_lon_lat_order, to_storage
from geo.errors import InvalidInput, NotPermitted, UnknownCode
from geo.extent import Extent
from governance.access import Permission, Principal
from governance.deadlines import Clock, Limit, marks
from governance.incident import Severity, Source, Status

_NUMBER_LOCK = 7_231
"""Advisory lock under which incidents get their numbers and requests that come twice are told."""

LONGEST = {"title": 200, "description": 4000, "address": 200, "reporter_name": 50, "reporter_phone": 30}
"""Characters that each text of a report may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What somebody reports. `lon`, `lat` are degrees in the declared `crs`; severity None is the class's own."""

    title: str
    class_code: str
    lon: float
    lat: float
    crs: str
    severity: int | None = None
    source: str = Source.PATROL
    description: str = ""
    address: str = ""
    reporter_name: str = ""
    reporter_phone: str = ""
    request_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """An incident in a list, nearly always an open one."""

    no: str
    title: str
    class_code: str
    class_name: str
    severity: int
    status: str
    grid_code: str
    grid_name: str
    lon: float
    lat: float
    reported_at: datetime
    due_at: datetime | None
    is_outside_grid: bool
    is_supervised: bool
    worker_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenSet:
    """Which incidents are open: `mark` is the same for the same numbers, and no other.

    `bounds` encloses them (west, south, east, north in degrees); None when there are none.
    """

    mark: str
    bounds: tuple[float, float, float, float] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TickerRow:
    """A step with the incident that it belongs to."""

    no: str
    title: str
    severity: int
    action: str
    to_status: str
    at: datetime
    actor_name: str
    grid_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRow:
    """A minor class of incidents."""

    code: str
    major_code: str
    major_name: str
    name: str
    default_severity: int
    limit_amount: Decimal
    limit_clock: str
    is_sensitive: bool


def report(database: Database, principal: Principal, report: Report, *, now: datetime) -> Incident:
    """Opens an incident where the report says; the same `request_key` gives the incident that it opened before.

    Raises `InvalidInput` and `UnknownCode` naming the field, `OutsideCounty`, `NotPermitted` (role, or a place out of
    the caller's scope).
    """
    with database.session(principal) as session:
        return report_within(session, principal, report, now=now)


def report_within(session: Session, principal: Principal, report: Report, *, now: datetime) -> Incident:
    """As `report`, in a transaction of the caller's own, which has `principal`'s rights and commits or not."""
    principal.require(Permission.REPORT_INCIDENT)
    _check_texts(report)
    lon, lat = to_storage(report.lon, report.lat, parse_crs(report.crs))
    request_key = None if report.request_key is None else f"{principal.account}:{report.request_key}"
    session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _NUMBER_LOCK})
    if request_key is not None:
        known = select(models.Incident.no).where(models.Incident.request_key == request_key)
        if (no := session.scalars(known).one_or_none()) is not None:
            return get(session, no)
    kind = session.get(models.IncidentClass, report.class_code)
    if kind is None:
        raise UnknownCode(f"there is no class {report.class_code}", field="class")
    place = county(session)
    west, south, east, north = place.bounds
    extent = Extent(min_x=west, min_y=south, max_x=east, max_y=north, srid=4490)
    require_lon_lat_order(lon, lat, extent)
    locus = locate(session, lon, lat)
    if not locus.grid_code.startswith(principal.grid_prefix):
        raise NotPermitted("the place lies outside of your grids", grid=locus.grid_code)
    clocks = clockwork(session)
    settle_by = clocks.settle_by(now, Limit(amount=kind.limit_amount, clock=Clock(kind.limit_clock)))
    no = _next_number(session, place.number_prefix, now.astimezone(ZoneInfo(place.timezone)))
    due_at = clocks.due_at(Status.REPORTED, entered_at=now, settle_by=settle_by)
    warn_at, very_late_at = marks(now, due_at)
    incident_id = session.scalars(
        # As values, not parameters: the point is an expression.
        insert(models.Incident)
        .values(
            {
                "no": no,
                "title": report.title.strip(),
                "description": report.description.strip(),
                "class_code": kind.code,
                "severity": report.severity or kind.default_severity,
                "status": Status.REPORTED,
                "is_open": True,
                "source": report.source,
                "is_sensitive": kind.is_sensitive,
                "is_supervised": False,
                "geom": func.ST_SetSRID(func.ST_MakePoint(lon, lat), 4490),
                "raw_x": report.lon,
                "raw_y": report.lat,
                "raw_crs": parse_crs(report.crs),
                "address": report.address.strip(),
                "grid_code": locus.grid_code,
                "is_outside_grid": locus.is_outside_grid,
                "reporter_name": report.reporter_name.strip(),
                "reporter_phone": report.reporter_phone.strip(),
                "request_key": request_key,
                "reported_at": now,
                "stage_since": now,
                "due_at": due_at,
                "warn_at": warn_at,
                "very_late_at": very_late_at,
                "settle_by": settle_by,
                "limit_amount": kind.limit_amount,
                "limit_clock": kind.limit_clock,
                "suspensions": 0,
                "extensions": 0,
                "reworks": 0,
                "is_exempt": False,
                "version": 1,
            }
        )
        .returning(models.Incident.id)
    ).one()
    append_step(
        session,
        principal,
        incident_id,
        action="report",
        from_status=None,
        to_status=Status.REPORTED,
        now=now,
        opinion="",
    )
    return get(session, no)


def queue(
    session: Session,
    *,
    grid: str | None = None,
    statuses: Sequence[str] = (),
    severities: Sequence[int] = (),
    q: str | None = None,
    limit: int = 200,
    offset: int = 0,
) -> list[QueueRow]:
    """Open incidents by next deadline, the overdue first; `grid` takes in all below it."""
    rows = session.execute(
        statement("queue"),
        {
            "grids": subtree(session, grid) if grid else None,
            "statuses": list(statuses) or None,
            "severities": list(severities) or None,
            "q": q or None,
            "limit": limit,
            "offset": offset,
        },
    )
    return [QueueRow(**row._asdict()) for row in rows]


def finished(
    session: Session, q: str, *, grid: str | None = None, severities: Sequence[int] = (), limit: int = 20
) -> list[QueueRow]:
    """Finished incidents that `q` names by number or text, the very number first, then the latest; as in `queue`."""
    rows = session.execute(
        statement("finished"),
        {
            "grids": subtree(session, grid) if grid else None,
            "severities": list(severities) or None,
            "q": q,
            "limit": limit,
        },
    )
    return [QueueRow(**row._asdict()) for row in rows]


_OPEN_SET = text(
    """SELECT md5(coalesce(string_agg(no, ' ' ORDER BY no), '')) AS mark, ST_XMin(ST_Extent(geom)) AS west,
        ST_YMin(ST_Extent(geom)) AS south, ST_XMax(ST_Extent(geom)) AS east, ST_YMax(ST_Extent(geom)) AS north
    FROM incident
    WHERE is_open"""
)


def open_set(session: Session) -> OpenSet:
    """Which incidents are open in the caller's scope, and where they lie."""
    row = session.execute(_OPEN_SET).one()
    return OpenSet(mark=row.mark, bounds=None if row.west is None else (row.west, row.south, row.east, row.north))


def latest_steps(session: Session, *, limit: int = 30) -> list[TickerRow]:
    """The latest steps of all incidents in scope, newest first."""
    return [TickerRow(**row._asdict()) for row in session.execute(statement("ticker"), {"limit": limit})]


def similar(
    session: Session, class_code: str, lon: float, lat: float, *, now: datetime, radius_m: float = 50, hours: float = 24
) -> list[QueueRow]:
    """What may be the same matter: the class's incidents within `radius_m` of the point (EPSG:4490) in `hours`.

    The nearest first, without those that are duplicates of another. Raises `UnknownCode` for a class that there isn't.
    """
    if session.get(models.IncidentClass, class_code) is None:
        raise UnknownCode(f"there is no class {class_code}", field="class")
    near = {
        "class_code": class_code,
        "lon": lon,
        "lat": lat,
        "radius_m": radius_m,
        "since": now - timedelta(hours=hours),
    }
    return [QueueRow(**row._asdict()) for row in session.execute(statement("similar"), near)]


def classes(session: Session) -> list[ClassRow]:
    """Every minor class, by code."""
    rows = session.scalars(select(models.IncidentClass).order_by(models.IncidentClass.code))
    return [ClassRow(**{field.name: getattr(row, field.name) for field in fields(ClassRow)}) for row in rows]


def _check_texts(report: Report) -> None:
    if not report.title.strip():
        raise InvalidInput("an incident needs a title", field="title")
    for name, longest in LONGEST.items():
        if len(getattr(report, name)) > longest:
            raise InvalidInput(f"at most {longest} characters", field=name, longest=longest)
        if "\x00" in getattr(report, name):
            raise InvalidInput("a NUL character can't be kept", field=name, is_unprintable=True)
    if report.severity is not None and report.severity not in set(Severity):
        raise InvalidInput("severity is 1 to 4", field="severity")
    if report.source not in set(Source):
        raise InvalidInput(f"source is one of {', '.join(Source)}", field="source")


def _next_number(session: Session, prefix: str, local: datetime) -> str:
    day = f"{prefix}{local:%Y%m%d}-"
    return f"{day}{session.scalars(text('SELECT last_incident_number(:day)'), {'day': day}).one() + 1:04d}"

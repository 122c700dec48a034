"""Needs that household visits raised: gathered, and handed over as incidents or settled on the spot."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db import models
from db.cases import Incident, get
from db.incidents import Report, report_within
from db.session import Database
from db.sql import statement
from db.territory import subtree
from geo.errors import Conflict, InvalidInput, NotFound
from governance.access import Permission, Principal
from governance.incident import Source
from governance.visit import NeedStatus, Urgency, severity_of

TEXT_LENGTH = 1000
_ALL = 100_000


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedRow:
    """A need with the visit it came from. `closed` is said of it when its incident is finished.

    Full names are there because nobody without the right to them sees the row at all.
    """

    id: int
    visit_id: int
    class_code: str
    class_name: str
    text: str
    urgency: Urgency
    status: NeedStatus
    building_code: str
    building_name: str
    household_code: str | None
    unit: int | None
    room: str | None
    head_full_name: str | None
    grid_code: str
    grid_name: str
    visited_at: datetime
    worker_full_name: str | None
    incident_no: str | None
    incident_status: str | None
    decided_by: str
    decided_at: datetime | None
    opinion: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedCount:
    """How many needs of a class, of a grid, or of both; the other is None."""

    class_code: str | None
    class_name: str | None
    grid_code: str | None
    grid_name: str | None
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedSummary:
    """Needs counted: by status over all, the others among the statuses asked for, the most first."""

    by_status: dict[NeedStatus, int]
    by_class: tuple[NeedCount, ...]
    by_grid: tuple[NeedCount, ...]
    by_class_and_grid: tuple[NeedCount, ...]


_ORIGIN = text(
    """SELECT b.name AS building_name, b.address, ST_X(ST_PointOnSurface(b.geom)) AS lon,
        ST_Y(ST_PointOnSurface(b.geom)) AS lat, coalesce(h.head_name, '') AS head_name, coalesce(h.phone, '') AS phone
    FROM visit AS v
    JOIN building AS b ON b.id = v.building_id
    LEFT JOIN household AS h ON h.id = v.household_id
    WHERE v.id = :visit"""
)


def needs(
    session: Session, *, grid: str | None = None, statuses: Sequence[str] = (), limit: int = 200
) -> list[NeedRow]:
    """Needs in scope: the gathered first, of these the urgent and then the oldest; `grid` takes in all below it."""
    return rows(session, grids=subtree(session, grid) if grid else None, statuses=statuses, limit=limit)


def summary(session: Session, *, grid: str | None = None, statuses: Sequence[str] = ()) -> NeedSummary:
    """How many needs there are, by status, class and grid."""
    asked = {"grids": subtree(session, grid) if grid else None, "statuses": list(statuses) or None}
    by_status = dict.fromkeys(NeedStatus, 0)
    counts: dict[tuple[bool, bool], list[NeedCount]] = {(True, False): [], (False, True): [], (True, True): []}
    for row in session.execute(statement("need_summary"), asked):
        found = row._asdict()
        status = found.pop("status")
        if status is not None:
            by_status[NeedStatus(status)] = found["count"]
        else:
            counts[row.class_code is not None, row.grid_code is not None].append(NeedCount(**found))
    return NeedSummary(
        by_status=by_status,
        by_class=tuple(counts[True, False]),
        by_grid=tuple(counts[False, True]),
        by_class_and_grid=tuple(counts[True, True]),
    )


def hand_over(
    database: Database, principal: Principal, need_id: int, *, severity: int | None = None, now: datetime
) -> Incident:
    """Makes the need an incident at its building; a second call gives the same incident.

    Without `severity` it is the class's, one level graver for an urgent need. Raises `NotFound`, `NotPermitted`,
    `Conflict` for a need that was settled on the spot.
    """
    principal.require(Permission.RECORD_VISITS)
    with database.session(principal) as session:
        need = _lock(session, need_id)
        if need.incident_id is not None:
            handed = select(models.Incident.no).where(models.Incident.id == need.incident_id)
            return get(session, session.scalars(handed).one())
        if need.status != NeedStatus.GATHERED:
            raise Conflict("the need was settled on the spot", need=need_id)
        origin = session.execute(_ORIGIN, {"visit": need.visit_id}).one()
        kind = session.scalars(select(models.IncidentClass).where(models.IncidentClass.code == need.class_code)).one()
        # Neither unit nor room: an incident's address is shown to everybody, a household's isn't.
        made = report_within(
            session,
            principal,
            Report(
                title=f"{origin.building_name} {kind.name}",
                class_code=kind.code,
                severity=severity_of(need.urgency, kind.default_severity) if severity is None else severity,
                lon=origin.lon,
                lat=origin.lat,
                crs="cgcs2000",
                source=Source.VISIT,
                description=need.text,
                address=origin.address,
                reporter_name=origin.head_name,
                reporter_phone=origin.phone,
                request_key=f"need:{need_id}",
            ),
            now=now,
        )
        need.incident_id = session.scalars(select(models.Incident.id).where(models.Incident.no == made.no)).one()
        need.status, need.decided_by, need.decided_at = NeedStatus.HANDED_OVER, principal.account, now
        return made


def settle(database: Database, principal: Principal, need_id: int, *, opinion: str, now: datetime) -> NeedRow:
    """Notes that a need was settled on the spot, and how. Raises `NotFound`, `InvalidInput`, `Conflict` if decided."""
    principal.require(Permission.RECORD_VISITS)
    if not opinion.strip():
        raise InvalidInput("settling a need asks how", field="opinion")
    check_text("opinion", opinion, TEXT_LENGTH)
    with database.session(principal) as session:
        need = _lock(session, need_id)
        if need.status != NeedStatus.GATHERED:
            raise Conflict("somebody has decided this need already", need=need_id)
        need.status, need.decided_by, need.decided_at = NeedStatus.SETTLED_ON_SPOT, principal.account, now
        need.opinion = opinion.strip()
        session.flush()
        return rows(session, need_id=need_id)[0]


def _lock(session: Session, need_id: int) -> models.Need:
    found = select(models.Need).where(models.Need.id == need_id).with_for_update(key_share=True)
    need = session.scalars(found).one_or_none()
    if need is None:
        raise NotFound(f"there is no need {need_id}", need=need_id)
    return need


def rows(
    session: Session,
    *,
    grids: Sequence[str] | None = None,
    statuses: Sequence[str] = (),
    need_id: int | None = None,
    visit_ids: Sequence[int] | None = None,
    limit: int = _ALL,
) -> list[NeedRow]:
    """Needs by whatever is given; None and () leave that open."""
    asked = {
        "grids": grids,
        "statuses": list(statuses) or None,
        "need_id": need_id,
        "visit_ids": visit_ids,
        "limit": limit,
    }
    found = (row._asdict() for row in session.execute(statement("needs"), asked))
    return [NeedRow(**r | {"urgency": Urgency(r["urgency"]), "status": NeedStatus(r["status"])}) for r in found]


def check_text(field: str, told: str, longest: int, *, row: int | None = None) -> None:
    """Raises `InvalidInput` for a text that is too long or can't be kept."""
    if len(told) > longest:
        raise InvalidInput(f"at most {longest} characters", field=field, row=row)
    if "\x00" in told:
        raise InvalidInput("a NUL character can't be kept", field=field, row=row)

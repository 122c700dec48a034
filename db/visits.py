"""Household visits: where one may go, what was found there, and the needs that were told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db import models
from db.needs import TEXT_LENGTH, NeedRow, check_text, rows
from db.session import Database
from db.sql import statement
from db.territory import subtree
from geo.errors import InvalidInput, UnknownCode
from governance.access import Permission, Principal
from governance.visit import NeedStatus, Urgency, VisitOutcome

MOST_NEEDS = 20
"""Of one visit."""
NOTE_LENGTH = 2000
_FUTURE = timedelta(minutes=1)
_PAST = timedelta(days=366)
"""How long ago a visit may lie: one of an earlier year is a slip of the pen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedReport:
    """What a household asks for."""

    class_code: str
    text: str
    urgency: str = Urgency.ORDINARY


@dataclass(frozen=True, slots=True, kw_only=True)
class VisitReport:
    """What a visitor tells. A household says its building; where none is on file, the building alone does.

    `visited_at` None is now; `worker` is the grid worker who went, by code.
    """

    outcome: str
    building: str | None = None
    household: str | None = None
    worker: str | None = None
    visited_at: datetime | None = None
    note: str = ""
    needs: tuple[NeedReport, ...] = ()
    request_key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A visit and the needs that it raised."""

    id: int
    building_code: str
    building_name: str
    household_code: str | None
    unit: int | None
    room: str | None
    head_full_name: str | None
    grid_code: str
    grid_name: str
    worker_full_name: str | None
    visited_at: datetime
    outcome: VisitOutcome
    note: str
    recorded_by: str
    needs: tuple[NeedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """Where a visit may go: a building, or a household in it."""

    building_code: str
    building_name: str
    address: str
    grid_code: str
    grid_name: str
    household_code: str | None
    unit: int | None
    room: str | None
    head_full_name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Visitor:
    """A grid worker who is responsible for a building's grid or the quarter around it."""

    code: str
    full_name: str
    post: str


_VISITS = text(
    """SELECT v.id, b.code AS building_code, b.name AS building_name, h.code AS household_code, h.unit, h.room,
        h.head_name AS head_full_name, v.grid_code, g.name AS grid_name, w.full_name AS worker_full_name, v.visited_at,
        v.outcome, v.note, v.recorded_by
    FROM visit AS v
    JOIN building AS b ON b.id = v.building_id
    JOIN grid AS g ON g.code = v.grid_code
    LEFT JOIN household AS h ON h.id = v.household_id
    LEFT JOIN worker AS w ON w.id = v.worker_id
    WHERE (CAST(:grids AS text[]) IS NULL OR v.grid_code = ANY (CAST(:grids AS text[])))
        AND (CAST(:visit_id AS bigint) IS NULL OR v.id = :visit_id)
    ORDER BY v.visited_at DESC, v.id DESC
    LIMIT :limit"""
)

_VISITORS = text(
    """SELECT w.code, w.full_name, w.post
    FROM building AS b
    JOIN worker AS w ON w.grid_code IN (b.grid_code, b.quarter_code)
    WHERE b.code = :building AND app_reads_personal()
    ORDER BY w.building_id IS DISTINCT FROM b.id, w.grid_code <> b.grid_code, w.employment, w.code
    LIMIT :limit"""
)


def record(database: Database, principal: Principal, visit: VisitReport, *, now: datetime) -> Visit:
    """Files a visit with its needs; the same `request_key` gives the visit that it filed before.

    Raises `InvalidInput` and `UnknownCode` naming the field (and the row, from 1, of a need), `NotPermitted`. What is
    out of scope is unknown.
    """
    principal.require(Permission.RECORD_VISITS)
    _check(visit, now)
    with database.session(principal) as session:
        building, household_id = _home(session, visit)
        worker_id = None
        if visit.worker is not None:
            worker_id = session.scalar(select(models.Worker.id).where(models.Worker.code == visit.worker))
            if worker_id is None:
                raise UnknownCode(f"there is no worker {visit.worker}", field="worker")
        known = set(session.scalars(select(models.IncidentClass.code)))
        for row, need in enumerate(visit.needs, start=1):
            if need.class_code not in known:
                raise UnknownCode(f"there is no class {need.class_code}", field="class", row=row)
        key = None if visit.request_key is None else f"{principal.account}:{visit.request_key}"
        filed = insert(models.Visit).values(
            building_id=building.id,
            household_id=household_id,
            grid_code=building.grid_code,
            worker_id=worker_id,
            visited_at=visit.visited_at or now,
            outcome=visit.outcome,
            note=visit.note.strip(),
            recorded_by=principal.account,
            recorded_at=now,
            request_key=key,
        )
        visit_id = session.scalar(
            filed.on_conflict_do_nothing(index_elements=["request_key"]).returning(models.Visit.id)
        )
        if visit_id is None:  # sent twice
            before = select(models.Visit.id).where(models.Visit.request_key == key)
            return _visit(session, session.scalars(before).one())
        for need in visit.needs:
            session.add(
                models.Need(
                    visit_id=visit_id,
                    class_code=need.class_code,
                    text=need.text.strip(),
                    urgency=need.urgency,
                    status=NeedStatus.GATHERED,
                    decided_by="",
                    opinion="",
                )
            )
        session.flush()
        return _visit(session, visit_id)


def visits(session: Session, *, grid: str | None = None, limit: int = 50) -> list[Visit]:
    """The latest visits in scope with their needs; `grid` takes in all below it."""
    return _visits(session, grids=subtree(session, grid) if grid else None, visit_id=None, limit=limit)


def find_homes(session: Session, q: str, *, limit: int = 30) -> list[Home]:
    """Buildings, then households, in scope with every word of `q` in name, flat, head or address; no word, none."""
    words = q.split()
    if not words:
        return []
    found = session.execute(statement("homes"), {"words": words, "limit": limit})
    return [Home(**row._asdict()) for row in found]


def visitors(session: Session, building: str, *, limit: int = 60) -> list[Visitor]:
    """The workers responsible for a building (by code), its own before its quarter's."""
    found = session.execute(_VISITORS, {"building": building, "limit": limit})
    return [Visitor(**row._asdict()) for row in found]


def _home(session: Session, visit: VisitReport) -> tuple[models.Building, int | None]:
    """The building that was visited, and the household where one is named. Raises `UnknownCode` also out of scope."""
    household = None
    if visit.household is not None:
        named = select(models.Household).where(models.Household.code == visit.household)
        household = session.scalars(named).one_or_none()
        if household is None:
            raise UnknownCode(f"there is no household {visit.household}", field="household")
    wanted = (
        models.Building.code == visit.building if household is None else models.Building.id == household.building_id
    )
    building = session.scalars(
        select(models.Building).where(wanted, func.app_in_scope(models.Building.grid_code))
    ).one_or_none()
    if building is None:
        raise UnknownCode(f"there is no building {visit.building}", field="building")
    if visit.building not in {None, building.code}:
        raise InvalidInput("the household lies in another building", field="household")
    return building, None if household is None else household.id


def _visits(session: Session, *, grids: Sequence[str] | None, visit_id: int | None, limit: int) -> list[Visit]:
    found = session.execute(_VISITS, {"grids": grids, "visit_id": visit_id, "limit": limit}).all()
    raised: dict[int, list[NeedRow]] = {row.id: [] for row in found}
    for need in rows(session, visit_ids=list(raised)):
        raised[need.visit_id].append(need)
    return [
        Visit(
            **row._asdict() | {"outcome": VisitOutcome(row.outcome)},
            needs=tuple(sorted(raised[row.id], key=lambda n: n.id)),
        )
        for row in found
    ]


def _visit(session: Session, visit_id: int) -> Visit:
    return _visits(session, grids=None, visit_id=visit_id, limit=1)[0]


def _check(visit: VisitReport, now: datetime) -> None:
    if visit.outcome not in set(VisitOutcome):
        raise InvalidInput(f"outcome is one of {', '.join(VisitOutcome)}", field="outcome")
    if visit.building is None and visit.household is None:
        raise InvalidInput("a visit goes to a building or a household", field="building")
    if visit.visited_at is not None:
        _check_instant(visit.visited_at, now)
    check_text("note", visit.note, NOTE_LENGTH)
    if visit.needs and visit.outcome != VisitOutcome.MET:
        raise InvalidInput("whoever wasn't met has told no need", field="outcome")
    if len(visit.needs) > MOST_NEEDS:
        raise InvalidInput(f"at most {MOST_NEEDS} needs of one visit", field="needs")
    for row, need in enumerate(visit.needs, start=1):
        if not need.text.strip():
            raise InvalidInput("a need says what it is", field="text", row=row)
        check_text("text", need.text, TEXT_LENGTH, row=row)
        if need.urgency not in set(Urgency):
            raise InvalidInput(f"urgency is one of {', '.join(Urgency)}", field="urgency", row=row)


def _check_instant(at: datetime, now: datetime) -> None:
    if at.tzinfo is None:
        raise InvalidInput("an instant needs its time zone", field="visited_at")
    if at > now + _FUTURE:
        raise InvalidInput("the visit lies in the future", field="visited_at")
    if at < now - _PAST:
        raise InvalidInput("the visit lies more than a year back", field="visited_at")

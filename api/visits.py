"""Household visits and the needs that they raise, for programs: a phone at the door, a report in the office."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request

import db.needs
import db.visits
from api.bodies import HandOverBody, SettleBody, VisitBody
from api.guard import GuardedRoute, Visitor
from api.incident_json import incident_json
from api.query import known, single, whole
from db.needs import NeedCount, NeedRow
from db.visits import NeedReport, Visit, VisitReport
from geo.errors import InvalidInput
from governance.visit import NeedStatus

router = APIRouter(prefix="/api", route_class=GuardedRoute, tags=["visits"])

NeedId = Annotated[int, Path(ge=1, le=2**62)]
RequestKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


@router.post("/visits", status_code=201)
def record(body: VisitBody, caller: Visitor, key: RequestKey = None) -> dict[str, Any]:
    """Files a visit with its needs. With the same `Idempotency-Key` again, the first one is answered."""
    filed = db.visits.record(
        caller.context.database,
        caller.principal,
        VisitReport(
            building=body.building,
            household=body.household,
            worker=body.worker,
            visited_at=body.visited_at,
            outcome=body.outcome,
            note=body.note,
            needs=tuple(NeedReport(class_code=n.class_code, text=n.text, urgency=n.urgency) for n in body.needs),
            request_key=key,
        ),
        now=caller.now,
    )
    return _visit_json(filed)


@router.get("/visits")
def visits(request: Request, caller: Visitor) -> dict[str, Any]:
    """The latest visits in scope."""
    query = known(request.query_params, "grid", "limit")
    with caller.session() as session:
        limit = whole(query, "limit", least=1, most=1000) or 50
        found = db.visits.visits(session, grid=single(query, "grid"), limit=limit)
    return {"visits": [_visit_json(visit) for visit in found]}


@router.get("/needs")
def needs(request: Request, caller: Visitor) -> dict[str, Any]:
    """Needs in scope, the gathered first, and how many there are by status, class and grid."""
    query = known(request.query_params, "grid", "status", "limit")
    grid = single(query, "grid")
    statuses = [part.strip() for text in query.getlist("status") for part in text.split(",") if part.strip()]
    for status in statuses:
        if status not in set(NeedStatus):
            raise InvalidInput(f"status is one of {', '.join(NeedStatus)}", field="status")
    with caller.session() as session:
        limit = whole(query, "limit", least=1, most=1000) or 200
        found = db.needs.needs(session, grid=grid, statuses=statuses, limit=limit)
        counted = db.needs.summary(session, grid=grid, statuses=statuses)
    return {
        "needs": [_need_json(need) for need in found],
        "summary": {
            "by_status": counted.by_status,
            "by_class": [_count_json(count) for count in counted.by_class],
            "by_grid": [_count_json(count) for count in counted.by_grid],
            "by_class_and_grid": [_count_json(count) for count in counted.by_class_and_grid],
        },
    }


@router.post("/needs/{need_id}/handover")
def hand_over(need_id: NeedId, caller: Visitor, body: HandOverBody | None = None) -> dict[str, Any]:
    """Makes the need an incident at its building, and answers with that; a second call answers the same one."""
    severity = None if body is None else body.severity
    made = db.needs.hand_over(caller.context.database, caller.principal, need_id, severity=severity, now=caller.now)
    return incident_json(made, caller)


@router.post("/needs/{need_id}/settle")
def settle(need_id: NeedId, body: SettleBody, caller: Visitor) -> dict[str, Any]:
    """Notes that the need was settled on the spot."""
    done = db.needs.settle(caller.context.database, caller.principal, need_id, opinion=body.opinion, now=caller.now)
    return _need_json(done)


def _visit_json(visit: Visit) -> dict[str, Any]:
    return {
        "id": visit.id,
        "building": visit.building_code,
        "building_name": visit.building_name,
        "household": visit.household_code,
        "unit": visit.unit,
        "room": visit.room,
        "head_full_name": visit.head_full_name,
        "grid": {"code": visit.grid_code, "name": visit.grid_name},
        "worker_full_name": visit.worker_full_name,
        "visited_at": visit.visited_at,
        "outcome": visit.outcome,
        "note": visit.note,
        "recorded_by": visit.recorded_by,
        "needs": [_need_json(need) for need in visit.needs],
    }


def _need_json(need: NeedRow) -> dict[str, Any]:
    return {
        "id": need.id,
        "visit": need.visit_id,
        "class": need.class_code,
        "class_name": need.class_name,
        "text": need.text,
        "urgency": need.urgency,
        "status": need.status,
        "building": need.building_code,
        "building_name": need.building_name,
        "household": need.household_code,
        "unit": need.unit,
        "room": need.room,
        "head_full_name": need.head_full_name,
        "grid": {"code": need.grid_code, "name": need.grid_name},
        "visited_at": need.visited_at,
        "incident": need.incident_no,
        "incident_status": need.incident_status,
        "decided_by": need.decided_by or None,
        "decided_at": need.decided_at,
        "opinion": need.opinion,
    }


def _count_json(count: NeedCount) -> dict[str, Any]:
    named = {"class": count.class_code, "class_name": count.class_name}
    named |= {"grid": count.grid_code, "grid_name": count.grid_name}
    return {name: value for name, value in named.items() if value is not None} | {"count": count.count}

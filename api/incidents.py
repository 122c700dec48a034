"""Incidents for programs: report, look up, ask for candidates, dispatch, and step on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Response

import db.assignments
import db.incidents
from api.bodies import DispatchBody, ReportBody, StepBody
from api.guard import Caller, Dispatcher, GuardedRoute, Handler, Reader, Reporter
from db.assignments import Recommendation
from db.incidents import ActiveAssignment, Incident, Report
from geo.errors import Conflict, InvalidInput
from governance.dispatch import Ranked, explain
from governance.lifecycle import Action

router = APIRouter(prefix="/api/incidents", route_class=GuardedRoute, tags=["incidents"])

No = Annotated[str, Path(max_length=40)]
RequestKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


@router.post("", status_code=201)
def report(body: ReportBody, response: Response, caller: Reporter, key: RequestKey = None) -> dict[str, Any]:
    """Opens an incident. With the same `Idempotency-Key` again, the first one's incident is answered."""
    made = db.incidents.report(
        caller.context.database,
        caller.principal,
        Report(
            title=body.title,
            class_code=body.class_code,
            severity=body.severity,
            lon=body.lon,
            lat=body.lat,
            crs=body.crs,
            source=body.source,
            description=body.description,
            address=body.address,
            reporter_name=body.reporter_name,
            reporter_phone=body.reporter_phone,
            request_key=key,
        ),
        now=caller.now,
    )
    if key is not None and not _is_of(made, body):
        raise Conflict("this Idempotency-Key was used for another report", key=key)
    response.headers["Location"] = f"/api/incidents/{made.no}"
    return incident_json(made, caller)


def _is_of(made: Incident, body: ReportBody) -> bool:
    return (made.title, made.class_code, made.raw_x, made.raw_y) == (body.title, body.class_code, body.lon, body.lat)


@router.get("/{no}")
def look_up(no: No, caller: Reader) -> dict[str, Any]:
    """An incident with its chain of grids, its steps and the actions open to it."""
    with caller.session() as session:
        found = db.incidents.get(session, no)
    return incident_json(found, caller)


@router.get("/{no}/candidates")
def candidates(no: No, caller: Dispatcher) -> dict[str, Any]:
    """Who would be sent, in order, each with a reason; who was left out and why. Nothing is stored."""
    with caller.session() as session:
        found = db.assignments.candidates(session, no, principal=caller.principal, now=caller.now)
    return recommendation_json(found)


@router.post("/{no}/dispatch")
def dispatch(no: No, caller: Dispatcher, body: DispatchBody | None = None) -> dict[str, Any]:
    """Sends the first candidate, or the named worker for a reason. 409 once somebody is on the way."""
    wanted = body or DispatchBody()
    if wanted.worker is not None and not wanted.reason:
        raise InvalidInput("sending somebody else than the first needs a reason", field="reason")
    sent = db.assignments.dispatch(
        caller.context.database, caller.principal, no, now=caller.now, worker=wanted.worker, reason=wanted.reason
    )
    return incident_json(sent, caller)


@router.post("/{no}/steps")
def step(no: No, body: StepBody, caller: Handler) -> dict[str, Any]:
    """Takes the incident one step on. 409 where the lifecycle has no such step."""
    if body.action is Action.DISPATCH:
        raise InvalidInput("POST …/dispatch sends somebody", field="action")
    moved = db.incidents.advance(
        caller.context.database, caller.principal, no, body.action, now=caller.now, opinion=body.opinion
    )
    return incident_json(moved, caller)


def incident_json(incident: Incident, caller: Caller) -> dict[str, Any]:
    """The incident as JSON; the reporter and full names only for roles that need them."""
    finest = incident.chain[0]
    shown: dict[str, Any] = {
        "no": incident.no,
        "title": incident.title,
        "description": incident.description,
        "class": incident.class_code,
        "class_name": incident.class_name,
        "major_name": incident.major_name,
        "severity": incident.severity,
        "status": incident.status,
        "source": incident.source,
        "is_open": incident.is_open,
        "is_outside_grid": incident.is_outside_grid,
        "is_supervised": incident.is_supervised,
        "lon": incident.lon,
        "lat": incident.lat,
        "raw": {"x": incident.raw_x, "y": incident.raw_y, "crs": incident.raw_crs},
        "address": incident.address,
        "grid": {
            "code": finest.code,
            "name": finest.name,
            "chain": [{"code": g.code, "name": g.name, "level": g.level} for g in incident.chain],
        },
        "reported_at": incident.reported_at,
        "accepted_at": incident.accepted_at,
        "dispatched_at": incident.dispatched_at,
        "acknowledged_at": incident.acknowledged_at,
        "arrived_at": incident.arrived_at,
        "resolved_at": incident.resolved_at,
        "closed_at": incident.closed_at,
        "due_at": incident.due_at,
        "settle_by": incident.settle_by,
        "version": incident.version,
        "assignment": None if incident.assignment is None else _assignment_json(incident.assignment, caller),
        "steps": [
            {
                "action": s.action,
                "from": s.from_status,
                "to": s.to_status,
                "actor_name": s.actor_name,
                "at": s.at,
                "opinion": s.opinion,
            }
            for s in incident.steps
        ],
        "actions": list(incident.actions),
    }
    if caller.reads_personal:
        shown |= {"reporter_name": incident.reporter_name, "reporter_phone": incident.reporter_phone}
    return shown


def _assignment_json(sent: ActiveAssignment, caller: Caller) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "worker": sent.worker_code,
        "worker_name": sent.worker_name,
        "status": sent.status,
        "distance_m": sent.distance_m,
        "dispatched_at": sent.dispatched_at,
        "acknowledged_at": sent.acknowledged_at,
        "arrived_at": sent.arrived_at,
        "is_override": sent.is_override,
        "reason": sent.reason,
    }
    if caller.reads_personal:
        shown["worker_full_name"] = sent.worker_full_name
    return shown


def recommendation_json(found: Recommendation) -> dict[str, Any]:
    """A ranking as JSON: names masked, `ring` by name, `eta_s` a walker's estimate."""
    ranking, policy = found.ranking, found.policy
    return {
        "no": found.no,
        "made_at": found.made_at,
        "candidates": [_ranked_json(entry) for entry in ranking.ranked],
        "excluded": {reason.value: number for reason, number in ranking.excluded.items()},
        "shortfall": ranking.shortfall,
        "policy": {
            "id": policy.id,
            "pools": sorted(policy.pools),
            "cap": policy.cap,
            "freshness_s": policy.freshness_s,
            "max_distance_m": policy.max_distance_m,
            "shortlist": policy.shortlist,
        },
    }


def _ranked_json(entry: Ranked) -> dict[str, Any]:
    responder = entry.candidate
    return {
        "rank": entry.rank,
        "worker": responder.code,
        "worker_name": responder.name,
        "ring": entry.ring.name.lower(),
        "distance_m": responder.distance_m,
        "eta_s": entry.eta_s,
        "load": responder.load,
        "cap": responder.cap,
        "position": entry.position.value,
        "age_s": entry.age_s,
        "grid_code": responder.grid_code,
        "lon": responder.lon,
        "lat": responder.lat,
        "reason": explain(entry),
    }

"""Incidents for programs: report, look up, ask for candidates, dispatch, and step on."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Request, Response

import db.assignments
import db.candidates
import db.cases
import db.incidents
import db.stepping
import db.territory
from api.bodies import DispatchBody, ReportBody, StepBody
from api.guard import Dispatcher, GuardedRoute, Handler, Reader, Reporter
from api.incident_json import incident_json, recommendation_json, similar_json
from api.query import degrees, known, needed
from db.cases import Incident
from geo.crs import parse_crs, to_storage
from geo.errors import Conflict, InvalidInput

router = APIRouter(prefix="/api/incidents", route_class=GuardedRoute, tags=["incidents"])

No = Annotated[str, Path(max_length=40)]
RequestKey = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=200)]


@router.post("", status_code=201)
def report(body: ReportBody, response: Response, caller: Reporter, key: RequestKey = None) -> dict[str, Any]:
    """Opens an incident. With the same `Idempotency-Key` again, the first one's incident is answered."""
    made = db.incidents.report(
        caller.context.database,
        caller.principal,
        body.as_report(request_key=key),
        now=caller.now,
    )
    if key is not None and not _is_of(made, body):
        raise Conflict("this Idempotency-Key was used for another report", key=key)
    response.headers["Location"] = f"/api/incidents/{made.no}"
    return incident_json(made, caller)


def _is_of(made: Incident, body: ReportBody) -> bool:
    return (made.title, made.class_code, made.raw_x, made.raw_y) == (body.title, body.class_code, body.lon, body.lat)


# Before the route of one incident, which would take "similar" for a number.
@router.get("/similar")
def similar(request: Request, caller: Reader) -> dict[str, Any]:
    """What may be the same matter as a report that is about to be made: its class, near and recent."""
    query = known(request.query_params, "class", "lon", "lat", "crs")
    class_code, crs = needed(query, "class"), parse_crs(needed(query, "crs"))
    lon, lat = to_storage(degrees(query, "lon"), degrees(query, "lat"), crs)
    with caller.session() as session:
        db.territory.locate(session, lon, lat)
        found = db.incidents.similar(session, class_code, lon, lat, now=caller.now)
    return {"similar": [similar_json(row, lon, lat) for row in found]}


@router.get("/{no}")
def look_up(no: No, caller: Reader) -> dict[str, Any]:
    """An incident with its chain of grids, its steps and the actions open to it."""
    with caller.session() as session:
        found = db.cases.get(session, no)
    return incident_json(found, caller)


@router.get("/{no}/candidates")
def candidates(no: No, caller: Dispatcher) -> dict[str, Any]:
    """Who would be sent, in order, each with a reason; who was left out and why. Nothing is stored."""
    with caller.session() as session:
        found = db.candidates.recommend(session, no, principal=caller.principal, now=caller.now)
    return recommendation_json(found)


@router.post("/{no}/dispatch")
def dispatch(no: No, caller: Dispatcher, body: DispatchBody | None = None, key: RequestKey = None) -> dict[str, Any]:
    """Sends the first candidates, or the named worker for a reason. 409 once somebody is on the way.

    With the same `Idempotency-Key` again, what the first call made is answered.
    """
    wanted = body or DispatchBody()
    if wanted.worker is not None and not wanted.reason:
        raise InvalidInput("sending somebody else than the first needs a reason", field="reason")
    sent = db.assignments.dispatch(
        caller.context.database,
        caller.principal,
        no,
        now=caller.now,
        worker=wanted.worker,
        reason=wanted.reason,
        request_key=key,
    )
    return incident_json(sent, caller)


@router.post("/{no}/steps")
def step(no: No, body: StepBody, caller: Handler) -> dict[str, Any]:
    """Takes the incident one step on. 409 where the lifecycle has no such step, or the incident's facts hinder it."""
    moved = db.stepping.take(caller.context.database, caller.principal, no, body.as_asked(), now=caller.now)
    return incident_json(moved, caller)

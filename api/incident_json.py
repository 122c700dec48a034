"""Incidents and recommendations as JSON: by role, no more than is needed."""

from __future__ import annotations

from typing import Any

from api.guard import Caller
from db.candidates import Line, Recommendation
from db.cases import ActiveAssignment, Incident
from db.incidents import QueueRow
from geo.crs import geodesic_m
from governance.dispatch import Ranked, explain
from governance.lifecycle import Action

_NO_STEP = frozenset({Action.TIME_OUT, Action.HAND_OVER})
"""Actions of the product itself and of a worker's shift: no route takes them for one incident."""


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
        "is_satisfied": incident.is_satisfied,
        "is_exempt": incident.is_exempt,
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
        "confirmed_at": incident.confirmed_at,
        "accepted_at": incident.accepted_at,
        "dispatched_at": incident.dispatched_at,
        "acknowledged_at": incident.acknowledged_at,
        "arrived_at": incident.arrived_at,
        "resolved_at": incident.resolved_at,
        "closed_at": incident.closed_at,
        "due_at": incident.due_at,
        "warn_at": incident.warn_at,
        "very_late_at": incident.very_late_at,
        "settle_by": incident.settle_by,
        "limit": {"amount": float(incident.limit_amount), "clock": incident.limit_clock},
        "is_paused": incident.remaining_s is not None,
        "resume_by": incident.resume_by,
        "extensions": incident.extensions,
        "department": incident.department_code,
        "parent": incident.parent_no,
        "original": incident.merged_into_no,
        "parts": list(incident.part_nos),
        "version": incident.version,
        "assignment": None if incident.assignment is None else _assignment_json(incident.assignment, caller),
        "crew": [_assignment_json(sent, caller) for sent in incident.crew],
        "extension_requests": [
            {"asked_by": r.asked_by_name, "asked_at": r.asked_at, "reason": r.reason, "is_granted": r.is_granted}
            for r in incident.extension_requests
        ],
        "appeal": None
        if incident.appeal is None
        else {
            "reason": incident.appeal.reason,
            "first_granted": incident.appeal.first_granted,
            "second_granted": incident.appeal.second_granted,
        },
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
        "actions": [action for action in incident.actions_at(caller.now) if action not in _NO_STEP],
    }
    if caller.reads_personal:
        shown |= {"reporter_name": incident.reporter_name, "reporter_phone": incident.reporter_phone}
    return shown


def similar_json(found: QueueRow, lon: float, lat: float) -> dict[str, Any]:
    """An incident that may be the same matter as one at `lon`, `lat` (EPSG:4490)."""
    return {
        "no": found.no,
        "title": found.title,
        "status": found.status,
        "distance_m": round(geodesic_m(lon, lat, found.lon, found.lat), 1),
        "reported_at": found.reported_at,
    }


def _assignment_json(sent: ActiveAssignment, caller: Caller) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "slot": sent.slot,
        "worker": sent.worker_code,
        "worker_name": sent.worker_name,
        "status": sent.status,
        "distance_m": sent.distance_m,
        "eta_s": sent.eta_s,
        "acknowledge_by": sent.acknowledge_by,
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
    """A ranking as JSON: names masked, `ring` by name, `eta_s` by road or, where `is_estimated`, a straight line's.

    `candidates`, `excluded` and `shortfall` are those of the line that leads; `lines` has them for the whole run card.
    """
    policy, mode = found.policy, found.policy.mode
    first, *_ = lines = [_line_json(line, number, mode) for number, line in enumerate(found.lines, start=1)]
    return {
        "no": found.no,
        "made_at": found.made_at,
        "candidates": first["candidates"],
        "excluded": first["excluded"],
        "shortfall": first["shortfall"],
        "lines": lines,
        "policy": {
            "id": policy.id,
            "pools": sorted(policy.pools),
            "cap": policy.cap,
            "freshness_s": policy.freshness_s,
            "max_distance_m": policy.max_distance_m,
            "shortlist": policy.shortlist,
            "rest_s": policy.rest_s,
            "acknowledge_s": policy.acknowledge_s,
            "excludes_stale": policy.excludes_stale,
            "mode": mode,
        },
    }


def _line_json(line: Line, number: int, mode: str) -> dict[str, Any]:
    rules, ranking = line.rules, line.ranking
    return {
        "line": number,
        "people": rules.people,
        "posts": sorted(rules.posts),
        "origins": sorted(rules.origins),
        "skills": sorted(rules.skills),
        "candidates": [_ranked_json(entry, mode) for entry in ranking.ranked],
        "excluded": {reason.value: count for reason, count in ranking.excluded.items()},
        "shortfall": ranking.shortfall,
    }


def _ranked_json(entry: Ranked, mode: str) -> dict[str, Any]:
    responder = entry.candidate
    return {
        "rank": entry.rank,
        "worker": responder.code,
        "worker_name": responder.name,
        "post": responder.post,
        "ring": entry.ring.name.lower(),
        "distance_m": responder.distance_m,
        "eta_s": entry.eta_s,
        "is_estimated": entry.is_estimated,
        "load": responder.load,
        "cap": responder.cap,
        "position": entry.position.value,
        "age_s": entry.age_s,
        "grid_code": responder.grid_code,
        "lon": responder.lon,
        "lat": responder.lat,
        "reason": explain(entry, mode),
    }

"""Why somebody was sent, or nobody could be: the recommendations that were kept for an incident."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

import db.cases
import db.recommendations
from api.guard import GuardedRoute, Reader
from api.query import whole
from db.recommendations import Kept, KeptCandidate

router = APIRouter(prefix="/api/incidents", route_class=GuardedRoute, tags=["incidents"])


@router.get("/{no}/recommendations")
def recommendations(no: Annotated[str, Path(max_length=40)], request: Request, caller: Reader) -> dict[str, Any]:
    """The recommendations kept for the incident, newest first; 404 for those who may not see the incident."""
    limit = whole(request.query_params, "limit", least=1, most=1000) or 100
    with caller.session() as session:
        db.cases.get(session, no)
        found = db.recommendations.of_incident(session, no, limit=limit)
    return {"no": no, "recommendations": [_kept_json(kept) for kept in found]}


def _kept_json(kept: Kept) -> dict[str, Any]:
    return {
        "made_at": kept.made_at,
        "made_for": kept.made_for,
        "policy": kept.policy_id,
        "candidates": [_candidate_json(candidate) for candidate in kept.candidates],
        "excluded": dict(kept.excluded),
        "shortfall": kept.shortfall,
        "shortfalls": [asdict(short) for short in kept.shortfalls],
        "sent": list(kept.sent),
    }


def _candidate_json(candidate: KeptCandidate) -> dict[str, Any]:
    """As it was stored: people by their codes alone."""
    return {name: value for name, value in asdict(candidate).items() if name != "worker_name"}

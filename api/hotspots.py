"""Where matters return, and how the like of one was settled before."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

import db.cases
import db.hotspots
from api.guard import GuardedRoute, Reader
from api.query import known, single, whole
from db.hotspots import LEAST, RADII_M

router = APIRouter(prefix="/api", route_class=GuardedRoute, tags=["hotspots"])

_MOST_DAYS = 366


@router.get("/hotspots")
def hotspots(request: Request, caller: Reader) -> dict[str, Any]:
    """Places where incidents of one minor class came up again in the last days, most of them first."""
    query = known(request.query_params, "days", "radius_m", "at_least", "grid", "limit")
    days = whole(query, "days", least=1, most=_MOST_DAYS) or 30
    radius_m = whole(query, "radius_m", least=RADII_M[0], most=RADII_M[1]) or 50
    at_least = whole(query, "at_least", least=LEAST, most=1000) or 3
    since = caller.now - timedelta(days=days)
    with caller.session() as session:
        found = db.hotspots.hotspots(
            session,
            since=since,
            until=caller.now,
            radius_m=radius_m,
            at_least=at_least,
            grid=single(query, "grid"),
            limit=whole(query, "limit", least=1, most=200) or 200,
        )
    return {
        "since": since,
        "until": caller.now,
        "radius_m": radius_m,
        "at_least": at_least,
        "hotspots": [
            {
                "class": spot.class_code,
                "class_name": spot.class_name,
                "major_name": spot.major_name,
                "lon": spot.lon,
                "lat": spot.lat,
                "count": spot.count,
                "open": spot.open_count,
                "numbers": list(spot.numbers),
                "first_at": spot.first_at,
                "last_at": spot.last_at,
                "reach_m": round(spot.reach_m, 1),
                "grid_code": spot.grid_code,
                "grid_name": spot.grid_name,
            }
            for spot in found
        ],
    }


@router.get("/incidents/{no}/similar-cases")
def similar_cases(no: Annotated[str, Path(max_length=40)], caller: Reader) -> dict[str, Any]:
    """Closed incidents of the same class, nearest in space and time, and how each was settled."""
    with caller.session() as session:
        db.cases.get(session, no)
        found = db.hotspots.similar_cases(session, no)
    return {
        "no": no,
        "cases": [
            {
                "no": case.no,
                "title": case.title,
                "severity": case.severity,
                "grid_name": case.grid_name,
                "reported_at": case.reported_at,
                "closed_at": case.closed_at,
                "settle_s": case.settle_s,
                "distance_m": round(case.distance_m, 1),
                "opinion": case.opinion,
                "handler": case.handler,
            }
            for case in found
        ],
    }

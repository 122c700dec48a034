"""Whether the system does its work, for whoever watches over it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response

import db.health
from api.guard import context_of
from geo.errors import Unavailable
from governance.access import SYSTEM

router = APIRouter()


@router.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False)
def healthz(request: Request, response: Response) -> dict[str, Any]:
    """`{"status": "ok"}` when PostGIS answers and the change feed listens; a 503 problem document otherwise."""
    context = context_of(request)
    with context.database.session(SYSTEM) as session:
        postgis = db.health.postgis_version(session)
    feed = context.feed
    if not feed.is_live:
        since = "" if feed.lost_at is None else f" since {feed.lost_at.isoformat()}"
        raise Unavailable(f"the change feed doesn't listen{since}")
    response.headers["Cache-Control"] = "no-store"
    return {"status": "ok", "postgis": postgis, "feed": "live"}

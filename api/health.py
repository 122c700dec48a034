"""Whether the system does its work, for whoever watches over it."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.concurrency import run_in_threadpool

import db.health
from api.guard import context_of
from db.session import Database
from geo.errors import Unavailable
from governance.access import SYSTEM

router = APIRouter()


@router.api_route("/healthz", methods=["GET", "HEAD"], include_in_schema=False)
async def healthz(request: Request, response: Response) -> dict[str, Any]:
    """`{"status": "ok"}` when PostGIS answers and the change feed listens; a 503 problem document otherwise.

    The feed comes first: of a database that hangs nobody gets an answer, and each who asks takes a thread.
    """
    context = context_of(request)
    feed = context.feed
    if not feed.is_live:
        since = "" if feed.lost_at is None else f" since {feed.lost_at.isoformat()}"
        raise Unavailable(f"the change feed doesn't listen{since}")
    postgis = await run_in_threadpool(_postgis, context.database)
    response.headers["Cache-Control"] = "no-store"
    return {"status": "ok", "postgis": postgis, "feed": "live"}


def _postgis(database: Database) -> str:
    with database.session(SYSTEM) as session:
        return db.health.postgis_version(session)

"""The ground of the deployment for base maps: the same for everybody who is logged in."""

from __future__ import annotations

import time

from fastapi import APIRouter, Request, Response

import db.ground
from api.guard import GuardedRoute, Reader
from api.layers import GEOJSON, respond
from geo.errors import NotFound
from governance.access import SYSTEM

router = APIRouter(prefix="/api/base", route_class=GuardedRoute, tags=["base"])

_FRESH_S = 60.0
"""The ground changes with imports only; a look a minute is enough, and its tag is of its content."""


@router.get("/{key}")
def ground(key: str, request: Request, caller: Reader) -> Response:
    """One part of the ground as GeoJSON: boundary, blocks, water, roads or buildings."""
    if key not in db.ground.KEYS:
        raise NotFound(f"no ground {key!r}; there are {', '.join(db.ground.KEYS)}")

    def compute() -> str:
        with caller.context.database.session(SYSTEM) as session:
            return db.ground.ground(session, key)

    answer = caller.context.answers.answer(("base", key, int(time.monotonic() / _FRESH_S)), compute)
    return respond(request, answer, GEOJSON)

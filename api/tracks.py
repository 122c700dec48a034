"""Where workers have been while on duty."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request

import db.tracks
from api.guard import GuardedRoute, PersonalReader
from api.query import instant, known, listed, single
from geo.errors import InvalidInput

router = APIRouter(prefix="/api", route_class=GuardedRoute, tags=["tracks"])

_DECIMALS = 7
"""Of a degree: about a centimetre, as the layers have it."""


@router.get("/tracks")
def tracks(request: Request, caller: PersonalReader) -> dict[str, Any]:
    """The tracks of the named workers, or of all who are posted in a grid, within a span."""
    query = known(request.query_params, "workers", "grid", "since", "until")
    since, until = instant(query, "since"), instant(query, "until")
    workers, grid = listed(query, "workers", most=db.tracks.MOST_WORKERS), single(query, "grid")
    if bool(workers) == (grid is not None):
        raise InvalidInput("either workers or grid says whose tracks", field="workers")
    with caller.session() as session:
        if grid is not None:
            workers = db.tracks.tracked_in(session, grid, since=since, until=until)
        found = db.tracks.tracks(session, workers, since=since, until=until)
    return {
        "since": since,
        "until": until,
        "gap_s": db.tracks.GAP.total_seconds(),
        "tracks": [
            {
                "worker": track.worker,
                "name": track.name,
                "lines": [
                    [[round(lon, _DECIMALS), round(lat, _DECIMALS), round(at, 3)] for lon, lat, at in line]
                    for line in track.lines
                ],
            }
            for track in found
        ],
    }

"""Where nobody is free at the moment, and who could move there."""

from __future__ import annotations

import json

from fastapi import APIRouter, Request, Response

import db.coverage
from api.guard import GuardedRoute, Reader
from api.layers import GEOJSON, respond, revision_key
from api.query import known, whole

router = APIRouter(prefix="/api", route_class=GuardedRoute, tags=["coverage"])


@router.get("/coverage")
def coverage(request: Request, caller: Reader) -> Response:
    """Quarters where nobody is free as GeoJSON (CRS84), each with the nearest who could move there.

    `rev` only tells addresses apart for caches.
    """
    whole(known(request.query_params, "rev"), "rev", least=0, most=2**63)

    def compute() -> str:
        with caller.session() as session:
            return _collection(db.coverage.gaps(session))

    key = ("coverage", revision_key(caller, "workers"), revision_key(caller, "incidents"))
    return respond(request, caller.context.answers.answer(key, compute), GEOJSON)


def _collection(found: list[db.coverage.Gap]) -> str:
    features = [
        {
            "type": "Feature",
            "id": gap.code,
            "geometry": json.loads(gap.geometry),
            "properties": {
                "code": gap.code,
                "name": gap.name,
                "on_duty": gap.on_duty,
                "waiting": gap.waiting,
                "mover": gap.mover
                and {
                    "code": gap.mover.code,
                    "name": gap.mover.name,
                    "distance_m": round(gap.mover.distance_m, 1),
                },
            },
        }
        for gap in found
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False)

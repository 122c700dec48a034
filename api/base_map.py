"""The ground of the deployment for base maps, whole or as vector tiles, and the names on it.

All of it is the same for everybody who is logged in.
"""

from __future__ import annotations

import json
import time
from collections.abc import Hashable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

import db.features
import db.ground
from api.guard import Caller, LayerRoute, Reader
from api.layers import GEOJSON, respond
from api.query import known, single, whole
from api.tiles import MVT, place
from db.tiles import Tile
from geo.errors import InvalidInput, NotFound
from geo.extent import Extent
from geo.features import FeatureFilter
from governance.access import SYSTEM
from layers import names
from layers.basemap import Ground

router = APIRouter(route_class=LayerRoute, tags=["base"])

_SEEN_S = 10.0
"""So late an import may show."""


@router.get("/api/base/{key}")
def ground(key: str, request: Request, caller: Reader) -> Response:
    """One part of the ground as GeoJSON: boundary, blocks, water, roads or buildings, whole or within `bbox`."""
    if key not in db.ground.KEYS:
        raise NotFound(f"no ground {key!r}; there are {', '.join(db.ground.KEYS)}")
    known(request.query_params, "bbox")
    bbox = single(request.query_params, "bbox")
    within = None if bbox is None else Extent.from_bbox(bbox)

    def compute() -> str:
        with caller.context.database.session(SYSTEM) as session:
            return db.ground.ground(session, key, within=within)

    about = ("base", key, None if within is None else within.bounds, _revision(caller))
    return respond(request, caller.context.answers.answer(about, compute), GEOJSON)


@router.get("/tiles/base/{z}/{x}/{y}.pbf")
def ground_tile(at: Annotated[Tile, Depends(place)], request: Request, caller: Reader) -> Response:
    """One tile of the ground: layers boundary, blocks, water, buildings and roads, as much as the zoom shows.

    `rev` only tells addresses apart for caches.
    """
    return _tile("base", at, request, caller)


@router.get("/tiles/names/{z}/{x}/{y}.pbf")
def names_tile(at: Annotated[Tile, Depends(place)], request: Request, caller: Reader) -> Response:
    """One tile of the names of roads: points with `name`, `angle` and `rank`."""
    return _tile("names", at, request, caller)


@router.get("/api/names")
def place_names(request: Request, caller: Reader) -> Response:
    """Names for a map as JSON: text `t`, place `p` (longitude, latitude), angle `a` anticlockwise from east, kind `k`.

    `kinds` says which: street, community, quarter (at a point inside each) and road (along its course, while the
    ground is small enough to come whole). `rev` and `ground` only tell addresses apart for caches.
    """
    known(request.query_params, "kinds", "rev", "ground")
    for revision in ("rev", "ground"):
        whole(request.query_params, revision, least=0, most=2**63)
    asked = (single(request.query_params, "kinds") or ",".join(names.KINDS)).split(",")
    if unknown := set(asked) - set(names.KINDS):
        raise InvalidInput(f"there is no kind {min(unknown)!r}; there are {', '.join(names.KINDS)}", field="kinds")
    kinds = tuple(kind for kind in names.KINDS if kind in asked)

    def compute() -> str:
        with caller.context.database.session(SYSTEM) as session:
            grids = json.loads(db.features.items(session, "grids", FeatureFilter(), personal=False))
            is_whole = "road" in kinds and not Ground(number=db.ground.standing(session).number).is_tiled
            roads = json.loads(db.ground.ground(session, "roads")) if is_whole else {"features": []}
        return names.rows([*names.of_grids(grids), *names.of_roads(roads)], kinds)

    about = ("names", kinds, caller.context.feed.revision("grids"), _revision(caller))
    return respond(request, caller.context.answers.answer(about, compute), "application/json")


_MADE_BY = {"base": db.ground.tile, "names": db.ground.names_tile}


def _tile(part: str, at: Tile, request: Request, caller: Caller) -> Response:
    known(request.query_params, "rev")
    whole(request.query_params, "rev", least=0, most=2**63)
    context = caller.context

    def compute() -> bytes:
        with context.database.session(SYSTEM) as session:
            return _MADE_BY[part](session, at)

    return respond(request, context.answers.answer((part, "tile", at, _revision(caller)), compute), MVT)


def _revision(caller: Caller) -> Hashable:
    """What the ground is now, read once in a while for all tiles.

    Buildings on record are part of it where there are no footprints, and change without an import.
    """

    def compute() -> str:
        with caller.context.database.session(SYSTEM) as session:
            return str(db.ground.standing(session).revision)

    read = caller.context.answers.answer(("base", "revision", int(time.monotonic() / _SEEN_S)), compute)
    return (read.unpacked(), caller.context.feed.revision("buildings"))

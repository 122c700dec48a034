"""The ground of the deployment for base maps, whole or as vector tiles: the same for everybody who is logged in."""

from __future__ import annotations

import time
from collections.abc import Hashable
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

import db.ground
from api.guard import Caller, LayerRoute, Reader
from api.layers import GEOJSON, respond
from api.problems import Refusal
from api.query import single, whole
from api.tiles import MVT, place
from db.tiles import Tile
from geo.errors import NotFound
from geo.extent import Extent
from governance.access import SYSTEM

router = APIRouter(route_class=LayerRoute, tags=["base"])

_SEEN_S = 10.0
"""So late an import may show."""


@router.get("/api/base/{key}")
def ground(key: str, request: Request, caller: Reader) -> Response:
    """One part of the ground as GeoJSON: boundary, blocks, water, roads or buildings, whole or within `bbox`."""
    if key not in db.ground.KEYS:
        raise NotFound(f"no ground {key!r}; there are {', '.join(db.ground.KEYS)}")
    _only(request, "bbox")
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


_MADE_BY = {"base": db.ground.tile, "names": db.ground.names_tile}


def _tile(part: str, at: Tile, request: Request, caller: Caller) -> Response:
    _only(request, "rev")
    whole(request.query_params, "rev", least=0, most=2**63)
    context = caller.context

    def compute() -> bytes:
        with context.database.session(SYSTEM) as session:
            return _MADE_BY[part](session, at)

    return respond(request, context.answers.answer((part, "tile", at, _revision(caller)), compute), MVT)


def _only(request: Request, known: str) -> None:
    for name in request.query_params:
        if name != known:
            raise Refusal("unknown_parameter", f"没有查询参数 {name}，可用：{known}", field=name)


def _revision(caller: Caller) -> Hashable:
    """What the ground is now, read once in a while for all tiles.

    Buildings on record are part of it where there are no footprints, and change without an import.
    """

    def compute() -> str:
        with caller.context.database.session(SYSTEM) as session:
            return str(db.ground.standing(session).revision)

    read = caller.context.answers.answer(("base", "revision", int(time.monotonic() / _SEEN_S)), compute)
    return (read.unpacked(), caller.context.feed.revision("buildings"))

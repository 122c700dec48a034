"""Layers as vector tiles: the same features, filters and rights as the items, for maps that hold many of them."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

import db.tiles
from api.guard import LayerRoute, Reader
from api.layers import filter_key, respond, revision_key
from api.query import feature_type, read_filter, whole
from db.tiles import Cells, Tile

router = APIRouter(prefix="/tiles", route_class=LayerRoute, tags=["layers"])

MVT = "application/vnd.mapbox-vector-tile"


def place(z: int, x: int, y: int) -> Tile:
    """The tile that an address means."""
    return Tile(z=z, x=x, y=y)


@router.get("/{key}/{z}/{x}/{y}.pbf")
def tile(key: str, at: Annotated[Tile, Depends(place)], request: Request, caller: Reader) -> Response:
    """One tile (Mapbox Vector Tile 2.1) of the Web Mercator pyramid, by the filter of the layer's items.

    Dense points come as cells with their number `n`. `rev` only tells addresses apart for caches.
    """
    kind = feature_type(key)
    flt = read_filter(kind, request.query_params, beside=("rev",))
    whole(request.query_params, "rev", least=0, most=2**63)
    answers, about = caller.context.answers, (revision_key(caller, key), filter_key(flt))

    def counted() -> bytes:
        with caller.session() as session:
            return db.tiles.cells(session, key, flt).pack()

    def compute() -> bytes:
        if db.tiles.is_dense(key) and at.z < db.tiles.COARSE_BELOW:
            cells = Cells.unpack(answers.answer(("cells", *about), counted).unpacked())
            with caller.session() as session:
                return db.tiles.coarse(session, key, cells, at)
        with caller.session() as session:
            return db.tiles.tile(session, key, flt, at, personal=caller.reads_personal)

    return respond(request, answers.answer(("tile", at, *about), compute), MVT)

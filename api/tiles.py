"""Layers as vector tiles: the same features, filters and rights as the items, for maps that hold many of them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Hashable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool

import db.tiles
from api.answers import Answer
from api.guard import Caller, LayerRoute, Reader, caller_of
from api.layers import filter_key, respond, revision_key
from api.query import feature_type, read_filter, whole
from db.tiles import Cells, Tile
from geo.errors import InvalidInput
from geo.features import FeatureFilter
from governance.access import Permission

MVT = "application/vnd.mapbox-vector-tile"
_DIGITS = 8
"""As many as the farthest column of the closest zoom has, and one more."""


class TileRoute(LayerRoute):
    """A layers' route that reads its address by hand, and has no thread for what needs none.

    FastAPI's own reading and two changes of threads take as long as a tile does.
    """

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind the guard."""

        async def answered(request: Request) -> Response:
            request.state.principal = self.known(request) or await run_in_threadpool(self.admit, request)
            caller = caller_of(request, Permission.READ_LAYERS)
            numbers = {name: _whole_number(name, request.path_params[name]) for name in ("z", "x", "y")}
            answer: Response = await self.endpoint(
                key=request.path_params["key"], at=Tile(**numbers), request=request, caller=caller
            )
            return answer

        return answered


router = APIRouter(prefix="/tiles", route_class=TileRoute, tags=["layers"])


def place(z: int, x: int, y: int) -> Tile:
    """The tile that an address means."""
    return Tile(z=z, x=x, y=y)


@router.get("/{key}/{z}/{x}/{y}.pbf")
async def tile(key: str, at: Annotated[Tile, Depends(place)], request: Request, caller: Reader) -> Response:
    """One tile (Mapbox Vector Tile 2.1) of the Web Mercator pyramid, by the filter of the layer's items.

    Dense points come as cells with their number `n`. `rev` only tells addresses apart for caches.
    """
    kind = feature_type(key)
    flt = read_filter(kind, request.query_params, beside=("rev",))
    whole(request.query_params, "rev", least=0, most=2**63)
    about = ("tile", revision_key(caller, key), filter_key(flt))
    return respond(request, await _answer(caller, key, flt, at, about), MVT)


async def _answer(caller: Caller, key: str, flt: FeatureFilter, at: Tile, about: tuple[Hashable, ...]) -> Answer:
    context, principal, personal = caller.context, caller.principal, caller.reads_personal

    def several(places: Sequence[Tile]) -> list[bytes]:
        return db.tiles.close(context.database, principal, key, flt, places, personal=personal)

    if db.tiles.is_close(key, at.z):
        return await context.tiles.answer((*about, at.z), at, several)
    kept = context.answers.known((about, at))
    if kept is None:
        kept = await run_in_threadpool(context.answers.answer, (about, at), lambda: _made(caller, key, flt, at))
    return kept


def _made(caller: Caller, key: str, flt: FeatureFilter, at: Tile) -> bytes:
    database, principal = caller.context.database, caller.principal
    if not db.tiles.is_dense(key) or at.z >= db.tiles.COARSE_BELOW:
        return db.tiles.tile(database, principal, key, flt, at, personal=caller.reads_personal)
    counted = caller.context.answers.answer(
        ("cells", revision_key(caller, key), filter_key(flt)),
        lambda: db.tiles.cells(database, principal, key, flt).pack(),
    )
    return db.tiles.coarse(database, principal, key, Cells.unpack(counted.unpacked()), at)


def _whole_number(name: str, text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _DIGITS:
        raise InvalidInput(f"{name} takes a whole number", field=name)
    return int(text)

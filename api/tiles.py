"""Layers as vector tiles: the same features, filters and rights as the items, for maps that hold many of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Request, Response
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import QueryParams
from starlette.types import Receive, Scope, Send

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
_EMPTY = Answer.of(b"")
_DIGITS = 8
"""As many as the farthest column of the closest zoom has, and one more."""


class TileRoute(LayerRoute):
    """A layers' route that reads its address by hand, and has no thread for what needs none.

    FastAPI's own reading and two changes of threads take as long as a tile does.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.app = self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        request.state.principal = self.known(request) or await run_in_threadpool(self.admit, request)
        caller = caller_of(request, Permission.READ_LAYERS)
        numbers = {name: _whole_number(name, request.path_params[name]) for name in ("z", "x", "y")}
        answer: Response = await self.endpoint(
            key=request.path_params["key"], at=Tile(**numbers), request=request, caller=caller
        )
        await answer(scope, receive, send)


router = APIRouter(prefix="/tiles", route_class=TileRoute, tags=["layers"])


def place(z: int, x: int, y: int) -> Tile:
    """The tile that an address means."""
    return Tile(z=z, x=x, y=y)


@router.get("/{key}/{z}/{x}/{y}.pbf")
async def tile(key: str, at: Annotated[Tile, Depends(place)], request: Request, caller: Reader) -> Response:
    """One tile (Mapbox Vector Tile 2.1) of the Web Mercator pyramid, by the filter of the layer's items.

    Dense points come as cells with their number `n`. `rev` only tells addresses apart for caches.
    """
    asked = _Asked(caller=caller, key=key, query=request.scope["query_string"], at=at)
    return respond(request, caller.context.answers.known((asked.zoom, at)) or await asked.made(), MVT)


@lru_cache(maxsize=256)
def _filter(key: str, query: bytes) -> tuple[FeatureFilter, Hashable]:
    """The filter that an address means, and that as a key; read once for all the tiles of a map."""
    params = QueryParams(query)
    flt = read_filter(feature_type(key), params, beside=("rev",))
    whole(params, "rev", least=0, most=2**63)
    return flt, filter_key(flt)


class _Asked:
    """A tile that somebody asks for; `points` and `zoom` name what its answer has in common with others'."""

    def __init__(self, *, caller: Caller, key: str, query: bytes, at: Tile) -> None:
        self.context, self.principal, self.personal = caller.context, caller.principal, caller.reads_personal
        self.key, self.at = key, at
        self.flt, filtered = _filter(key, query)
        self.points: Hashable = (revision_key(caller, key), filtered)
        self.zoom: Hashable = ("tile", self.points, at.z)

    async def made(self) -> Answer:
        """The answer, made along with those that others ask for where that is sooner done."""
        counted = await self._counted() if db.tiles.is_dense(self.key) else None
        if counted is not None and not counted.most_in(self.at):
            return _EMPTY
        what = (self.context.database, self.principal, self.key, self.flt)

        def several(places: Sequence[Tile]) -> list[bytes]:
            return db.tiles.close(*what, places, personal=self.personal, counted=counted)

        def alone() -> bytes:
            return db.tiles.tile(*what, self.at, personal=self.personal)

        if counted is not None or db.tiles.is_close(self.key, self.at.z):
            return await self.context.tiles.answer(self.zoom, self.at, several)
        return await run_in_threadpool(self.context.answers.answer, (self.zoom, self.at), alone)

    async def _counted(self) -> Cells | None:
        """The points by cells if somebody has counted them, or if the tile can't be without."""
        known = self.context.cells.known(self.points)
        if known is not None or self.at.z >= db.tiles.COARSE_BELOW:
            return known

        def count() -> Cells:
            return db.tiles.cells(self.context.database, self.principal, self.key, self.flt)

        return await run_in_threadpool(self.context.cells.get, self.points, count)


def _whole_number(name: str, text: str) -> int:
    digits = text.removeprefix("-")
    if not (digits.isascii() and digits.isdigit()) or len(digits) > _DIGITS:
        raise InvalidInput(f"{name} takes a whole number", field=name)
    return int(text)

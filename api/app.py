"""The HTTP door: one application for every route that isn't a screen."""

from __future__ import annotations

import re

from fastapi import FastAPI
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from api import (
    auth,
    base_map,
    coverage,
    dispatching,
    feeds,
    health,
    hotspots,
    incidents,
    layers,
    metrics,
    paper,
    photos,
    problems,
    raster,
    recommendations,
    stream,
    tiles,
    tracks,
    visits,
)
from api.assets import Assets
from api.context import Context
from api.heads import Heads
from api.layers import takes_gzip
from api.watch import Watch
from db import catalogues
from db.settings import ROOT

__all__ = ["Context", "application", "doors"]

_OPENINGS = (
    "/healthz",
    "/metrics",
    "/auth/{rest:path}",
    "/api/{rest:path}",
    "/basemap/{rest:path}",
    "/assets/{rest:path}",
)
_AHEAD = re.compile(r"/tiles/.*|/api/layers/[^/]+/items")
_OF_A_LAYER = re.compile(r"/tiles/(?!(base|names)/).*")


def application(context: Context) -> FastAPI:
    """The application by itself. Its API description lies at /api/openapi.json; pages that draw it would ask a CDN."""
    catalogues.provide()
    app = FastAPI(
        title="GridCommand",
        version="1",
        openapi_url="/api/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # /metrics tells; these leave for elsewhere
        middleware=[Middleware(Watch, context=context), Middleware(Heads)],
    )
    app.state.context = context
    problems.install(app)
    of_incidents = (hotspots, coverage, incidents, recommendations, dispatching, photos, paper)
    # Routes are tried in this order, and maps ask for tiles most often. Those are the application's own routes: what
    # FastAPI does for each request to an included router is a tenth of what the server does for a tile.
    own = (*base_map.router.routes, *tiles.router.routes)
    app.router.routes.extend(sorted(own, key=lambda route: "/tiles/" not in getattr(route, "path", "")))
    for part in (layers, health, metrics, auth, raster, *of_incidents, visits, tracks, feeds, stream):
        app.include_router(part.router)
    app.mount("/assets", Assets(ROOT / "assets"), name="assets")
    return app


def doors(context: Context) -> tuple[list[BaseRoute], list[Middleware]]:
    """`st.App`'s routes and middleware: each opening leads to the one application, its path unchanged."""
    app = application(context)
    ahead = Middleware(Ahead, application=app, tiles=_layers_tiles(app, context))
    return [Route(path, app) for path in _OPENINGS], [ahead]


def _layers_tiles(app: FastAPI, context: Context) -> ASGIApp:
    """The tiles of layers by themselves, answered as by the application.

    Its own hands around a request take a sixth of what the server does for a tile, and their routes need none of them.
    """
    routes = Router(routes=tiles.router.routes, redirect_slashes=False)
    told = Watch(Heads(ExceptionMiddleware(routes, handlers=app.exception_handlers)), context=context)

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        scope["app"] = app
        await told(scope, receive, send)

    return answer


class Ahead:
    """ASGI middleware that leads tiles and items past Streamlit's own, and keeps that from packing for who refuses it.

    Streamlit's takes as long as a tile from memory does, and has nothing to do for one: tiles and items are compressed,
    and have no session. What goes through it, it would compress for whoever names gzip, if only to say no.
    """

    def __init__(self, app: ASGIApp, *, application: ASGIApp, tiles: ASGIApp) -> None:
        self.app = app
        self.application = application
        self.tiles = tiles

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a tile or a layer's items, and lets everything else through."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
        elif _OF_A_LAYER.fullmatch(scope["path"]):
            await self.tiles(scope, receive, send)
        elif _AHEAD.fullmatch(scope["path"]):
            await self.application(scope, receive, send)
        else:
            await self.app(_without_refused_gzip(scope), receive, send)


def _without_refused_gzip(scope: Scope) -> Scope:
    accepted = Headers(scope=scope).get("accept-encoding", "")
    if "gzip" not in accepted or takes_gzip(accepted):
        return scope
    plain: Scope = {**scope, "headers": list(scope["headers"])}
    MutableHeaders(scope=plain)["accept-encoding"] = "identity"
    return plain

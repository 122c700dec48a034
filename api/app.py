"""The HTTP door: one application for every route that isn't a screen."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Route
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
_AHEAD = "/tiles/"


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
        middleware=[Middleware(Watch, context=context)],
    )
    app.state.context = context
    problems.install(app)
    of_incidents = (hotspots, coverage, incidents, recommendations, dispatching, photos, paper)
    # Routes are tried in this order, and maps ask most often. Tiles are the application's own routes: what FastAPI does
    # for each request to an included router is a tenth of what the server does for a tile.
    for part in (base_map, tiles):
        app.router.routes.extend(part.router.routes)
    for part in (layers, health, metrics, auth, raster, *of_incidents, visits, tracks, feeds, stream):
        app.include_router(part.router)
    app.mount("/assets", Assets(ROOT / "assets"), name="assets")
    return app


def doors(context: Context) -> tuple[list[BaseRoute], list[Middleware]]:
    """`st.App`'s routes and middleware: each opening leads to the one application, its path unchanged."""
    app = application(context)
    return [Route(path, app) for path in _OPENINGS], [Middleware(Ahead, application=app)]


class Ahead:
    """ASGI middleware that leads tiles past Streamlit's own.

    That takes as long as a tile from memory does, and has nothing to do for one: it is compressed, and has no session.
    """

    def __init__(self, app: ASGIApp, *, application: ASGIApp) -> None:
        self.app = app
        self.application = application

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a tile, and lets everything else through."""
        is_tile = scope["type"] == "http" and scope["path"].startswith(_AHEAD)
        await (self.application if is_tile else self.app)(scope, receive, send)

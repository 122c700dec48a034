"""A map server of the deployment, passed on: browsers ask this origin only, and the server's key stays here."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import APIRouter, Depends, Request, Response

from api.guard import LayerRoute, Reader
from api.query import single
from api.tiles import place
from db.tiles import Tile
from geo.errors import InvalidInput
from layers import raster

router = APIRouter(prefix="/basemap", route_class=LayerRoute, tags=["base"])


@router.get("/style.json")
def style(request: Request, caller: Reader) -> dict[str, Any]:
    """How a map draws the map server's layers, by day or (`theme=dark`) by night; its addresses are of this origin."""
    theme = single(request.query_params, "theme") or "light"
    if theme not in raster.THEMES:
        raise InvalidInput(f"theme is one of {', '.join(raster.THEMES)}", field="theme")
    return raster.style(_origin(request), len(caller.context.pictures.servers), theme)


@router.get("/raster/{number}/{z}/{x}/{y}")
def tile(number: int, at: Annotated[Tile, Depends(place)], caller: Reader) -> Response:
    """One picture of the map server's layer, in the Web Mercator pyramid."""
    picture, kind = caller.context.pictures.tile(number, at)
    return Response(picture, media_type=kind, headers={"Cache-Control": "private, max-age=86400"})


def _origin(request: Request) -> str:
    """This server as the browser knows it: behind a TLS proxy only the page that asks says https."""
    page = urlsplit(request.headers.get("referer", ""))
    if page.netloc == request.headers.get("host"):
        return f"{page.scheme}://{page.netloc}"
    return str(request.base_url).rstrip("/")

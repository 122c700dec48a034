"""Own symbols, styles and browser libraries, served from the tree."""

from __future__ import annotations

from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from layers import symbols

_SERVED = frozenset({".css", ".js", ".svg", ".png", ".webp", ".ico", ".json", ".pbf", ".woff2", ".geojson"})
_NOT_SERVED = frozenset({"package.json", "package-lock.json", "node_modules"})
_HOUR = "public, max-age=3600"
_FOR_EVER = "public, max-age=31536000, immutable"


class Assets(StaticFiles):
    """Files of the kinds that a page needs, with cache headers; no listing, no dot files, no lock files."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory, check_dir=False)

    async def get_response(self, path: str, scope: Scope) -> Response:
        """The file, or 404."""
        parts = Path(path).parts
        if Path(path).suffix not in _SERVED or any(p in _NOT_SERVED or p.startswith(".") for p in parts):
            raise HTTPException(404)
        if path == symbols.ATLAS:
            response = Response(symbols.compose(), media_type="image/svg+xml")
        else:
            response = await super().get_response(path, scope)
        # An address with a version names one content for ever.
        response.headers["Cache-Control"] = _FOR_EVER if b"v=" in scope["query_string"] else _HOUR
        return response

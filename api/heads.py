"""HEAD for what maps fetch: the head of GET's answer."""

from __future__ import annotations

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

_ANSWERED = re.compile(r"/api/layers(/[^/]+/items)?|/api/base/.*|/tiles/.*|/basemap/style\.json")
"""Not an export, which would be read to its end for nobody, and no picture, which another server would be asked for."""


class Heads:
    """ASGI middleware that answers HEAD as GET is answered, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        if scope["type"] != "http" or scope["method"] != "HEAD" or not _ANSWERED.fullmatch(scope["path"]):
            await self.app(scope, receive, send)
            return

        async def head(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        asked: Scope = {**scope, "method": "GET"}  # a copy: the server has to know that no body follows
        try:
            await self.app(asked, receive, head)
        finally:
            scope.update({key: asked[key] for key in ("route",) if key in asked})  # what `Watch` counts it under

"""What surrounds every request: an id, a line in the log, a bound on its body, the last resort for errors."""

from __future__ import annotations

import logging
import re
import secrets
import time
from itertools import count
from typing import TYPE_CHECKING

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem
from governance.photo import LIMIT_BYTES

if TYPE_CHECKING:
    from api.context import Context

SERVER_ERROR = 500
log = logging.getLogger("gridcommand.api")

BODY_LIMIT = 1024 * 1024
"""Bytes of a request's body."""
_PROCESS, _NUMBERS = secrets.token_hex(3), count(1)
_PHOTOS = re.compile(r"/api/incidents/[^/]+/photos")


def body_limit(scope: Scope) -> int:
    """How many bytes the body of this request may have: a photo is the one thing that is larger than a form."""
    is_photo = scope["method"] == "POST" and _PHOTOS.fullmatch(scope["path"]) is not None
    return LIMIT_BYTES if is_photo else BODY_LIMIT


class Watch:
    """ASGI middleware around the door's own routes."""

    def __init__(self, app: ASGIApp, *, context: Context) -> None:
        self.app = app
        self.counters = context.counters

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, and never lets an error through as anything but a problem document."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        request_id = f"{_PROCESS}{next(_NUMBERS):06x}"
        scope["request_id"] = request_id
        began, status = time.perf_counter(), 0

        async def tell(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = MutableHeaders(scope=message)
                headers["X-Request-ID"] = request_id
                headers.setdefault("X-Content-Type-Options", "nosniff")
            await send(message)

        try:
            await self._answer(scope, receive, tell, request_id)
        except Exception:
            log.exception("request %s failed", request_id)
            if status:
                raise  # half an answer is out: only a broken connection tells the client
            await problem("internal", request_id)(scope, receive, tell)
        finally:
            seconds = time.perf_counter() - began
            route = getattr(scope.get("route"), "path", "other")
            self.counters.count(scope["method"], route, status, seconds)
            level = logging.WARNING if status >= SERVER_ERROR else logging.INFO
            log.log(level, "%s %s %s %s %.1f ms", request_id, scope["method"], route, status, seconds * 1000)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        if "\x00" in scope["path"] or b"%00" in scope["query_string"]:
            await problem("malformed", request_id, {"field": "url"})(scope, receive, send)
            return
        declared = Headers(scope=scope).get("content-length", "0")
        if not declared.isdecimal():
            await problem("malformed", request_id, {"field": "Content-Length"})(scope, receive, send)
            return
        limit = body_limit(scope)
        if int(declared) > limit:
            await problem("too_large", request_id, {"field": "body"})(scope, receive, send)
            return
        await self.app(scope, _bounded(receive, limit), send)


def _bounded(receive: Receive, limit: int) -> Receive:
    """`receive` that stops as soon as the body exceeds the limit, however it is framed."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        if message["type"] == "http.request":
            read += len(message.get("body", b""))
            if read > limit:
                raise HTTPException(413)
        return message

    return bounded

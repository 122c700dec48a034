"""Changes as they happen: server-sent events that name each layer's revision."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from api.context import Context
from api.guard import GuardedRoute, Reader, authenticate
from api.problems import Refusal
from geo.errors import NotAuthenticated, Unavailable

router = APIRouter(prefix="/api", route_class=GuardedRoute, tags=["stream"])

LOGIN_CHECK_S = 60.0
STREAMS_LIMIT = 1000
_HEARTBEAT = "event: heartbeat\ndata: {}\n\n"


@router.get("/stream", response_class=StreamingResponse)
async def stream(request: Request, caller: Reader) -> StreamingResponse:
    """`event: revisions` at the start and after each change, a heartbeat in between; ends when the login ends."""
    context = caller.context
    if context.counters.streams >= STREAMS_LIMIT:
        raise Refusal("too_many_requests", "实时连接数已达上限", Retry_After="30")
    return StreamingResponse(
        events(context, request),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


async def events(context: Context, request: Request) -> AsyncIterator[str]:
    """The text of the stream."""
    context.counters.stream_opened(1)
    try:
        async with context.pulse as pulse:
            yield "retry: 3000\n\n"
            told, said = pulse.number, pulse.event()
            checked_at = time.monotonic()
            check: asyncio.Task[bool] | None = None
            while not pulse.is_over:
                # What happens while a slow reader takes it is heard all the same.
                news = pulse.news
                yield said
                # Never waited for, and not begun with a database that is away: the heart beats without it.
                if check is None and time.monotonic() - checked_at >= LOGIN_CHECK_S and context.feed.is_live:
                    check = asyncio.create_task(run_in_threadpool(_still_known, request))
                elif check is not None and check.done():
                    if not check.result():
                        return
                    check, checked_at = None, time.monotonic()
                if told == pulse.number:
                    await news.wait()
                said = _HEARTBEAT if told == pulse.number else pulse.said
                told = pulse.number
    finally:
        context.counters.stream_opened(-1)


def _still_known(request: Request) -> bool:
    try:
        authenticate(request)
    except NotAuthenticated:
        return False
    except Unavailable:
        return True  # a database that is away ends nobody's login
    return True

"""Changes as they happen: server-sent events that name each layer's revision."""

from __future__ import annotations

import asyncio
import json
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

HEARTBEAT_S = 5.0
"""A screen that misses two of them calls itself cut off (`assets/components/live.js`)."""
LOGIN_CHECK_S = 60.0
STREAMS_LIMIT = 1000
_TICK_S = 0.2
"""How often a stream looks at the revisions. They lie in memory, so a look costs less than a waiting thread each."""


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


def _event(context: Context, revisions: dict[str, int], *, is_live: bool) -> str:
    changed_at = context.feed.last_change_at
    lost_at = None if is_live else context.feed.lost_at
    data = {
        "now": context.clock().isoformat(),
        "revisions": revisions,
        "is_live": is_live,
        "lost_at": None if lost_at is None else lost_at.isoformat(),
        "changed_at": None if changed_at is None else changed_at.isoformat(),
    }
    return f"event: revisions\ndata: {json.dumps(data)}\n\n"


async def events(context: Context, request: Request) -> AsyncIterator[str]:
    """The text of the stream."""
    context.counters.stream_opened(1)
    try:
        yield "retry: 3000\n\n"
        seen: tuple[dict[str, int], bool] | None = None
        beat_at = checked_at = time.monotonic()
        check: asyncio.Task[bool] | None = None
        while not context.is_stopping and not context.feed.is_stopped:
            current = (context.feed.revisions(), context.feed.is_live)
            now = time.monotonic()
            if current != seen:
                seen, beat_at = current, now
                yield _event(context, current[0], is_live=current[1])
            elif now - beat_at >= HEARTBEAT_S:
                beat_at = now
                yield "event: heartbeat\ndata: {}\n\n"
            # Never waited for, and not begun with a database that is away: the heart beats without it.
            if check is None and now - checked_at >= LOGIN_CHECK_S and context.feed.is_live:
                check = asyncio.create_task(run_in_threadpool(_still_known, request))
            elif check is not None and check.done():
                if not check.result():
                    return
                check, checked_at = None, now
            await asyncio.sleep(_TICK_S)
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

"""What a stream of changes says, and when it ends."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest

from api.app import Context
from api.stream import events
from db.feed import ChangeFeed
from tests.loop import run_apart


def _read(stream: Any, number: int) -> list[str]:
    async def take() -> list[str]:
        found = []
        async for text in stream:
            found.append(text)
            if len(found) == number:
                break
        await stream.aclose()
        return found

    return run_apart(asyncio.wait_for(take(), 10))


def test_a_stream_begins_with_every_revision(context: Context, feed: ChangeFeed):
    """The first event says where each layer stands."""
    _, first = _read(events(context, request=None), 2)
    name, data = first.strip().split("\n")
    assert name == "event: revisions"
    sent = json.loads(data.removeprefix("data: "))
    assert sent["revisions"] == feed.revisions()
    assert sent["is_live"] is True
    assert context.counters.streams == 0


def test_a_stream_tells_of_a_change(context: Context, clients: Any):
    """A device's alarm reaches the stream as a higher revision of its layer."""

    async def follow() -> tuple[int, int]:
        stream = events(context, request=None)
        await anext(stream)
        before = json.loads((await anext(stream)).split("data: ")[1])["revisions"]["devices"]
        alarm = {"alarms": [{"device": "D11", "status": "offline"}]}
        await asyncio.to_thread(clients.dispatcher.post, "/api/alarms", json=alarm)
        after = json.loads((await asyncio.wait_for(anext(stream), 5)).split("data: ")[1])["revisions"]["devices"]
        await stream.aclose()
        return before, after

    before, after = run_apart(follow())
    assert after > before


def test_streams_hear_the_same_whenever_they_came_and_however_slowly_they_read(context: Context, clients: Any):
    """Who comes later begins with where the layers stand, said at that instant; who sleeps is told what is newest."""
    context = Context(database=context.database, feed=context.feed, settings=context.settings)  # its clock goes
    told = lambda text: json.loads(text.split("data: ")[1])  # noqa: E731

    async def alarm(device: str, status: str) -> None:
        said = {"alarms": [{"device": device, "status": status}]}
        before = context.feed.revision("devices")
        await asyncio.to_thread(clients.dispatcher.post, "/api/alarms", json=said)
        await asyncio.to_thread(context.feed.wait, context.feed.revisions() | {"devices": before}, 5)

    async def follow() -> None:
        early, late = events(context, request=None), events(context, request=None)
        begun = [await anext(early) for _ in range(2)][1]
        await alarm("D11", "offline")
        first = told(await asyncio.wait_for(anext(early), 5))
        joined = told([await anext(late) for _ in range(2)][1])
        assert joined["revisions"] == first["revisions"]
        assert told(begun)["now"] < first["now"] < joined["now"]
        await alarm("D11", "online")
        await alarm("D12", "offline")
        await asyncio.sleep(0.5)
        newest = context.feed.revisions()
        assert [told(await asyncio.wait_for(anext(one), 5))["revisions"] for one in (early, late)] == [newest, newest]
        await early.aclose()
        await alarm("D12", "online")
        assert told(await asyncio.wait_for(anext(late), 5))["revisions"] == context.feed.revisions()
        await late.aclose()

    run_apart(follow())
    assert context.counters.streams == 0


def test_streams_end_where_nobody_looks_any_more(context: Context, monkeypatch: pytest.MonkeyPatch):
    """What can't be told ends them, and the next begins anew: one that stays silent would be heard of too late."""
    shown = context.feed.revisions()

    async def follow() -> list[str]:
        stream = events(context, request=None)
        begun = [await anext(stream) for _ in range(2)]
        monkeypatch.setattr(context.feed, "revisions", lambda: 1 / 0)
        left = [text async for text in stream]
        with pytest.raises(ZeroDivisionError):
            _ = [text async for text in events(context, request=None)]
        monkeypatch.undo()
        stream = events(context, request=None)
        again = [await anext(stream) for _ in range(2)]
        await stream.aclose()
        return [*begun, *left, *again]

    said = run_apart(asyncio.wait_for(follow(), 5))
    assert len(said) == 4
    assert json.loads(said[3].split("data: ")[1])["revisions"] == shown
    assert context.counters.streams == 0
    assert context.pulse._streams == 0


def test_a_stream_beats_while_its_login_cannot_be_checked(context: Context, monkeypatch: pytest.MonkeyPatch):
    """A database that hangs holds the check up, not the heart; a login that has ended ends the stream after it."""
    asked, answered = threading.Event(), threading.Event()

    def hangs(_: object) -> bool:
        asked.set()
        answered.wait(10)
        return False

    monkeypatch.setattr("api.stream._still_known", hangs)
    monkeypatch.setattr("api.stream.LOGIN_CHECK_S", 0.0)
    monkeypatch.setattr("api.pulse.HEARTBEAT_S", 0.1)

    async def follow() -> list[str]:
        stream = events(context, request=None)
        beats = [await asyncio.wait_for(anext(stream), 2) for _ in range(5)]
        assert asked.is_set()
        answered.set()
        await asyncio.wait_for(_ended(stream), 5)
        return beats

    async def _ended(stream: Any) -> None:
        async for _ in stream:
            pass

    try:
        beats = run_apart(follow())
    finally:
        answered.set()
    assert [beat.partition("\n")[0] for beat in beats[2:]] == ["event: heartbeat"] * 3


def test_a_stream_ends_when_the_server_stops(context: Context):
    """A stream doesn't hold up the shutdown."""

    async def stop() -> list[str]:
        stream = events(context, request=None)
        await anext(stream)
        await anext(stream)
        context.stopping.set()
        return [text async for text in stream]

    assert run_apart(asyncio.wait_for(stop(), 2)) == []

"""Walls looking on: from a change to its picture, and what one, twenty and a hundred of them cost.

A wall here is a websocket client that says to the server what Streamlit's page and the product's own scripts say: it
logs in, opens the page, follows the change feed with the rule of `assets/components/live.js`, runs the two fragments
again and fetches the layers whose address has changed. It draws nothing, so that a hundred fit beside the server.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import websockets
from sqlalchemy import text
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from bench.crowd import DISPATCHER, county, p50_p99
from bench.lines import Line
from bench.servers import product
from db import incidents, positions
from db.accounts import demo_accounts
from db.embedded import EmbeddedCluster
from db.incidents import Report
from db.positions import Fix
from db.session import Database
from governance.access import SYSTEM

_WALLS = (1, 20, 100)
_APART_S = 0.06
"""How `assets/components/live.js` spaces the fragments of a page."""
_CHANGES = 8
_EVERY_S = 10.0
_SETTLE_S = 15.0


@dataclass(slots=True)
class Wall:
    """One wall: what it has heard, seen and fetched. `seen_at` holds when each awaited text was first complete."""

    http: httpx.AsyncClient
    origin: str
    cookie: str
    seen_at: dict[str, float] = field(default_factory=dict)
    bytes: int = 0
    runs: int = 0
    pace: dict[str, dict[str, Any]] = field(default_factory=dict)
    """What the server last said that each fragment follows, and how often."""
    known: dict[str, str] = field(default_factory=dict)
    kept: dict[str, Any] = field(default_factory=dict)
    revisions: dict[str, int] = field(default_factory=dict)
    news: asyncio.Condition = field(default_factory=asyncio.Condition)
    socket: Any = None
    free_at: float = 0.0
    on_board: set[str] = field(default_factory=set)
    on_map: set[str] = field(default_factory=set)

    async def look_on(self, awaited: set[str]) -> None:
        """Opens the page and stays."""
        address = self.origin.replace("http", "ws") + "/_stcore/stream"
        headers = {"Cookie": self.cookie, "Origin": self.origin}
        async with websockets.connect(
            address, additional_headers=headers, subprotocols=[websockets.Subprotocol("streamlit")], max_size=None
        ) as self.socket:
            await self._run_again("")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._follow())
                async for data in self.socket:
                    self.bytes += len(data)
                    self._note(bytes(data).decode(errors="ignore"), awaited, self.on_board)
                    message = ForwardMsg()
                    message.ParseFromString(data)
                    self._take(message, awaited, tasks)

    def _take(self, message: Any, awaited: set[str], tasks: asyncio.TaskGroup) -> None:
        kind = message.WhichOneof("type")
        if kind == "ref_hash":
            message = self.kept.get(message.ref_hash, message)
            kind = message.WhichOneof("type")
        elif message.metadata.cacheable:
            self.kept[message.hash] = message
        if kind == "script_finished":
            self.runs += 1
        if kind != "delta" or message.delta.WhichOneof("type") != "new_element":
            return
        element = message.delta.new_element
        if element.WhichOneof("type") == "bidi_component" and element.bidi_component.component_name.endswith("live"):
            fragment = message.delta.fragment_id
            if fragment not in self.pace:
                tasks.create_task(self._keep_up(fragment))
            self.pace[fragment] = json.loads(element.bidi_component.json)
        if element.WhichOneof("type") == "deck_gl_json_chart":
            for layer in json.loads(element.deck_gl_json_chart.json)["layers"]:
                address = layer.get("data")
                if isinstance(address, str) and address.startswith("/api/") and self.known.get(layer["id"]) != address:
                    self.known[layer["id"]] = address
                    tasks.create_task(self._fetch(address, awaited))

    async def _fetch(self, address: str, awaited: set[str]) -> None:
        with suppress(httpx.TransportError):
            answer = await self.http.get(address, headers={"Cookie": self.cookie})
            self.bytes += int(answer.headers.get("content-length", len(answer.content)))
            if address.startswith("/api/layers/incidents/"):
                self._note(answer.text, awaited, self.on_map)

    def _note(self, body: str, awaited: set[str], place: set[str]) -> None:
        """A change is painted when board and map both have it."""
        for name in awaited - self.seen_at.keys():
            if name in body:
                place.add(name)
                if name in self.on_board and name in self.on_map:
                    self.seen_at[name] = time.time()

    async def _follow(self) -> None:
        async with self.http.stream("GET", "/api/stream", headers={"Cookie": self.cookie}, timeout=None) as stream:
            async for line in stream.aiter_lines():
                if told := revisions_of(line):
                    async with self.news:
                        self.revisions = told
                        self.news.notify_all()

    async def _keep_up(self, fragment: str) -> None:
        """Runs a fragment after changes of its layers and without one, when `assets/components/live.js` would."""
        seen, ran_at = dict(self.revisions), time.monotonic()
        while True:
            async with self.news:
                while (left_s := self._due_at(fragment, seen, ran_at) - time.monotonic()) > 0:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self.news.wait(), left_s)
            self.free_at = max(time.monotonic(), self.free_at + _APART_S)
            await asyncio.sleep(self.free_at - time.monotonic())
            seen, ran_at = dict(self.revisions), time.monotonic()
            await self._run_again(fragment)

    def _due_at(self, fragment: str, seen: dict[str, int], ran_at: float) -> float:
        pace = self.pace[fragment]
        changed = [least for key, least in pace["layers"].items() if self.revisions.get(key) != seen.get(key)]
        return ran_at + min([pace["again_s"], *changed])

    async def _run_again(self, fragment: str) -> None:
        message = BackMsg()
        message.rerun_script.page_name = "wall"
        message.rerun_script.fragment_id = fragment
        await self.socket.send(message.SerializeToString())


def revisions_of(line: str) -> dict[str, int]:
    """The revisions that a line of the change feed's stream tells; none in a heartbeat."""
    said = json.loads(line.removeprefix("data: ")) if line.startswith("data: ") else {}
    return dict(said.get("revisions", {}))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Signals:
    """What the walls' process and the measurement say to each other: ready, done, and what was seen."""

    ready: Any
    done: Any
    told: Any


def run(server: EmbeddedCluster, *, quick: bool) -> list[Line]:
    """A line for each number of walls: from the commit of a report until a wall has it."""
    database = county(server, 4_511, name="walls")
    with database.engine.begin() as connection:
        connection.execute(text("CREATE EXTENSION IF NOT EXISTS pg_stat_statements"))
    with product(database.url) as (origin, pid):
        return [
            _line(database, origin, pid, number, changes=3 if quick else _CHANGES)
            for number in ((1, 3) if quick else _WALLS)
        ]


def _line(database: Database, origin: str, pid: int, number: int, *, changes: int) -> Line:
    spawn = multiprocessing.get_context("spawn")
    signals = _Signals(ready=spawn.Event(), done=spawn.Event(), told=spawn.SimpleQueue())
    names = [f"bench-{number}-{n}." for n in range(changes)]
    watching = spawn.Process(target=_watch, args=(origin, number, names, signals))
    watching.start()
    signals.ready.wait()
    before, began, reads = _cpu_s(pid), time.monotonic(), _reads(database)
    made_at = {}
    with database.engine.connect() as connection:
        workers = list(connection.execute(text("SELECT code FROM worker ORDER BY id LIMIT 100")).scalars())
    for name in names:
        told = Report(title=name, class_code="0102", lon=124.018, lat=45.005, crs="wgs84", severity=1)
        incidents.report(database, DISPATCHER, told, now=datetime.now(UTC))
        made_at[name] = time.time()
        for second in range(round(_EVERY_S)):
            time.sleep(1)
            walk(database, workers, datetime.now(UTC), second)
    cpu = (_cpu_s(pid) - before) / (time.monotonic() - began)
    read = (_reads(database) - reads) / changes
    signals.done.set()
    walls, size, runs = signals.told.get()
    watching.join()
    waits = [seen[name] - made_at[name] for seen in walls for name in names if name in seen]
    missed = number * changes - len(waits)
    p50, p99 = p50_p99([wait_s * 1000 for wait_s in waits])
    p95 = float(np.percentile(waits, 95)) * 1000
    cost = f"{cpu:.0%} of a core, {size / runs / 1000:.1f} KB a refresh, {read:.1f} reads a change"
    note = f"p95 {p95:.0f}, {cost}" + (f", {missed} not seen" if missed else "")
    name = "1 wall" if number == 1 else f"{number} walls"
    return Line(group="walls, from a report to its picture", name=name, p50=p50, p99=p99, note=note, is_own=True)


def walk(database: Database, workers: list[str], now: datetime, second: int) -> None:
    """People on their rounds: a batch of positions, as every second brings one."""
    fixes = [
        Fix(worker=code, lon=124.0 + n % 40 * 1e-3, lat=45.0 + second * 1e-3, crs="cgcs2000", at=now)
        for n, code in enumerate(workers)
    ]
    positions.record(database, SYSTEM, fixes, now=now)


def _watch(origin: str, number: int, names: list[str], signals: _Signals) -> None:
    """The walls' own process: neither their work nor their waiting is the server's."""
    asyncio.run(_watching(origin, number, names, signals))


def _browser(origin: str) -> httpx.AsyncClient:
    """Six connections to a server, as a browser has them, of which the change feed keeps one."""
    limits = httpx.Limits(max_connections=6, max_keepalive_connections=6)
    return httpx.AsyncClient(base_url=origin, limits=limits, timeout=30, verify=False)  # noqa: S501  there is no TLS


async def _watching(origin: str, number: int, names: list[str], signals: _Signals) -> None:
    account = demo_accounts("", "")[0]
    form = {"username": account.username, "password": account.password, "next": "/wall"}
    async with _browser(origin) as first:
        answer = await first.post("/auth/login", data=form, headers={"Origin": origin})
    cookie = answer.headers["set-cookie"].partition(";")[0]
    async with AsyncExitStack() as browsers:
        walls = [
            Wall(http=await browsers.enter_async_context(_browser(origin)), origin=origin, cookie=cookie)
            for _ in range(number)
        ]
        looking = []
        for wall in walls:
            looking.append(asyncio.create_task(wall.look_on(set(names))))
            await asyncio.sleep(0.1)
        await asyncio.sleep(_SETTLE_S)
        for wall in walls:
            wall.bytes = wall.runs = 0
        signals.ready.set()
        await asyncio.to_thread(signals.done.wait)
        signals.told.put(
            ([wall.seen_at for wall in walls], sum(w.bytes for w in walls), max(1, sum(w.runs for w in walls)))
        )
        for task in looking:
            task.cancel()
        await asyncio.gather(*looking, return_exceptions=True)


def _reads(database: Database) -> int:
    """Statements that read what walls show, so far: logins and the transaction's own words aside."""
    counted = text(
        """SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND query ILIKE '%layer.incidents%' AND query NOT ILIKE '%pg_stat%'"""
    )
    with database.engine.connect() as connection:
        return int(connection.scalar(counted) or 0)


def _cpu_s(pid: int) -> float:
    """Seconds of processor time that the process has had."""
    spent = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(spent[11]) + int(spent[12])) / os.sysconf("SC_CLK_TCK")

"""Screens of tiles of many devices: the product's as people run it, and tipg's over the same table.

Each server is a process of its own. A screen of 1920 × 1080 pixels holds `_WIDE` × `_HIGH` tiles, which one client asks
for as a browser does: six at a time, on connections that it keeps, taking gzip. They are asked for the same screens by
turns, and whoever is asked second finds the database's pages warm, so the first changes too. No two screens share a
tile. The next person who looks at one gets it from the product's memory; tipg keeps nothing, and makes it again.

The product answers with every device from `WHOLE_FROM` on. Below, a tile has at most `CELLS`² points: a device that is
alone in its cell with its properties, several as one point with their number. It asks who is there, and keeps to their
scope. tipg has no rights and gathers nothing: it puts every device into the tile if it may, and by itself leaves out
what goes beyond 10,000, whichever that is.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http import HTTPStatus
from math import asinh, floor, pi, radians, tan
from queue import LifoQueue
from urllib.parse import quote, urlsplit

import httptools
import numpy as np
from sqlalchemy import make_url

from bench.crowd import p50_p99
from bench.lines import Line
from bench.servers import free_port, product, until_served
from db import accounts
from db.session import Database
from governance.access import SYSTEM, Role

_TOWN = (123.990, 44.988, 124.045, 45.028)
_BANDS = {"zoom 8 to 13": range(8, 14), **{f"zoom {zoom}": range(zoom, zoom + 1) for zoom in range(14, 21)}}
_WIDE, _HIGH = 5, 3
_CONNECTIONS = 6
_EVERYTHING = "10000000"
_WARM_UP = 4
_PATIENCE_S = 300
_FEW = 12
"""Rounds of the bands whose tiles hold the whole town: there are no more of them."""
_CLOSE_FROM, _CLOSE_TIMES = 18, 3
"""From which zoom on a town has more screens, and how many times more rounds there are: those are the close ratios."""
Place = tuple[int, int, int]


class Client:
    """A connection that is kept, read by a parser in C: on few cores the client's own time counts for the server's."""

    def __init__(self, origin: str, headers: dict[str, str]) -> None:
        self.host = urlsplit(origin).netloc
        self.head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": self.host, **headers}.items())
        self.socket: socket.socket | None = None

    def get(self, path: str) -> int:
        """Asks for `path` and reads the answer: its length. Raises `RuntimeError` where it is none."""
        asked = f"GET {path} HTTP/1.1\r\n{self.head}\r\n".encode()
        try:
            return self._ask(asked)
        except ConnectionError:  # Left alone for five seconds, while another took its time, the server hung up.
            self.close()
            return self._ask(asked)

    def close(self) -> None:
        """Hangs up."""
        if self.socket:
            self.socket.close()
        self.socket = None

    def on_body(self, part: bytes) -> None:
        """Hears a part of the answer from the parser."""
        self.length += len(part)

    def on_message_complete(self) -> None:
        """Hears from the parser that the answer is complete."""
        self.is_complete = True

    def _ask(self, asked: bytes) -> int:
        if self.socket is None:
            host, _, port = self.host.partition(":")
            self.socket = socket.create_connection((host, int(port)), _PATIENCE_S)
        self.length, self.is_complete = 0, False
        parser = httptools.HttpResponseParser(self)
        self.socket.sendall(asked)
        while not self.is_complete:
            read = self.socket.recv(1 << 18)
            if not read:
                raise ConnectionResetError
            parser.feed_data(read)
        if parser.get_status_code() >= HTTPStatus.BAD_REQUEST:
            raise RuntimeError(f"{self.host} answers {parser.get_status_code()}")
        return self.length


@dataclass(slots=True)
class Asked:
    """A server, and how long it took for the screens that it was asked for."""

    name: str
    path: str
    clients: LifoQueue[Client]
    threads: ThreadPoolExecutor
    is_own: bool = False
    times: list[float] = field(default_factory=list)
    volume: int = 0

    def ask(self, screen: Sequence[Place], *, is_noted: bool = True) -> None:
        """Asks for a screen and reads it."""
        began = time.perf_counter()
        volume = sum(self.threads.map(self._read, screen))
        if is_noted:
            self.times.append((time.perf_counter() - began) * 1000)
            self.volume += volume

    def close(self) -> None:
        """Hangs up."""
        self.threads.shutdown()
        while not self.clients.empty():
            self.clients.get().close()

    def _read(self, place: Place) -> int:
        client = self.clients.get()
        try:
            return client.get(self.path.format(z=place[0], x=place[1], y=place[2]))
        finally:
            self.clients.put(client)

    def line(self, group: str, own: float) -> Line:
        """What it took; it begins anew. `own` is the product's median."""
        p50, p99 = p50_p99(self.times)
        note = f"{self.volume / len(self.times) / 1000:,.1f} KB each, {len(self.times)} screens"
        self.times, self.volume = [], 0
        return Line(group=group, name=self.name, p50=p50, p99=p99, ratio=p50 / own, note=note, is_own=self.is_own)


def measure(database: Database, size: int, python: str | None, *, rounds: int) -> list[Line]:
    """A line for each band of zooms and each server; tipg's only where the Python that has it is named."""
    token = accounts.create_token(
        database, SYSTEM, name=f"bench{size}", role=Role.VIEWER, grid_prefix="", now=datetime.now(UTC)
    )
    lines = []
    with ExitStack() as servers:
        origin, _ = servers.enter_context(product(database.url))
        path = "/tiles/devices/{z}/{x}/{y}.pbf"
        asked = [_asked("the product", origin, path, is_own=True, Authorization=f"Bearer {token}")]
        again = replace(asked[0], name="the next person's", times=[])
        for name, most in (("tipg, every device", _EVERYTHING), ("tipg, 10,000 at most", "10000")) if python else ():
            origin = servers.enter_context(_tipg(database, python or "", most))
            asked.append(_asked(name, origin, "/collections/public.device/tiles/WebMercatorQuad/{z}/{x}/{y}"))
        for server in asked:
            servers.callback(server.close)
        for n in range(_WARM_UP):
            for server in asked:
                server.ask(_screen(20, 10 * n, 0), is_noted=False)
        for band, zooms in _BANDS.items():
            most = _FEW if zooms[0] < 14 else rounds * (_CLOSE_TIMES if zooms[0] >= _CLOSE_FROM else 1)
            for n, place in enumerate(dict.fromkeys(_places(zooms, most))):
                turn, screen = n % len(asked), _screen(*place)
                for server in asked[turn:] + asked[:turn]:
                    server.ask(screen)
                again.ask(screen)
            own = p50_p99(asked[0].times)[0]
            group = f"screens for the first time, {size:,} devices, {band}"
            lines += [server.line(group, own) for server in (asked[0], again, *asked[1:])]
    return lines


def _asked(name: str, origin: str, path: str, *, is_own: bool = False, **headers: str) -> Asked:
    clients: LifoQueue[Client] = LifoQueue()
    for _ in range(_CONNECTIONS):
        clients.put(Client(origin, headers | {"Accept-Encoding": "gzip"}))
    return Asked(name=name, path=path, clients=clients, threads=ThreadPoolExecutor(_CONNECTIONS), is_own=is_own)


def _screen(z: int, x: int, y: int) -> list[Place]:
    """The tiles of a screen of which one is in its upper left corner."""
    most = 2**z - 1
    return [(z, min(x + i, most), min(y + j, most)) for j in range(_HIGH) for i in range(_WIDE)]


def _places(zooms: range, rounds: int) -> Iterator[Place]:
    """Corners of screens in which lie random places of the town, and which don't overlap."""
    rng = np.random.default_rng(3)
    west, south, east, north = _TOWN
    for n in range(rounds):
        zoom = zooms[n % len(zooms)]
        lon, lat = rng.uniform(west, east), rng.uniform(south, north)
        x, y = (lon + 180) / 360 * 2**zoom, (1 - asinh(tan(radians(lat))) / pi) / 2 * 2**zoom
        yield zoom, floor(x / _WIDE) * _WIDE, floor(y / _HIGH) * _HIGH


@contextmanager
def _tipg(database: Database, python: str, most: str) -> Iterator[str]:
    """A tipg over the same table, which puts no more than so many features into a tile: its address."""
    address = make_url(database.url)
    folder, port = address.query["host"], free_port()
    place = quote(str(folder), safe="")
    environment = os.environ | {
        "DATABASE_URL": f"postgresql://{address.username}@{place}:{address.query['port']}/{address.database}",
        "TIPG_DB_SCHEMAS": '["public"]',
        "TIPG_MAX_FEATURES_PER_TILE": most,
    }
    process = subprocess.Popen(
        [python, "-m", "uvicorn", "tipg.main:app", "--port", str(port), "--log-level", "error"], env=environment
    )
    try:
        until_served(f"http://127.0.0.1:{port}/healthz")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()

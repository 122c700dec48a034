"""The map, measured: what walls cost and how late they are, tiles of many points, and their first paint.

Tiles are asked for cold and warm, against tipg's and the layer fetched whole; the first paint against a chart inline.

`python -m bench.map [--quick] [--tipg PYTHON]` prints a table; it passes or fails nothing. tipg takes part where the
Python of an environment with it is named; it has no rights, filters or gathering here, and may put every feature into
a tile, as we do: by itself it leaves out what goes beyond 10,000.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from math import asinh, floor, pi, radians, tan
from urllib.parse import quote

import httpx
import numpy as np
import uvicorn
from sqlalchemy import make_url, text

from api.app import Context, application
from bench import left_on, paint, walls
from bench.crowd import NOW, cluster, county, p50_p99
from bench.servers import free_port, until_served
from db import accounts
from db.feed import ChangeFeed
from db.session import Database
from db.settings import Settings
from governance.access import SYSTEM, Role

_TOWN = (123.990, 44.988, 124.045, 45.028)
_ZOOMS = {"far, zoom 8 to 13": range(8, 14), "near, zoom 14 to 17": range(14, 18), "close, zoom 18": range(18, 19)}

# Devices about those that there are, so that filters and grids stay true.
_DEVICES = text(
    """INSERT INTO device (code, name, kind, status, status_at, quarter_code, geom)
    SELECT d.code || '~' || n, d.name, d.kind, d.status, d.status_at, d.quarter_code,
        ST_Translate(d.geom, (random() - 0.5) * 0.02, (random() - 0.5) * 0.015)
    FROM device AS d, generate_series(CAST(:first AS int), :last) AS n
    WHERE d.code NOT LIKE '%~%'"""
)


def main() -> None:
    """Measures every size and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds: whether it runs at all")
    parser.add_argument("--tipg", metavar="PYTHON", help="the Python of an environment in which tipg is installed")
    chosen = parser.parse_args()
    quick: bool = chosen.quick
    with cluster(counts_statements=True) as server:
        walls.run(server, quick=quick)
        database = county(server, 4_511)
        left_on.measure(database, minutes=0.5 if quick else 6)
        copies = 0
        for size in (1_000, 3_000) if quick else (10_000, 100_000, 1_000_000):
            copies = fill(database, size, copies)
            with _ours(database) as ours, _tipg(database, chosen.tipg) as tipg:
                measure(size, ours, tipg, rounds=5 if quick else 60)
            first_paint(database, size)


def fill(database: Database, size: int, copies: int) -> int:
    """As many devices as `size`, given that each stands there `copies` times more; how many times more it does now."""
    with database.engine.begin() as connection:
        there = connection.scalar(text("SELECT count(*) FROM device WHERE code NOT LIKE '%~%'")) or 1
        wanted = round(size / there) - 1
        connection.execute(_DEVICES, {"first": copies + 1, "last": wanted})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE device"))
    return wanted


def measure(size: int, ours: httpx.Client, tipg: httpx.Client | None, *, rounds: int) -> None:
    """Asks both for the same tiles by turns, each tile once, and prints the times."""
    print(f"\n{size:,} devices\n{'':36}{'p50 ms':>10}{'p99 ms':>10}{'KB each':>10}{'ratio':>9}")
    for name, zooms in _ZOOMS.items():
        first, again, theirs = [], [], []
        for z, x, y in dict.fromkeys(_tiles(zooms, rounds)):
            mine = f"/tiles/devices/{z}/{x}/{y}.pbf"
            first.append(_ask(ours, mine))
            again.append(_ask(ours, mine))
            if tipg is not None:
                theirs.append(_ask(tipg, f"/collections/public.device/tiles/WebMercatorQuad/{z}/{x}/{y}"))
        own = _line(name, first)
        _line("  again, from memory", again, own)
        if theirs:
            _line("  tipg", theirs, own)
    _line("the layer whole, as GeoJSON", [_ask(ours, "/api/layers/devices/items")])


def first_paint(database: Database, size: int) -> None:
    """Prints when the layer's first points stand on a screen, and how long others take."""
    print(f"\n{'first paint in a browser':36}{'s':>10}{'ratio':>9}")
    found = paint.measure(database, size)
    for name, took_s in found:
        print(f"{name:36}{took_s:>10.2f}{took_s / found[0][1]:>8.2f}×")


def _tiles(zooms: range, rounds: int) -> Iterator[tuple[int, int, int]]:
    """Tiles at random places of the town."""
    rng = np.random.default_rng(3)
    west, south, east, north = _TOWN
    for n in range(rounds):
        zoom = zooms[n % len(zooms)]
        lon, lat = rng.uniform(west, east), rng.uniform(south, north)
        x = floor((lon + 180) / 360 * 2**zoom)
        yield zoom, x, floor((1 - asinh(tan(radians(lat))) / pi) / 2 * 2**zoom)


def _ask(client: httpx.Client, address: str) -> tuple[float, int]:
    """Milliseconds until the answer is there, and its bytes."""
    began = time.perf_counter()
    answer = client.get(address)
    took_ms = (time.perf_counter() - began) * 1000
    answer.raise_for_status()
    return took_ms, len(answer.content)


def _line(name: str, asked: list[tuple[float, int]], own: float | None = None) -> float:
    """Prints a row, with its ratio to the product's own median; its median."""
    p50, p99 = p50_p99([took_ms for took_ms, _ in asked])
    volume = sum(size for _, size in asked) / len(asked) / 1000
    ratio = "" if own is None else f"{p50 / own:>8.2f}×"
    print(f"{name:36}{p50:>10.2f}{p99:>10.2f}{volume:>10.1f}{ratio}")
    return p50


@contextmanager
def _ours(database: Database) -> Iterator[httpx.Client]:
    """A client of the product on a real socket; nothing is kept from before."""
    token = accounts.create_token(
        database, SYSTEM, name="bench", role=Role.VIEWER, grid_prefix="", now=datetime.now(UTC)
    )
    feed = ChangeFeed(database)
    feed.start()
    context = Context(database=database, feed=feed, settings=Settings(), clock=lambda: NOW)
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(application(context), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    with httpx.Client(
        base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}, timeout=120
    ) as client:
        yield client
    server.should_exit = True
    thread.join()
    feed.stop()


@contextmanager
def _tipg(database: Database, python: str | None) -> Iterator[httpx.Client | None]:
    """A tipg over the same table in a process of its own, or None where none was named."""
    if python is None:
        print("tipg is not named: left out")
        yield None
        return
    address = make_url(database.url)
    folder, port = address.query["host"], free_port()
    place = quote(str(folder), safe="")
    url = f"postgresql://{address.username}@{place}:{address.query['port']}/{address.database}"
    environment = os.environ | {
        "DATABASE_URL": url,
        "TIPG_DB_SCHEMAS": '["public"]',
        "TIPG_MAX_FEATURES_PER_TILE": "10000000",
    }
    process = subprocess.Popen(
        [python, "-m", "uvicorn", "tipg.main:app", "--port", str(port), "--log-level", "error"],
        env=environment,
    )
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120) as client:
            until_served(f"http://127.0.0.1:{port}/healthz")
            yield client
    finally:
        process.terminate()
        process.wait()


if __name__ == "__main__":
    main()

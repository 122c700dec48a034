"""The demo county with any number of workers, on a private cluster of its own."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psycopg
from sqlalchemy import make_url, text

from db import accounts, demo, incidents
from db.embedded import EmbeddedCluster
from db.incidents import Report
from db.migrate import upgrade
from db.profiles import read_profile
from db.session import Database
from governance.access import Principal, Role

NOW = datetime(2026, 11, 23, 2, 5, tzinfo=UTC)
DISPATCHER = Principal(account="dispatcher", role=Role.DISPATCHER)
ON_FILE = 4511
_TOWN = (123.995, 44.992, 124.040, 45.024)

# The same people again, a hundred metres about where they are, in the same grids: the density of a city of millions.
_WORKERS = text(
    """INSERT INTO worker (id, code, full_name, full_phone, employment, origin, post, duties, skills, is_outstanding,
        grid_code, building_id)
    SELECT w.id + 100000 * n, w.code || '-' || n, full_name, full_phone, employment, origin, post, duties, skills,
        is_outstanding, grid_code, building_id
    FROM worker AS w, generate_series(1, :more) AS n"""
)
_RESPONDERS = text(
    """INSERT INTO responder (worker_id, point, latest, positioned_at, skills, pool, on_duty, load, cap, grid_code,
        idle_since, updated_at, areas, post, origin, finished_at)
    SELECT worker_id + 100000 * n, ST_Translate(point, (random() - 0.5) * 200, (random() - 0.5) * 200), latest,
        positioned_at, skills, pool, on_duty, load, cap, grid_code, idle_since, updated_at, areas, post, origin,
        finished_at
    FROM responder, generate_series(1, :more) AS n"""
)


@contextmanager
def cluster(*, counts_statements: bool = False) -> Iterator[EmbeddedCluster]:
    """A private server with fsync off, gone afterwards; with pg_stat_statements if asked for."""
    with tempfile.TemporaryDirectory(prefix="gridcommand-bench-", dir="/var/tmp") as folder:
        Path(folder).chmod(0o755)
        server = EmbeddedCluster(Path(folder), fast=True)
        server.start()
        try:
            if counts_statements:
                with _administrator(server) as connection:
                    connection.execute("ALTER SYSTEM SET shared_preload_libraries = 'pg_stat_statements'")
                server.stop()
                server.start()
            yield server
        finally:
            server.destroy()


def _administrator(server: EmbeddedCluster) -> psycopg.Connection[tuple[object, ...]]:
    address = make_url(server.url_of("postgres")).set(drivername="postgresql")
    return psycopg.connect(address.render_as_string(hide_password=False), autocommit=True)


def county(server: EmbeddedCluster, workers: int, *, name: str = "") -> Database:
    """A database of the server with the demo county and about so many workers."""
    name = name or f"bench{workers}"
    with _administrator(server) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = server.url_of(name)
    upgrade(url)
    database = Database.open(url, pool_size=40)
    demo.load(database, read_profile("qianan"), now=NOW)
    accounts.create_demo(database, now=NOW)
    more = round(workers / ON_FILE) - 1
    if more > 0:
        with database.engine.begin() as connection:
            for table in ("worker", "responder"):
                connection.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER notify_change"))
            connection.execute(_WORKERS, {"more": more})
            connection.execute(_RESPONDERS, {"more": more})
            for table in ("worker", "responder"):
                connection.execute(text(f"ALTER TABLE {table} ENABLE TRIGGER notify_change"))
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE responder"))
        connection.execute(text("VACUUM ANALYZE worker"))
    return database


def reports(database: Database, count: int, *, seed: int = 5) -> list[str]:
    """Numbers of so many incidents anywhere in the town, of classes with and without a skill."""
    rng = np.random.default_rng(seed)
    west, south, east, north = _TOWN
    return [
        incidents.report(
            database,
            DISPATCHER,
            Report(
                title="测量",
                class_code=str(rng.choice(["0101", "0105", "0201", "0401"])),
                lon=float(rng.uniform(west, east)),
                lat=float(rng.uniform(south, north)),
                crs="wgs84",
            ),
            now=NOW,
        ).no
        for _ in range(count)
    ]


def spent_ms(call: Callable[[], object]) -> float:
    """Milliseconds that the call took."""
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


def p50_p99(times: list[float]) -> tuple[float, float]:
    """Median and 99th percentile."""
    return float(np.percentile(times, 50)), float(np.percentile(times, 99))

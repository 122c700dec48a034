"""Opens the doors: screens, HTTP API and background work in one process, in front of one PostGIS.

Run by `gridcommand serve`, `streamlit run app.py` or `uvicorn app:app`.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from importlib import import_module
from time import monotonic

import streamlit as st

from api.app import Context, doors
from api.pictures import Pictures
from db.boot import Boot
from db.feed import ChangeFeed
from db.replacements import time_out
from db.settings import ROOT, Settings
from db.tracks import prune
from geo.errors import GridCommandError, Unavailable
from geo.map_server import map_servers
from pages.ui import commands, runners
from pages.ui import context as screens

_COLLECT_S = 60
_SELDOM = 1000
_ROUND_S = 10
_PRUNE_S = 3600
_LOG = logging.getLogger(__name__)

settings = Settings()
boot = Boot(settings)
feed = ChangeFeed(boot.database)


async def _collect_garbage() -> None:
    """Once a minute, in place of Streamlit's collection after every rerun, and of most of Python's own.

    Python would go through everything that lives every ten seconds with a hundred walls, a third of a second each time.
    """
    gc.freeze()
    gc.set_threshold(gc.get_threshold()[0], gc.get_threshold()[1], _SELDOM)
    while True:
        await asyncio.sleep(_COLLECT_S)
        await asyncio.to_thread(gc.collect)


def _keep_rounds(stopping: threading.Event) -> None:
    """Passes on what nobody acknowledged in time, and once an hour deletes old tracks.

    An embedded database that ended is started again. Several processes on one database don't disturb each other.
    """
    prune_at = 0.0
    while not stopping.wait(_ROUND_S):
        try:
            time_out(boot.database, now=datetime.now(UTC))
            if monotonic() >= prune_at:
                prune_at = monotonic() + _PRUNE_S
                prune(boot.database, now=datetime.now(UTC), days=settings.track_days)
        except GridCommandError as error:
            _LOG.info("a round was left out: %s", error)
            if isinstance(error, Unavailable):
                _revive()


def _revive() -> None:
    try:
        boot.revive()
    except Unavailable as error:
        _LOG.warning("the embedded database can't be started: %s", error)


def _simulate(stopping: threading.Event) -> None:
    """The live simulation, in a thread; its machinery is loaded when the doors are open already."""
    from db.demo.simulation import run_on_demo_data  # noqa: PLC0415

    run_on_demo_data(boot.database, stopping)


def _load_screens() -> None:
    """Loads the screens with their libraries, which take seconds: else the first visitor would wait for them."""
    for name in ("administration", "desk", "map", "planning", "visits", "wall"):
        import_module(f"pages.{name}")


@asynccontextmanager
async def lifespan(_: st.App) -> AsyncIterator[None]:
    """Database, change feed and simulation live as long as the server."""
    loading = asyncio.create_task(asyncio.to_thread(_load_screens))
    await asyncio.to_thread(boot.start, lambda line: print(line, flush=True))  # noqa: T201  a door's own words
    await loading
    feed.start()
    screens.provide(database=boot.database, feed=feed, settings=settings)
    stopping = threading.Event()
    background = [
        asyncio.create_task(_collect_garbage()),
        asyncio.create_task(asyncio.to_thread(_keep_rounds, stopping)),
    ]
    if settings.simulate:
        background.append(asyncio.create_task(asyncio.to_thread(_simulate, stopping)))
    try:
        yield
    finally:
        stopping.set()
        background[0].cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*background)
        feed.stop()
        await asyncio.to_thread(boot.stop)


runners.keep_last_words()
runners.gather_themes_once()
_routes, _middleware = doors(
    Context(
        database=boot.database,
        feed=feed,
        settings=settings,
        pictures=Pictures(servers=map_servers(settings.basemap_url)),
    )
)
app = st.App(
    str(ROOT / "pages" / "shell.py"),
    routes=_routes,
    middleware=_middleware,
    lifespan=lifespan,
    on_script_error=commands.on_script_error,
)

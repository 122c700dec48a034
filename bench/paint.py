"""The first picture of a layer of many points in a real browser: the officer's map, and a chart that holds them inline.

The browser films its screen (Chrome DevTools Protocol, Page.startScreencast): a picture counts when it has come, drawn
and packed. To ask for pictures would hold up what is measured, for without a graphics card each takes up to seconds.

streamlit-folium takes no part: its page asks other hosts for every script, and without the internet it paints nothing.
"""

from __future__ import annotations

import io
import os
import subprocess
import sys
import tempfile
import time
from base64 import b64decode
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlencode

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, sync_playwright
from sqlalchemy import make_url

from bench.browser import log_in, started
from bench.servers import free_port, product, until_served
from db.session import Database
from layers.catalog import LAYERS

_WINDOW = {"width": 1600, "height": 1000}
_MIDDLE = (450, 250, 1050, 750)
"""The middle of the map, where there are points whatever stands beside it."""
_OURS = ("#33475b", "#5f8fb8")
"""Discs of several devices, and a device that is online."""
_THEIRS = ("#ff00ff",)
_TOLERANCE, _PIXELS = 12, 150
_PATIENCE_S = 240.0
_STARTS = 5
"""Of the product, whose medians are told: with two cores and no graphics card each visit takes what it happens to."""

_INLINE = """import psycopg
import pydeck
import streamlit as st

st.set_page_config(layout="wide")
with psycopg.connect({conninfo!r}) as connection:
    rows = [{{"p": list(at)}} for at in connection.execute("SELECT ST_X(geom), ST_Y(geom) FROM device")]
dots = pydeck.Layer("ScatterplotLayer", rows, get_position="p", get_fill_color=[255, 0, 255], get_radius=2,
    radius_min_pixels=2)
view = pydeck.ViewState(longitude=124.0175, latitude=45.008, zoom=12.5)
st.pydeck_chart(pydeck.Deck(layers=[dots], map_provider=None, initial_view_state=view), height=900)
"""


def measure(database: Database) -> list[tuple[str, float, bool]]:
    """What is measured, seconds from the address to the first points on the screen, and whether it is the product's.

    What shows none in time has `_PATIENCE_S`.
    """
    with sync_playwright() as playwright:
        browser = started(playwright)
        first, again = zip(*(_first_and_again(browser, database) for _ in range(_STARTS)), strict=True)
        with _inline(database) as address:
            theirs = _first_paint(browser, address, _THEIRS)
        browser.close()
    return [
        ("officer's map", median(first), True),
        ("again, another browser", median(again), True),
        ("inline st.pydeck_chart", theirs, False),
    ]


def _first_and_again(browser: Browser, database: Database) -> tuple[float, float]:
    """The first visit of a server that has just started, and the next."""
    with product(database.url) as (origin, _):
        alone = {f"show_{key}": str(key == "devices").lower() for key in LAYERS}
        address = f"{origin}/map?{urlencode(alone)}"
        return _first_paint(browser, address, _OURS, login=origin), _first_paint(browser, address, _OURS, login=origin)


def _first_paint(browser: Browser, address: str, colours: tuple[str, ...], *, login: str = "") -> float:
    context = browser.new_context(viewport=_WINDOW)
    if login:
        log_in(context, login)
    page = context.new_page()
    shown: deque[dict[str, Any]] = deque()
    began = time.time()
    page.goto(address, wait_until="commit")
    # Before there is a canvas nothing can stand on it, and every picture of the screen costs what is measured.
    page.wait_for_selector('[data-testid="stDeckGlJsonChart"] canvas', timeout=_PATIENCE_S * 1000)
    film = context.new_cdp_session(page)
    film.on("Page.screencastFrame", lambda frame: shown.append(frame))  # noqa: PLW0108  playwright wraps no builtin
    film.send("Page.startScreencast", {"format": "png"})
    took_s = _PATIENCE_S
    while took_s == _PATIENCE_S and time.time() - began < _PATIENCE_S:
        page.wait_for_timeout(50)
        while shown and took_s == _PATIENCE_S:
            frame = shown.popleft()
            film.send("Page.screencastFrameAck", {"sessionId": frame["sessionId"]})
            if _is_painted(b64decode(frame["data"]), colours):
                took_s = time.time() - began
    film.send("Page.stopScreencast")
    context.close()
    return took_s


def _is_painted(png: bytes, colours: tuple[str, ...]) -> bool:
    picture = Image.open(io.BytesIO(png))
    scale = picture.width / _WINDOW["width"]
    pixels = np.asarray(picture.crop([round(edge * scale) for edge in _MIDDLE]).convert("RGB"), dtype=np.int16)
    wanted = [np.array([int(colour[n : n + 2], 16) for n in (1, 3, 5)]) for colour in colours]
    alike = sum(int((np.abs(pixels - colour).max(axis=2) <= _TOLERANCE).sum()) for colour in wanted)
    return alike >= _PIXELS


@contextmanager
def _inline(database: Database) -> Iterator[str]:
    """The obvious way: every point read by the script and handed to the chart."""
    address = make_url(database.url).set(drivername="postgresql").render_as_string(hide_password=False)
    with tempfile.TemporaryDirectory(prefix="gridcommand-bench-") as folder:
        script, port = Path(folder) / "inline.py", free_port()
        script.write_text(_INLINE.format(conninfo=address), encoding="utf-8")
        options = {
            "server.port": port,
            "server.headless": "true",
            "server.maxMessageSize": 2000,
            "browser.gatherUsageStats": "false",
        }
        told = [f"--{name}={value}" for name, value in options.items()]
        process = subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", str(script), *told],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": ""},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until_served(f"http://127.0.0.1:{port}/_stcore/health")
            yield f"http://127.0.0.1:{port}/"
        finally:
            process.terminate()
            process.wait()

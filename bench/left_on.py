"""A wall left on for an hour that passes ten times as fast: what its page and its server keep of it.

The page's clock runs fast, so that everything it does by time or after a change comes ten times as often.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from playwright.sync_api import CDPSession, sync_playwright
from sqlalchemy import text

from bench.browser import log_in, started
from bench.servers import product
from bench.walls import walk
from db import incidents
from db.incidents import Report
from db.session import Database
from governance.access import SYSTEM

_FASTER = 10
_HASTE = """(() => {
  const [later, again, now, began] = [setTimeout, setInterval, Date.now, Date.now()]
  window.setTimeout = (act, ms, ...rest) => later(act, (ms || 0) / FASTER, ...rest)
  window.setInterval = (act, ms, ...rest) => again(act, (ms || 0) / FASTER, ...rest)
  Date.now = () => began + (now() - began) * FASTER
})()""".replace("FASTER", str(_FASTER))


def measure(database: Database, *, minutes: float) -> None:
    """Prints heap, page and server at ten instants of `minutes` real ones, and how fast they grow in an hour shown."""
    with sync_playwright() as playwright, product(database.url) as (origin, pid):
        browser = started(playwright)
        context = browser.new_context(viewport={"width": 1920, "height": 1080})
        context.add_init_script(_HASTE)
        log_in(context, origin)
        page = context.new_page()
        page.goto(f"{origin}/wall")
        page.wait_for_selector(".panel.queue")
        told = context.new_cdp_session(page)
        with database.engine.connect() as connection:
            workers = list(connection.execute(text("SELECT code FROM worker ORDER BY id LIMIT 100")).scalars())
        hours, heaps, nodes, servers = [], [], [], []
        began = time.monotonic()
        print(f"\n{'hour shown':>10}{'JS heap MB':>12}{'DOM nodes':>12}{'server MB':>12}")
        for turn in range(10):
            ends = began + minutes * 60 * (turn + 1) / 10
            while time.monotonic() < ends:
                _stir(database, workers)
            heap, count = _page(told)
            hours.append((time.monotonic() - began) * _FASTER / 3600)
            heaps.append(heap)
            nodes.append(count)
            servers.append(_resident_mb(pid))
            print(f"{hours[-1]:>10.2f}{heap:>12.1f}{count:>12,.0f}{servers[-1]:>12.1f}", flush=True)
        growth = [_slope(hours, kept) for kept in (heaps, nodes, servers)]
        print(f"{'an hour':>10}{growth[0]:>+12.1f}{growth[1]:>+12,.0f}{growth[2]:>+12.1f}")
        browser.close()


def _stir(database: Database, workers: list[str]) -> None:
    """Half a second of the county: people walk, and now and then somebody reports."""
    now = datetime.now(UTC)
    walk(database, workers, now, now.second)
    if now.second % 4 == 0:
        told = Report(title="常开测量", class_code="0102", lon=124.018, lat=45.005, crs="wgs84")
        incidents.report(database, SYSTEM, told, now=now)
    time.sleep(0.5)


def _page(told: CDPSession) -> tuple[float, float]:
    """What the page keeps after its garbage is gone: megabytes of JavaScript's heap, and nodes."""
    told.send("HeapProfiler.collectGarbage")
    told.send("Performance.enable")
    found = {metric["name"]: float(metric["value"]) for metric in told.send("Performance.getMetrics")["metrics"]}
    return found["JSHeapUsedSize"] / 1e6, found["Nodes"]


def _resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000
    return float("nan")


def _slope(hours: Sequence[float], kept: Sequence[float]) -> float:
    """Growth in an hour shown, the first fifth left out: caches fill then."""
    first = len(hours) // 5
    return float(np.polyfit(hours[first:], kept[first:], 1)[0])

"""The map, measured: what walls cost and how late they are, tiles of many devices, and their first paint.

Tiles are asked for by the screen against tipg's; the first paint against a chart inline.

`python -m bench.map [--quick] [--tipg PYTHON] [--png FILE]` prints a table; it passes or fails nothing. tipg takes part
where the Python of an environment with it is named. `bench.tiles` says what each side answers.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from sqlalchemy import text

from bench import left_on, paint, tiles, walls
from bench.crowd import cluster, county
from bench.lines import Line, table
from bench.picture import draw
from db.session import Database

# Devices about those that there are, so that filters and grids stay true.
_DEVICES = text(
    """INSERT INTO device (code, name, kind, status, status_at, quarter_code, geom)
    SELECT d.code || '~' || n, d.name, d.kind, d.status, d.status_at, d.quarter_code,
        ST_Translate(d.geom, (random() - 0.5) * 0.02, (random() - 0.5) * 0.015)
    FROM device AS d, generate_series(CAST(:first AS int), :last) AS n
    WHERE d.code NOT LIKE '%~%'"""
)
_PARTS = ("walls", "left-on", "tiles", "paint")


def main() -> None:
    """Measures every size and prints it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes, few rounds: whether it runs at all")
    parser.add_argument("--tipg", metavar="PYTHON", help="the Python of an environment in which tipg is installed")
    parser.add_argument("--png", type=Path, help="also draw the table into this file")
    parser.add_argument("--only", choices=_PARTS, nargs="+", default=_PARTS, help="these parts alone")
    chosen = parser.parse_args()
    quick: bool = chosen.quick
    lines: list[Line] = []
    with cluster(counts_statements=True) as server:
        if "walls" in chosen.only:
            lines += walls.run(server, quick=quick)
        database = county(server, 4_511)
        if "left-on" in chosen.only:
            left_on.measure(database, minutes=0.5 if quick else 6)
        copies = 0
        for size in (1_000, 3_000) if quick else (10_000, 100_000, 1_000_000):
            print(f"{size:,} devices …", flush=True)
            copies = fill(database, size, copies)
            if "tiles" in chosen.only:
                lines += tiles.measure(database, size, chosen.tipg, rounds=4 if quick else 24)
            if "paint" in chosen.only:
                lines += first_paint(database, size)
    table(lines)
    if chosen.png and lines:
        draw(lines, chosen.png)


def fill(database: Database, size: int, copies: int) -> int:
    """As many devices as `size`, given that each stands there `copies` times more; how many times more it does now."""
    with database.engine.begin() as connection:
        there = connection.scalar(text("SELECT count(*) FROM device WHERE code NOT LIKE '%~%'")) or 1
        wanted = round(size / there) - 1
        connection.execute(_DEVICES, {"first": copies + 1, "last": wanted})
    with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE device"))
    return wanted


def first_paint(database: Database, size: int) -> list[Line]:
    """When the layer's first points stand on a screen, and how long others take."""
    found = paint.measure(database)
    own = found[0][1]
    return [
        Line(
            group=f"first paint in a browser, {size:,} devices",
            name=name,
            p50=took_s * 1000,
            p99=took_s * 1000,
            ratio=took_s / own if n else None,
            is_own=is_own,
        )
        for n, (name, took_s, is_own) in enumerate(found)
    ]


if __name__ == "__main__":
    main()

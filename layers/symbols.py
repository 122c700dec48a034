"""The family of symbols: one SVG each under `assets/symbols`, put together into the atlas that the map draws from."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "symbols"
CELL_PX = 128
"""Side of one symbol in the atlas: sharp up to 64 pixels on a screen of double density."""

ATLAS = "symbols/atlas.svg"
"""The atlas's place among the assets; it is no file, the server composes it."""

_COLUMNS = 8


@cache
def names() -> tuple[str, ...]:
    """Every symbol's name, in the order of the atlas."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.svg")))


def url(name: str) -> str:
    """Where the page finds one symbol, for legends and lists."""
    return f"/assets/symbols/{name}.svg"


@cache
def atlas_url() -> str:
    """Where the page finds the atlas; the version in it changes with its content, so that browsers keep it for good."""
    return f"/assets/{ATLAS}?v={hashlib.sha256(compose().encode()).hexdigest()[:12]}"


@cache
def compose() -> str:
    """The atlas: all symbols on one sheet, row by row."""
    rows = -(-len(names()) // _COLUMNS)
    cells = []
    for index, name in enumerate(names()):
        x, y = _origin(index)
        inner = re.sub(r"<title>.*?</title>", "", (FOLDER / f"{name}.svg").read_text(encoding="utf-8").strip())
        cells.append(
            inner.replace('width="64" height="64"', f'x="{x}" y="{y}" width="{CELL_PX}" height="{CELL_PX}"', 1)
        )
    width, height = _COLUMNS * CELL_PX, rows * CELL_PX
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
    return "\n".join((head, *cells, "</svg>", ""))


def mapping(aliases: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """deck.gl's `iconMapping`: for each alias that an expression may yield, the cell of the symbol that it names."""
    cells = {}
    for alias, name in aliases.items():
        x, y = _origin(names().index(name))
        cells[alias] = {"x": x, "y": y, "width": CELL_PX, "height": CELL_PX}
    return cells


def _origin(index: int) -> tuple[int, int]:
    return (index % _COLUMNS * CELL_PX, index // _COLUMNS * CELL_PX)

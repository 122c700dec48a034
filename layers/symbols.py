"""The family of symbols: one SVG each under `assets/symbols`, put together into the atlas that the map draws from.

Run `python -m layers.symbols` after a symbol changed; a test holds the atlas to its parts.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent.parent / "assets" / "symbols"
CELL_PX = 128
"""Side of one symbol in the atlas: sharp up to 64 pixels on a screen of double density."""

_COLUMNS = 8
_ATLAS = "atlas"


@cache
def names() -> tuple[str, ...]:
    """Every symbol's name, in the order of the atlas."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.svg") if path.stem != _ATLAS))


def url(name: str) -> str:
    """Where the page finds one symbol, for legends and lists."""
    return f"/assets/symbols/{name}.svg"


@cache
def atlas_url() -> str:
    """Where the page finds the atlas; the version in it changes with its content, so that browsers keep it for good."""
    content = (FOLDER / f"{_ATLAS}.svg").read_bytes()
    return f"/assets/symbols/{_ATLAS}.svg?v={hashlib.sha256(content).hexdigest()[:12]}"


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


def write_atlas() -> Path:
    """Writes the atlas beside its parts."""
    path = FOLDER / f"{_ATLAS}.svg"
    path.write_text(compose(), encoding="utf-8")
    return path


if __name__ == "__main__":
    print(json.dumps({"atlas": str(write_atlas()), "symbols": len(names())}))  # noqa: T201  a script's answer

"""A measurement's table as a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from PIL import Image, ImageDraw, ImageFont

_WIDTH, _ROW, _LEFT, _RIGHT = 1200, 26, 360, 150
_INK, _MUTED, _BAR, _OWN, _GROUND = "#16212b", "#5b6b79", "#9db4c6", "#0b6bcb", "#ffffff"


class Row(Protocol):
    """What is drawn of a line."""

    group: str
    name: str
    p50: float
    is_own: bool


def draw(lines: Sequence[Row], path: Path) -> None:
    """Bars of the medians on a logarithmic scale, group by group; the product's own in blue."""
    groups = list(dict.fromkeys(line.group for line in lines))
    height = 70 + sum(_ROW * (1 + sum(line.group == group for line in lines)) + 10 for group in groups)
    image = Image.new("RGB", (_WIDTH, height), _GROUND)
    pen = ImageDraw.Draw(image)
    font, small = ImageFont.load_default(18), ImageFont.load_default(15)
    low = math.log10(min(line.p50 for line in lines)) - 0.1
    high = math.log10(max(line.p50 for line in lines)) + 0.1
    pen.text((20, 16), "median, milliseconds, logarithmic", fill=_MUTED, font=small)
    y = 50
    for group in groups:
        pen.text((20, y), group, fill=_INK, font=font)
        y += _ROW
        for line in (line for line in lines if line.group == group):
            length = (math.log10(line.p50) - low) / (high - low) * (_WIDTH - _LEFT - _RIGHT)
            pen.text((40, y + 3), line.name.replace("…", "..."), fill=_INK, font=small)
            pen.rectangle((_LEFT, y + 4, _LEFT + length, y + _ROW - 5), fill=_OWN if line.is_own else _BAR)
            pen.text((_LEFT + length + 8, y + 3), f"{line.p50:,.2f}", fill=_MUTED, font=small)
            y += _ROW
        y += 10
    image.save(path, optimize=True)

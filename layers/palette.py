"""Every colour of the product, once: the dark theme of the wall and the light theme of the desk, map and planning.

Colours are "#rrggbb". Severity is shown in circles with a Roman numeral; a property company's rating has squares of its
own. A colour never stands alone: a shape, a numeral or a label goes with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

SEVERITY: Mapping[int, str] = MappingProxyType({1: "#e5484d", 2: "#f76b15", 3: "#ffc53d", 4: "#3e9bff"})
"""The statutory warning colours of severity I to IV."""

SEVERITY_NUMERAL: Mapping[int, str] = MappingProxyType({1: "I", 2: "II", 3: "III", 4: "IV"})

INK = "#0a0f14"
"""Text on a severity's colour, on every theme."""

GOOD = "#30a46c"
OFFLINE = "#7d8b97"

HEAT = ("#fff2b3", "#fed976", "#feb24c", "#fd8d3c", "#f03b20", "#bd0026")
"""Of a heat map, from few to many."""

KINDS: Mapping[str, str] = MappingProxyType(
    {
        "grids": "#8fa7ba",
        "stations": "#12a594",
        "venues": "#9a6be0",
        "centres": "#d6409f",
        "devices": "#5f8fb8",
        "buildings": "#8a97a3",
        "workers": "#1fb6d9",
    }
)
"""One hue per family of symbols, none of them a severity's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Palette:
    """One theme. `alarm`, `warn` and `good` are for text; the colours of `SEVERITY` are for filled marks.

    `route` is of ways that responders take: none of the blues and greys that boundaries have. `focus` outlines the
    grid that a map is narrowed to.
    """

    name: str
    ground: str
    panel: str
    raised: str
    line: str
    text: str
    muted: str
    accent: str
    tint: str
    alarm: str
    warn: str
    good: str
    land: str
    town: str
    block: str
    park: str
    water: str
    road: str
    road_minor: str
    house: str
    boundary: str
    label: str
    halo: str
    grid_line: str
    grid_street: str
    grid_label: str
    route: str
    focus: str


DARK = Palette(
    name="dark",
    ground="#0b1622",
    panel="#112131",
    raised="#17293b",
    line="#22384c",
    text="#e6eef5",
    muted="#8fa7ba",
    accent="#4cc3ff",
    tint="#153349",
    alarm="#ff8589",
    warn="#ffb35c",
    good="#4cc38a",
    land="#0b1622",
    town="#0d1a28",
    block="#101f2e",
    park="#10262b",
    water="#0e2a42",
    road="#1f3448",
    road_minor="#182a3b",
    house="#1a2d40",
    boundary="#2e4a63",
    label="#7c95a9",
    halo="#0b1622",
    grid_line="#46739c",
    grid_street="#4cc3ff",
    grid_label="#a9c3d8",
    route="#c9a2ff",
    focus="#ffffff",
)
"""The wall's."""

LIGHT = Palette(
    name="light",
    ground="#f6f8fa",
    panel="#ffffff",
    raised="#f0f4f7",
    line="#d8e0e7",
    text="#16212b",
    muted="#5b6b79",
    accent="#0b6bcb",
    tint="#e8f2fc",
    alarm="#c4272c",
    warn="#9a5200",
    good="#1b7a4b",
    land="#eef2f4",
    town="#eaeff2",
    block="#f7f9fa",
    park="#e4f0e3",
    water="#cfe3f1",
    road="#ffffff",
    road_minor="#fbfcfd",
    house="#e1e7ec",
    boundary="#aebcc8",
    label="#5d6d7b",
    halo="#f7f9fa",
    grid_line="#6f88a0",
    grid_street="#0b6bcb",
    grid_label="#3d4f5f",
    route="#7b2fc4",
    focus="#0b6bcb",
)
"""Of the desk, the map and the planning."""


def rgb(colour: str, alpha: int = 255) -> list[int]:
    """A colour as deck.gl takes it: red, green, blue and alpha, 0 to 255."""
    return [*(int(colour[i : i + 2], 16) for i in (1, 3, 5)), alpha]


def contrast(one: str, other: str) -> float:
    """The WCAG 2 contrast ratio of two colours, 1 to 21."""

    def luminance(colour: str) -> float:
        channels = (value / 255 for value in rgb(colour)[:3])
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]  # noqa: PLR2004  sRGB
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)

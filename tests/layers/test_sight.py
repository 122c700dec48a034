"""Symbols are told apart by their shape alone, and stand out from the ground by day and by night.

WCAG 2.2, 1.4.11 asks 3 to 1 for graphical objects; 1.4.1 that colour is never the only way to tell.
"""

from __future__ import annotations

from functools import cache
from itertools import combinations, product

import numpy as np
import pytest
from numpy.typing import NDArray

from layers.buildings import SHADES
from layers.palette import DARK, LIGHT, SEVERITY, Palette, rgb
from layers.symbols import names
from tests.sight import SIDE_PX, VISIONS, Floats, difference, lab, on, render, seen

THEMES = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
EVERY_VISION = pytest.mark.parametrize("vision", VISIONS)
FAMILIES = ("centre", "device", "incident", "rating", "station", "venue", "worker")

GRAPHICAL = 3.0
SAME_SHAPE = 0.85
"""Two symbols are of one shape when more of their drawing than this coincides (intersection over union)."""
SIGN_L = 25.0
"""What differs so much in lightness from a symbol's body is drawn on it."""
NOTICED = 5.0
"""CIEDE2000 above which two fills side by side are told apart at a glance; 1 to 2 is just noticeable."""


@cache
def drawn() -> dict[str, Floats]:
    return dict(zip(names(), render(names()), strict=True))


def sign(symbol: Floats) -> NDArray[np.bool_]:
    """What is drawn on the symbol's body, with its casing, in shades of grey."""
    opaque = symbol[..., 3] > 0.5
    lightness = lab(symbol[..., :3])[..., 0]
    amid = slice(SIDE_PX // 4, -SIDE_PX // 4)
    body = np.median(lightness[amid, amid][opaque[amid, amid]])
    return np.asarray(opaque & (np.abs(lightness - body) > SIGN_L))


def family(prefix: str) -> list[str]:
    return [name for name in names() if name.split("-")[0] == prefix]


def luminance(colours: Floats) -> Floats:
    linear = np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)
    return np.asarray(linear @ np.array([0.2126, 0.7152, 0.0722]))


def test_the_difference_is_that_of_the_standard():
    """Pairs of Sharma, Wu and Dalal's table of test data for CIEDE2000, to four decimals."""
    pairs = [
        ((50, 2.6772, -79.7751), (50, 0, -82.7485), 2.0425),
        ((50, -1, 2), (50, 0, 0), 2.3669),
        ((50, 2.49, -0.001), (50, -2.49, 0.0011), 7.2195),
        ((50, 2.5, 0), (73, 25, -18), 27.1492),
        ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
        ((2.0776, 0.0795, -1.135), (0.9033, -0.0636, -0.5514), 0.9082),
    ]
    one, other, known = (np.array([pair[i] for pair in pairs], dtype=float) for i in range(3))
    assert difference(one, other) == pytest.approx(known, abs=1e-4)
    assert difference(other, one) == pytest.approx(known, abs=1e-4)


@EVERY_VISION
def test_grey_is_seen_as_grey(vision: str):
    """The simulation leaves black, white and greys as they are."""
    greys = np.repeat(np.linspace(0, 1, 9)[:, None], 3, axis=1)
    assert seen(greys, vision) == pytest.approx(greys, abs=2e-3)


def test_every_symbol_belongs_to_a_family():
    """No symbol escapes these tests but the two marks, which stand for no kind."""
    assert {name for prefix in FAMILIES for name in family(prefix)} | {"mark-selected", "mark-several"} == set(names())


@pytest.mark.parametrize("prefix", FAMILIES)
def test_any_two_symbols_of_a_layer_differ_in_shape(prefix: str):
    """Without any colour their drawings coincide by less than 85 %."""
    signs = {name: sign(drawn()[name]) for name in family(prefix)}
    alike = {
        (one, other): round(float((signs[one] & signs[other]).sum() / (signs[one] | signs[other]).sum()), 3)
        for one, other in combinations(signs, 2)
    }
    assert {pair: share for pair, share in alike.items() if share > SAME_SHAPE} == {}


def test_families_differ_in_outline():
    """House, bubble, diamond, hexagon, square, person and disc: the outline alone tells the layer."""
    outlines = {prefix: drawn()[family(prefix)[0]][..., 3] > 0.5 for prefix in FAMILIES}
    alike = {
        (one, other): round(float((outlines[one] & outlines[other]).sum() / (outlines[one] | outlines[other]).sum()), 3)
        for one, other in combinations(outlines, 2)
    }
    assert {pair: share for pair, share in alike.items() if share > 0.9} == {}


@THEMES
@EVERY_VISION
@pytest.mark.parametrize("name", names())
def test_a_symbol_stands_out_from_the_ground_all_around(name: str, theme: Palette, vision: str):
    """From wherever one comes to it, an edge of 3 to 1 to every tone of the ground is met within a few pixels."""
    symbol = drawn()[name]
    middle, reach = SIDE_PX / 2 - 0.5, np.arange(SIDE_PX * 0.7, 0, -0.5)
    for tone in ("land", "town", "block", "park", "water", "road", "road_minor", "house"):
        ground = rgb(getattr(theme, tone))
        light = luminance(seen(on(symbol, ground), vision))
        under = float(luminance(seen(np.array(ground[:3]) / 255, vision)))
        for angle in np.linspace(0, 2 * np.pi, 24, endpoint=False):
            column, row = (np.round(middle + reach * f(angle)).astype(int) for f in (np.cos, np.sin))
            inside = (column >= 0) & (row >= 0) & (column < SIDE_PX) & (row < SIDE_PX)
            column, row = column[inside], row[inside]
            met = np.flatnonzero(symbol[row, column, 3] > 0.5)
            assert met.size, f"{name} has no body towards {np.degrees(angle):.0f}°"
            edge = light[row, column][met[0] : met[0] + 16]
            contrast = (np.maximum(edge, under) + 0.05) / (np.minimum(edge, under) + 0.05)
            assert contrast.max() >= GRAPHICAL, f"{name} on {tone} towards {np.degrees(angle):.0f}°"


@EVERY_VISION
def test_severities_differ_in_colour_besides(vision: str):
    """Numerals tell the severity; the four colours still differ for everybody."""
    colours = lab(seen(np.array([rgb(colour)[:3] for colour in SEVERITY.values()]) / 255, vision))
    assert min(difference(colours[i], colours[j]) for i, j in combinations(range(4), 2)) >= NOTICED


@THEMES
@EVERY_VISION
def test_uses_of_buildings_differ_for_everybody(theme: Palette, vision: str):
    """Areas have no sign: their fills alone tell the use, and do so by lightness too."""
    ground = np.array(rgb(theme.block)[:3]) / 255
    fills = [np.array(rgb(colour)[:3]) / 255 * alpha + ground * (1 - alpha) for colour, alpha in SHADES.values()]
    colours = lab(seen(np.array(fills), vision))
    assert min(difference(colours[i], colours[j]) for i, j in combinations(range(len(fills)), 2)) >= NOTICED


@pytest.mark.parametrize(
    ("name", "vision"), list(product(["incident-1-waiting", "rating-red", "device-camera-alarm"], VISIONS))
)
def test_a_sign_is_readable_on_its_body(name: str, vision: str):
    """Numeral, cross and badge have 3 to 1 to what they are drawn on."""
    symbol = drawn()[name]
    light = luminance(seen(symbol[..., :3], vision))[symbol[..., 3] > 0.98]
    body, ink = np.percentile(light, 50), np.percentile(light, [1, 99])
    assert max((max(body, i) + 0.05) / (min(body, i) + 0.05) for i in ink) >= GRAPHICAL

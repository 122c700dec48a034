"""A map server's pictures below everything, in place of the county's own ground."""

from __future__ import annotations

from typing import Any

from layers.palette import DARK, LIGHT, Palette

THEMES = {palette.name: palette for palette in (LIGHT, DARK)}
_PAINT: dict[str, dict[str, float]] = {
    "light": {"raster-saturation": -0.35, "raster-contrast": -0.1},
    # By night light turns to dark, so that the data stays the brightest on the wall.
    "dark": {
        "raster-brightness-min": 0.62,
        "raster-brightness-max": 0.06,
        "raster-saturation": -0.5,
        "raster-hue-rotate": 180,
    },
}
"""Quieter than any data, as the county's own ground is."""


def style_url(palette: Palette) -> str:
    """Where the map finds the style of the pictures."""
    return f"/basemap/style.json?theme={palette.name}"


def style(origin: str, number: int, theme: str) -> dict[str, Any]:
    """A Mapbox GL style of `number` layers of pictures, with absolute addresses below `origin`."""
    idents = [f"raster-{index}" for index in range(number)]
    return {
        "version": 8,
        "sources": {
            ident: {
                "type": "raster",
                "tiles": [f"{origin}/basemap/raster/{index}/{{z}}/{{x}}/{{y}}"],
                "tileSize": 256,
                "maxzoom": 18,
            }
            for index, ident in enumerate(idents)
        },
        "layers": [
            {"id": "land", "type": "background", "paint": {"background-color": THEMES[theme].land}},
            *({"id": ident, "type": "raster", "source": ident, "paint": _PAINT[theme]} for ident in idents),
        ],
    }

"""The base map from the county's own ground: land, water, blocks and roads in close tones, quieter than any data."""

from __future__ import annotations

import pydeck as pdk

from layers.palette import Palette, rgb
from layers.spec import WITHIN, Look, layer

PARTS = ("boundary", "blocks", "water", "roads", "buildings")
"""What is fetched, from the largest to the smallest."""

_ROAD_M = {"trunk": 26, "main": 20, "side": 12, "lane": 7, "path": 3}
"""Drawn width by class: a little wider than the carriageway, as maps do."""

_MINOR = ("lane", "path")


def url(part: str) -> str:
    """Where the browser fetches one part of the ground."""
    return f"/api/base/{part}"


def draw(look: Look) -> list[pdk.Layer]:
    """The ground, bottom to top. Nothing of it can be clicked."""
    palette, scale = look.palette, look.scale
    return [
        _area("boundary", rgb(palette.town), look, outline=rgb(palette.boundary), width_px=1.6 * scale),
        _area("blocks", _block_colour(palette), look),
        _area("water", rgb(palette.water), look),
        _roads(palette, scale),
        _area("buildings", rgb(palette.house), look, outline=rgb(palette.house), width_px=0.3 * scale),
    ]


def _area(
    part: str, fill: list[int] | str, look: Look, *, outline: list[int] | None = None, width_px: float = 0
) -> pdk.Layer:
    return layer(
        "GeoJsonLayer",
        f"base-{part}",
        url(part),
        pickable=False,
        filled=True,
        stroked=outline is not None,
        get_line_width=0,
        line_width_min_pixels=width_px,
        _subLayerProps={
            "polygons-fill": {"getFillColor": fill},
            "polygons-stroke": {"getColor": outline or rgb(look.palette.land)},
        },
    )


def _block_colour(palette: Palette) -> str:
    return (
        f"@@=properties.use == 'park' ? {rgb(palette.park)} : "
        f"properties.use == 'farm' ? {rgb(palette.land)} : {rgb(palette.block)}"
    )


def _roads(palette: Palette, scale: float) -> pdk.Layer:
    width = " : ".join(f"properties.class == '{name}' ? {metres}" for name, metres in _ROAD_M.items())
    minor = " || ".join(f"{WITHIN}.class == '{name}'" for name in _MINOR)
    return layer(
        "GeoJsonLayer",
        "base-roads",
        url("roads"),
        pickable=False,
        get_line_width=f"@@={width} : 6",
        line_width_units="meters",
        line_width_min_pixels=0.6 * scale,
        line_cap_rounded=True,
        line_joint_rounded=True,
        _subLayerProps={
            "linestrings": {"getColor": f"@@={minor} ? {rgb(palette.road_minor)} : {rgb(palette.road)}"},
        },
    )

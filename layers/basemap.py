"""The base map from the county's own ground: land, water, blocks and roads in close tones, quieter than any data.

A town's ground comes whole; a larger one as vector tiles, which look the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pydeck as pdk

from layers.palette import Palette, rgb
from layers.spec import MVT_WORKER, WITHIN, Look, layer

PARTS = ("boundary", "blocks", "water", "roads", "buildings")
"""What is fetched, from the largest to the smallest."""

_ROAD_M = {"trunk": 26, "main": 20, "side": 12, "lane": 7, "path": 3}
"""Drawn width by class: a little wider than the carriageway, as maps do."""

_MINOR = ("lane", "path")

MOST_WHOLE = 5_000
"""Parts of the ground up to which it is fetched whole; a larger one comes as tiles."""

_TILE_ZOOMS = (8, 15)
"""A tile of zoom 15 is rounded to a quarter of a metre; closer views enlarge it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What there is to draw: how many parts, at which revision."""

    revision: int = 0
    number: int = 0

    @property
    def is_tiled(self) -> bool:
        """Whether there is more than a browser draws with ease."""
        return self.number > MOST_WHOLE


def url(part: str, *, within: Sequence[float] | None = None) -> str:
    """Where the browser fetches one part of the ground, whole or around `within` (west, south, east, north)."""
    if within is None:
        return f"/api/base/{part}"
    west, south, east, north = within
    aside, above = (east - west) / 2, (north - south) / 2
    bbox = ",".join(f"{edge:.5f}" for edge in (west - aside, south - above, east + aside, north + above))
    return f"/api/base/{part}?bbox={bbox}"


def draw(ground: Ground, look: Look) -> list[pdk.Layer]:
    """The ground, bottom to top. Nothing of it can be clicked."""
    palette, scale = look.palette, look.scale
    if ground.is_tiled:
        return [_tiles(ground, look)]
    return [
        _area("boundary", rgb(palette.town), look, outline=rgb(palette.boundary), width_px=1.6 * scale),
        _area("blocks", f"@@={_use_colour(palette)}", look),
        _area("water", rgb(palette.water), look),
        _roads(palette, scale),
        _area("buildings", rgb(palette.house), look),
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


def _use_colour(palette: Palette) -> str:
    return (
        f"properties.use == 'park' ? {rgb(palette.park)} : "
        f"properties.use == 'farm' ? {rgb(palette.land)} : {rgb(palette.block)}"
    )


def _roads(palette: Palette, scale: float) -> pdk.Layer:
    return layer(
        "GeoJsonLayer",
        "base-roads",
        url("roads"),
        pickable=False,
        get_line_width=f"@@={_width()}",
        line_width_units="meters",
        line_width_min_pixels=0.6 * scale,
        line_cap_rounded=True,
        line_joint_rounded=True,
        _subLayerProps={
            "linestrings": {"getColor": f"@@={_road_colour(palette)}"},
        },
    )


def _width() -> str:
    return " : ".join(f"properties.class == '{name}' ? {metres}" for name, metres in _ROAD_M.items()) + " : 6"


def _road_colour(palette: Palette) -> str:
    minor = " || ".join(f"{WITHIN}.class == '{name}'" for name in _MINOR)
    return f"{minor} ? {rgb(palette.road_minor)} : {rgb(palette.road)}"


def _tiles(ground: Ground, look: Look) -> pdk.Layer:
    palette, scale = look.palette, look.scale
    part, within = "properties.layerName", f"{WITHIN}.layerName"
    fill = (
        f"{part} == 'boundary' ? {rgb(palette.town)} : {part} == 'water' ? {rgb(palette.water)} : "
        f"{part} == 'buildings' ? {rgb(palette.house)} : {_use_colour(palette)}"
    )
    outline = (
        f"{within} == 'boundary' ? {rgb(palette.boundary)} : "
        f"{within} == 'buildings' ? {rgb(palette.house)} : {rgb(palette.house, 0)}"
    )
    edge = f"{within} == 'boundary' ? {1.6 * scale} : {0.3 * scale}"
    return layer(
        "MVTLayer",
        "base-tiles",
        f"/tiles/base/{{z}}/{{x}}/{{y}}.pbf?rev={ground.revision}",
        pickable=False,
        binary=False,
        load_options={"mvt": {"workerUrl": MVT_WORKER}},
        min_zoom=_TILE_ZOOMS[0],
        max_zoom=_TILE_ZOOMS[1],
        filled=True,
        stroked=True,
        get_line_width=f"@@={_width()}",
        line_width_units="meters",
        line_cap_rounded=True,
        line_joint_rounded=True,
        _subLayerProps={
            "polygons-fill": {"getFillColor": f"@@={fill}"},
            "polygons-stroke": {
                "getColor": f"@@={outline}",
                "getWidth": f"@@={edge}",
                "widthUnits": "pixels",
            },
            "linestrings": {
                "getColor": f"@@={_road_colour(palette)}",
                "widthMinPixels": 0.6 * scale,
            },
        },
    )

"""The four levels of grids: outlines that grow finer, and a quiet fill to be clicked."""

from __future__ import annotations

import pydeck as pdk

from governance import labels
from layers.palette import KINDS, Palette, rgb
from layers.spec import LayerSpec, Look, Source, Symbol, layer

LEVELS = ("street", "community", "quarter", "building")
"""From the largest to the smallest."""

_STACK = ("quarter", "building", "community", "street")
"""From the bottom to the top."""

_WIDTH_M = {"street": 24.0, "community": 12.0, "quarter": 5.0, "building": 5.0}
_PIXELS = {"street": (2.6, 5.0), "community": (1.4, 3.0), "quarter": (0.7, 2.2), "building": (0.7, 2.0)}
_ALPHA = {"street": 235, "community": 125, "quarter": 130, "building": 170}


def colour(level: str, palette: Palette) -> str:
    """The outline's colour of one level: the street's stands out, the others step back."""
    return palette.grid_street if level in {"street", "community"} else palette.grid_line


def draw(source: Source, look: Look) -> list[pdk.Layer]:
    """One layer per level that the filter leaves: the larger a grid, the higher its outline.

    Only the finest level is filled, so that a click means the quarter and not the street around it.
    """
    asked = [level for level in LEVELS if level in source.features.where.get("level", LEVELS)]
    finest = next((level for level in reversed(asked) if level != "building"), "building")
    return [
        _level(level, source, look, is_filled=look.is_pickable and level in {finest, "building"})
        for level in _STACK
        if level in asked
    ]


def _level(level: str, source: Source, look: Look, *, is_filled: bool) -> pdk.Layer:
    least, most = _PIXELS[level]
    outline = rgb(colour(level, look.palette), _ALPHA[level])
    return layer(
        "GeoJsonLayer",
        f"grids-{level}",
        source.url(level=level),
        pickable=look.is_pickable,
        stroked=True,
        filled=is_filled,
        line_width_units="meters",
        get_line_width=_WIDTH_M[level],
        line_width_min_pixels=least * look.scale,
        line_width_max_pixels=most * look.scale,
        line_joint_rounded=True,
        _subLayerProps={
            "polygons-fill": {"getFillColor": rgb(colour(level, look.palette), 4)},
            "polygons-stroke": {"getColor": outline},
        },
    )


SPEC = LayerSpec(
    key="grids",
    order=10,
    draw=draw,
    symbols=tuple(
        Symbol(
            word=labels.GRID_SIZE[level],
            where={"level": (level,)},
            colour=KINDS["grids"],
            width_px=_PIXELS[level][1],
        )
        for level in LEVELS
    ),
    fields=("level",),
    ordinary={"level": ("street", "community", "quarter")},
)

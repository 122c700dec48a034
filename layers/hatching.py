"""Hatching: what is to be seen whatever colours mean, or can be told apart."""

from __future__ import annotations

import pydeck as pdk

from layers.palette import rgb
from layers.spec import Look, layer

HATCH = "/assets/patterns/hatch.svg"
_HATCH_PX = 64
"""Side of the pattern as drawn in its file."""

_TILE_PX = 26.0
"""Side of the pattern on a screen of 1080 lines."""


def draw(url: str, look: Look, *, metres_per_px: float) -> pdk.Layer:
    """Areas (GeoJSON at `url`; "" none) under slanting lines, on a map where a pixel is `metres_per_px`."""
    return layer(
        "GeoJsonLayer",
        "gaps",
        url or [],
        pickable=False,
        stroked=True,
        filled=True,
        get_line_width=0,
        line_width_min_pixels=2 * look.scale,
        extensions=[{"@@type": "FillStyleExtension", "pattern": True}],
        fill_pattern_mask=True,
        fill_pattern_atlas=HATCH,
        fill_pattern_mapping={"hatch": {"x": 0, "y": 0, "width": _HATCH_PX, "height": _HATCH_PX, "mask": True}},
        get_fill_pattern="@@='hatch'",
        get_fill_pattern_scale=round(_TILE_PX / _HATCH_PX * metres_per_px * look.scale, 4),
        _subLayerProps={
            "polygons-fill": {"getFillColor": rgb(look.palette.warn, 170)},
            "polygons-stroke": {"getColor": rgb(look.palette.warn, 230)},
        },
    )

"""Buildings by use, outlined over the base map."""

from __future__ import annotations

import pydeck as pdk

from governance import labels
from layers.palette import KINDS, rgb
from layers.spec import LayerSpec, Look, Source, Symbol, layer

SHADES = {"residential": ("#9aa7b4", 0.5), "business": ("#4a84cc", 0.6), "public": ("#0f6b55", 0.6)}
"""Fill and its opacity by use: three steps of lightness, which everybody sees."""


def draw(source: Source, look: Look) -> list[pdk.Layer]:
    """Filled footprints with a thin outline."""
    shades = " : ".join(
        f"properties.usage == '{usage}' ? {rgb(colour, round(255 * alpha))}"
        for usage, (colour, alpha) in SHADES.items()
    )
    return [
        layer(
            "GeoJsonLayer",
            "buildings",
            source.url(),
            pickable=look.is_pickable,
            stroked=True,
            filled=True,
            line_width_min_pixels=0.8 * look.scale,
            get_line_width=1,
            _subLayerProps={
                "polygons-fill": {"getFillColor": f"@@={shades} : {rgb(KINDS['buildings'], 120)}"},
                "polygons-stroke": {"getColor": rgb(KINDS["buildings"], 220)},
            },
        )
    ]


SPEC = LayerSpec(
    key="buildings",
    order=5,
    draw=draw,
    symbols=tuple(
        Symbol(word=label, where={"usage": (usage,)}, colour=SHADES[usage][0], width_px=12)
        for usage, label in labels.BUILDING_USAGE.items()
    ),
    fields=("usage",),
)

"""Where incidents gather: a heat map, the graver the hotter, by the filter of the layer."""

from __future__ import annotations

import pydeck as pdk

from governance.language import _
from layers.palette import HEAT, rgb
from layers.spec import Look, Source, layer


def draw(source: Source, look: Look) -> pdk.Layer:
    """One layer without anything to pick; severity I weighs four times as much as IV."""
    return layer(
        "HeatmapLayer",
        "heat",
        source.url(),
        pickable=False,
        data_transform="@@=features",
        get_position="@@=geometry.coordinates",
        get_weight="@@=5 - properties.severity",
        radius_pixels=46 * look.scale,
        intensity=1,
        threshold=0.04,
        color_range=[rgb(colour)[:3] for colour in HEAT],
    )


def key() -> str:
    """The heat map's legend: its colours from few to many, in HTML."""
    steps = ", ".join(HEAT)
    scale = f'<i style="background:linear-gradient(90deg, {steps})"></i>'
    return f'<span class="heat-key">{_("少{scale}多（按级别加权）", scale=scale)}</span>'

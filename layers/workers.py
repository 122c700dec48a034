"""Grid workers where they were last seen; paler when the position is old, or only that of the post."""

from __future__ import annotations

import pydeck as pdk

from governance import labels
from layers.spec import WITHIN, LayerSpec, Look, Source, Symbol, icons

_ALIASES = {availability: f"worker-{availability}" for availability in labels.AVAILABILITY}

PALE = 0.55
"""How strongly somebody is drawn whose position isn't fresh."""


def draw(source: Source, look: Look) -> list[pdk.Layer]:
    """One layer of symbols; a position that isn't fresh is drawn at half strength."""
    return [
        icons(
            source,
            look,
            icon="properties.availability",
            aliases=_ALIASES,
            metres=70,
            pixels=(13, 28),
            opacity=f"@@={WITHIN}.position_source == 'fresh' ? 1 : {PALE}",
        )
    ]


SPEC = LayerSpec(
    key="workers",
    order=80,
    draw=draw,
    symbols=tuple(
        Symbol(word=label, where={"availability": (availability,)}, icon=f"worker-{availability}")
        for availability, label in labels.AVAILABILITY.items()
    ),
    fields=("availability", "position_source"),
    ordinary={"availability": ("available", "busy")},
)

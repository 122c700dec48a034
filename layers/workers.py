"""Grid workers where they were last seen; paler when the position is old, or only that of the post."""

from __future__ import annotations

import pydeck as pdk

from layers.spec import WITHIN, LayerSpec, Look, Source, Symbol, icons

_TITLES = {"available": "在岗可派", "busy": "在岗处置中", "off_duty": "不在岗"}
_ALIASES = {availability: f"worker-{availability}" for availability in _TITLES}


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
            opacity=f"@@={WITHIN}.position_source == 'fresh' ? 1 : 0.55",
        )
    ]


SPEC = LayerSpec(
    key="workers",
    title="网格员",
    order=80,
    draw=draw,
    symbols=tuple(
        Symbol(label=title, where={"availability": (availability,)}, icon=f"worker-{availability}")
        for availability, title in _TITLES.items()
    ),
    fields=("availability", "position_source"),
    ordinary={"availability": ("available", "busy")},
)

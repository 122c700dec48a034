"""Devices: hexagons with the sign of their kind, crossed out when offline, marked with ! on an alarm."""

from __future__ import annotations

import pydeck as pdk

from governance import labels
from layers.spec import LayerSpec, Look, Source, Symbol, icons

_ALIASES = {
    f"{kind}-{status}": f"device-{kind}-{status}" for kind in labels.DEVICE_KIND for status in labels.DEVICE_STATUS
}


def draw(source: Source, look: Look) -> list[pdk.Layer]:
    """One layer of symbols by kind and status."""
    return [
        icons(
            source,
            look,
            icon="properties.kind + '-' + properties.status",
            aliases=_ALIASES,
            metres=70,
            pixels=(18, 32),
        )
    ]


SPEC = LayerSpec(
    key="devices",
    order=30,
    draw=draw,
    symbols=tuple(
        Symbol(word=label, where={"kind": (kind,)}, icon=f"device-{kind}-online")
        for kind, label in labels.DEVICE_KIND.items()
    ),
    fields=("kind", "status"),
)

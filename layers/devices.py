"""Devices: hexagons with the sign of their kind, crossed out when offline, marked with ! on an alarm."""

from __future__ import annotations

import pydeck as pdk

from layers.spec import LayerSpec, Look, Source, Symbol, icons

KINDS = {
    "camera": "智能抓拍",
    "access_gate": "智能门禁",
    "charging_pile": "智能充电桩",
    "video_intercom": "智能可视对讲",
}
STATUSES = {"online": "在线", "offline": "离线", "alarm": "告警"}
_ALIASES = {f"{kind}-{status}": f"device-{kind}-{status}" for kind in KINDS for status in STATUSES}


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
    title="设备",
    order=30,
    draw=draw,
    symbols=tuple(
        Symbol(label=label, where={"kind": (kind,)}, icon=f"device-{kind}-online") for kind, label in KINDS.items()
    ),
    fields=("kind", "status"),
)

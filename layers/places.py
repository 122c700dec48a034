"""Places that serve residents: stations are houses, venues speech bubbles, centres and canteens diamonds."""

from __future__ import annotations

from collections.abc import Mapping

import pydeck as pdk

from layers.spec import LayerSpec, Look, Source, Symbol, icons

_STATIONS = {"warm_stop": "暖心驿站", "errand_point": "零跑代办点", "tool_station": "便民工具站"}
_VENUES = {"tea_room": "邻里茶话室", "residents_hall": "居民议事厅", "building_corner": "楼栋议事角"}
_CENTRES = {"community_centre": "社区中心", "community_canteen": "社区食堂"}


def _spec(
    *, key: str, title: str, prefix: str, order: int, kinds: Mapping[str, str], pixels: tuple[float, float]
) -> LayerSpec:
    aliases = {kind: f"{prefix}-{kind}" for kind in kinds}

    def draw(source: Source, look: Look) -> list[pdk.Layer]:
        return [icons(source, look, icon="properties.kind", aliases=aliases, metres=85, pixels=pixels)]

    symbols = tuple(Symbol(label=label, where={"kind": (kind,)}, icon=aliases[kind]) for kind, label in kinds.items())
    return LayerSpec(key=key, title=title, order=order, draw=draw, symbols=symbols, fields=("kind",))


STATIONS = _spec(key="stations", title="网格服务站", prefix="station", order=40, kinds=_STATIONS, pixels=(18, 34))
VENUES = _spec(key="venues", title="议事场所", prefix="venue", order=50, kinds=_VENUES, pixels=(18, 34))
CENTRES = _spec(key="centres", title="社区中心与食堂", prefix="centre", order=60, kinds=_CENTRES, pixels=(22, 40))

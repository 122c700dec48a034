"""Places that serve residents: stations are houses, venues speech bubbles, centres and canteens diamonds."""

from __future__ import annotations

from collections.abc import Sequence

import pydeck as pdk

from governance import labels
from layers.spec import LayerSpec, Look, Source, Symbol, icons

_STATIONS = ("warm_stop", "errand_point", "tool_station")
_VENUES = ("tea_room", "residents_hall", "building_corner")
_CENTRES = ("community_centre", "community_canteen")


def _spec(*, key: str, prefix: str, order: int, kinds: Sequence[str], pixels: tuple[float, float]) -> LayerSpec:
    aliases = {kind: f"{prefix}-{kind}" for kind in kinds}

    def draw(source: Source, look: Look) -> list[pdk.Layer]:
        return [icons(source, look, icon="properties.kind", aliases=aliases, metres=85, pixels=pixels)]

    symbols = tuple(Symbol(word=labels.PLACE_KIND[kind], where={"kind": (kind,)}, icon=aliases[kind]) for kind in kinds)
    return LayerSpec(key=key, order=order, draw=draw, symbols=symbols, fields=("kind",))


STATIONS = _spec(key="stations", prefix="station", order=40, kinds=_STATIONS, pixels=(18, 34))
VENUES = _spec(key="venues", prefix="venue", order=50, kinds=_VENUES, pixels=(18, 34))
CENTRES = _spec(key="centres", prefix="centre", order=60, kinds=_CENTRES, pixels=(22, 40))

"""The one ordered registry of layers: what can be drawn, switched, explained and exported."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from geo.errors import UnknownCode
from geo.features import FEATURE_TYPES
from layers import buildings, devices, grids, incidents, places, workers
from layers.spec import LayerSpec

_SPECS = (
    grids.SPEC,
    places.STATIONS,
    places.VENUES,
    places.CENTRES,
    devices.SPEC,
    buildings.SPEC,
    incidents.SPEC,
    workers.SPEC,
)

LAYERS: Mapping[str, LayerSpec] = MappingProxyType(
    {key: next(spec for spec in _SPECS if spec.key == key) for key in FEATURE_TYPES}
)
"""Every layer by key, in the order in which people think of them."""


def spec(key: str) -> LayerSpec:
    """The layer under `key`. Raises `UnknownCode`."""
    found = LAYERS.get(key)
    if found is None:
        raise UnknownCode(f"there is no layer {key}", field="layer")
    return found

"""Which values the filters of each layer take: the codes that there are words for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from governance import labels


def _codes(**words: Iterable[object]) -> Mapping[str, tuple[str, ...]]:
    return MappingProxyType({name: tuple(str(code) for code in codes) for name, codes in words.items()})


_PLACES = _codes(kind=labels.PLACE_KIND)

VALUES: Mapping[str, Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        "grids": _codes(level=labels.GRID_LEVEL, kind=labels.GRID_KIND),
        "stations": _PLACES,
        "venues": _PLACES,
        "centres": _PLACES,
        "devices": _codes(kind=labels.DEVICE_KIND, status=labels.DEVICE_STATUS),
        "buildings": _codes(usage=labels.BUILDING_USAGE),
        "incidents": _codes(severity=labels.SEVERITY, status=labels.STATUS, source=labels.SOURCE),
        "workers": _codes(
            employment=labels.EMPLOYMENT,
            origin=labels.ORIGIN,
            availability=labels.AVAILABILITY,
            position_source=labels.POSITION_SOURCE,
        ),
    }
)
"""By layer and filter property. Classes of incidents are the deployment's own, and not among them."""

"""What people read for the values of a layer's properties, by the codes' own words."""

from __future__ import annotations

from collections.abc import Mapping

from db import incidents
from db.incidents import ClassRow
from governance import labels
from governance.labels import Label
from layers.palette import SEVERITY_NUMERAL
from pages.ui import context, wording

_FLAG = {"true": Label("是", "flag"), "false": Label("否", "flag")}
_WORDS: Mapping[str, Mapping[str, Label]] = {
    "level": labels.GRID_LEVEL,
    "kind": {**labels.GRID_KIND, **labels.PLACE_KIND, **labels.DEVICE_KIND},
    "status": {**labels.STATUS, **labels.DEVICE_STATUS},
    "usage": labels.BUILDING_USAGE,
    "source": labels.SOURCE,
    "employment": labels.EMPLOYMENT,
    "origin": labels.ORIGIN,
    "availability": labels.AVAILABILITY,
    "position_source": labels.POSITION_SOURCE,
    "domains": labels.DOMAIN,
    "is_open": _FLAG,
    "is_outside_grid": _FLAG,
}
"""By property: no code means two things under one property's name."""


def property_text(name: str) -> str:
    """What a property is called; one that has no word stands as it is."""
    return labels.PROPERTIES[name].text if name in labels.PROPERTIES else name


def value_text(name: str, value: object) -> str:
    """What a value of the property `name` is called; values that are no codes stand as they are."""
    if value is None:
        return ""
    if isinstance(value, list | tuple):
        return wording.listed(value_text(name, item) for item in value)
    code = str(value).lower() if isinstance(value, bool) else str(value)
    if name == "severity":
        return labels.SEVERITY_LEVEL[int(code)].text
    if name in {"class", "major"}:
        return _classes(name).get(code, code)
    words = _WORDS.get(name, {})
    return words[code].text if code in words else code


def severity_text(severity: int) -> str:
    """A severity with its numeral, short: I 特别重大."""
    return f"{SEVERITY_NUMERAL[severity]} {labels.SEVERITY_WORD[severity].text}"


def classes() -> list[ClassRow]:
    """Every class of incidents, by code."""
    return context.remembered("classes", "all", (), incidents.classes)


def _classes(name: str) -> dict[str, str]:
    if name == "major":
        return {row.major_code: row.major_name for row in classes()}
    return {row.code: row.name for row in classes()}

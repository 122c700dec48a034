"""What is known of one feature, with the next useful step; and the list of what the filters leave."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import quote

import streamlit as st

from db import features
from geo.features import FEATURE_TYPES, FeatureFilter, Kind
from governance import labels
from governance.access import Permission
from governance.language import _, _n
from layers.catalog import LAYERS
from layers.deck import initial_view
from layers.palette import INK, KINDS, SEVERITY, SEVERITY_NUMERAL
from pages.ui import context, parts, values, wording

MOST_ROWS = 300
_LOCATE_KEY = "map_locate"
_CLOSE_ZOOM = 16
_SMALLEST_PX = 340, 400
"""What a phone shows of the map, with a margin."""
_SOON_S = 15 * 60
_PATIENCE = 20
"""At most a twentieth of the time goes into ordering, however many features there are."""

_FACTS: Mapping[str, Sequence[str]] = {
    "incidents": ("no", "class_name", "status", "grid_name", "address", "source", "reported_at", "due_at", "worker"),
    "workers": ("availability", "grid_name", "skills", "load", "phone", "position_source", "positioned_at"),
    "stations": ("kind", "address", "opening_hours"),
    "venues": ("kind", "address", "opening_hours"),
    "centres": ("kind", "address", "opening_hours"),
    "devices": ("kind", "status", "status_at", "code"),
    "grids": ("level", "kind", "code", "domains", "area_m2"),
    "buildings": ("usage", "floors", "code"),
}
"""What a card tells, in this order; the fuller property of the same matter comes in its place for who may read it."""

_FULL = {"worker": "worker_full_name", "phone": "full_phone"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """One feature as it is now: its layer, properties, a point of it in degrees, and how near a map shows it whole."""

    layer: str
    properties: Mapping[str, Any]
    lon: float
    lat: float
    zoom: float = _CLOSE_ZOOM

    @property
    def title(self) -> str:
        """What the feature is called."""
        return title_of(self.properties)


def title_of(properties: Mapping[str, Any]) -> str:
    """A feature's title, full name where it may be read, name or code."""
    for name in ("title", "full_name", "name", "code"):
        if properties.get(name):
            return str(properties[name])
    return ""


def find(layer: str, code: str) -> Found | None:
    """The feature as it is now; None when there is none in scope."""
    if layer not in FEATURE_TYPES:
        return None
    personal = context.principal().may(Permission.READ_PERSONAL)
    found = context.remembered(
        "map_card", (layer, code), (layer,), lambda session: features.feature(session, layer, code, personal=personal)
    )
    return None if found is None else found_of(layer, found)


def found_of(layer: str, feature: Mapping[str, Any]) -> Found:
    """A GeoJSON feature of the layer, with a point of it."""
    west, south, east, north = _bounds(feature["geometry"])
    zoom: float = _CLOSE_ZOOM
    if west < east and south < north:
        width_px, height_px = _SMALLEST_PX
        zoom = min(zoom, initial_view((west, south, east, north), width_px=width_px, height_px=height_px).zoom)
    properties = feature["properties"]
    return Found(layer=layer, properties=properties, lon=(west + east) / 2, lat=(south + north) / 2, zoom=zoom)


def _bounds(geometry: Mapping[str, Any]) -> tuple[float, float, float, float]:
    """West, south, east and north; of several areas those of the first."""
    numbers = geometry["coordinates"]
    if geometry["type"] == "Point":
        lon, lat = float(numbers[0]), float(numbers[1])
        return lon, lat, lon, lat
    while isinstance(numbers[0][0], list):
        numbers = numbers[0]
    lons, lats = [place[0] for place in numbers], [place[1] for place in numbers]
    return min(lons), min(lats), max(lons), max(lats)


def facts_html(found: Found, now: datetime, zone: str) -> str:
    """The card's head and facts. A value that there is none of isn't mentioned."""
    kinds = {p.name: p.kind for p in FEATURE_TYPES[found.layer].properties}
    rows = []
    for name in _FACTS[found.layer]:
        value = found.properties.get(_FULL.get(name, "")) or found.properties.get(name)
        if value in (None, "", []):
            continue
        rows.append((values.property_text(name), _told(name, value, kinds[name], now, zone)))
    listed = "".join(f"<dt>{escape(term)}</dt><dd>{said}</dd>" for term, said in rows)
    mark = ""
    if found.layer == "incidents":
        severity = int(found.properties["severity"])
        mark = f'<i style="background:{SEVERITY[severity]};color:{INK}">{SEVERITY_NUMERAL[severity]}</i>'
    outside = f"<em>{_('网格外')}</em>" if found.properties.get("is_outside_grid") else ""
    layer = escape(LAYERS[found.layer].title)
    return f'<div class="fact-card"><p>{layer}{outside}</p><h3>{mark}{escape(found.title)}</h3><dl>{listed}</dl></div>'


def _told(name: str, value: object, kind: Kind, now: datetime, zone: str) -> str:
    if kind is Kind.INSTANT:
        at = datetime.fromisoformat(str(value))
        said = wording.instant(at, now, zone=zone)
        if name == "due_at":
            said = _("{name}（{detail}）", name=said, detail=wording.remaining(at, now))
        elif name == "positioned_at":
            said = wording.ago(at, now)
        return f'<span title="{wording.full_instant(at, zone=zone)}">{escape(said)}</span>'
    if kind is Kind.REAL and isinstance(value, int | float):
        return wording.count(value)
    return escape(values.value_text(name, value))


def next_steps(found: Found) -> str:
    """Where to go on from here: the desk for an incident, a call for a worker."""
    if found.layer == "incidents" and context.principal().may(Permission.ADVANCE_INCIDENT):
        no = quote(str(found.properties["no"]))
        return f'<a class="next" href="/desk?no={no}" target="_self">{_("去派单台处理")}</a>'
    if found.layer == "workers" and found.properties.get("full_phone"):
        phone = escape(str(found.properties["full_phone"]))
        return f'<a class="next" href="tel:{phone}">{_("拨打 {phone}", phone=phone)}</a>'
    return ""


def number(layer: str, flt: FeatureFilter) -> int:
    """How many features the filter leaves."""
    return context.remembered(
        "map_number", _about(layer, flt), (layer,), lambda session: features.count(session, layer, flt)
    )


def _about(layer: str, flt: FeatureFilter) -> Hashable:
    bounds = flt.bbox.bounds if flt.bbox else None
    return (layer, bounds, flt.grid, flt.q, flt.since, tuple(sorted(flt.where.items())))


def rows(layer: str, flt: FeatureFilter) -> list[dict[str, Any]]:
    """The first features that the filter leaves; incidents by deadline, the overdue first and the finished last."""
    text = context.remembered(
        "map_list", _about(layer, flt), (layer,),
        lambda session: features.items(session, layer, flt, personal=False, limit=MOST_ROWS, by_deadline=True),
        patience=_PATIENCE,
    )  # fmt: skip
    return [feature["properties"] for feature in json.loads(text)["features"]]


def _instant(value: str | None) -> datetime | None:
    return datetime.fromisoformat(value) if value else None


def card(layer: str, properties: Mapping[str, Any], now: datetime) -> parts.Card:
    """One row of the list."""
    if layer == "incidents":
        due_at = _instant(properties["due_at"]) if properties["is_open"] else None
        left_s = (due_at - now).total_seconds() if due_at else None
        severity = int(properties["severity"])
        status = labels.STATUS[properties["status"]].text
        return parts.Card(
            id=properties["code"],
            title=properties["title"],
            colour=SEVERITY[severity],
            mark=SEVERITY_NUMERAL[severity],
            ink=INK,
            aside=wording.remaining(due_at, now) if due_at else "",
            tone="" if left_s is None or left_s > _SOON_S else ("late" if left_s < 0 else "soon"),
            meta=f"{properties['class_name']} · {properties['grid_name']}",
            tail=f"{properties['worker']} · {status}" if properties["worker"] else status,
        )
    aside, meta, tail = _said(layer, properties)
    return parts.Card(
        id=properties["code"], title=title_of(properties), colour=KINDS[layer], aside=aside, meta=meta, tail=tail
    )


def _said(layer: str, properties: Mapping[str, Any]) -> tuple[str, str, str]:
    """Aside, meta and tail of a row that is no incident."""

    def word(name: str) -> str:
        return values.value_text(name, properties[name])

    if layer == "workers":
        return word("availability"), str(properties["grid_name"]), word("position_source")
    if layer == "devices":
        return word("status"), word("kind"), str(properties["code"])
    if layer == "grids":
        return word("level"), str(properties["code"]), ""
    if layer == "buildings":
        return word("usage"), _n("{n} 层", properties["floors"] or 0, n=properties["floors"]), str(properties["code"])
    return word("kind"), str(properties["address"] or ""), str(properties["opening_hours"] or "")


def is_located() -> bool:
    """Whether this run was asked to take the view to the card's feature."""
    return bool(st.session_state.get(_LOCATE_KEY))


def detail(found: Found, now: datetime, *, go_to: Callable[[float, float, float], None]) -> None:
    """Draws the card; `go_to` hears place and zoom of the feature when somebody asks to be taken there."""
    st.html(facts_html(found, now, context.county().timezone) + next_steps(found))
    st.button(
        _("在地图上定位"),
        key=_LOCATE_KEY,
        icon=":material/my_location:",
        width="stretch",
        on_click=go_to,
        args=(found.lon, found.lat, found.zoom),
    )

"""The map's search: what is called so in every layer, or the place that coordinates of any system name."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from typing import Any

import streamlit as st

from db import features, territory
from geo.crs import MAX_LAT, MAX_LON, Crs
from geo.errors import InvalidInput
from geo.features import FEATURE_TYPES, FeatureFilter
from geo.written import Written, read_coordinates, to_place
from governance import labels
from governance.language import _
from layers.catalog import LAYERS
from layers.palette import KINDS, SEVERITY
from pages.ui import commands, context, deeplink, featurecard, layertree, parts, wording

_MOST_A_LAYER = 4
_PATIENCE = 20
_DATUM_KEY = "map_datum"
_DONE = "_map_search_done"
_DATUMS = (Crs.WGS84, Crs.CGCS2000, Crs.GCJ02, Crs.BD09)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What coordinates in the search box name: a place in EPSG:4490, or the sentence that says why they name none."""

    at: tuple[float, float] | None = None
    fault: str = ""
    written: Written | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Picked:
    """A feature that was found, as "layer:code", and its place."""

    target: str
    lon: float
    lat: float


def arrive() -> None:
    """Leaves a system out of the address that there is none of, when the whole screen is drawn."""
    deeplink.settle({_DATUM_KEY: _DATUMS})


def place_of(text: str) -> Place | None:
    """The place that the text names by coordinates; None for words to look for."""
    try:
        written = read_coordinates(text)
    except InvalidInput:
        return Place(fault=_("坐标写法有误。例如 124.018, 45.005，或 45°00′18″N 124°01′05″E。"))
    if written is None:
        return None
    datum = Crs(deeplink.code_of(_DATUM_KEY, _DATUMS, default=Crs.WGS84))
    try:
        at = to_place(written, datum=datum, metric_srid=context.county().metric_srid)
    except InvalidInput as error:
        if written.crs and error.field == "crs":
            return Place(fault=_no_way(written.crs), written=written)
        is_beyond = not written.is_metric and (abs(written.x) > MAX_LON or abs(written.y) > MAX_LAT)
        beyond = _("这不是地球上的位置：经度在 ±180 度以内，纬度在 ±90 度以内。")
        return Place(fault=beyond if is_beyond else commands.text_of(error), written=written)
    return Place(at=at, written=written)


def show(text: str, place: Place | None, *, go_to: Callable[[float, float], None]) -> Picked | None:
    """Draws what was found below the search box; answers what was just picked of it.

    `go_to` hears the place of coordinates that somebody asked to be taken to, before the next run.
    """
    if place is not None:
        with st.container(key="map_found"):
            _coordinates(place, go_to)
        return None
    if not text or st.session_state.get(_DONE) == text:
        return None
    with st.container(key="map_found"):
        return _results(text)


def _coordinates(place: Place, go_to: Callable[[float, float], None]) -> None:
    written = place.written
    if written is not None and not written.is_metric and not written.crs:
        deeplink.box(
            _("坐标系"),
            {str(crs): labels.CRS[crs].text for crs in _DATUMS},
            key=_DATUM_KEY,
            default=Crs.WGS84,
            help=_("手机地图上的坐标多为 GCJ-02 或 BD-09，选错会偏出几百米"),
        )
    if place.at is None:
        st.error(wording.literal(place.fault))
        return
    lon, lat = place.at
    is_here = True
    try:
        locus = context.remembered("map_locus", place.at, ("grids",), lambda s: territory.locate(s, lon, lat))
        chain = " › ".join(grid.name for grid in reversed(locus.chain))
        told = _("{grids}（网格外，归最近的社区）", grids=chain) if locus.is_outside_grid else chain
    except InvalidInput as error:
        told, is_here = commands.text_of(error), False
    where = _("东经 {lon:.6f}°，北纬 {lat:.6f}°（CGCS2000）", lon=lon, lat=lat)
    st.html(f'<p class="map-place"><b>{escape(told)}</b><br>{where}</p>')
    if is_here:
        st.button(
            _("定位到这里"),
            key="map_goto",
            icon=":material/my_location:",
            type="primary",
            width="stretch",
            on_click=go_to,
            args=place.at,
        )


def _no_way(crs: str) -> str:
    """Says that the system in the text can't be read, and which can: it stands in the text alone, to be put right."""
    return _(
        "读不了 {crs}：没有这个坐标系，或它（如北京54、西安80）没有公开的精确参数可以换算到 CGCS2000。"
        "可用 WGS-84、CGCS2000、GCJ-02、BD-09 的度数，或 CGCS2000 的投影坐标（如 EPSG:{metric}）。",
        crs=crs,
        metric=context.county().metric_srid,
    )


def _results(text: str) -> Picked | None:
    found = context.remembered(
        "map_search", text, tuple(FEATURE_TYPES), lambda session: _search(session, text), patience=_PATIENCE
    )
    cards = [
        parts.Card(
            id=f"{one.layer}:{one.properties['code']}",
            title=one.title,
            colour=SEVERITY[int(one.properties["severity"])] if one.layer == "incidents" else KINDS[one.layer],
            aside=LAYERS[one.layer].title,
            meta=str(one.properties.get("address") or one.properties.get("grid_name") or one.properties["code"]),
        )
        for one in found
    ]
    empty = _("没有找到。可以换个说法，或输入编号、地址、坐标。")
    picked = parts.cards("map_results", cards, label=_("搜索结果"), empty=empty)
    if st.button(_("收起结果"), key="map_found_close", width="stretch"):
        st.session_state[_DONE] = text
        st.rerun(scope="fragment")
    one = next((one for one in found if picked == f"{one.layer}:{one.properties['code']}"), None)
    if one is None:
        return None
    st.session_state[_DONE] = text
    return Picked(lon=one.lon, lat=one.lat, target=str(picked))


def _search(session: Any, text: str) -> list[featurecard.Found]:
    """The first of each layer, whether it is on or not: somebody who looks for a name wants it wherever it is."""
    found = []
    for key in layertree.ORDER:
        # Of incidents those that are open first: they are what somebody means far more often.
        turns: tuple[dict[str, tuple[str, ...]], ...] = ({},)
        if key == "incidents":
            turns = ({"is_open": ("true",)}, {"is_open": ("false",)})
        rows = []
        for where in turns:
            flt = FeatureFilter(q=text, where=where)
            answer = features.items(session, key, flt, personal=False, limit=_MOST_A_LAYER)
            rows += json.loads(answer)["features"]
        found += [featurecard.found_of(key, feature) for feature in rows[:_MOST_A_LAYER]]
    return found

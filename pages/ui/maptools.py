"""What lies over the officer's map and follows its view: the pin of a place, lengths and areas that are measured."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import streamlit as st

from geo import measure
from geo.crs import STORAGE_SRID
from geo.errors import InvalidInput
from geo.extent import Extent
from geo.measure import MOST_POINTS, Measured
from governance.language import N_, _
from pages.ui import parts, wording

_KEY = "map_measure"
_WORDS: Mapping[str, str] = {
    "start": N_("在地图上依次点击要测量的位置"),
    "reckoning": N_("正在计算……"),
    "undo": N_("撤销一点"),
    "close": N_("闭合测面积"),
    "clear": N_("清空"),
}
_HTML = """<div class="over"><canvas></canvas>
<div class="panel" role="group" hidden><output aria-live="polite"></output>
<button class="undo"></button><button class="close"></button><button class="clear"></button></div></div>"""


def over(*, is_measuring: bool, pin: tuple[float, float] | None, follows: bool, lets_go: bool) -> None:
    """Draws what lies over the map; with `follows`, `seen` says from then on what the map shows.

    With `lets_go` the map drops what it holds selected, so that a click on that counts again.
    """
    data = {
        "measuring": is_measuring,
        "answer": _answer(_said("measured")) if is_measuring else None,
        "pin": list(pin) if pin else None,
        "follow": follows,
        "lets_go": lets_go,
        "most": MOST_POINTS,
        "words": {name: _(text) for name, text in _WORDS.items()},
    }
    parts.component("measure", _HTML, has_style=True, after="deckview")(
        key=_KEY, data=data, on_measured_change=parts.nothing, on_seen_change=parts.nothing
    )


def seen() -> Extent | None:
    """What the map shows now, as the browser last said it; None until it has."""
    said = cast("Sequence[float] | None", _said("seen"))
    if not said:
        return None
    try:
        west, south, east, north = said
        return Extent(min_x=west, min_y=south, max_x=east, max_y=north, srid=STORAGE_SRID)
    except InvalidInput:  # a map that has no size yet
        return None


def _said(name: str) -> Any:
    return getattr(st.session_state.get(_KEY), name, None)


def _answer(asked: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The words for a line or a ring, with the points that they are about."""
    if not asked or not asked["points"]:
        return None
    points, is_closed = asked["points"], bool(asked["is_closed"])
    found = measure.measure([(float(lon), float(lat)) for lon, lat in points], is_closed=is_closed)
    return {
        "points": points,
        "is_closed": is_closed,
        "running": [wording.length(metres) for metres in found.running_m],
        "text": told(found),
        "area": "" if found.area_m2 is None else wording.area(found.area_m2),
    }


def told(found: Measured) -> str:
    """What was measured, in a sentence."""
    if found.perimeter_m is not None:
        around = wording.length(found.perimeter_m)
        if found.area_m2 is None:
            return _("边线有交叉，算不出面积 · 周长 {around}", around=around)
        return _("面积 {area} · 周长 {around}", area=wording.area(found.area_m2), around=around)
    if not found.running_m:
        return _("已定起点，请点击下一个位置")
    return _("总长 {length}", length=wording.length(found.running_m[-1]))

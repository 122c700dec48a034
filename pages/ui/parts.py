"""Parts of a screen that Streamlit has none of: card lists, keys, and a map to point at a place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, cast

import streamlit as st

from db.settings import ROOT
from governance.language import _

_FOLDER = ROOT / "assets" / "components"


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """One entry of a card list; `id` is what a click says. `tone` of the aside: "", "soon" or "late"."""

    id: str
    title: str
    colour: str = ""
    mark: str = ""
    ink: str = ""
    aside: str = ""
    aside_hint: str = ""
    tone: str = ""
    meta: str = ""
    tail: str = ""
    note: str = ""
    faded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Near:
    """A labelled dot on the picker: something that is there already."""

    lon: float
    lat: float
    label: str
    colour: str


def cards(
    key: str,
    items: Sequence[Card],
    *,
    picked: str = "",
    label: str,
    empty: str = "",
    has_steps: bool = False,
    has_digits: bool = False,
) -> str | None:
    """A list of cards; the id of the one just picked, otherwise None.

    With `has_steps`, J and K step through it; with `has_digits`, 1 to 9 pick the n-th.
    """
    said = [{name: value for name, value in asdict(item).items() if value} for item in items]
    data = {"cards": said, "picked": picked, "label": label, "empty": empty}
    result = component("cards", '<div class="cards" role="listbox"></div>', has_style=True)(
        key=key, data=data | {"steps": has_steps, "digits": has_digits}, on_picked_change=nothing
    )
    picked_now = cast("Mapping[str, Any] | None", result.picked)
    if picked_now is None or st.session_state.get(f"_{key}_at") == picked_now["at"]:
        return None
    st.session_state[f"_{key}_at"] = picked_now["at"]
    return str(picked_now["id"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Urgent:
    """A grave incident that is open: its number, severity (1 or 2) with the numeral, what it is and where."""

    no: str
    severity: int
    mark: str
    title: str
    place: str


def alarm(key: str, urgent: Sequence[Urgent]) -> None:
    """Flashes and sounds once for each of `urgent` that wasn't there when the page opened."""
    component("alarm", '<div class="alarm" role="alert" hidden></div>', has_style=True)(
        key=key, data={"urgent": [asdict(one) for one in urgent]}
    )


def keys(key: str, targets: Mapping[str, str], *, focus: str = "") -> None:
    """Binds keys ("n", "/", "Enter") to keyed elements: each presses that button or focuses that field.

    Of several elements ("case_why case_written") the first that is there is meant. `focus` names the element whose
    field takes the keyboard, once, when it is named first.
    """
    component("keys", '<div class="keys" hidden></div>', has_style=False)(
        key=key, data={"keys": dict(targets), "focus": focus}
    )


def watch(
    key: str,
    *,
    held: str,
    metres_per_px: float,
    on_touch: Callable[..., None],
    on_place: Callable[[float, float], None],
    on_grid: Callable[[str], None],
) -> None:
    """Hears what Streamlit doesn't tell of the wall's map, and draws its scale.

    `held` says of what, and since when, the view is somebody's, "" that it is nobody's; the browser keeps it with where
    the map looks (`wallmap.HELD_COOKIE`), for a server that was started anew.
    `on_touch(is_on_map=…)` hears that somebody touched the map, or anything while it is held; `on_place` the WGS 84
    longitude and latitude of a click on the map, `on_grid` the code of a row with `data-grid` that was clicked.
    `metres_per_px` is what the scale goes by where the camera can't be asked.
    """

    def touched() -> None:
        found = getattr(st.session_state.get(key), "touched", None)
        if found is not None:
            on_touch(is_on_map=bool(found["map"]))

    def placed() -> None:
        found = getattr(st.session_state.get(key), "placed", None)
        if found is not None:
            lon, lat = found["place"]
            on_place(float(lon), float(lat))

    def chosen() -> None:
        found = getattr(st.session_state.get(key), "chosen", None)
        if found is not None:
            on_grid(str(found["grid"]))

    data = {"held": held, "metres": metres_per_px, "metre": "{} m", "kilometre": "{} km"}
    component("watch", '<div class="scale" hidden><b></b><i></i></div>', has_style=True)(
        key=key, data=data, on_touched_change=touched, on_placed_change=placed, on_chosen_change=chosen
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Tab:
    """A part of the screen that the bottom sheet shows; an empty one can't be opened."""

    part: str
    label: str
    note: str = ""
    is_empty: bool = False


def sheet(key: str, tabs: Sequence[Tab], *, detail: str, detail_part: str, is_folded: bool = False) -> None:
    """The bottom sheet of a narrow screen: tabs at the foot, of which one at a time is open, half or whole.

    It sets `data-sheet` (a part, or "") and `data-sheet-size` ("half", "full") of the body, for the style sheet to
    place the parts by. A new `detail` opens its part; when `is_folded` begins, the sheet closes.
    """
    words = {"raise": _("展开到整屏"), "lower": _("收到半屏")}
    data = {"tabs": [asdict(tab) for tab in tabs], "detail": detail, "detail_part": detail_part} | words
    component("sheet", _SHEET, has_style=True)(key=key, data={**data, "is_folded": is_folded})


_SHEET = '<div class="sheet"><button class="grip" hidden></button><div class="tabs"></div></div>'


def picker(
    key: str,
    *,
    bounds: tuple[float, float, float, float],
    outlines: Sequence[str],
    place: tuple[float, float] | None,
    near: Sequence[Near] = (),
) -> None:
    """A map to point at: `pointed` tells of its clicks.

    `bounds` is west, south, east, north; `outlines` are addresses of GeoJSON that it draws.
    """
    data = {
        "bounds": list(bounds),
        "outlines": list(outlines),
        "place": list(place) if place else None,
        "near": [asdict(item) for item in near],
        "hint": _("点击地图选择位置"),
        "nearer": _("放大"),
        "farther": _("缩小"),
        "lost": _("底图没有取到，仍可点选位置或直接填写坐标"),
    }
    component("picker", _PICKER, has_style=True)(key=key, data=data, on_placed_change=nothing)


def pointed(key: str) -> tuple[float, float] | None:
    """WGS 84 longitude and latitude of the last click on the picker `key`; None where that was told before.

    To be asked by the run that draws the fields, before it does. A callback runs with the next run of any fragment,
    and the fields of before the click, which the browser sends along, can write over what it put into them.
    """
    placed = getattr(st.session_state.get(key), "placed", None)
    if placed is None or st.session_state.get(f"_{key}_at") == placed["at"]:
        return None
    st.session_state[f"_{key}_at"] = placed["at"]
    lon, lat = placed["place"]
    return float(lon), float(lat)


_PICKER = """<div class="picker"><canvas></canvas><div class="zoom"><button class="in">+</button>
<button class="out">−</button></div><div class="readout"></div></div>"""


def nothing() -> None:
    """Takes a component's value or trigger that is read elsewhere: only what has a callback is kept."""


@cache
def _source(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


@cache
def component(name: str, html: str, *, has_style: bool = False, after: str = "") -> Any:
    """The component of `assets/components/<name>.js`, with its style sheet where it has one.

    `after` names a script that goes before its own, which builds on it.
    """
    # The theme's custom properties of `:root` reach into a component's shadow root.
    style = _source(f"{name}.css") if has_style else None
    js = (_source(f"{after}.js") if after else "") + _source(f"{name}.js")
    return st.components.v2.component(f"gridcommand_{name}", html=f"{html}\n", css=style, js=js)

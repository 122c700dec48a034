"""The layer tree: a switch, the counts and the key of each layer, and the filters, all of it in the address."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import streamlit as st

from db import features
from db.features import Tally
from db.territory import GridRow
from geo.features import MOST_TEXT, FeatureFilter
from governance import labels
from governance.incident import FINISHED, Status
from governance.labels import Label
from governance.language import _
from layers.catalog import LAYERS
from layers.spec import MOST_WHOLE, LayerSpec, Symbol
from layers.symbols import url
from pages.ui import context, deeplink, gridchoice, values, wording

ORDER = ("incidents", "workers", "stations", "venues", "centres", "devices", "grids", "buildings")
_ON = frozenset({"incidents", "workers", "stations", "venues", "centres", "grids"})
"""What is on before anybody chose."""

_STATUSES: Mapping[str, Sequence[str]] = {
    "incidents": tuple(status for status in Status if status not in FINISHED),
    "devices": tuple(labels.DEVICE_STATUS),
}
_READ = "map_count_{key}"
_PATIENCE = 20
"""At most a twentieth of the time goes into counting, however many features there are."""
_FINISHED_KEY = "show_finished"
_OVERDUE_KEY, _MAJOR_KEY, _SINCE_KEY = "only_overdue", "map_class", "map_since"
_SINCE = {
    "1": Label("今天", "span"),
    "3": Label("近 3 天", "span"),
    "7": Label("近 7 天", "span"),
    "30": Label("近 30 天", "span"),
}
"""By the number of days, today included."""
_Q_KEY = "map_q"
_CHIP_TEXT = 80
_ONE_OF = frozenset({_MAJOR_KEY, _SINCE_KEY, _Q_KEY})
"""The widgets that hold one value, "" for any."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """A filter in force: what it says, and the widget and value that it comes from; `empty` is the widget's nothing."""

    text: str
    key: str
    value: str = ""
    empty: str | bool = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What the tree and the filters leave: for each layer that is on a filter, the revision, and how many it draws.

    `sizes` are counted no further than it takes to know how a layer is drawn: `count` answers the whole numbers.
    `statuses` are those on offer, in the order of their buttons, and `played` is of incidents, on or not.
    """

    filters: Mapping[str, FeatureFilter]
    sizes: Mapping[str, int]
    revisions: Mapping[str, int]
    statuses: Mapping[str, Sequence[str]]
    chips: Sequence[Chip]
    played: FeatureFilter | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Counts:
    """Of one layer at a revision: what is shown, what the chosen grid holds, and by value of each filter offered."""

    revision: int
    tally: Tally


def arrive() -> None:
    """Takes the grid from the address, when the whole screen is drawn, and leaves out what the filters don't offer."""
    deeplink.arrive(gridchoice.PARAMETER)
    deeplink.settle(_choices() | dict.fromkeys(_switches(), frozenset(deeplink.FLAGS)))


def grid() -> tuple[GridRow | None, list[Chip]]:
    """The choice of a grid: the finest chosen, and the chip that says it."""
    chosen = gridchoice.show()
    return chosen, [] if chosen is None else [Chip(text=chosen.name, key=gridchoice.PARAMETER)]


def address() -> dict[str, list[str]]:
    """The filters in force as parameters of the address; what is as it opens is left out."""
    state = st.session_state
    found: dict[str, list[str]] = {}
    if code := deeplink.held(gridchoice.PARAMETER):
        found[gridchoice.PARAMETER] = [code]
    for key, is_on in _switches().items():
        if bool(state.get(key, is_on)) != is_on:
            found[key] = [str(not is_on).lower()]
    for key, offered in _choices().items():
        picked = state.get(key) or []
        kept = [
            value for value in ([picked] if isinstance(picked, str) else picked) if offered is None or value in offered
        ]
        if kept:
            found[key] = kept
    return found


def restore(query: Mapping[str, Sequence[str]]) -> None:
    """Sets every filter to what `address` answered once, as a callback; what is offered no more is told, not set."""
    dead: list[str] = []
    with deeplink.at_once():
        for key, opens in _switches().items():
            is_on = (query[key][0] == "true") if query.get(key) else opens
            st.session_state[key] = is_on
            deeplink.keep(key, None if is_on == opens else str(is_on).lower())
        for key, offered in _choices().items():
            kept = [value for value in query.get(key, ()) if offered is None or value in offered]
            dead += [value for value in query.get(key, ()) if value not in kept]
            if key in _ONE_OF:
                kept = kept[:1]
                st.session_state[key] = kept[0] if kept else ""
            else:
                st.session_state[key] = kept
            deeplink.keep(key, kept)
        gridchoice.narrow_to(next(iter(query.get(gridchoice.PARAMETER, ())), None))
    deeplink.tell(dead)


def _switches() -> dict[str, bool]:
    """Every switch by its key, and how it opens."""
    return {f"show_{key}": key in _ON for key in ORDER} | {_FINISHED_KEY: False, _OVERDUE_KEY: False}


def _choices() -> dict[str, frozenset[str] | None]:
    """Every other widget of the filters by its key, with the values that it may take; None for any text."""
    found: dict[str, frozenset[str] | None] = {
        f"{key}-{_primary(LAYERS[key])}": frozenset(_symbols(LAYERS[key])) for key in ORDER
    }
    for key in _STATUSES:
        offered = Status if key == "incidents" else _STATUSES[key]
        found[f"{key}-status"] = frozenset(str(status) for status in offered)
    majors = frozenset(row.major_name for row in values.classes())
    return found | {_MAJOR_KEY: majors, _SINCE_KEY: frozenset(_SINCE), _Q_KEY: None}


def search() -> str:
    """Free text looked for in codes, names, titles and addresses of every layer."""
    text = st.text_input(
        _("搜索"), key=_Q_KEY, type="search", live=True, placeholder=_("搜索编号、名称、标题、地址"),
        label_visibility="collapsed", bind="query-params", max_chars=MOST_TEXT,
    )  # fmt: skip
    return (text or "").strip()


def show(code: str | None, q: str, *, is_playing: bool = False) -> Chosen:
    """Draws the tree without its counts, so that the map needn't wait for them, and answers what it leaves.

    What is played are incidents, so that their filters stand there then though the layer is off.
    """
    filters: dict[str, FeatureFilter] = {}
    sizes: dict[str, int] = {}
    revisions: dict[str, int] = {}
    chips: list[Chip] = []
    statuses = {key: _offered_statuses(key) for key in _STATUSES}
    played = None
    for key in ORDER:
        spec = LAYERS[key]
        is_on = deeplink.checkbox(spec.title, value=key in _ON, key=f"show_{key}")
        if not is_on and not (is_playing and key == "incidents"):
            continue
        where = dict(spec.ordinary)
        where |= _chosen_values(spec, statuses.get(key, ()), chips)
        since = _more_of_incidents(where, chips) if key == "incidents" else None
        flt = FeatureFilter(grid=code, q=q or None, where=where, since=since)
        if is_playing and key == "incidents":
            played = flt
        if is_on:
            filters[key] = flt
            revisions[key], sizes[key] = _size(key, flt)
    return Chosen(filters=filters, sizes=sizes, revisions=revisions, statuses=statuses, chips=chips, played=played)


def count(chosen: Chosen) -> dict[str, int]:
    """Draws the counts into the tree and answers how many each layer shows. They and the map ask by the same filter."""
    counts = {key: _counted(key, flt, chosen.revisions[key]) for key, flt in chosen.filters.items()}
    styles = (_count_style(LAYERS[key], each, chosen.statuses.get(key, ())) for key, each in counts.items())
    st.html(f"<style>{''.join(styles)}</style>")
    return {key: each.tally.shown for key, each in counts.items()}


def _primary(spec: LayerSpec) -> str:
    """The property that the layer's symbols tell apart."""
    return next(iter(spec.symbols[0].where))


def _symbols(spec: LayerSpec) -> dict[str, str]:
    """What each symbol of the layer is called, by the value that it stands for."""
    name = _primary(spec)
    return {symbol.where[name][0]: symbol.label for symbol in spec.symbols}


def _chosen_values(spec: LayerSpec, statuses: Sequence[str], chips: list[Chip]) -> dict[str, tuple[str, ...]]:
    """The layer's key as filters: what is picked narrows, nothing picked leaves all that is ordinary."""
    name = _primary(spec)
    where: dict[str, tuple[str, ...]] = {}
    if picked := _pills(spec.key, name, _symbols(spec), chips):
        where[name] = tuple(picked)
    if statuses:
        words = {status: values.value_text("status", status) for status in statuses}
        if picked := _pills(spec.key, "status", words, chips):
            where["status"] = tuple(picked)
    if spec.key == "incidents":
        names_finished = not FINISHED.isdisjoint(where.get("status", ()))
        if deeplink.checkbox(_("含已结束的事件"), value=names_finished, key=_FINISHED_KEY):
            where["is_open"] = ("true", "false")
    return where


def _more_of_incidents(where: dict[str, tuple[str, ...]], chips: list[Chip]) -> datetime | None:
    """What incidents alone are narrowed by besides: class, lateness and, answered, since when they were reported."""
    majors = {row.major_name: row.major_code for row in values.classes()}
    major = _one_of(_("类别"), _("全部类别"), {name: name for name in majors}, key=_MAJOR_KEY)
    spans = {number: label.text for number, label in _SINCE.items()}
    period = _one_of(_("上报时间"), _("全部上报时间"), spans, key=_SINCE_KEY)
    if deeplink.checkbox(_("只看超期"), key=_OVERDUE_KEY):
        where["is_overdue"] = ("true",)
        chips.append(Chip(text=f"{LAYERS['incidents'].title} · {_('超期')}", key=_OVERDUE_KEY, empty=False))
    if major:
        where["major"] = (majors[major],)
        chips.append(Chip(text=f"{LAYERS['incidents'].title} · {major}", key=_MAJOR_KEY))
    if not period:
        return None
    chips.append(
        Chip(
            text=_("{layer} · {period}上报", layer=LAYERS["incidents"].title, period=_SINCE[period].text),
            key=_SINCE_KEY,
        )
    )
    zone = ZoneInfo(context.county().timezone)
    return wording.start_of_day(context.now(), days_back=int(period) - 1, zone=zone)


def _one_of(label: str, whole: str, offered: Mapping[str, str], *, key: str) -> str:
    """A box of `offered` (code to word) with one for all of them; answers the code that the address holds, "" for any.

    Streamlit puts a cross only into a box that opens empty, and this one opens with what the address says.
    """
    return deeplink.box(label, {"": whole, **offered}, key=key)


def period() -> str:
    """What the time is called that incidents are narrowed to; "" for any."""
    chosen = st.session_state.get(_SINCE_KEY)
    return _SINCE[chosen].text if chosen in _SINCE else ""


def _offered_statuses(key: str) -> Sequence[str]:
    # The switch stands below the buttons that it adds to. A link that names one of them means it to be on.
    names_finished = bool(deeplink.said("incidents-status", FINISHED))
    with_finished = key == "incidents" and deeplink.is_on(_FINISHED_KEY, value=names_finished)
    return tuple(str(status) for status in (Status if with_finished else _STATUSES[key]))


def _pills(layer: str, name: str, offered: Mapping[str, str], chips: list[Chip]) -> list[str]:
    """What is picked of `offered` (code to word); the address holds the codes."""
    key = f"{layer}-{name}"
    picked = st.pills(
        _("{layer}{word}", layer=LAYERS[layer].title, word=values.property_text(name)),
        list(offered),
        selection_mode="multi",
        default=deeplink.asked(key, offered),
        format_func=offered.__getitem__,
        key=key,
        label_visibility="collapsed",
    )
    deeplink.keep(key, picked)
    chips.extend(Chip(text=f"{LAYERS[layer].title} · {offered[code]}", key=key, value=code) for code in picked)
    return list(picked)


def clear(chip: Chip) -> None:
    """Takes one filter back, as a button's callback."""
    if chip.key == gridchoice.PARAMETER:
        gridchoice.narrow_to(None)
    elif chip.value:
        st.session_state[chip.key] = [value for value in st.session_state[chip.key] if value != chip.value]
    else:
        st.session_state[chip.key] = chip.empty


def search_chip(q: str) -> list[Chip]:
    """The chip of the free text, if there is any; of a long one its beginning."""
    shown = q if len(q) <= _CHIP_TEXT else q[:_CHIP_TEXT] + "…"
    return [Chip(text=f"“{shown}”", key=_Q_KEY)] if q else []


def _size(key: str, flt: FeatureFilter) -> tuple[int, int]:
    """The revision to draw the layer at, and its size: those of counts that are kept, so that map and tree agree."""
    counts: _Counts | None = context.kept(_READ.format(key=key), _about(flt), (key,))
    if counts is not None:
        return counts.revision, counts.tally.shown
    revision = context.deployment().feed.revision(key)
    return revision, context.remembered(
        f"map_size_{key}", _about(flt), (key,), lambda session: features.count(session, key, flt, most=MOST_WHOLE + 1)
    )


def _counted(key: str, flt: FeatureFilter, revision: int) -> _Counts:
    return context.remembered(
        _READ.format(key=key),
        _about(flt),
        (key,),
        lambda session: _count(session, key, flt, revision),
        patience=_PATIENCE,
    )


def _about(flt: FeatureFilter) -> Hashable:
    # What is overdue changes by the clock alone.
    minute = context.now().replace(second=0, microsecond=0) if "is_overdue" in flt.where else None
    return (flt.grid, flt.q, flt.since, tuple(sorted(flt.where.items())), minute)


def _count(session: Any, key: str, flt: FeatureFilter, revision: int) -> _Counts:
    spec = LAYERS[key]
    names = (_primary(spec), *(["status"] if key in _STATUSES else []))
    # With the finished ones asked for, they belong to the whole too.
    kept = [name for name in spec.ordinary if name not in names]
    return _Counts(revision=revision, tally=features.tally(session, key, flt, by=names, kept=kept))


def _count_style(spec: LayerSpec, counts: _Counts, statuses: Sequence[str]) -> str:
    """Counts and pictures as generated content, so that a widget stays the same while its count changes."""
    name = _primary(spec)
    tally = counts.tally
    total = f"{wording.count(tally.shown)} / {wording.count(tally.total)}"
    rules = [f'.st-key-show_{spec.key} label::after{{content:"{total}"}}']
    for place, symbol in enumerate(spec.symbols, start=1):
        number = sum(tally.by[name].get(value, 0) for value in symbol.where[name])
        button = f".st-key-{spec.key}-{name} button:nth-of-type({place})"
        rules.append(f'{button}::after{{content:"{wording.count(number)}"}}{button}::before{{{_picture(symbol)}}}')
    for place, status in enumerate(statuses, start=1):
        button = f".st-key-{spec.key}-status button:nth-of-type({place})"
        rules.append(f'{button}::after{{content:"{wording.count(tally.by["status"].get(status, 0))}"}}')
    return "".join(rules)


def _picture(symbol: Symbol) -> str:
    if symbol.icon:
        return f"background-image:url({url(symbol.icon)})"
    return f"background:linear-gradient({symbol.colour},{symbol.colour}) center/100% {symbol.width_px:g}px no-repeat"

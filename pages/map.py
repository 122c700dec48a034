"""The officer's map (`/map`): every layer with its switch, filters that stand in the address, a list, and a card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from html import escape

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from db import territory
from db.territory import GridRow
from geo.features import FeatureFilter
from governance.access import Permission
from governance.language import N_, _
from layers import deck, heat, legend, tooltip
from layers.catalog import LAYERS
from layers.palette import DARK, LIGHT, Palette
from layers.spec import Look, Source
from pages.ui import (
    chart,
    commands,
    context,
    deeplink,
    featurecard,
    gridchoice,
    layertree,
    layout,
    live,
    mapkey,
    mapsearch,
    maptools,
    parts,
    playback,
    savedfilters,
    theme,
    wording,
)
from pages.ui.featurecard import Found
from pages.ui.layertree import Chosen

_NAMED = ("street", "community", "quarter", "road")
_LEFT_PX, _RIGHT_PX, _TOP_PX = 320, 400, 128
_NARROW_PX = 900
"""Up to which width the map has the whole screen; the style sheet says the same."""
_TABS_PX = 56
_OFTEN_S, _SELDOM_S = 2.0, 10.0
"""How soon after one another changes may redraw; people on their rounds move all the time."""
_AGAIN_S = 30.0
"""How soon what changes by the clock alone is drawn anew: minutes that are left, and what is overdue by now."""
_MEASURE, _HEAT, _PLAY = "measure", "heat", "play"
_TOOLS = {_MEASURE: N_("测量"), _HEAT: N_("热力图"), _PLAY: N_("时间回放")}
_TOLD: Mapping[str, frozenset[str]] = {_HEAT: frozenset({"incidents"}), _PLAY: frozenset({"incidents", "workers"})}
"""The layers whose symbols a tool takes off the map."""
_TOOL_KEY = "map_tool"
_GROUNDS = {"night": N_("夜间")}
_GROUND_KEY = "map_ground"
_FOLLOW_KEY = "map_in_view"
_CLOSE_ZOOM = 16
_LISTED_KEY = "map_listed"
_SELECTED = "at"
"""The parameter of the address that names the selected feature: layer and code."""
_CLICKED = "_map_clicked"
"""The feature that the map itself holds selected; what the card shows may be of a list or a link."""


def render() -> None:
    """Draws the map; its one fragment keeps tree, map, list and card in step with each other and with the data."""
    st.html(layout.style("map") + chart.hint_style())
    with deeplink.at_once():
        deeplink.arrive(_SELECTED)
        layertree.arrive()
        deeplink.settle({_TOOL_KEY: _TOOLS, _GROUND_KEY: _GROUNDS, _LISTED_KEY: LAYERS, _FOLLOW_KEY: deeplink.FLAGS})
        mapsearch.arrive()
        _live(layout.viewport("map_viewport"))


@st.fragment(key="map_live")
def _live(size: layout.Viewport) -> None:
    """The map goes to the browser first: its tiles are on their way while the tree is counted and the list is read."""
    with commands.calmly(), commands.patiently(), deeplink.at_once():
        seen = context.deployment().feed.revisions()
        # The chips stay until they are drawn anew, however long the database takes.
        bar, tree, chips = st.container(key="map_bar"), st.container(key="map_tree"), _chip_row()
        tool, palette = _tools()
        with bar:
            where, look_for = st.columns([3, 1], gap="small")
        with where, st.container(key="map_where"):
            boxes, saved = st.columns([5, 1.2], gap="small")
            with boxes:
                grid, grid_chips = layertree.grid()
        with look_for:
            searched = st.container(key="map_search")
        with searched:
            text = layertree.search()
            place = mapsearch.place_of(text)
        with tree:
            st.html(f"<h2>{_('图层')}{_now() if tool == _PLAY else ''}</h2>")
            chosen = layertree.show(grid.code if grid else None, "" if place else text, is_playing=tool == _PLAY)
        paces = {key: _SELDOM_S if key == "workers" else _OFTEN_S for key in chosen.filters}
        live.follow("map_changes", paces, seen=seen, again_s=min(_AGAIN_S, max(_OFTEN_S, context.lag_s())))
        selected = _selected()
        with st.container(key="map_chart"):
            clicked = _map(chosen, selected, _focus(grid), tool=tool, palette=palette, size=size)
        with saved:
            savedfilters.show()
        with searched:
            found = mapsearch.show(text, place, go_to=_go_to)
        in_force = [*grid_chips, *layertree.search_chip(text), *chosen.chips]
        with chips:
            _chips(in_force)
        with tree:
            shown = layertree.count(chosen)
            mapkey.in_tree(_explained(chosen, tool))
        with st.container(key="map_over"):
            maptools.over(
                is_measuring=tool == _MEASURE,
                pin=place.at if place else None,
                follows=bool(st.session_state.get(_FOLLOW_KEY)),
                lets_go=not clicked and st.session_state.get(_CLICKED) not in {None, deeplink.held(_SELECTED)},
            )
            if chosen.played is not None:
                playback.show(chosen.played, followed=selected)
        with st.container(key="map_side"):
            picked = _card(selected, tool) if selected else None
            with st.container(key="map_list"):
                picked = _list(chosen, shown, selected, tool) or picked
        _note(_keys(chosen, tool), _explained(chosen, tool))
        listed = shown.get(str(st.session_state.get(_LISTED_KEY)))
        is_folded = tool == _PLAY and playback.may_follow(selected)
        _sheet(listed, selected, len(in_force), is_folded=is_folded or featurecard.is_located())
        if found is not None:
            picked = found.target
            _go_to(found.lon, found.lat)
        _follow(clicked or picked, is_new=found is not None)


def _sheet(listed: int | None, selected: Found | None, narrowed: int, *, is_folded: bool) -> None:
    """On a phone the map has the whole screen, and everything else comes from below."""
    tabs = [
        parts.Tab(part="tree", label=_("图层")),
        parts.Tab(part="where", label=_("筛选"), note=wording.count(narrowed) if narrowed else ""),
        parts.Tab(part="list", label=_("列表"), note="" if listed is None else wording.count(listed)),
        parts.Tab(part="card", label=_("详情"), is_empty=selected is None),
    ]
    detail = f"{selected.layer}:{selected.properties['code']}" if selected else ""
    parts.sheet("map_sheet", tabs, detail=detail, detail_part="card", is_folded=bool(is_folded))


def _selected() -> Found | None:
    at = deeplink.held(_SELECTED)
    layer, _, code = at.partition(":")
    found = featurecard.find(layer, code)
    if found is None and at:
        deeplink.hold(_SELECTED, "")
        deeplink.tell([code or at])
    return found


def _follow(target: str | None, *, is_new: bool) -> None:
    """Selects what was clicked, on the map or in a list, and draws anew if that or the view (`is_new`) changed."""
    if target is not None and target != deeplink.held(_SELECTED):
        deeplink.hold(_SELECTED, target)
        is_new = True
    if is_new:
        st.rerun(scope="fragment")


def _tools() -> tuple[str | None, Palette]:
    """What is done with the map, and whether it is drawn for the day or for the night."""
    with st.container(key="map_tools", horizontal=True, gap="small"):
        tool = _one_of(_("工具"), _TOOLS, key=_TOOL_KEY)
        is_night = _one_of(_("底图"), _GROUNDS, key=_GROUND_KEY) is not None
    palette = DARK if is_night else LIGHT
    st.html(f"<style>{theme.tokens(palette, selector='.st-key-map_chart')}</style>")
    return tool, palette


def _one_of(label: str, options: Mapping[str, str], *, key: str) -> str | None:
    """A row of buttons of which one at most is pressed, as the address says."""
    chosen = st.segmented_control(
        label,
        list(options),
        default=deeplink.asked_one(key, options),
        format_func=lambda code: _(options[code]),
        key=key,
        label_visibility="collapsed",
    )
    deeplink.keep(key, chosen)
    return chosen


def _chip_row() -> DeltaGenerator:
    return st.container(key="map_chips", horizontal=True, gap="small")


def _chips(chips: list[layertree.Chip]) -> None:
    """The filters in force, each taken back by a click."""
    for chip in chips:
        st.button(
            f"{wording.literal(chip.text)} ✕",
            key=f"chip_{chip.key}_{chip.value}",
            help=_("取消这个筛选"),
            on_click=layertree.clear,
            args=(chip,),
        )


def _focus(grid: GridRow | None) -> Source | None:
    """The grid that everything is narrowed to, to be outlined."""
    if grid is None:
        return None
    only = FeatureFilter(grid=grid.code, where={"level": (grid.level,)})
    return Source(key="grids", revision=context.deployment().feed.revision("grids"), features=only)


def _map(
    chosen: Chosen,
    selected: Found | None,
    focus: Source | None,
    *,
    tool: str | None,
    palette: Palette,
    size: layout.Viewport,
) -> str | None:
    """The map; answers "layer:code" of a feature that was clicked since the last run."""
    shown = deck.sources(chosen.revisions, chosen.filters, chosen.sizes)
    # Heat and playback tell of the same incidents in another way, and where workers are now isn't where they were then.
    hot = next((source for source in shown if source.key == "incidents"), None) if tool == _HEAT else None
    shown = [source for source in shown if source.key not in _TOLD.get(tool or "", ())]
    marked = None if tool == _PLAY and selected and selected.layer == "workers" else selected
    made = deck.compose(
        shown,
        Look(palette=palette, is_pickable=tool != _MEASURE),
        view=_view(size),
        ground=chart.the_ground(),
        map_style=chart.map_style(palette),
        labels=context.deployment().feed.revision("grids"),
        label_kinds=_NAMED,
        marked=deck.Marked(lon=marked.lon, lat=marked.lat) if marked else None,
        focus=focus,
        heat=hot,
        tooltip=tooltip.template(),
    )
    event = chart.show_selectable(made, key="map_deck")
    target = None if event is None else f"{event[0].partition('-')[0]}:{event[1].get('code', '')}"
    if target == st.session_state.get(_CLICKED):
        return None
    st.session_state[_CLICKED] = target
    return target


def _view(size: layout.Viewport) -> deck.ViewState:
    """The view that the map opens with, or that somebody asked to go to.

    A phone's keyboard changes the height alone, and must not move the map.
    """
    kept: tuple[float, deck.ViewState] | None = st.session_state.get("_map_view")
    if kept is None or kept[0] != size.width_px:
        is_narrow = size.width_px <= _NARROW_PX
        width_px = size.width_px - (0 if is_narrow else _LEFT_PX + _RIGHT_PX)
        height_px = size.height_px - _TOP_PX - (_TABS_PX if is_narrow else 0)
        view = deck.initial_view(_theirs(), width_px=width_px, height_px=max(height_px, _TOP_PX))
        kept = st.session_state["_map_view"] = (size.width_px, view)
    return kept[1]


def _theirs() -> tuple[float, float, float, float]:
    """What the one who is logged in answers for: the own street, or the county's town."""
    scope = context.principal().grid_prefix
    if not scope:
        return context.county().town_bounds
    reach = context.remembered("map_reach", scope, ("grids",), lambda session: territory.reach(session, scope))
    return reach or context.county().town_bounds


def _go_to(lon: float, lat: float, zoom: float = _CLOSE_ZOOM) -> None:
    """Moves the view there: the one thing that does besides the pointer."""
    width_px, view = st.session_state["_map_view"]
    # A view that was asked for already would not be gone to again; a billionth of a degree is no distance.
    shift = 0 if round(view.longitude, 7) != view.longitude else 1e-9
    there = deck.view_at(round(lon, 7) + shift, round(lat, 7) + shift, zoom=zoom + shift)
    st.session_state["_map_view"] = (width_px, there)


def _play() -> None:
    # Out of the address first: a widget takes its value from there or from here, not from both.
    deeplink.keep(_TOOL_KEY, None)
    st.session_state[_TOOL_KEY] = _PLAY


def _card(selected: Found, tool: str | None) -> str | None:
    """The selected feature; answers "" when it is to be closed."""
    with st.container(key="map_card"):
        featurecard.detail(selected, context.now(), go_to=_go_to)
        if selected.layer == "grids":
            code = str(selected.properties["code"])
            st.button(_("只看这个网格"), key="map_narrow", on_click=gridchoice.narrow_to, args=(code,), type="primary")
        if playback.may_follow(selected) and tool != _PLAY:
            st.button(_("查看轨迹"), key="map_track", icon=":material/route:", on_click=_play, width="stretch")
        if st.button(_("关闭"), key="map_close", icon=":material/close:"):
            return ""
    return None


def _now() -> str:
    """What stands beside numbers and lists that don't follow the time that the map tells of."""
    return f'<small class="map-now">{_("此刻")}</small>'


def _list(chosen: Chosen, shown: Mapping[str, int], selected: Found | None, tool: str | None) -> str | None:
    """What the filters leave of one layer; answers "layer:code" of a row that was clicked."""
    if not chosen.filters:
        nothing = _("没有打开的图层。在左侧打开一个图层，这里会列出它的内容。")
        st.html(f'<p class="map-empty">{nothing}</p>')
        return None
    on = list(chosen.filters)
    layer = st.selectbox(
        _("列表"),
        on,
        index=deeplink.index(_LISTED_KEY, on, default=0) or 0,
        format_func=lambda key: LAYERS[key].title,
        key=_LISTED_KEY,
        label_visibility="collapsed",
    )
    # What it opens with isn't written: Back would have to be pressed once more to leave the map.
    deeplink.keep(_LISTED_KEY, None if layer == on[0] else layer)
    number, flt = shown[layer], chosen.filters[layer]
    if deeplink.checkbox(_("只列出当前视野"), key=_FOLLOW_KEY) and (bbox := maptools.seen()) is not None:
        flt = replace(flt, bbox=bbox)
        number = featurecard.number(layer, flt)
    rows = featurecard.rows(layer, flt)
    told = _("共 <b>{n}</b> 个", n=wording.count(number))
    if number > featurecard.MOST_ROWS:
        told = _("共 <b>{n}</b> 个，列出前 {shown}", n=wording.count(number), shown=featurecard.MOST_ROWS)
    is_past = tool == _PLAY or (tool == _HEAT and layer != "incidents" and layertree.period())
    st.html(f'<p class="map-tally">{told}{_now() if is_past else ""}{_file(layer, flt) if number else ""}</p>')
    now = context.now()
    picked = parts.cards(
        "map_rows",
        [featurecard.card(layer, row, now) for row in rows],
        picked=str(selected.properties["code"]) if selected and selected.layer == layer else "",
        label=LAYERS[layer].title,
        empty=_("没有符合条件的内容。\n点地图上方的筛选条件可以取消它。"),
    )
    return f"{layer}:{picked}" if picked else None


def _file(layer: str, flt: FeatureFilter) -> str:
    """A link, in HTML, to the file of what the list counts; "" for who may take none away."""
    if not context.principal().may(Permission.EXPORT_LAYERS):
        return ""
    address = Source(key=layer, revision=0, features=flt).export_url()
    return f'<a href="{escape(address)}" download>{_("导出 GeoJSON")}</a>'


def _explained(chosen: Chosen, tool: str | None) -> list[str]:
    """What the symbols of the layers say that a tool leaves on the map."""
    return mapkey.lines([key for key in chosen.filters if key not in _TOLD.get(tool or "", ())], chosen.filters)


def _keys(chosen: Chosen, tool: str | None) -> str:
    """What the map shows that the tree's own symbols don't explain, in HTML."""
    if tool == _HEAT and "incidents" not in chosen.filters:
        return _("热力图画的是事件：请先打开“事件”图层")
    found = []
    if tool == _HEAT:
        found = [_("事件密度：{key}", key=heat.key()), _heated(chosen)]
    shown = deck.sources(chosen.revisions, chosen.filters, chosen.sizes)
    if any(part.is_tiled for source in shown for part in source.parts()):
        found.append(_("{icon}圆内是该处的数量，放大后散开", icon=legend.icon("mark-several")))
    return " ".join(f'<span class="map-key">{said}</span>' for said in found)


def _heated(chosen: Chosen) -> str:
    """Which incidents the heat map is of, and whether anything else on the map isn't of the same time."""
    is_open = chosen.filters["incidents"].where.get("is_open") == ("true",)
    period = layertree.period()
    if not period:
        return _("此刻未结束的事件") if is_open else _("筛选出的事件，含已结束")
    if is_open:
        return _("{period}上报、未结束的事件；其他图层是此刻的情况", period=period)
    return _("{period}上报的事件，含已结束；其他图层是此刻的情况", period=period)


def _note(keys: str, explained: Sequence[str]) -> None:
    county = context.county()
    demo = f"<b>{_('演示数据')}</b>" if county.is_demo else ""
    with st.container(key="map_note"):
        if explained:
            st.html(f'<div class="map-note map-legend">{"".join(f"<p>{line}</p>" for line in explained)}</div>')
        if keys:
            st.html(f'<p class="map-note">{keys}</p>')
        st.html(f'<p class="map-note">{demo}{escape(county.source_note + context.map_credit())}</p>')

"""The officer's map (`/map`): every layer with its switch, filters that stand in the address, a list, and a card."""

from __future__ import annotations

from html import escape

import streamlit as st

from db.territory import GridRow
from geo.features import FeatureFilter
from layers import deck, tooltip
from layers.catalog import LAYERS
from layers.palette import LIGHT
from layers.spec import Look, Source
from pages.ui import chart, commands, context, featurecard, layertree, layout, parts, savedfilters, wording
from pages.ui.featurecard import Found
from pages.ui.layertree import Chosen

_NAMED = ("street", "community", "quarter", "road")
_LEFT_PX, _RIGHT_PX, _TOP_PX = 320, 400, 128
_NARROW_PX = 900
"""Up to which width the map has the whole screen; the style sheet says the same."""
_TABS_PX = 56
_SELECTED = "at"
"""The parameter of the address that names the selected feature: layer and code."""


def render() -> None:
    """Draws the map; its one fragment keeps tree, map, list and card in step with each other and with the data."""
    st.html(layout.style("map") + chart.hint_style())
    _live(layout.viewport("map_viewport"))


@st.fragment(run_every="2s", key="map_live")
def _live(size: layout.Viewport) -> None:
    with commands.calmly():
        with st.container(key="map_bar"):
            where, look_for = st.columns([3, 1], gap="small")
            with where, st.container(key="map_where"):
                boxes, saved = st.columns([4, 0.95], gap="small")
                with boxes:
                    grid, grid_chips = layertree.grid()
                with saved:
                    savedfilters.show()
            with look_for, st.container(key="map_search"):
                q = layertree.search()
        with st.container(key="map_tree"):
            st.html("<h2>图层</h2>")
            chosen = layertree.show(grid.code if grid else None, q)
        _chips([*grid_chips, *layertree.search_chip(q), *chosen.chips])
        selected = _selected()
        with st.container(key="map_chart"):
            clicked = _map(chosen, selected, _focus(grid), size)
        with st.container(key="map_side"):
            picked = _card(selected) if selected else None
            with st.container(key="map_list"):
                picked = _list(chosen, selected) or picked
        _note()
        _sheet(chosen, selected, len(grid_chips))
        _follow(clicked or picked)


def _sheet(chosen: Chosen, selected: Found | None, narrowed: int) -> None:
    """On a phone the map has the whole screen, and everything else comes from below."""
    listed = chosen.shown.get(str(st.session_state.get("map_listed")))
    tabs = [
        parts.Tab(part="tree", label="图层"),
        parts.Tab(part="where", label="筛选", note=wording.count(narrowed) if narrowed else ""),
        parts.Tab(part="list", label="列表", note="" if listed is None else wording.count(listed)),
        parts.Tab(part="card", label="详情", is_empty=selected is None),
    ]
    detail = f"{selected.layer}:{selected.properties['code']}" if selected else ""
    parts.sheet("map_sheet", tabs, detail=detail, detail_part="card")


def _selected() -> Found | None:
    layer, _, code = st.query_params.get(_SELECTED, "").partition(":")
    return featurecard.find(layer, code) if code else None


def _follow(target: str | None) -> None:
    """Goes to what was clicked, on the map or in the list."""
    if target is not None and target != st.query_params.get(_SELECTED, ""):
        _select(target)
        st.rerun(scope="fragment")


def _select(target: str) -> None:
    if target:
        st.query_params[_SELECTED] = target
    else:
        st.query_params.pop(_SELECTED, None)


def _chips(chips: list[layertree.Chip]) -> None:
    """The filters in force, each taken back by a click."""
    with st.container(key="map_chips", horizontal=True, gap="small"):
        for chip in chips:
            st.button(
                f"{chip.text} ✕",
                key=f"chip_{chip.key}_{chip.value}",
                help="取消这个筛选",
                on_click=layertree.clear,
                args=(chip,),
            )


def _focus(grid: GridRow | None) -> Source | None:
    """The grid that everything is narrowed to, to be outlined."""
    if grid is None:
        return None
    only = FeatureFilter(grid=grid.code, where={"level": (grid.level,)})
    return Source(key="grids", revision=context.deployment().feed.revision("grids"), features=only)


def _map(chosen: Chosen, selected: Found | None, focus: Source | None, size: layout.Viewport) -> str | None:
    """The map; answers "layer:code" of a feature that was clicked since the last run."""
    made = deck.compose(
        deck.sources(chosen.revisions, chosen.filters, chosen.shown),
        Look(palette=LIGHT),
        view=_view(size),
        labels=chart.place_names(),
        label_kinds=_NAMED,
        marked=deck.Marked(lon=selected.lon, lat=selected.lat) if selected else None,
        focus=focus,
        tooltip=tooltip.template(),
    )
    event = chart.show_selectable(made, key="map_deck")
    target = None if event is None else f"{event[0].partition('-')[0]}:{event[1].get('code', '')}"
    if target == st.session_state.get("_map_clicked"):
        return None
    st.session_state["_map_clicked"] = target
    return target


def _view(size: layout.Viewport) -> deck.ViewState:
    """The view that the map opens with. A phone's keyboard changes the height alone, and must not move the map."""
    kept: tuple[float, deck.ViewState] | None = st.session_state.get("_map_view")
    if kept is None or kept[0] != size.width_px:
        is_narrow = size.width_px <= _NARROW_PX
        width_px = size.width_px - (0 if is_narrow else _LEFT_PX + _RIGHT_PX)
        height_px = size.height_px - _TOP_PX - (_TABS_PX if is_narrow else 0)
        view = deck.initial_view(context.county().town_bounds, width_px=width_px, height_px=max(height_px, _TOP_PX))
        kept = st.session_state["_map_view"] = (size.width_px, view)
    return kept[1]


def _card(selected: Found) -> str | None:
    """The selected feature; answers "" when it is to be closed."""
    with st.container(key="map_card"):
        featurecard.detail(selected, context.now())
        if selected.layer == "grids":
            code = str(selected.properties["code"])
            st.button("只看这个网格", key="map_narrow", on_click=layertree.narrow_to, args=(code,), type="primary")
        if st.button("关闭", key="map_close", icon=":material/close:"):
            return ""
    return None


def _list(chosen: Chosen, selected: Found | None) -> str | None:
    """What the filters leave of one layer; answers "layer:code" of a row that was clicked."""
    if not chosen.filters:
        st.html('<p class="map-empty">没有打开的图层。在左侧打开一个图层，这里会列出它的内容。</p>')
        return None
    layer = st.selectbox(
        "列表",
        list(chosen.filters),
        format_func=lambda key: f"{LAYERS[key].title}",
        key="map_listed",
        bind="query-params",
        label_visibility="collapsed",
    )
    number = chosen.shown[layer]
    rows = featurecard.rows(layer, chosen.filters[layer])
    more = f",列出前 {featurecard.MOST_ROWS}" if number > featurecard.MOST_ROWS else ""
    st.html(f'<p class="map-tally">共 <b>{wording.count(number)}</b> 个{more}</p>')
    now = context.now()
    picked = parts.cards(
        "map_rows",
        [featurecard.card(layer, row, now) for row in rows],
        picked=str(selected.properties["code"]) if selected and selected.layer == layer else "",
        label=LAYERS[layer].title,
        empty="没有符合条件的内容。\n点地图上方的筛选条件可以取消它。",
    )
    return f"{layer}:{picked}" if picked else None


def _note() -> None:
    county = context.county()
    demo = "<b>演示数据</b>" if county.is_demo else ""
    with st.container(key="map_note"):
        st.html(f'<p class="map-note">{demo}{escape(county.source_note)}</p>')

"""The planner's desk: a layer narrowed down, seen before it is taken away, and streamed as a file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Any
from urllib.parse import urlencode

import streamlit as st

from db import features, territory
from geo.features import FEATURE_TYPES, FeatureFilter
from governance import labels
from governance.access import Permission
from governance.language import N_, _, _n, _p
from pages.ui import commands, context, layout, values, wording

_PREVIEW_ROWS = 50
_KILO = 1024
_CODED = frozenset({"severity", "is_open", "is_outside_grid"})
"""Numbers and flags that stand for a word."""

_CRS = N_("WGS 84 经纬度（CRS84，RFC 7946）")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """Which layer, and which of its features; hashable, so that what was read for it can be remembered."""

    layer: str
    grid: str | None
    q: str
    where: tuple[tuple[str, tuple[str, ...]], ...]

    @property
    def filter(self) -> FeatureFilter:
        """The choice as map, count and file understand it."""
        return FeatureFilter(grid=self.grid, q=self.q or None, where=dict(self.where))

    @property
    def address(self) -> str:
        """Where the file comes from."""
        pairs = [("format", "geojson")]
        pairs += [("grid", self.grid)] if self.grid else []
        pairs += [("q", self.q)] if self.q else []
        pairs += [(name, ",".join(values)) for name, values in self.where]
        return f"/api/layers/{self.layer}/export?{urlencode(pairs)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Preview:
    """How many features the file will hold, the first of them, and about how many bytes."""

    count: int
    rows: list[dict[str, Any]]
    size_bytes: int


def render() -> None:
    """Draws the export: choices at the left, what the file will hold at the right."""
    st.html(layout.style("planning"))
    st.html(f'<h1 class="plan-title">{_("导出数据")}</h1>')
    left, right = st.columns([1, 2.6], gap="large")
    with left:
        choice = _choose()
    with right, commands.calmly():
        preview = context.remembered("preview", choice, (choice.layer,), lambda session: _read(session, choice))
        _summary(choice, preview)
        _table(preview)


def _choose() -> _Choice:
    layer = _one(_p("one of", "图层"), "layer", {key: labels.LAYERS[key].text for key in FEATURE_TYPES}) or next(
        iter(FEATURE_TYPES)
    )
    grids = context.remembered("plan_grids", "all", ("grids",), territory.grids)
    names = {row.code: _("{name}（{kind}）", name=row.name, kind=labels.GRID_LEVEL[row.level].text) for row in grids}
    scope = context.principal().grid_prefix
    grid = _one(
        _("网格"), "grid", {code: name for code, name in names.items() if code.startswith(scope)}, none=_("全部网格")
    )
    q = st.text_input(
        _("名称或编号包含"), key="q", type="search", live=True, placeholder=_("可不填"), bind="query-params"
    )
    base = FeatureFilter(grid=grid, q=q or None)
    chosen = [(name, _values(layer, name, base)) for name in FEATURE_TYPES[layer].filters]
    return _Choice(layer=layer, grid=grid, q=q or "", where=tuple((name, found) for name, found in chosen if found))


def _values(layer: str, name: str, base: FeatureFilter) -> tuple[str, ...]:
    """The values that one property is narrowed to, each offered with its count."""
    counts = context.remembered(
        f"plan_{name}", (layer, base.grid, base.q), (layer,), lambda s: features.facets(s, layer, name, base)
    )

    def told(value: str) -> str:
        return f"{values.value_text(name, value)} {wording.count(counts.get(value, 0))}"

    key = f"{layer}.{name}"
    asked = st.query_params.get(key, "").split(",")
    chosen = st.multiselect(
        values.property_text(name),
        list(counts),
        default=[value for value in counts if value in asked],
        format_func=told,
        placeholder=_("不限"),
        key=key,
    )
    _keep(key, ",".join(chosen))
    return tuple(chosen)


def _one(label: str, key: str, options: Mapping[str, str], *, none: str | None = None) -> str | None:
    """One of `options` (code to word), which the address names by its code; with `none`, it may be left open."""
    codes = list(options)
    asked = st.query_params.get(key, "")
    index = codes.index(asked) if asked in codes else (0 if none is None else None)
    chosen = st.selectbox(label, codes, index=index, format_func=options.__getitem__, placeholder=none, key=key)
    _keep(key, chosen or "")
    return chosen


def _keep(key: str, text: str) -> None:
    """Writes a choice into the address, so that a link or a reload brings it back."""
    if text:
        st.query_params[key] = text
    else:
        st.query_params.pop(key, None)


def _read(session: Any, choice: _Choice) -> _Preview:
    personal = context.principal().may(Permission.READ_PERSONAL)
    count = features.count(session, choice.layer, choice.filter)
    text = features.items(session, choice.layer, choice.filter, personal=personal, limit=_PREVIEW_ROWS)
    rows = [feature["properties"] for feature in json.loads(text)["features"]]
    size_bytes = round(len(text.encode()) / max(len(rows), 1) * count)
    return _Preview(count=count, rows=rows, size_bytes=size_bytes)


def _summary(choice: _Choice, preview: _Preview) -> None:
    facts = (
        (_p("one of", "图层"), labels.LAYERS[choice.layer].text),
        (_("数量"), _n("{n} 条", preview.count, n=wording.count(preview.count))),
        (_("大小"), _size(preview.size_bytes)),
        (_("坐标系"), _(_CRS)),
        (_("来源"), context.source_line()),
    )
    st.html(
        "<dl class='plan-facts'>"
        + "".join(f"<div><dt>{name}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
        + "</dl>"
    )
    if preview.count:
        st.html(f'<a class="plan-download" href="{escape(choice.address)}" download>{escape(_download(preview))}</a>')


def _download(preview: _Preview) -> str:
    told = {"n": wording.count(preview.count), "size": _size(preview.size_bytes)}
    return _n("下载 GeoJSON（{n} 条，{size}）", preview.count, **told)


def _table(preview: _Preview) -> None:
    if not preview.count:
        st.info(
            _("没有符合条件的数据。放宽左侧的筛选条件，这里就会列出将要导出的行。"), icon=":material/filter_alt_off:"
        )
        return
    st.dataframe(
        [{values.property_text(name): _cell(name, value) for name, value in row.items()} for row in preview.rows],
        hide_index=True,
        height="stretch",
        row_height=38,
    )
    if preview.count > len(preview.rows):
        st.caption(
            _("上面是前 {shown} 条；文件里有全部 {n} 条。", shown=len(preview.rows), n=wording.count(preview.count))
        )


def _cell(name: str, value: object) -> object:
    """A value as a cell of the preview, in words and local time; the file keeps codes, lists, nulls and time zones."""
    if name.endswith("_at") and isinstance(value, str):
        return wording.full_instant(datetime.fromisoformat(value), zone=context.county().timezone)
    return value if isinstance(value, int | float) and name not in _CODED else values.value_text(name, value)


def _size(size_bytes: int) -> str:
    if size_bytes < _KILO:
        return _n("约 {n} 字节", size_bytes)
    if size_bytes < _KILO * _KILO:
        return _("约 {size:,.0f} KB", size=size_bytes / _KILO)
    return _("约 {size:,.1f} MB", size=size_bytes / _KILO / _KILO)

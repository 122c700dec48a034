"""The dispatch desk: the queue by next deadline, the map, and the case. One key sends the nearest who fits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import streamlit as st

from db import features, incidents, territory
from geo.features import FeatureFilter
from governance import labels
from governance.access import Permission
from governance.incident import Severity, Status
from governance.language import N_, _, _n
from layers.palette import INK, SEVERITY, SEVERITY_NUMERAL
from pages.ui import case, commands, context, hotspots, layout, parts, report, surgeplan, wording

_MOST_ROWS = 200
_MOST_FINISHED = 20
_SOON_S = 15 * 60
"""From here on what is left of a deadline is shown as a warning."""

_KEYS = {
    "Enter": "desk_dispatch",
    "n": "desk_new",
    "p": "desk_surge",
    "/": "desk_q",
    "u": "desk_undo",
    "r": "case_why case_written",
    "?": "desk_help",
    "Escape": "desk_close",
}

_HELP = N_("""| 键 | 作用 |
|---|---|
| **J** / **K** | 下一件 / 上一件 |
| **Enter** | 一键派单，派给当前选中的人 |
| **1** … **5** | 改选第几位可派人员 |
| **U** | 十秒内撤回派单 |
| **R** | 填写改派理由、处置结果或意见 |
| **N** | 上报事件 |
| **P** | 联合派单：为所有待派事件统筹人员 |
| **/** | 搜索 |
| **Tab**、**↑** / **↓** | 在列表中移动，再按 Enter 或空格选中 |
| **Esc** | 先离开正在填写的框，再收起上报（已填内容保留）或统筹 |
| **?** | 打开或关闭本说明 |
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Filter:
    """What the queue is narrowed to; hashable, so that what was read for it can be remembered."""

    grid: str | None
    severities: tuple[int, ...]
    statuses: tuple[str, ...]
    q: str


def render() -> None:
    """Draws the desk: queue at the left; beside it the case with its map, or the form that reports a new one."""
    st.html(layout.style("desk"))
    case.arrive()
    parts.keys("desk_keys", _KEYS, focus="rep_title" if case.is_reporting() else "")
    left, work = st.columns([1, 3.35], gap="small")
    with left, st.container(key="desk_left"):
        _queue()
        _repeated()
    with work, st.container(key="desk_work"):
        if case.is_reporting():
            _reporting()
        elif case.is_planning():
            _planning()
        else:
            case.render()


@st.fragment(run_every="2s", key="desk_queue")
def _queue() -> None:
    with commands.calmly():
        _head()
        chosen = _filters()
        rows = context.remembered("queue", chosen, ("incidents",), lambda session: _read(session, chosen))
        found = _finished(chosen)
        now = context.now()
        _tally(rows, found, now)
        picked = case.shown()
        if picked == "" and rows:
            # Pinned by its number: what comes in later never slips under the hand that is about to press Enter.
            picked = rows[0].no
            case.open_case(picked)
        clicked = parts.cards(
            "desk_rows",
            [*(_card(row, now) for row in rows), *(_finished_card(row, now) for row in found)],
            picked=picked or "",
            label=_("待处置事件，按时限排序"),
            empty=_("没有符合条件的待处置事件。\n新上报的事件会自动出现在这里；按 N 上报一件。"),
            has_steps=True,
        )
        if clicked:
            case.open_case(clicked)


def _head() -> None:
    title, new, together, keys = st.columns([1.7, 1.6, 1.6, 0.9], gap="xsmall", vertical_alignment="center")
    title.html(f'<h2 class="desk-title">{_("事件队列")}</h2>')
    if context.principal().may(Permission.DISPATCH) and together.button(
        _("统筹 P"), key="desk_surge", width="stretch", help=_("联合派单：为所有待派事件统筹人员")
    ):
        surgeplan.forget()
        case.open_plan()
    told = (_("续填 N"), _("接着填没有提交的上报")) if report.has_draft() else (_("上报 N"), _("上报一件新事件"))
    if new.button(told[0], key="desk_new", width="stretch", help=told[1]):
        report.resume()
        case.open_report()
    with keys.popover("?", key="desk_help", width="stretch", help=_("键盘操作")):
        st.markdown(_(_HELP))


def _filters() -> _Filter:
    grids = context.remembered("desk_grids", "all", ("grids",), _grids)
    q = st.text_input(
        _("搜索"),
        key="desk_q",
        type="search",
        live=True,
        placeholder=_("搜索编号、标题、地址  /"),
        label_visibility="collapsed",
    )
    names = {grid.code: grid.name for grid in grids}
    grid = st.selectbox(
        _("网格"),
        list(names),
        index=None,
        key="desk_grid",
        format_func=names.__getitem__,
        placeholder=_("全部网格"),
        label_visibility="collapsed",
    )
    narrowed = FeatureFilter(grid=grid, where={"is_open": ("true",)})
    counts = context.remembered(
        "desk_counts", grid, ("incidents",), lambda s: features.facets(s, "incidents", "status", narrowed)
    )
    severities = st.pills(
        _("级别"),
        list(Severity),
        selection_mode="multi",
        key="desk_severity",
        format_func=lambda level: labels.SEVERITY_LEVEL[level].text,
        label_visibility="collapsed",
    )
    statuses = st.pills(
        _("状态"),
        [status for status in Status if counts.get(status)],
        selection_mode="multi",
        key="desk_status",
        format_func=lambda status: f"{labels.STATUS[status].text} {counts.get(status, 0)}",
        label_visibility="collapsed",
    )
    return _Filter(
        grid=grid,
        severities=tuple(int(level) for level in severities),
        statuses=tuple(statuses),
        q=(q or "").strip(),
    )


def _grids(session: Any) -> list[territory.GridRow]:
    """Streets with their communities below them, as far as the one who asks may see."""
    scope = context.principal().grid_prefix
    rows = [*territory.grids(session, level="street"), *territory.grids(session, level="community")]
    return sorted((row for row in rows if row.code.startswith(scope)), key=lambda row: row.code)


def _read(session: Any, chosen: _Filter) -> list[incidents.QueueRow]:
    return incidents.queue(
        session,
        grid=chosen.grid,
        severities=chosen.severities,
        statuses=chosen.statuses,
        q=chosen.q or None,
        limit=_MOST_ROWS,
    )


def _finished(chosen: _Filter) -> list[incidents.QueueRow]:
    """What a search finds among the finished, so that it can be reopened or appealed; nothing without a search."""
    if not chosen.q or chosen.statuses:
        return []
    return context.remembered(
        "queue_finished",
        chosen,
        ("incidents",),
        lambda session: incidents.finished(
            session, chosen.q, grid=chosen.grid, severities=chosen.severities, limit=_MOST_FINISHED
        ),
    )


def _tally(rows: list[incidents.QueueRow], found: list[incidents.QueueRow], now: datetime) -> None:
    """How many there are; and since when nothing has been heard, when the change feed is lost."""
    lost_at = context.deployment().feed.lost_at
    if lost_at is not None:
        since = wording.instant(lost_at, now, zone=context.county().timezone)
        st.warning(
            _("与数据库的连接中断，画面停在 {since}；恢复后会自动更新。", since=since), icon=":material/cloud_off:"
        )
    overdue = sum(wording.is_overdue(row.due_at, now) for row in rows)
    shown = _("前 {n} 件", n=_MOST_ROWS) if len(rows) == _MOST_ROWS else _n("{n} 件", len(rows))
    also = _("前 {n} 件", n=_MOST_FINISHED) if len(found) == _MOST_FINISHED else _n("{n} 件", len(found))
    late = "late" if overdue else ""
    told = [
        _("<b>{number}</b>待办", number=shown),
        _('<b class="{tone}">{n}</b> 件超期', tone=late, n=overdue),
        *([_("另有<b>{number}</b>已结束", number=also)] if found else []),
    ]
    st.html(f'<p class="desk-tally">{" · ".join(told)}</p>')


def _card(row: incidents.QueueRow, now: datetime) -> parts.Card:
    left_s = (row.due_at - now).total_seconds() if row.due_at else None
    tone = "" if left_s is None or left_s > _SOON_S else ("late" if left_s < 0 else "soon")
    return parts.Card(
        id=row.no,
        title=row.title,
        colour=SEVERITY[row.severity],
        mark=SEVERITY_NUMERAL[row.severity],
        ink=INK,
        aside=wording.remaining(row.due_at, now),
        aside_hint=wording.full_instant(row.due_at, zone=context.county().timezone),
        tone=tone,
        meta=" · ".join([*([_("督办")] if row.is_supervised else []), row.class_name, _place(row)]),
        tail=f"{row.worker_name} · {labels.STATUS[row.status].text}"
        if row.worker_name
        else labels.STATUS[row.status].text,
    )


def _finished_card(row: incidents.QueueRow, now: datetime) -> parts.Card:
    """A finished incident below the open ones: grey, with how it ended."""
    return parts.Card(
        id=row.no,
        title=row.title,
        colour="var(--muted)",
        mark=SEVERITY_NUMERAL[row.severity],
        aside=labels.STATUS[row.status].text,
        meta=f"{row.class_name} · {_place(row)}",
        tail=_("{at} 上报", at=wording.instant(row.reported_at, now, zone=context.county().timezone)),
        faded=True,
    )


def _place(row: incidents.QueueRow) -> str:
    return _("网格外 {grid_name}", grid_name=row.grid_name) if row.is_outside_grid else row.grid_name


@st.fragment(run_every="60s", key="desk_repeated")
def _repeated() -> None:
    with commands.calmly(), st.expander(_("重复多发地点"), key="desk_hotspots"):
        hotspots.render()


@st.fragment(key="desk_surge_plan")
def _planning() -> None:
    with commands.calmly():
        surgeplan.render()


@st.fragment(key="desk_report")
def _reporting() -> None:
    with commands.calmly():
        context.principal().require(Permission.REPORT_INCIDENT)
        made = report.render(close="desk_close")
        if made is not None:
            case.open_case(made)

"""The gathered needs: narrowed down, counted, and handed over or settled one by one."""

from __future__ import annotations

from html import escape

import streamlit as st

from db import needs, territory
from db.needs import NeedCount, NeedRow
from governance import labels
from governance.language import N_, _
from governance.visit import NeedStatus
from pages.ui import commands, context, visitform, wording

_A_PAGE = 20
_MOST_COUNTS = 6
_LEVELS = ("street", "community", "quarter")


@st.fragment(run_every="10s", key="need_list")
def render() -> None:
    """Draws the list; it looks for what others have recorded by itself."""
    with commands.calmly():
        st.html(f'<h2 class="desk-title">{_("需求汇总")}</h2>')
        grid = _grid()
        with context.reading() as session:
            counted = needs.summary(session, grid=grid)
        status = _status(counted.by_status)
        shown = int(st.session_state.get("need_shown", _A_PAGE))
        with context.reading() as session:
            found = needs.needs(session, grid=grid, statuses=(status,), limit=shown)
            counted = needs.summary(session, grid=grid, statuses=(status,))
        _notice()
        if not found:
            st.html(f'<p class="empty need-none">{_(_NOTHING[status])}</p>')
            return
        st.html(_counts(_("类别"), counted.by_class) + _counts(_("网格"), counted.by_grid))
        for need in found:
            _row(need)
        if counted.by_status[status] > len(found) and st.button(
            _("再显示 {more} 条（共 {n} 条）", more=_A_PAGE, n=counted.by_status[status]),
            key="need_more",
            width="stretch",
        ):
            st.session_state["need_shown"] = shown + _A_PAGE
            st.rerun(scope="fragment")


_NOTHING = {
    NeedStatus.GATHERED: N_("没有待处理的需求。走访时记下的需求会列在这里，等待转接或当场办结。"),
    NeedStatus.HANDED_OVER: N_("没有正在办理的转接需求。点“转接处理”后，需求会成为事件，在这里跟踪到办结。"),
    NeedStatus.SETTLED_ON_SPOT: N_("还没有当场办结的需求。"),
    NeedStatus.CLOSED: N_("还没有办结的转接需求。对应事件办结后会列在这里。"),
}


def _grid() -> str | None:
    scope = context.principal().grid_prefix
    rows = context.remembered("need_grids", "all", ("grids",), territory.grids)
    names = {
        row.code: _("{name}（{kind}）", name=row.name, kind=labels.GRID_LEVEL[row.level].text)
        for row in rows
        if row.level in _LEVELS and row.code.startswith(scope)
    }
    chosen: str | None = st.selectbox(
        _("网格"),
        list(names),
        index=None,
        format_func=names.__getitem__,
        placeholder=_("全部网格"),
        label_visibility="collapsed",
        key="need_grid",
    )
    return chosen


def _status(counts: dict[NeedStatus, int]) -> NeedStatus:
    chosen = st.segmented_control(
        _("状态"),
        list(NeedStatus),
        default=NeedStatus.GATHERED,
        required=True,
        format_func=lambda code: f"{labels.NEED_STATUS[code].text} {counts[code]}",
        width="stretch",
        label_visibility="collapsed",
        key="need_status",
    )
    return NeedStatus(chosen or NeedStatus.GATHERED)


def _notice() -> None:
    """What the last press did, or why it was refused."""
    if told := st.session_state.get("_need_done"):
        st.html(f'<p class="need-done">{told}</p>')
    refused = commands.refused()
    if refused and refused.field in {"", "opinion"}:
        st.error(wording.literal(refused.text))


def _counts(name: str, counts: tuple[NeedCount, ...]) -> str:
    shown = "".join(
        f"<span>{escape(count.class_name or count.grid_name or '')} <b>{count.count}</b></span>"
        for count in counts[:_MOST_COUNTS]
    )
    rest = f"<span>{_('等 {n} 个', n=len(counts))}</span>" if len(counts) > _MOST_COUNTS else ""
    return f'<p class="need-counts"><em>{name}</em>{shown}{rest}</p>'


def _row(need: NeedRow) -> None:
    with st.container(key=f"need_row_{need.id}", border=True):
        if need.status is not NeedStatus.GATHERED:
            st.html(_told(need))
            return
        told, hand, spot = st.columns([3.4, 1, 1], gap="small", vertical_alignment="center")
        told.html(_told(need))
        if hand.button(_("转接处理"), key=f"need_hand_{need.id}", icon=":material/move_up:", width="stretch"):
            _hand_over(need)
        with spot.popover(_("当场办结"), width="stretch", key=f"need_settle_{need.id}"):
            opinion = st.text_area(
                _("怎么办结的"), key=f"need_opinion_{need.id}", height=90, max_chars=needs.TEXT_LENGTH
            )
            if st.button(_("确定办结"), key=f"need_settled_{need.id}", type="primary", width="stretch"):
                _settle(need, opinion)


def _told(need: NeedRow) -> str:
    now, zone = context.now(), context.county().timezone
    home = f"{need.building_name} {visitform.flat(need.unit, need.room)} {need.head_full_name or ''}".strip()
    visitor = f" · {_('走访人 {name}', name=need.worker_full_name)}" if need.worker_full_name else ""
    told = f"{home} · {wording.instant(need.visited_at, now, zone=zone)}{visitor}"
    return (
        f'<div class="need {need.urgency}"><p class="one"><i>{labels.URGENCY[need.urgency].text}</i>'
        f"<b>{escape(need.class_name)}</b>{_end(need)}</p><p>{escape(need.text)}</p>"
        f"<small>{escape(told)}</small></div>"
    )


def _end(need: NeedRow) -> str:
    """Where a need that was decided went."""
    if need.incident_no and need.incident_status:
        no = escape(need.incident_no)
        return f'<a href="/desk?no={no}" target="_self">{no} · {labels.STATUS[need.incident_status].text}</a>'
    return f"<span>{escape(need.opinion)}</span>" if need.opinion else ""


def _hand_over(need: NeedRow) -> None:
    st.session_state.pop("_need_done", None)
    with commands.attempt():
        made = needs.hand_over(context.deployment().database, context.principal(), need.id, now=context.now())
        no = escape(made.no)
        st.session_state["_need_done"] = _(
            "已转接为事件 {link}：{title}",
            link=f'<a href="/desk?no={no}" target="_self">{no}</a>',
            title=escape(made.title),
        )
    st.rerun()


def _settle(need: NeedRow, opinion: str) -> None:
    st.session_state.pop("_need_done", None)
    with commands.attempt():
        needs.settle(
            context.deployment().database, context.principal(), need.id, opinion=opinion or "", now=context.now()
        )
        st.session_state["_need_done"] = _(
            "已当场办结：{kind}（{building}）", kind=escape(need.class_name), building=escape(need.building_name)
        )
    st.rerun()

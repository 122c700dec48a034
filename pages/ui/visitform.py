"""The form of a household visit: whom, how it went, and any number of needs."""

from __future__ import annotations

import secrets
from datetime import datetime
from html import escape
from zoneinfo import ZoneInfo

import streamlit as st

from db import visits
from db.incidents import ClassRow
from db.visits import Home, NeedReport, Visit, Visitor, VisitReport
from geo.errors import InvalidInput
from governance import labels
from governance.language import _, _n
from governance.visit import Urgency, VisitOutcome
from pages.ui import commands, context, values, wording

_LATEST = 8
_FOUND = 30
_FIELDS = frozenset({"building", "household", "worker", "visited_at", "outcome", "note", "needs"})
_NEED_FIELDS = frozenset({"class", "text", "urgency"})


def render() -> None:
    """Draws the form; what was saved is told above it and begins the next one."""
    st.html(f'<h2 class="desk-title">{_("入户走访")}</h2>')
    if told := st.session_state.get("_visit_filed"):
        st.success(told, icon=":material/check_circle:")
    # Said outright: a browser keeps what was typed into a field that merely begins anew.
    for key, empty in (("vis_q", ""), ("vis_note", ""), ("vis_outcome", VisitOutcome.MET)):
        st.session_state.setdefault(key, empty)
    home = _whom()
    outcome = st.segmented_control(
        _("走访结果"),
        list(VisitOutcome),
        required=True,
        format_func=lambda code: labels.VISIT_OUTCOME[code].text,
        width="stretch",
        key="vis_outcome",
    )
    _fault("outcome")
    st.text_area(
        _("走访记录"),
        key="vis_note",
        height=76,
        max_chars=visits.NOTE_LENGTH,
        placeholder=_("看到什么、谈了什么（可不填）"),
    )
    _fault("note")
    if outcome == VisitOutcome.MET:
        _needs()
    if st.button(_("保存走访"), key="vis_save", type="primary", width="stretch", icon=":material/save:"):
        _save(home, outcome or VisitOutcome.MET)
    _latest()


def _whom() -> Home | None:
    """The search, what it found, when and who went."""
    # No help text: its sign would be the first button, and the key "/" presses the first thing it finds.
    q = st.text_input(
        _("走访对象（按 / 查找）"), key="vis_q", placeholder=_("楼栋、单元-房号或户主，用空格隔开，回车查找")
    )
    homes = context.remembered("homes", q, ("buildings",), lambda session: visits.find_homes(session, q, limit=_FOUND))
    by_code = {home.household_code or home.building_code: home for home in homes}
    state = st.session_state
    if len(by_code) == 1:
        state["vis_home"] = next(iter(by_code))
    elif state.get("vis_home") not in by_code:
        state["vis_home"] = None
    home = None
    if by_code:
        code = st.selectbox(
            _("选择"),
            list(by_code),
            index=None,
            format_func=lambda code: _told(by_code[code]),
            placeholder=_("找到 {n} 处以上，请选择", n=_FOUND)
            if len(homes) == _FOUND
            else _n("找到 {n} 处，请选择", len(by_code)),
            label_visibility="collapsed",
            key="vis_home",
        )
        home = by_code.get(code or "")
    elif q.strip():
        st.caption(f":material/search_off: {_('您管辖的网格里没有找到，可以少写几个字再试')}")
    _fault("building", "household")
    left, right = st.columns([1.1, 1], gap="small")
    with left:
        zone = ZoneInfo(context.county().timezone)
        state.setdefault("vis_at", context.now().astimezone(zone).replace(tzinfo=None, second=0, microsecond=0))
        st.datetime_input(_("走访时间"), key="vis_at", format="YYYY-MM-DD", step=300)
        _fault("visited_at")
    with right:
        found = _visitors(home)
        st.selectbox(
            _("走访人"),
            list(found),
            index=None,
            format_func=lambda code: _(
                "{name}（{detail}）", name=found[code].full_name, detail=labels.POST[found[code].post].text
            ),
            placeholder=_("可不选"),
            disabled=not found,
            key=f"vis_worker_{home.building_code if home else ''}",
        )
        _fault("worker")
    return home


def _visitors(home: Home | None) -> dict[str, Visitor]:
    if home is None:
        return {}
    code = home.building_code
    found = context.remembered("visitors", code, ("workers",), lambda session: visits.visitors(session, code))
    return {visitor.code: visitor for visitor in found}


def _needs() -> None:
    """One row for each need, and the way to another."""
    rows: list[int] = st.session_state.setdefault("vis_rows", [])
    classes = {row.code: row for row in values.classes()}
    for place, number in enumerate(rows, start=1):
        with st.container(key=f"vis_need_{number}", border=True):
            kind, urgency, leave = st.columns([1.5, 1.2, 0.28], gap="small", vertical_alignment="bottom")
            kind.selectbox(
                _("需求 {place}", place=place),
                list(classes),
                index=None,
                format_func=lambda code: _class_text(classes[code]),
                placeholder=_("类别：输入几个字查找"),
                key=f"vis_class_{number}",
            )
            urgency.segmented_control(
                _("紧急程度"),
                list(Urgency),
                default=Urgency.ORDINARY,
                required=True,
                format_func=lambda code: labels.URGENCY[code].text,
                width="stretch",
                label_visibility="collapsed",
                key=f"vis_urgency_{number}",
            )
            if leave.button(
                "", key=f"vis_drop_{number}", icon=":material/close:", help=_("去掉需求 {place}", place=place)
            ):
                st.session_state["vis_rows"] = [other for other in rows if other != number]
                commands.forget_refusal()
                st.rerun()
            st.text_input(
                _("内容"),
                key=f"vis_text_{number}",
                max_chars=200,
                placeholder=_("需要什么（会随事件转出，请不要写姓名和病情）"),
                label_visibility="collapsed",
            )
            _need_fault(place)
    _fault("needs")
    if len(rows) < visits.MOST_NEEDS and st.button(
        _("添加需求  N") if not rows else _("再添一项需求  N"), key="vis_add", icon=":material/add:", width="stretch"
    ):
        # Numbers aren't used again, or a new row would show what an old one held.
        st.session_state["_visit_row"] = st.session_state.get("_visit_row", 0) + 1
        st.session_state["vis_rows"] = [*rows, st.session_state["_visit_row"]]
        st.rerun()


def _save(home: Home | None, outcome: VisitOutcome) -> None:
    """Files what the form holds; the same press delivered twice files it once."""
    state = st.session_state
    filed: Visit | None = None
    state.pop("_visit_filed", None)
    with commands.attempt():
        if home is None:
            raise InvalidInput("no household or building was chosen", field="building")
        at: datetime | None = state.get("vis_at")
        numbers = state.get("vis_rows", []) if outcome is VisitOutcome.MET else []
        told = [_need(number, place) for place, number in enumerate(numbers, start=1)]
        filed = visits.record(
            context.deployment().database,
            context.principal(),
            VisitReport(
                building=home.building_code,
                household=home.household_code,
                worker=state.get(f"vis_worker_{home.building_code}"),
                visited_at=at and at.replace(tzinfo=ZoneInfo(context.county().timezone)),
                outcome=outcome,
                note=str(state.get("vis_note") or ""),
                needs=tuple(told),
                request_key=state.setdefault("vis_request", secrets.token_urlsafe(12)),
            ),
            now=context.now(),
        )
    if filed is not None:
        clear()
        visit = _told_visit(filed)
        state["_visit_filed"] = (
            _n("已保存：{visit}，{n} 项需求已进入需求汇总。", len(filed.needs), visit=visit)
            if filed.needs
            else _("已保存：{visit}。", visit=visit)
        )
    st.rerun()


def _latest() -> None:
    """The last visits in scope: what was just filed, and who was there before."""
    with context.reading() as session:
        found = visits.visits(session, limit=_LATEST)
    rows = "".join(
        f"<li><b>{escape(_told_visit(visit))}</b><span>{labels.VISIT_OUTCOME[visit.outcome].text}"
        f"{_raised(visit)}</span><p>{escape(visit.note)}</p></li>"
        for visit in found
    )
    none = f'<p class="empty">{_("登记过的走访会列在这里，最近的在前。")}</p>'
    st.html(f'<section class="visits"><h3>{_("最近走访")}</h3>{f"<ol>{rows}</ol>" if rows else none}</section>')


def _raised(visit: Visit) -> str:
    return f" · {_n('{n} 项需求', len(visit.needs))}" if visit.needs else ""


def _need(number: int, place: int) -> NeedReport:
    state = st.session_state
    code = state.get(f"vis_class_{number}")
    if code is None:
        raise InvalidInput("a need has a class", field="class", row=place)
    return NeedReport(
        class_code=code,
        text=str(state.get(f"vis_text_{number}") or ""),
        urgency=state.get(f"vis_urgency_{number}") or Urgency.ORDINARY,
    )


def clear() -> None:
    """Empties the form."""
    commands.forget_refusal()
    for key in [str(key) for key in st.session_state if str(key).startswith("vis_")]:
        st.session_state.pop(key, None)


def flat(unit: int | None, room: str | None) -> str:
    """A flat as people write it: 2单元301; empty for a building as a whole."""
    return _("{unit}单元{room}", unit=unit, room=room) if unit is not None else ""


def _told(home: Home) -> str:
    if home.household_code is None:
        return f"{_('{building}（整栋）', building=home.building_name)} · {home.grid_name}"
    return f"{home.building_name} {flat(home.unit, home.room)} {home.head_full_name}"


def _told_visit(visit: Visit) -> str:
    at = wording.instant(visit.visited_at, context.now(), zone=context.county().timezone)
    return f"{at} {visit.building_name} {flat(visit.unit, visit.room)}".strip()


def _class_text(row: ClassRow) -> str:
    return _("{name}（{detail}）", name=row.name, detail=row.major_name)


def _fault(*fields: str) -> None:
    refused = commands.refused()
    if refused and refused.field in _FIELDS & set(fields):
        st.error(wording.literal(refused.text))


def _need_fault(place: int) -> None:
    refused = commands.refused()
    if refused and refused.field in _NEED_FIELDS and refused.row == place:
        st.error(wording.literal(refused.text))

"""What may be done with a case next: the way forward as buttons, everything else behind a fold with what it needs."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from html import escape
from typing import Literal
from zoneinfo import ZoneInfo

import streamlit as st

from db import departments, incidents, replacements, stepping
from db.cases import Incident
from db.incidents import Report
from db.stepping import Asked
from governance import labels, lifecycle
from governance.lifecycle import Action, Given
from pages.ui import commands, context, values

_FORWARD = (
    *(Action.CONFIRM, Action.ACCEPT, Action.ACKNOWLEDGE, Action.ARRIVE, Action.RESOLVE, Action.VERIFY, Action.RESUME),
    *(Action.GRANT, Action.DENY),
)
"""Actions on the way to closure, and what waits for an answer; the others turn off it."""
_ELSEWHERE = frozenset({Action.DISPATCH, Action.TIME_OUT})
_LONGEST = 1000
_PUT_OFF_DAYS = 7


def render(incident: Incident, *, may_dispatch: bool) -> None:
    """Buttons for the way forward, and a fold for the rest, as far as this role may."""
    allowed = [action for action in incident.actions if action not in _ELSEWHERE and _may(incident, action)]
    ahead = set(_FORWARD) if incident.needs_check else set(_FORWARD) - {Action.CONFIRM}
    forward = [action for action in _FORWARD if action in ahead & set(allowed)]
    beside = [action for action in allowed if action not in ahead]
    _pending(incident)
    _ahead(incident, forward, may_dispatch=may_dispatch)
    if beside:
        with st.expander("其他处理", key=f"case_beside_{incident.no}"):
            _beside(incident, beside)


def take(incident: Incident, asked: Asked) -> None:
    """Takes the step and draws the screen anew; a refusal is kept for the case to show."""
    database, principal = context.deployment().database, context.principal()
    with commands.attempt():
        stepping.take(database, principal, incident.no, asked, now=context.now())
    st.rerun()


def _may(incident: Incident, action: Action) -> bool:
    if action is Action.ACKNOWLEDGE and incident.acknowledged_at is not None:
        return False  # it may be said again, but nothing is left to say
    return context.principal().may(lifecycle.step(incident.status, action).permission)


def _pending(incident: Incident) -> None:
    """What waits for somebody's answer."""
    waiting = [
        f"{request.asked_by_name or request.asked_by} 申请延期：{request.reason}"
        for request in incident.extension_requests
        if request.is_granted is None
    ]
    found = incident.appeal
    if found is not None and not found.is_decided:
        stage = "复审" if found.first_granted else "初审"
        waiting.append(f"{found.asked_by_name or found.asked_by} 申诉超期，待{stage}：{found.reason}")
    if waiting:
        st.html("".join(f'<section class="case-nobody"><p>{escape(text)}</p></section>' for text in waiting))


def _ahead(incident: Incident, forward: list[Action], *, may_dispatch: bool) -> None:
    if not forward:
        return
    result = ""
    if any(lifecycle.step(incident.status, action).needs_opinion for action in forward):
        result = st.text_area(
            "处置结果" if Action.RESOLVE in forward else "意见",
            key=f"case_result_{incident.no}",
            height=80,
            max_chars=_LONGEST,
            placeholder="做了什么、看到什么、结果如何",
        )
    satisfied: bool | None = None
    if Action.VERIFY in forward:
        said = st.segmented_control(
            "回访满意度", ["满意", "不满意"], key=f"case_satisfied_{incident.no}", help="没有回访可不选"
        )
        satisfied = None if said is None else said == "满意"
    # Where somebody can be sent, sending is the one thing to do, and this only the other way.
    kind: Literal["primary", "secondary"] = "secondary" if may_dispatch else "primary"
    with st.container(horizontal=True, key="case_forward"):
        for action in forward:
            if st.button(labels.ACTION[action].zh, key=f"case_{action}", type=kind, width="stretch"):
                take(incident, Asked(action=action, opinion=result, is_satisfied=satisfied))


def _beside(incident: Incident, beside: list[Action]) -> None:
    action = st.selectbox(
        "处理方式",
        beside,
        format_func=lambda action: labels.ACTION[action].zh,
        key=f"case_action_{incident.no}",
    )
    if action is Action.HAND_OVER:
        _hand_over(incident)
        return
    needs = lifecycle.step(incident.status, action).needs
    asked = Asked(
        action=action,
        department=_department(incident) if Given.DEPARTMENT in needs else None,
        original=_original(incident) if Given.ORIGINAL in needs else None,
        resume_by=_resume_by(incident) if Given.RESUME_BY in needs else None,
        parts=_parts(incident) if Given.PARTS in needs else (),
        is_granted=_verdict(incident) if action is Action.REVIEW else None,
        opinion=st.text_area(
            "意见" if Given.OPINION in needs else "意见（可不填）",
            key=f"case_opinion_{incident.no}",
            height=80,
            max_chars=_LONGEST,
        ),
    )
    if st.button(f"确定{labels.ACTION[action].zh}", key="case_confirm_beside", width="stretch"):
        take(incident, asked)


def _hand_over(incident: Incident) -> None:
    """The end of somebody's shift: all that they hold goes to others, not this case alone."""
    names = {sent.worker_code: sent.worker_full_name or sent.worker_name for sent in incident.crew}
    worker = st.selectbox(
        "谁交班",
        list(names),
        format_func=names.__getitem__,
        key=f"case_off_shift_{incident.no}",
        disabled=len(names) == 1,
    )
    held = context.remembered("held", worker, ("incidents",), lambda session: replacements.held_by(session, worker))
    st.caption(f"{names[worker]} 手头 {len(held)} 件将各派给下一位；没有人能接的留在原处。")
    if st.button("确定交班", key="case_confirm_beside", width="stretch"):
        with commands.attempt():
            done = replacements.hand_over(context.deployment().database, context.principal(), worker, now=context.now())
            st.toast(f"已交接 {len(done.passed_on)} 件", icon=":material/check_circle:")
            if done.kept:
                commands.tell(f"{len(done.kept)} 件暂时无人可接，仍由本人负责：{'、'.join(done.kept)}")
        st.rerun()


def _department(incident: Incident) -> str | None:
    names = context.remembered("departments", "all", ("incidents",), departments.names)
    return st.selectbox(
        "转给",
        list(names),
        index=None,
        format_func=names.__getitem__,
        key=f"case_department_{incident.no}",
        placeholder="选择承办单位",
    )


def _original(incident: Incident) -> str | None:
    """The one that it repeats: those nearby come first, any other by its number."""
    near = context.remembered(
        "originals",
        incident.no,
        ("incidents",),
        lambda session: incidents.similar(
            session, incident.class_code, incident.lon, incident.lat, now=incident.reported_at
        ),
    )
    titles = {row.no: f"{row.no} · {row.title}" for row in near if row.no != incident.no}
    return st.selectbox(
        "与哪一件重复",
        list(titles),
        index=None,
        format_func=lambda no: titles.get(no, no),
        key=f"case_original_{incident.no}",
        accept_new_options=True,
        placeholder="附近同类事件，或直接填写编号",
    )


def _resume_by(incident: Incident) -> datetime:
    zone = ZoneInfo(context.county().timezone)
    today = context.now().astimezone(zone).date()
    chosen: date = st.date_input(
        "最迟恢复日期",
        value=today + timedelta(days=_PUT_OFF_DAYS),
        min_value=today + timedelta(days=1),
        max_value=today + timedelta(days=365),
        key=f"case_resume_by_{incident.no}",
        help="挂账期间时限停止计算；到期前须恢复办理。每件只能挂账一次，最长一年",
    )
    return datetime.combine(chosen, time(18), zone)


def _parts(incident: Incident) -> tuple[Report, ...]:
    """One part at a time, at the same place: another class, its own title."""
    by_code = {row.code: row for row in values.classes()}
    code = st.selectbox(
        "拆出的类别",
        list(by_code),
        index=None,
        format_func=lambda code: f"{by_code[code].major_name} › {by_code[code].name}",
        key=f"case_part_class_{incident.no}",
        placeholder="选择类别",
    )
    title = st.text_input("拆出的标题", key=f"case_part_title_{incident.no}", max_chars=200)
    if code is None:
        return ()
    return (
        Report(
            title=title,
            class_code=code,
            lon=incident.lon,
            lat=incident.lat,
            crs="cgcs2000",
            source=incident.source,
            address=incident.address,
            description=f"由 {incident.no} 拆分",
        ),
    )


def _verdict(incident: Incident) -> bool:
    said = st.segmented_control(
        "审核结论", ["同意", "不同意"], default="同意", required=True, key=f"case_verdict_{incident.no}"
    )
    return said == "同意"

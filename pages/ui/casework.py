"""What may be done with a case next: the way forward as buttons, everything else behind a fold with what it needs."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from html import escape
from typing import Literal, cast
from zoneinfo import ZoneInfo

import streamlit as st

from db import departments, incidents, replacements, stepping
from db.cases import Incident
from db.incidents import Report
from db.stepping import Asked
from geo.errors import InvalidInput
from governance import labels, lifecycle
from governance.language import _, _n
from governance.lifecycle import Action, Given
from pages.ui import commands, context, deeplink, values, wording

_FORWARD = (
    *(Action.CONFIRM, Action.ACCEPT, Action.ACKNOWLEDGE, Action.ARRIVE, Action.RESOLVE, Action.VERIFY, Action.RESUME),
    *(Action.GRANT, Action.DENY),
)
"""Actions on the way to closure, and what waits for an answer; the others turn off it."""
_ELSEWHERE = frozenset({Action.DISPATCH, Action.TIME_OUT})
_LONGEST = 1000
_REMARK = "remark"
_ITSELF = "itself"
_PUT_OFF_DAYS = 7


def render(incident: Incident, *, may_dispatch: bool) -> None:
    """Buttons for the way forward, and a fold for the rest, as far as this role may."""
    allowed = [
        action for action in incident.actions_at(context.now()) if action not in _ELSEWHERE and _may(incident, action)
    ]
    ahead = set(_FORWARD) if incident.needs_check else set(_FORWARD) - {Action.CONFIRM}
    forward = [action for action in _FORWARD if action in ahead & set(allowed)]
    beside = [action for action in allowed if action not in ahead]
    _pending(incident)
    _ahead(incident, forward, may_dispatch=may_dispatch)
    if beside:
        with st.expander(_("其他处理"), key=f"case_beside_{incident.no}"):
            _beside(incident, beside)


def field(incident: Incident, name: str) -> str:
    """The key of a field of the case: one of its own for each incident, and another after each act.

    So what was written for one act is never filed with the next, and a draft waits while another case is looked at.
    """
    return f"case_{name}_{incident.no}_{st.session_state.get(_turn(incident), 0)}"


def draft(key: str) -> str:
    """What was last written in the field under `key`: its value when it comes back to the screen.

    Streamlit's own persistence tells the browser once; where another run follows at once, the field comes back empty.
    """
    return str(_drafts().get(key, ""))


def keep(key: str, text: str) -> str:
    """Keeps what the field holds now; answers it."""
    _drafts()[key] = text
    return text


def keep_all() -> None:
    """Keeps what is written in the fields of a case that is about to leave the screen.

    What was typed last may have come with this very run, in which its field isn't drawn any more.
    """
    for key in _drafts():
        if key in st.session_state:
            keep(key, str(st.session_state[key] or ""))


def _drafts() -> dict[str, str]:
    return cast("dict[str, str]", st.session_state.setdefault("_case_drafts", {}))


def begin_anew(incident: Incident) -> None:
    """Empties every field of the case: what they held was filed."""
    for key in [key for key in _drafts() if f"_{incident.no}_" in key]:
        del _drafts()[key]
    st.session_state[_turn(incident)] = st.session_state.get(_turn(incident), 0) + 1


def _turn(incident: Incident) -> str:
    return f"_case_turn_{incident.no}"


def take(incident: Incident, asked: Asked) -> None:
    """Takes the step and draws the screen anew; a refusal is kept for the case to show, with all that was written."""
    database, principal = context.deployment().database, context.principal()
    with commands.attempt():
        if asked.original == incident.no:
            raise InvalidInput("an incident can't repeat itself", field=_ITSELF)
        if asked.is_satisfied is False and not asked.opinion.strip():
            raise InvalidInput("what somebody is dissatisfied with is said", field=_REMARK)
        stepping.take(database, principal, incident.no, asked, now=context.now())
    if commands.refused() is None:
        begin_anew(incident)
    deeplink.again()


def _may(incident: Incident, action: Action) -> bool:
    if action is Action.ACKNOWLEDGE and incident.acknowledged_at is not None:
        return False  # it may be said again, but nothing is left to say
    if action in {Action.GRANT, Action.DENY, Action.REVIEW} and context.principal().account in _askers(incident):
        return False  # somebody else decides
    return context.principal().may(lifecycle.step(incident.status, action).permission)


def _askers(incident: Incident) -> set[str | None]:
    """Who asked for what is to be decided now, or has decided on it once."""
    found = incident.appeal
    if not incident.is_open:
        return set() if found is None else {found.asked_by, found.first_by}
    return {request.asked_by for request in incident.extension_requests if request.is_granted is None}


def _pending(incident: Incident) -> None:
    """What waits for somebody's answer."""
    is_own = context.principal().account in _askers(incident)
    waiting = [
        _told(_("{name} 申请延期", name=request.asked_by_name or request.asked_by), request.reason, is_own=is_own)
        for request in incident.extension_requests
        if request.is_granted is None and incident.is_open
    ]
    found = incident.appeal
    if found is not None and not found.is_decided:
        name = found.asked_by_name or found.asked_by
        told = (
            _("{name} 申诉超期，待复审", name=name) if found.first_granted else _("{name} 申诉超期，待初审", name=name)
        )
        waiting.append(_told(told, found.reason, is_own=is_own))
    if waiting:
        st.html("".join(f'<section class="case-nobody"><p>{escape(text)}</p></section>' for text in waiting))


def _told(text: str, reason: str, *, is_own: bool) -> str:
    text = _("{text}（须由别人审批）", text=text) if is_own else text
    return _("{text}：{why}", text=text, why=reason)


def _ahead(incident: Incident, forward: list[Action], *, may_dispatch: bool) -> None:
    if not forward:
        return
    result = ""
    if any(lifecycle.step(incident.status, action).needs_opinion for action in forward):
        label = _("处置结果") if Action.RESOLVE in forward else _("意见")
        result = _written(incident, "result", f"{label}  R", placeholder=_("做了什么、看到什么、结果如何"))
    satisfied: bool | None = None
    if Action.VERIFY in forward:
        satisfied = st.segmented_control(
            _("回访满意度"),
            [True, False],
            format_func=lambda value: _("满意") if value else _("不满意"),
            key=field(incident, "satisfied"),
            help=_("没有回访可不选"),
        )
        if satisfied is False:
            result = _written(incident, _REMARK, _("哪里不满意（必填）  R"))
    # Where somebody can be sent, sending is the one thing to do, and this only the other way.
    kind: Literal["primary", "secondary"] = "secondary" if may_dispatch else "primary"
    with st.container(horizontal=True, key="case_forward"):
        for action in forward:
            if st.button(labels.ACTION[action].text, key=f"case_{action}", type=kind, width="stretch"):
                take(incident, Asked(action=action, opinion=result, is_satisfied=satisfied))


def _written(incident: Incident, name: str, label: str, *, placeholder: str | None = None) -> str:
    """What is written into the one field that the key R leads to; it waits while another case is looked at."""
    key = field(incident, name)
    with st.container(key="case_written"):
        text = st.text_area(label, value=draft(key), key=key, height=80, max_chars=_LONGEST, placeholder=placeholder)
    return keep(key, text)


def _beside(incident: Incident, beside: list[Action]) -> None:
    action = st.selectbox(
        _("处理方式"),
        beside,
        index=None,
        format_func=lambda action: labels.ACTION[action].text,
        key=field(incident, "action"),
        placeholder=_("选择处理方式"),
    )
    if action is None:
        return
    if action is Action.REASSIGN:
        sent = wording.listed(one.worker_full_name or one.worker_name for one in incident.crew)
        told = _n("将召回现有 {n} 人（{names}），再派给下一位。", len(incident.crew), names=sent)
        st.html(f'<section class="case-nobody"><p>{escape(told)}</p></section>')
    if action is Action.HAND_OVER:
        _hand_over(incident)
        return
    needs = lifecycle.step(incident.status, action).needs
    key = field(incident, f"opinion_{action}")
    asked = Asked(
        action=action,
        department=_department(incident) if Given.DEPARTMENT in needs else None,
        original=_original(incident) if Given.ORIGINAL in needs else None,
        resume_by=_resume_by(incident) if Given.RESUME_BY in needs else None,
        parts=_parts(incident) if Given.PARTS in needs else (),
        is_granted=_verdict(incident) if action is Action.REVIEW else None,
        opinion=keep(
            key,
            st.text_area(
                _("意见") if Given.OPINION in needs else _("意见（可不填）"),
                value=draft(key),
                key=key,
                height=80,
                max_chars=_LONGEST,
            ),
        ),
    )
    if st.button(_("确定{action}", action=labels.ACTION[action].text), key="case_confirm_beside", width="stretch"):
        take(incident, asked)


def _hand_over(incident: Incident) -> None:
    """The end of somebody's shift: all that they hold goes to others, not this case alone."""
    names = {sent.worker_code: sent.worker_full_name or sent.worker_name for sent in incident.crew}
    worker = st.selectbox(
        _("谁交班"),
        list(names),
        format_func=names.__getitem__,
        key=field(incident, "off_shift"),
        disabled=len(names) == 1,
    )
    held = context.remembered("held", worker, ("incidents",), lambda session: replacements.held_by(session, worker))
    st.caption(_n("{name} 手头 {n} 件将各派给下一位；没有人能接的留在原处。", len(held), name=names[worker]))
    if st.button(_("确定交班"), key="case_confirm_beside", width="stretch"):
        with commands.attempt():
            done = replacements.hand_over(context.deployment().database, context.principal(), worker, now=context.now())
            begin_anew(incident)
            told = _n("{name} 已交接 {n} 件", len(done.passed_on), name=names[worker])
            numbers = wording.listed(done.passed_on)
            commands.say(_("{text}：{why}", text=told, why=numbers) if numbers else told)
            if done.kept:
                numbers = wording.listed(done.kept)
                commands.tell(_n("{n} 件暂时无人可接，仍由本人负责：{numbers}", len(done.kept), numbers=numbers))
        deeplink.again()


def _department(incident: Incident) -> str | None:
    names = context.remembered("departments", "all", ("incidents",), departments.names)
    return st.selectbox(
        _("转给"),
        list(names),
        index=None,
        format_func=names.__getitem__,
        key=field(incident, "department"),
        placeholder=_("选择承办单位"),
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
        _("与哪一件重复"),
        list(titles),
        index=None,
        format_func=lambda no: titles.get(no, no),
        key=field(incident, "original"),
        accept_new_options=True,
        placeholder=_("附近同类事件，或直接填写编号"),
    )


def _resume_by(incident: Incident) -> datetime:
    zone = ZoneInfo(context.county().timezone)
    today = context.now().astimezone(zone).date()
    chosen: date = st.date_input(
        _("最迟恢复日期"),
        value=today + timedelta(days=_PUT_OFF_DAYS),
        min_value=today + timedelta(days=1),
        max_value=today + timedelta(days=365),
        key=field(incident, "resume_by"),
        help=_("挂账期间时限停止计算；到期前须恢复办理。每件只能挂账一次，最长一年"),
    )
    return datetime.combine(chosen, time(18), zone)


def _parts(incident: Incident) -> tuple[Report, ...]:
    """One part at a time, at the same place: another class, its own title."""
    by_code = {row.code: row for row in values.classes()}
    code = st.selectbox(
        _("拆出的类别"),
        list(by_code),
        index=None,
        format_func=lambda code: f"{by_code[code].major_name} › {by_code[code].name}",
        key=field(incident, "part_class"),
        placeholder=_("选择类别"),
    )
    title = st.text_input(_("拆出的标题"), key=field(incident, "part_title"), max_chars=200)
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
        _("审核结论"),
        [True, False],
        default=True,
        required=True,
        format_func=lambda value: _("同意") if value else _("不同意"),
        key=field(incident, "verdict"),
    )
    return bool(said)

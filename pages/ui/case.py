"""The case: one incident with its facts, who may go, and what may be done with it next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import cast

import streamlit as st

from db import assignments, candidates, cases, responders
from db.candidates import Recommendation
from db.cases import ActiveAssignment, Incident
from db.stepping import Asked
from governance import dispatch, labels
from governance.access import Permission
from governance.dispatch import Ranked
from governance.lifecycle import Action
from layers.palette import SEVERITY, SEVERITY_NUMERAL
from pages.ui import casemap, casework, commands, context, parts, photos, similar, whysent, wording

_UNDO = timedelta(seconds=10)
_LAYERS = ("incidents", "workers")
_CHOSEN = "_desk_case"
_SHOWN = 5
"""Candidates on the list and the map: more are farther than anybody would choose."""


@st.fragment(run_every="2s", key="desk_case")
def render() -> None:
    """The map and the case of the incident that the address names, kept up to date."""
    centre, right = st.columns([1.62, 1], gap="small")
    no = shown() or ""
    with right, st.container(key="desk_case"), commands.calmly() as calm:
        if no:
            incident = context.remembered("case", no, ("incidents",), lambda session: cases.get(session, no))
            recommendation = _recommendation(incident)
            chosen = _panel(incident, recommendation)
        else:
            st.html('<div class="case-empty">从左侧选一件事件，这里显示它的情况和可派人员。</div>')
    with centre, commands.calmly():
        if no and not calm.is_broken:
            ranked = recommendation.ranking.ranked[:_SHOWN] if recommendation else ()
            clicked = casemap.show(incident, ranked, chosen, _routes(incident, recommendation))
        else:
            clicked = casemap.show_town()
        if clicked and clicked != no:
            open_case(clicked)


def arrive() -> None:
    """Takes the incident from the address, when the whole screen is drawn.

    A fragment that draws itself anew may still bring the address from before the last step through the queue: it would
    show the case that was left, for a moment, and empty what was written there.
    """
    is_case = not {"new", "surge"} & set(st.query_params)
    st.session_state[_CHOSEN] = st.query_params.get("no", "") if is_case else None


def shown() -> str | None:
    """The number of the incident that is shown, "" for none; None while the screen shows something else."""
    return cast("str | None", st.session_state.get(_CHOSEN, ""))


def open_case(no: str) -> None:
    """Shows the incident `no` in place of what is shown now."""
    commands.forget_refusal()
    casework.keep_all()
    st.session_state[_CHOSEN] = no
    st.query_params.from_dict({"no": no})
    st.rerun()


def _recommendation(incident: Incident) -> Recommendation | None:
    """Whom the rules propose, as long as somebody can still be sent."""
    principal = context.principal()
    # A reported incident is accepted on the way, so it may be dispatched at once.
    if not {Action.ACCEPT, Action.DISPATCH} & set(incident.actions) or not principal.may(Permission.DISPATCH):
        return None
    return context.remembered(
        "candidates",
        incident.no,
        _LAYERS,
        lambda session: candidates.recommend(session, incident.no, principal=principal, now=context.now()),
    )


def _routes(incident: Incident, recommendation: Recommendation | None) -> dict[int, list[tuple[float, float]]]:
    """The ways that the candidates on the map would take, by worker id."""
    if recommendation is None:
        return {}
    ranked, mode = recommendation.ranking.ranked[:_SHOWN], recommendation.policy.mode
    about = (incident.no, mode, tuple((entry.candidate.worker_id, entry.candidate.lon) for entry in ranked))
    return context.remembered(
        "routes", about, (), lambda session: candidates.routes(session, incident.lon, incident.lat, ranked, mode)
    )


def _panel(incident: Incident, recommendation: Recommendation | None) -> str:
    """Draws the case; the code of the worker who is to be sent, "" when nobody is."""
    now = context.now()
    st.html(_head(incident, now))
    _undo_bar(incident, now)
    refused = commands.refused()
    if refused:
        st.error(refused.text)
    if told := commands.said():
        st.success(told, icon=":material/check_circle:")
    chosen = ""
    if recommendation is not None:
        chosen = _dispatching(incident, recommendation, now)
    elif incident.crew:
        st.html("".join(_sent(sent, now) for sent in incident.crew))
    casework.render(incident, may_dispatch=bool(chosen))
    st.html(_facts(incident, now))
    whysent.render(incident)
    photos.render(incident)
    st.link_button("打印办理单", f"/api/incidents/{incident.no}/sheet.pdf", icon=":material/print:", width="stretch")
    similar.render(incident)
    st.html(_timeline(incident, now))
    return chosen


def _dispatching(incident: Incident, recommendation: Recommendation, now: datetime) -> str:
    """The candidates and the one button; the code of the worker that it sends."""
    ranked = recommendation.ranking.ranked[:_SHOWN]
    if not ranked:
        st.html(_nobody(recommendation))
        return ""
    codes = [entry.candidate.code for entry in ranked]
    names = _names(ranked)
    key = f"case_worker_{incident.no}"
    chosen = st.session_state.get(key)
    chosen = chosen if chosen in codes else codes[0]
    entry = ranked[codes.index(chosen)]
    is_override = chosen != codes[0]
    reason = ""
    if is_override:
        kept = casework.field(incident, "reason")
        with st.container(key="case_why"):
            typed = st.text_input(
                "改派理由（必填）  R",
                value=casework.draft(kept),
                key=kept,
                placeholder=f"为什么派 {names[chosen]} 而不派第一位",
            )
        reason = casework.keep(kept, typed)
    if st.button(
        f"一键派单 → {names[chosen]} · {wording.distance(entry.candidate.distance_m)}  ⏎",
        key="desk_dispatch",
        type="primary",
        icon=":material/send:",
        width="stretch",
    ):
        _send(incident, chosen if is_override else None, reason or "")
    picked = parts.cards(
        "case_candidates",
        [_candidate(entry, names, now, recommendation.policy.mode) for entry in ranked],
        picked=chosen,
        label="可派人员，按规则排序，按数字键选择",
        has_digits=True,
    )
    if picked and picked != chosen:
        commands.forget_refusal()
        st.session_state[key] = picked
        st.rerun(scope="fragment")
    st.html(_companions(recommendation) + _excluded(recommendation))
    return chosen


def _send(incident: Incident, worker: str | None, reason: str) -> None:
    sent: Incident | None = None
    with commands.attempt():
        sent = assignments.dispatch(
            context.deployment().database,
            context.principal(),
            incident.no,
            now=context.now(),
            worker=worker,
            reason=reason,
        )
    if sent is not None and sent.assignment is not None:
        casework.begin_anew(incident)
        st.session_state.pop(f"case_worker_{incident.no}", None)
        st.session_state["desk_sent"] = (sent.no, sent.assignment.worker_name, context.now() + _UNDO)
    st.rerun()


def _undo_bar(incident: Incident, now: datetime) -> None:
    """For ten seconds after a dispatch: who was sent, and the way to call them back."""
    no, name, until = st.session_state.get("desk_sent", ("", "", now))
    if no != incident.no or now >= until or Action.WITHDRAW not in incident.actions:
        return
    told, undo = st.columns([1.7, 1], vertical_alignment="center")
    told.success(f"已派 {name}", icon=":material/check_circle:")
    seconds = max(1, round((until - now).total_seconds()))
    if undo.button(f"撤回 U · {seconds} 秒", key="desk_undo", icon=":material/undo:", width="stretch"):
        st.session_state.pop("desk_sent", None)
        casework.take(incident, Asked(action=Action.WITHDRAW, opinion="派错，十秒内撤回"))


def _names(ranked: Sequence[Ranked]) -> dict[str, str]:
    """What candidates are called, by code: those who are masked alike are told apart by the end of their codes."""
    alike = Counter(entry.candidate.name for entry in ranked)
    people = [entry.candidate for entry in ranked]
    return {one.code: f"{one.name}（{one.code[-4:]}）" if alike[one.name] > 1 else one.name for one in people}


def _candidate(entry: Ranked, names: Mapping[str, str], now: datetime, mode: str) -> parts.Card:
    candidate = entry.candidate
    return parts.Card(
        id=candidate.code,
        title=names[candidate.code],
        colour="var(--accent)" if entry.rank == 1 else "var(--muted)",
        mark=str(entry.rank),
        aside=f"{wording.distance(candidate.distance_m)} · {wording.minutes(entry.eta_s)}",
        meta=f"{labels.POST[candidate.post].zh} · 手头 {candidate.load}/{candidate.cap} 件",
        tail=f"定位 {wording.ago(candidate.positioned_at, now)}" if candidate.positioned_at else "按驻点计",
        note=dispatch.explain(entry, mode),
    )


def _head(incident: Incident, now: datetime) -> str:
    tags = [f'<span class="tag">{labels.STATUS[incident.status].zh}</span>']
    tags += ['<span class="tag warn">督办</span>'] if incident.is_supervised else []
    tags += ['<span class="tag warn">网格外</span>'] if incident.is_outside_grid else []
    tags += ['<span class="tag warn">涉敏</span>'] if incident.is_sensitive else []
    tone = "late" if wording.is_overdue(incident.due_at, now) else ""
    zone = context.county().timezone
    due = f'<span class="due {tone}" title="{wording.full_instant(incident.due_at, zone=zone)}">' + (
        f"{wording.remaining(incident.due_at, now)}</span>" if incident.is_open else "已结束</span>"
    )
    if incident.is_open and incident.remaining_s is None and incident.due_at != incident.settle_by:
        # The stage may have time left while the whole matter is late.
        late = wording.is_overdue(incident.settle_by, now)
        due += f'<span class="due late">总时限{wording.remaining(incident.settle_by, now)}</span>' if late else ""
    return f"""<header class="case-head" style="--severity:{SEVERITY[incident.severity]}">
<div class="row"><span class="mark">{SEVERITY_NUMERAL[incident.severity]}</span><h3>{escape(incident.title)}</h3></div>
<div class="row">{"".join(tags)}<span class="no">{escape(incident.no)}</span>{due}</div></header>
{_stages(incident, now)}"""


def _stages(incident: Incident, now: datetime) -> str:
    """The way from report to closure, with the time of each stage that was reached."""
    zone = context.county().timezone
    stages = (
        ("上报", incident.reported_at),
        ("受理", incident.accepted_at),
        ("派遣", incident.dispatched_at),
        ("接单", incident.acknowledged_at),
        ("到场", incident.arrived_at),
        ("处置", incident.resolved_at),
        ("办结", incident.closed_at),
    )
    cells = "".join(
        f'<li class="{"done" if at else ""}" title="{wording.full_instant(at, zone=zone) if at else "尚未"}">'
        f"<b>{name}</b>{_stage_time(at, now)}</li>"
        for name, at in stages
    )
    return f'<ol class="case-stages">{cells}</ol>'


def _stage_time(at: datetime | None, now: datetime) -> str:
    """The time of day, with the day below it when it isn't today."""
    day, _, time = wording.instant(at, now, zone=context.county().timezone).rpartition(" ")
    return f"<span>{time}</span>" + (f"<small>{day}</small>" if day not in {"", "今天"} else "")


def _clock(at: datetime, now: datetime) -> str:
    return wording.instant(at, now, zone=context.county().timezone).removeprefix("今天 ")


def _sent(sent: ActiveAssignment, now: datetime) -> str:
    # Without an override the reason is a note: that the joint plan sent them.
    override = f"<p>{'改派理由：' if sent.is_override else ''}{escape(sent.reason)}</p>" if sent.reason else ""
    phone = f" · {escape(sent.worker_full_phone)}" if sent.worker_full_phone else ""
    eta = f"，预计 {wording.minutes(sent.eta_s)}到" if sent.eta_s is not None and not sent.arrived_at else ""
    answer = ""
    if sent.acknowledge_by is not None and sent.acknowledged_at is None:
        left_s = (sent.acknowledge_by - now).total_seconds()
        answer = f"<p>{wording.minutes(left_s)}内未接单，将自动改派下一位</p>"
        if sent.acknowledge_by < now:
            answer = "<p>超时未接单，正在改派下一位</p>"
    role = labels.POST[sent.post].zh if sent.post in labels.POST else ""
    lead = "" if sent.slot == 1 else "协同 · "
    return f"""<section class="case-sent"><p><b>{escape(sent.worker_full_name or sent.worker_name)}</b>
{lead}{role}{phone}</p><p>{labels.ASSIGNMENT[sent.status].zh} · 派出时相距 {wording.distance(sent.distance_m)}{eta} ·
{wording.ago(sent.dispatched_at, now)}派出</p>{answer}{override}</section>"""


def _facts(incident: Incident, now: datetime) -> str:
    zone = context.county().timezone
    reporter = " ".join(part for part in (incident.reporter_name, incident.reporter_phone) if part)
    pairs = (
        ("类别", f"{incident.major_name} › {incident.class_name}"),
        ("级别", f"{SEVERITY_NUMERAL[incident.severity]} 级 {labels.SEVERITY[incident.severity].zh}"),
        ("网格", " › ".join(grid.name for grid in reversed(incident.chain))),
        ("地址", incident.address),
        ("坐标", f"{incident.lon:.6f}, {incident.lat:.6f}(上报为 {incident.raw_crs.upper()})"),
        ("来源", labels.SOURCE[incident.source].zh),
        ("报告人", reporter),
        ("上报", wording.instant(incident.reported_at, now, zone=zone)),
        ("总时限", _limit(incident, now)),
        ("承办单位", incident.department_name or ""),
        ("重复于", incident.merged_into_no or ""),
        ("拆自", incident.parent_no or ""),
        ("拆出", "、".join(incident.part_nos)),
        ("回访", {True: "满意", False: "不满意", None: ""}[incident.is_satisfied]),
        ("情况", incident.description),
    )
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in pairs if value)
    return f'<dl class="case-facts">{rows}</dl>'


def _limit(incident: Incident, now: datetime) -> str:
    """The deadline of the whole matter, and what became of its clock."""
    zone = context.county().timezone
    text = wording.instant(incident.settle_by, now, zone=zone)
    if incident.remaining_s is not None:
        until = f"，须在 {wording.instant(incident.resume_by, now, zone=zone)} 前恢复" if incident.resume_by else ""
        text = f"暂停计时{until}"
    amount = f"{incident.limit_amount.normalize():f} 个{labels.CLOCK[incident.limit_clock].zh}"
    extended = f"，已延期 {incident.extensions} 次" if incident.extensions else ""
    exempt = "，申诉成立，不计入超期统计" if incident.is_exempt else ""
    return f"{text}（{amount}{extended}{exempt}）"


def _timeline(incident: Incident, now: datetime) -> str:
    zone = context.county().timezone
    rows = "".join(
        f'<li><time title="{wording.full_instant(step.at, zone=zone)}">{_clock(step.at, now)}</time>'
        f"<div><b>{labels.action_text(step.action)}</b> {escape(step.actor_name or step.actor)}"
        f"{f'<p>{escape(step.opinion)}</p>' if step.opinion else ''}</div></li>"
        for step in reversed(incident.steps)
    )
    return f'<h4 class="case-h">经过</h4><ol class="case-steps">{rows}</ol>'


def _nobody(recommendation: Recommendation) -> str:
    shortfall = recommendation.ranking.shortfall
    sentence = labels.shortfall_text(str(shortfall)) if shortfall else "没有可派人员"
    told = f'<section class="case-nobody"><b>暂时派不出人</b><p>{escape(sentence)}</p></section>'
    return told + _excluded(recommendation)


def _companions(recommendation: Recommendation) -> str:
    """Who goes along, where the run card asks for more than the lead; and why somebody can't be had."""
    rows = []
    for number, line in enumerate(recommendation.lines, start=1):
        people = line.rules.people - (number == 1)
        if not people:
            continue
        found = [e for e in line.ranking.ranked if number > 1 or e.rank > 1][:people]
        wanted = "、".join([*(labels.POST[p].zh for p in sorted(line.rules.posts)), *_skills(line.rules.skills)])
        names = "、".join(f"{e.candidate.name}（{wording.distance(e.candidate.distance_m)}）" for e in found)
        short = ""
        if len(found) < people:
            why = labels.shortfall_text(str(line.ranking.shortfall)) if line.ranking.shortfall else "人数不足"
            short = f"<b>缺 {people - len(found)} 人：{escape(why)}</b>"
        rows.append(f"<li>{escape(wanted or '网格员')} {people} 人：{escape(names)} {short}</li>")
    return f'<div class="case-along"><b>协同人员（随派单一并派出）</b><ul>{"".join(rows)}</ul></div>' if rows else ""


def _skills(ids: frozenset[int]) -> list[str]:
    names = context.remembered("skills", "all", (), responders.skills)
    return [names[number] for number in sorted(ids) if number in names]


def _excluded(recommendation: Recommendation) -> str:
    counts = [
        f"{labels.EXCLUSION[reason].zh} {wording.count(number)} 人"
        for reason, number in sorted(recommendation.ranking.excluded.items(), key=lambda pair: -pair[1])
        if number
    ]
    return f'<p class="case-excluded">未列入：{"、".join(counts)}</p>' if counts else ""

"""The case: one incident with its facts, who may go, and what may be done with it next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from html import escape
from typing import NoReturn

import streamlit as st

from db import assignments, candidates, cases, responders
from db.candidates import Recommendation
from db.cases import Incident
from db.stepping import Asked
from governance import dispatch, labels
from governance.access import Permission
from governance.dispatch import Ranked
from governance.language import PARAMETER, _, current
from governance.lifecycle import Action
from pages.ui import casefacts, casemap, casework, commands, context, deeplink, parts, photos, similar, whysent, wording

_UNDO = timedelta(seconds=10)
_LAYERS = ("incidents", "workers")
_NO, _NEW, _SURGE = "no", "new", "surge"
"""What the address says of the desk: the incident, or that the form or the joint plan stands in its place."""

_BESIDE = (_NEW, _SURGE)
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
            st.html(f'<div class="case-empty">{_("从左侧选一件事件，这里显示它的情况和可派人员。")}</div>')
    with centre, commands.calmly():
        if no and not calm.is_broken:
            ranked = recommendation.ranking.ranked[:_SHOWN] if recommendation else ()
            clicked = casemap.show(incident, ranked, chosen, _routes(incident, recommendation))
        else:
            clicked = casemap.show_town()
        if clicked and clicked != no:
            open_case(clicked)


def arrive() -> None:
    """Takes what the desk shows from the address, when the whole screen is drawn."""
    deeplink.arrive(_NO, *_BESIDE)


def shown() -> str | None:
    """The number of the incident that is shown, "" for none; None while the screen shows something else."""
    return None if any(map(deeplink.held, _BESIDE)) else deeplink.held(_NO)


def is_reporting() -> bool:
    """Whether the form for a new incident stands in the place of the case."""
    return bool(deeplink.held(_NEW))


def is_planning() -> bool:
    """Whether the joint plan does; the form goes before it where an address names both."""
    return bool(deeplink.held(_SURGE))


def open_case(no: str = "") -> NoReturn:
    """Shows the incident `no` in place of what is shown now, "" for the first of the queue."""
    _show(_NO, no)


def open_report() -> NoReturn:
    """Shows the form for a new incident in place of what is shown now."""
    _show(_NEW, "1")


def open_plan() -> NoReturn:
    """Shows the joint plan in place of what is shown now."""
    _show(_SURGE, "1")


def _show(key: str, value: str) -> NoReturn:
    commands.forget_refusal()
    casework.keep_all()
    deeplink.turn(dict.fromkeys((_NO, *_BESIDE), "") | {key: value})


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
    st.html(casefacts.head(incident, now))
    _undo_bar(incident, now)
    refused = commands.refused()
    if refused:
        st.error(wording.literal(refused.text))
    if told := commands.said():
        st.success(told, icon=":material/check_circle:")
    chosen = ""
    if recommendation is not None:
        chosen = _dispatching(incident, recommendation, now)
    elif incident.crew:
        st.html("".join(casefacts.sent(sent, now) for sent in incident.crew))
    casework.render(incident, may_dispatch=bool(chosen))
    st.html(casefacts.facts(incident, now))
    whysent.render(incident)
    photos.render(incident)
    st.link_button(
        _("打印办理单"),
        f"/api/incidents/{incident.no}/sheet.pdf?{PARAMETER}={current()}",
        icon=":material/print:",
        width="stretch",
    )
    similar.render(incident)
    st.html(casefacts.timeline(incident, now))
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
                _("改派理由（必填）  R"),
                value=casework.draft(kept),
                key=kept,
                placeholder=_("为什么派 {name} 而不派第一位", name=names[chosen]),
            )
        reason = casework.keep(kept, typed)
    if st.button(
        _(
            "一键派单 → {name} · {distance}  ⏎",
            name=wording.literal(names[chosen]),
            distance=wording.distance(entry.candidate.distance_m),
        ),
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
        label=_("可派人员，按规则排序，按数字键选择"),
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
    deeplink.again()


def _undo_bar(incident: Incident, now: datetime) -> None:
    """For ten seconds after a dispatch: who was sent, and the way to call them back."""
    no, name, until = st.session_state.get("desk_sent", ("", "", now))
    if no != incident.no or now >= until or Action.WITHDRAW not in incident.actions:
        return
    told, undo = st.columns([1.7, 1], vertical_alignment="center")
    told.success(_("已派 {name}", name=wording.literal(name)), icon=":material/check_circle:")
    seconds = max(1, round((until - now).total_seconds()))
    if undo.button(
        _("撤回 U · {seconds} 秒", seconds=seconds), key="desk_undo", icon=":material/undo:", width="stretch"
    ):
        st.session_state.pop("desk_sent", None)
        casework.take(incident, Asked(action=Action.WITHDRAW, opinion="派错，十秒内撤回"))


def _names(ranked: Sequence[Ranked]) -> dict[str, str]:
    """What candidates are called, by code: those who are masked alike are told apart by the end of their codes."""
    alike = Counter(entry.candidate.name for entry in ranked)
    people = [entry.candidate for entry in ranked]
    return {
        one.code: _("{name}（{detail}）", name=one.name, detail=one.code[-4:]) if alike[one.name] > 1 else one.name
        for one in people
    }


def _candidate(entry: Ranked, names: Mapping[str, str], now: datetime, mode: str) -> parts.Card:
    candidate = entry.candidate
    load = _("手头 {load}/{cap} 件", load=candidate.load, cap=candidate.cap)
    return parts.Card(
        id=candidate.code,
        title=names[candidate.code],
        colour="var(--accent)" if entry.rank == 1 else "var(--muted)",
        mark=str(entry.rank),
        aside=f"{wording.distance(candidate.distance_m)} · {wording.minutes(entry.eta_s)}",
        meta=f"{labels.POST[candidate.post].text} · {load}",
        tail=_("定位 {ago}", ago=wording.ago(candidate.positioned_at, now))
        if candidate.positioned_at
        else _("按驻点计"),
        note=dispatch.explain(entry, mode),
    )


def _nobody(recommendation: Recommendation) -> str:
    shortfall = recommendation.ranking.shortfall
    sentence = labels.shortfall_text(str(shortfall)) if shortfall else _("没有可派人员")
    told = f'<section class="case-nobody"><b>{_("暂时派不出人")}</b><p>{escape(sentence)}</p></section>'
    return told + _excluded(recommendation)


def _companions(recommendation: Recommendation) -> str:
    """Who goes along, where the run card asks for more than the lead; and why somebody can't be had."""
    rows = []
    for number, line in enumerate(recommendation.lines, start=1):
        people = line.rules.people - (number == 1)
        if not people:
            continue
        found = [e for e in line.ranking.ranked if number > 1 or e.rank > 1][:people]
        wanted = wording.listed([*(labels.POST[p].text for p in sorted(line.rules.posts)), *_skills(line.rules.skills)])
        names = wording.listed(
            _("{name}（{detail}）", name=e.candidate.name, detail=wording.distance(e.candidate.distance_m))
            for e in found
        )
        short = ""
        if len(found) < people:
            why = labels.shortfall_text(str(line.ranking.shortfall)) if line.ranking.shortfall else _("人数不足")
            short = f"<b>{escape(_('缺 {n} 人：{why}', n=people - len(found), why=why))}</b>"
        told = _("{kind} {n} 人：{names}", kind=wanted or _("网格员"), n=people, names=names)
        rows.append(f"<li>{escape(told)} {short}</li>")
    title = _("协同人员（随派单一并派出）")
    return f'<div class="case-along"><b>{title}</b><ul>{"".join(rows)}</ul></div>' if rows else ""


def _skills(ids: frozenset[int]) -> list[str]:
    names = context.remembered("skills", "all", (), responders.skills)
    return [names[number] for number in sorted(ids) if number in names]


def _excluded(recommendation: Recommendation) -> str:
    counts = [
        _("{kind} {n} 人", kind=labels.EXCLUSION[reason].text, n=wording.count(number))
        for reason, number in sorted(recommendation.ranking.excluded.items(), key=lambda pair: -pair[1])
        if number
    ]
    return f'<p class="case-excluded">{_("未列入：{counts}", counts=wording.listed(counts))}</p>' if counts else ""

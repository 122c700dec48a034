"""The joint plan: who goes where when much waits at once, beside what one by one would do; sent whole or in part."""

from __future__ import annotations

from html import escape

import streamlit as st

from db import surge
from db.surge import Outcome, Proposal, Proposed
from governance import labels
from layers.palette import SEVERITY, SEVERITY_NUMERAL
from pages.ui import commands, context, wording

_PLAN = "_surge_plan"
_DONE = "_surge_done"


def render() -> None:
    """Draws the plan as it was made when it was opened; nothing is sent before it is accepted."""
    st.html('<h2 class="desk-title">联合派单</h2>')
    if st.session_state.get(_PLAN) is None:
        with st.spinner("正在为所有待派事件统筹人员……"), context.reading() as session:
            st.session_state[_PLAN] = surge.propose(session, principal=context.principal(), now=context.now())
    proposal: Proposal = st.session_state[_PLAN]
    _outcomes(st.session_state.get(_DONE, []))
    if not proposal.lines:
        st.html(
            '<div class="case-empty">没有待派遣的事件，或都没有可派人员。<br>有多件事件同时待派时，'
            "这里给出统筹方案：谁去哪一件，合计路程最短。</div>" + _unsent(proposal)
        )
        _close("返回")
        return
    st.html(_summary(proposal))
    chosen = _lines(proposal)
    send, again, back = st.columns([2, 1, 1])
    if send.button(
        f"按方案派出 {len(chosen)} 件", key="surge_send", type="primary", disabled=not chosen, width="stretch"
    ):
        _send(chosen)
    if again.button("重新统筹", key="surge_again", width="stretch"):
        forget()
        st.rerun()
    with back:
        _close("返回  Esc")
    if proposal.unsent:
        st.html(_unsent(proposal))


def forget() -> None:
    """Drops the plan: the next look makes another."""
    st.session_state.pop(_PLAN, None)
    st.session_state.pop(_DONE, None)


def _close(text: str) -> None:
    if st.button(text, key="desk_close", width="stretch"):
        forget()
        st.query_params.clear()
        st.rerun()


def _summary(proposal: Proposal) -> str:
    together, alone = proposal.together, proposal.alone
    more = len(together.sent) - len(alone.sent)
    saved_min = round((alone.cost_s - together.cost_s) / 60)
    if more:
        told = f"比逐件派单<b>多派出 {more} 件</b>"
    elif saved_min > 0:
        told = f"比逐件派单<b>合计少用 {saved_min} 分钟</b>"
    else:
        told = "与逐件派单相同"
    planned = f"共 <b>{len(together.sent)}</b> 件，路程合计 <b>{wording.minutes(together.travel_s)}</b>"
    singly = f"逐件派单为 {len(alone.sent)} 件、{wording.minutes(alone.travel_s)}"
    return f'<p class="desk-tally">{planned}；{singly}。{told}（每跨出一级责任网格按规则折算时间）。</p>'


def _lines(proposal: Proposal) -> list[tuple[str, str]]:
    """The lines with a box each; the pairs that are ticked."""
    chosen = []
    with st.container(key="surge_lines", gap="xsmall"):
        for line in proposal.lines:
            box, text = st.columns([0.05, 1], vertical_alignment="center", gap="small")
            label = f"派 {line.chosen.candidate.name} 处置 {line.incident.title}"
            if box.checkbox(label, value=True, key=f"surge_{line.incident.no}", label_visibility="collapsed"):
                chosen.append((line.incident.no, line.chosen.candidate.code))
            text.html(_line(line))
    return chosen


def _line(line: Proposed) -> str:
    row, entry = line.incident, line.chosen
    alone = ""
    if line.alone is None:
        alone = "逐件派单时无人可派"
    elif line.alone.candidate.code != entry.candidate.code:
        alone = f"逐件派单为 {line.alone.candidate.name} · {wording.minutes(line.alone.eta_s)}"
    due = wording.remaining(row.due_at, context.now())
    return f"""<div class="surge-line" style="--severity:{SEVERITY[row.severity]}">
<span class="mark">{SEVERITY_NUMERAL[row.severity]}</span>
<div><b>{escape(row.title)}</b><small>{escape(row.grid_name)} · {due}</small></div>
<div><b>{escape(entry.candidate.name)}</b><small>{labels.RING[entry.ring.name.lower()].zh} ·
{wording.distance(entry.candidate.distance_m)} · {wording.minutes(entry.eta_s)}</small></div>
<small>{escape(alone)}</small></div>"""


def _unsent(proposal: Proposal) -> str:
    """Those to whom nobody goes, and why."""
    rows = "".join(
        f"<li>{escape(left.incident.title)}（{escape(left.incident.grid_name)}）："
        f"{escape(labels.reason_text(left.reason) or '合适的人员已安排去更急或更近的事件')}</li>"
        for left in proposal.unsent
    )
    title = f"<b>以下 {len(proposal.unsent)} 件暂不派人</b>"
    return f'<section class="case-nobody">{title}<ul>{rows}</ul></section>' if rows else ""


def _send(chosen: list[tuple[str, str]]) -> None:
    database, principal = context.deployment().database, context.principal()
    outcomes: list[Outcome] = []
    with st.spinner("正在派出……"), commands.attempt():
        outcomes = surge.accept(database, principal, chosen, now=context.now())
    forget()
    st.session_state[_DONE] = outcomes
    st.rerun()


def _outcomes(outcomes: list[Outcome]) -> None:
    if not outcomes:
        return
    failed = [outcome for outcome in outcomes if not outcome.is_sent]
    st.success(f"已派出 {len(outcomes) - len(failed)} 件。", icon=":material/check_circle:")
    for outcome in failed:
        st.warning(f"{outcome.no} 未派出：{_why(outcome)}。", icon=":material/info:")


def _why(outcome: Outcome) -> str:
    return labels.reason_text(outcome.reason) or labels.ERRORS[outcome.error].zh

"""The joint plan: who goes where when much waits at once, beside what one by one would do; sent whole or in part."""

from __future__ import annotations

from html import escape

import streamlit as st

from db import surge
from db.surge import Outcome, Proposal, Proposed, Unsent
from governance import labels
from governance.language import _, _n
from layers.palette import SEVERITY, SEVERITY_NUMERAL
from pages.ui import case, commands, context, deeplink, wording

_PLAN = "_surge_plan"
_DONE = "_surge_done"


def render() -> None:
    """Draws the plan as it was made when it was opened; nothing is sent before it is accepted."""
    st.html(f'<h2 class="desk-title">{_("联合派单")}</h2>')
    if st.session_state.get(_PLAN) is None:
        with st.spinner(_("正在为所有待派事件统筹人员……")), context.reading() as session:
            st.session_state[_PLAN] = surge.propose(session, principal=context.principal(), now=context.now())
    proposal: Proposal = st.session_state[_PLAN]
    _outcomes(st.session_state.get(_DONE, []))
    if not proposal.lines:
        st.html(
            f'<div class="case-empty">{_("没有待派遣的事件，或都没有可派人员。")}<br>'
            f"{_('有多件事件同时待派时，这里给出统筹方案：谁去哪一件，合计路程最短。')}</div>{_unsent(proposal)}"
        )
        _close(_("返回"))
        return
    st.html(_summary(proposal))
    chosen = _lines(proposal)
    send, again, back = st.columns([2, 1, 1])
    if send.button(
        _n("按方案派出 {n} 件", len(chosen)), key="surge_send", type="primary", disabled=not chosen, width="stretch"
    ):
        _send(chosen)
    if again.button(_("重新统筹"), key="surge_again", width="stretch"):
        forget()
        deeplink.again()
    with back:
        _close(_("返回  Esc"))
    if proposal.unsent:
        st.html(_unsent(proposal))


def forget() -> None:
    """Drops the plan: the next look makes another."""
    st.session_state.pop(_PLAN, None)
    st.session_state.pop(_DONE, None)


def _close(text: str) -> None:
    if st.button(text, key="desk_close", width="stretch"):
        forget()
        case.open_case()


def _summary(proposal: Proposal) -> str:
    together, alone = proposal.together, proposal.alone
    more = len(together.sent) - len(alone.sent)
    saved_min = round((alone.cost_s - together.cost_s) / 60)
    if more:
        told = _n("比逐件派单<b>多派出 {n} 件</b>", more)
    elif saved_min > 0:
        told = _("比逐件派单<b>合计少用 {n} 分钟</b>", n=saved_min)
    else:
        told = _("与逐件派单相同")
    planned = _n(
        "共 <b>{n}</b> 件，路程合计 <b>{time}</b>", len(together.sent), time=wording.minutes(together.travel_s)
    )
    singly = _n("逐件派单为 {n} 件、{time}", len(alone.sent), time=wording.minutes(alone.travel_s))
    said = _(
        "{planned}；{singly}。{told}（每跨出一级责任网格按规则折算时间）。", planned=planned, singly=singly, told=told
    )
    return f'<p class="desk-tally">{said}</p>'


def _lines(proposal: Proposal) -> list[tuple[str, str]]:
    """The lines with a box each; the pairs that are ticked."""
    chosen = []
    with st.container(key="surge_lines", gap="xsmall"):
        for line in proposal.lines:
            box, text = st.columns([0.05, 1], vertical_alignment="center", gap="small")
            label = _("派 {name} 处置 {title}", name=line.chosen.candidate.name, title=line.incident.title)
            if box.checkbox(label, value=True, key=f"surge_{line.incident.no}", label_visibility="collapsed"):
                chosen.append((line.incident.no, line.chosen.candidate.code))
            text.html(_line(line))
    return chosen


def _line(line: Proposed) -> str:
    row, entry = line.incident, line.chosen
    alone = ""
    if line.alone is None:
        alone = _("逐件派单时无人可派")
    elif line.alone.candidate.code != entry.candidate.code:
        alone = _("逐件派单为 {name} · {time}", name=line.alone.candidate.name, time=wording.minutes(line.alone.eta_s))
    due = wording.remaining(row.due_at, context.now())
    return f"""<div class="surge-line" style="--severity:{SEVERITY[row.severity]}">
<span class="mark">{SEVERITY_NUMERAL[row.severity]}</span>
<div><b>{escape(row.title)}</b><small>{escape(row.grid_name)} · {due}</small></div>
<div><b>{escape(entry.candidate.name)}</b><small>{labels.RING[entry.ring.name.lower()].text} ·
{wording.distance(entry.candidate.distance_m)} · {wording.minutes(entry.eta_s)}</small></div>
<small>{escape(alone)}</small></div>"""


def _unsent(proposal: Proposal) -> str:
    """Those to whom nobody goes, and why."""
    rows = "".join(f"<li>{escape(_why_unsent(left))}</li>" for left in proposal.unsent)
    title = _n("以下 {n} 件暂不派人", len(proposal.unsent))
    return f'<section class="case-nobody"><b>{title}</b><ul>{rows}</ul></section>' if rows else ""


def _why_unsent(left: Unsent) -> str:
    return _(
        "{title}（{grid}）：{why}",
        title=left.incident.title,
        grid=left.incident.grid_name,
        why=labels.reason_text(left.reason) or _("合适的人员已安排去更急或更近的事件"),
    )


def _send(chosen: list[tuple[str, str]]) -> None:
    database, principal = context.deployment().database, context.principal()
    outcomes: list[Outcome] = []
    with st.spinner(_("正在派出……")), commands.attempt():
        outcomes = surge.accept(database, principal, chosen, now=context.now())
    forget()
    st.session_state[_DONE] = outcomes
    deeplink.again()


def _outcomes(outcomes: list[Outcome]) -> None:
    if not outcomes:
        return
    failed = [outcome for outcome in outcomes if not outcome.is_sent]
    st.success(_n("已派出 {n} 件。", len(outcomes) - len(failed)), icon=":material/check_circle:")
    for outcome in failed:
        st.warning(_("{no} 未派出：{why}。", no=outcome.no, why=_why(outcome)), icon=":material/info:")


def _why(outcome: Outcome) -> str:
    return labels.reason_text(outcome.reason) or labels.ERRORS[outcome.error].text

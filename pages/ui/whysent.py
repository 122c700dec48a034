"""Why these people were sent, or nobody could be: the recommendations kept for a case, behind a fold."""

from __future__ import annotations

from html import escape

import streamlit as st

from db import recommendations
from db.cases import Incident
from db.recommendations import Kept, KeptCandidate, KeptShortfall
from governance import labels
from governance.language import _, _n
from pages.ui import context, wording

_SHOWN = 5
"""Candidates of each recommendation, beside those who were sent: more are farther than anybody would choose."""
_LATEST = 10
"""Recommendations on the screen; the API has them all."""


def render(incident: Incident) -> None:
    """Draws the recommendations of the incident, the newest first; nothing before there is one."""
    kept = context.remembered(
        "case_kept",
        (incident.no, incident.version),
        ("incidents",),
        lambda session: recommendations.of_incident(session, incident.no, limit=_LATEST),
    )
    if kept:
        with st.expander(_("派单依据"), key=f"case_why_{incident.no}"):
            st.html("".join(_one(entry) for entry in kept))


def _one(kept: Kept) -> str:
    now, zone = context.now(), context.county().timezone
    shown = [c for c in kept.candidates if c.rank <= _SHOWN or c.worker in kept.sent]
    told = _("已派出") if kept.sent else _("未派出")
    empty = "".join(f"<p><b>{escape(_short(short))}</b></p>" for short in kept.shortfalls)
    people = "".join(_candidate(candidate, kept) for candidate in shown)
    counts = wording.listed(
        _(
            "{kind} {n} 人",
            kind=labels.EXCLUSION[reason].text if reason in labels.EXCLUSION else escape(reason),
            n=wording.count(number),
        )
        for reason, number in sorted(kept.excluded.items(), key=lambda pair: (-pair[1], pair[0]))
        if number
    )
    excluded = f'<p class="case-excluded">{_("未列入：{counts}", counts=counts)}</p>' if counts else ""
    return f"""<section class="case-why"><b>{escape(wording.instant(kept.made_at, now, zone=zone))} {told}</b>
<small>{_("派单规则第 {version} 版", version=kept.policy_id)}</small>{empty}<ul>{people}</ul>{excluded}</section>"""


def _short(short: KeptShortfall) -> str:
    why = labels.shortfall_text(short.shortfall)
    return _("第 {line} 组缺 {n} 人：{why}", line=short.line, n=short.missing, why=why)


def _candidate(candidate: KeptCandidate, kept: Kept) -> str:
    chosen = f"<b>{_('已派')}</b> " if candidate.worker in kept.sent else ""
    parts = [
        labels.RING[candidate.ring].text if candidate.ring in labels.RING else candidate.ring,
        wording.distance(candidate.distance_m),
        _time(candidate),
        _n("手头 {n} 件", candidate.load),
        _position(candidate),
    ]
    name = escape(candidate.worker_name or candidate.worker)
    group = f"{_('第 {line} 组', line=candidate.line)} " if candidate.line > 1 else ""
    return f"<li>{chosen}{group}{candidate.rank}. {name} <small>{escape(' · '.join(parts))}</small></li>"


def _time(candidate: KeptCandidate) -> str:
    if candidate.eta_s is None:
        return _("用时未记")
    time = wording.minutes(candidate.eta_s)
    return _("{time}（按直线估）", time=time) if candidate.is_estimated else time


def _position(candidate: KeptCandidate) -> str:
    word = labels.POSITION_SOURCE[candidate.position].text if candidate.position in labels.POSITION_SOURCE else ""
    return word if candidate.age_s is None else f"{word} {_('{time}前', time=wording.duration(candidate.age_s))}"

"""What a case has behind it: the alarms that it stands on, and how the like of it was settled before."""

from __future__ import annotations

from html import escape

import streamlit as st

from db import alarms, hotspots
from db.alarms import AlarmGroup
from db.cases import Incident
from db.hotspots import SimilarCase
from governance import labels
from governance.incident import Source
from governance.language import _
from pages.ui import context, layout, wording


def render(incident: Incident) -> None:
    """Draws the incident's alarms, where a device reported it, and its similar cases behind a fold."""
    st.html(layout.style("intake"))
    if incident.source is Source.DEVICE:
        groups = context.remembered(
            "case_alarms", incident.no, ("devices", "incidents"), lambda s: alarms.of_incident(s, incident.no)
        )
        if groups:
            st.html(f'<section class="alarm-groups">{"".join(_alarm(group) for group in groups)}</section>')
    with st.expander(_("相似案例"), key=f"case_similar_{incident.no}"):
        found = context.remembered("case_similar", incident.no, (), lambda s: hotspots.similar_cases(s, incident.no))
        rows = "".join(_case(case) for case in found)
        nothing = _("还没有办结过同类事件。以后这里会列出最近、最相似的几件和当时的处置办法。")
        none = f'<p class="empty">{nothing}</p>'
        st.html(f'<ol class="similar-cases">{rows}</ol>' if rows else none)


def _alarm(group: AlarmGroup) -> str:
    now, zone = context.now(), context.county().timezone
    kind = labels.DEVICE_KIND[group.device_kind].text
    ended = group.cleared_at
    state = _("已于 {at} 解除", at=wording.instant(ended, now, zone=zone)) if ended else _("告警中")
    since = wording.instant(group.first_at, now, zone=zone)
    last = wording.instant(group.last_at, now, zone=zone)
    times = (
        _("共 {n} 次，{since} 首次，{last} 最近", n=group.count, since=since, last=last)
        if group.count > 1
        else _("共 1 次，{since}", since=since)
    )
    return (
        f'<p class="{"over" if ended else "on"}"><b>{escape(group.alarm_name)}</b> {escape(state)}'
        f"<span>{kind} {escape(group.device_code)} · {escape(times)}</span></p>"
    )


def _case(case: SimilarCase) -> str:
    now, zone = context.now(), context.county().timezone
    took = _("用时 {time}", time=wording.duration(case.settle_s)) if case.settle_s is not None else _("用时未记")
    when = wording.instant(case.reported_at, now, zone=zone)
    return (
        f'<li><a href="/desk?no={escape(case.no)}" target="_self"><b>{escape(case.title)}</b></a>'
        f"<small>{wording.distance(case.distance_m)} · {escape(when)} · {took}</small>"
        f"<p>{escape(case.opinion or _('没有写处置意见。'))}</p></li>"
    )

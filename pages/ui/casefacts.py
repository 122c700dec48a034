"""A case told: its head, who was sent, its facts and its history, as HTML. Every value is escaped."""

from __future__ import annotations

from datetime import datetime
from html import escape

from db.cases import ActiveAssignment, Incident
from governance import labels
from governance.language import _, _n, _p
from layers.palette import SEVERITY, SEVERITY_NUMERAL
from pages.ui import context, wording


def head(incident: Incident, now: datetime) -> str:
    """Title, status and what is left, above the way that the incident went."""
    tags = [f'<span class="tag">{labels.STATUS[incident.status].text}</span>']
    warnings = (
        (incident.is_supervised, _("督办")),
        (incident.is_outside_grid, _("网格外")),
        (incident.is_sensitive, _("涉敏")),
    )
    tags += [f'<span class="tag warn">{text}</span>' for holds, text in warnings if holds]
    tone = "late" if wording.is_overdue(incident.due_at, now) else ""
    zone = context.county().timezone
    left = wording.remaining(incident.due_at, now) if incident.is_open else _("已结束")
    due = f'<span class="due {tone}" title="{wording.full_instant(incident.due_at, zone=zone)}">{left}</span>'
    if incident.is_open and incident.remaining_s is None and incident.due_at != incident.settle_by:
        # The stage may have time left while the whole matter is late.
        late = wording.is_overdue(incident.settle_by, now)
        whole = _("总时限{remaining}", remaining=wording.remaining(incident.settle_by, now))
        due += f'<span class="due late">{whole}</span>' if late else ""
    return f"""<header class="case-head" style="--severity:{SEVERITY[incident.severity]}">
<div class="row"><span class="mark">{SEVERITY_NUMERAL[incident.severity]}</span><h3>{escape(incident.title)}</h3></div>
<div class="row">{"".join(tags)}<span class="no">{escape(incident.no)}</span>{due}</div></header>
{_stages(incident, now)}"""


def _stages(incident: Incident, now: datetime) -> str:
    """The way from report to closure, with the time of each stage that was reached."""
    zone = context.county().timezone
    stages = (
        (_p("reached", "上报"), incident.reported_at),
        (_p("reached", "受理"), incident.accepted_at),
        (_p("reached", "派遣"), incident.dispatched_at),
        (_p("reached", "接单"), incident.acknowledged_at),
        (_p("reached", "到场"), incident.arrived_at),
        (_p("reached", "处置"), incident.resolved_at),
        (_p("reached", "办结"), incident.closed_at),
    )
    cells = "".join(
        f'<li class="{"done" if at else ""}" title="{wording.full_instant(at, zone=zone) if at else _("尚未")}">'
        f"<b>{name}</b>{_stage_time(at, now)}</li>"
        for name, at in stages
    )
    return f'<ol class="case-stages">{cells}</ol>'


def _stage_time(at: datetime | None, now: datetime) -> str:
    """The time of day, with the date below it when it isn't today's: seven days by name don't fit beside each other."""
    time, day = wording.time_and_day(at, now, zone=context.county().timezone)
    return f"<span>{time}</span>" + (f"<small>{day}</small>" if day else "")


def sent(one: ActiveAssignment, now: datetime) -> str:
    """Who is on the way or there, and until when an answer is awaited."""
    # Without an override the reason is a note: that the joint plan sent them.
    told = _("改派理由：{reason}", reason=one.reason) if one.is_override else one.reason
    override = f"<p>{escape(told)}</p>" if one.reason else ""
    phone = f" · {escape(one.worker_full_phone)}" if one.worker_full_phone else ""
    way = [_("派出时相距 {distance}", distance=wording.distance(one.distance_m))]
    if one.eta_s is not None and not one.arrived_at:
        way.append(_("预计 {time}到", time=wording.minutes(one.eta_s)))
    answer = ""
    if one.acknowledge_by is not None and one.acknowledged_at is None:
        left_s = (one.acknowledge_by - now).total_seconds()
        answer = f"<p>{_('{time}内未接单，将自动改派下一位', time=wording.minutes(left_s))}</p>"
        if one.acknowledge_by < now:
            answer = f"<p>{_('超时未接单，正在改派下一位')}</p>"
    role = labels.POST[one.post].text if one.post in labels.POST else ""
    post = " · ".join([*([] if one.slot == 1 else [_("协同")]), role]) + phone
    ago = _("{ago}派出", ago=wording.ago(one.dispatched_at, now))
    return f"""<section class="case-sent"><p><b>{escape(one.worker_full_name or one.worker_name)}</b>
{post}</p><p>{labels.ASSIGNMENT[one.status].text} · {wording.phrase(way)} · {ago}</p>{answer}{override}</section>"""


def facts(incident: Incident, now: datetime) -> str:
    """What is known of the incident. What there is none of isn't mentioned."""
    zone = context.county().timezone
    reporter = " ".join(part for part in (incident.reporter_name, incident.reporter_phone) if part)
    pairs = (
        (_("类别"), f"{incident.major_name} › {incident.class_name}"),
        (
            _("级别"),
            f"{labels.SEVERITY_LEVEL[incident.severity].text} {labels.SEVERITY[incident.severity].text}",
        ),
        (_("网格"), " › ".join(grid.name for grid in reversed(incident.chain))),
        (_("地址"), incident.address),
        (
            _("坐标"),
            _(
                "{lon:.6f}, {lat:.6f}（上报为 {crs}）",
                lon=incident.lon,
                lat=incident.lat,
                crs=incident.raw_crs.upper(),
            ),
        ),
        (_("来源"), labels.SOURCE[incident.source].text),
        (_("报告人"), reporter),
        (_("上报"), wording.instant(incident.reported_at, now, zone=zone)),
        (_("总时限"), _limit(incident, now)),
        (_("承办单位"), incident.department_name or ""),
        (_("重复于"), incident.merged_into_no or ""),
        (_("拆自"), incident.parent_no or ""),
        (_("拆出"), wording.listed(incident.part_nos)),
        (_("回访"), {True: _("满意"), False: _("不满意"), None: ""}[incident.is_satisfied]),
        (_("情况"), incident.description),
    )
    rows = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in pairs if value)
    return f'<dl class="case-facts">{rows}</dl>'


def _limit(incident: Incident, now: datetime) -> str:
    """The deadline of the whole matter, and what became of its clock."""
    zone = context.county().timezone
    text = wording.instant(incident.settle_by, now, zone=zone)
    if incident.remaining_s is not None:
        text = _("暂停计时")
        if incident.resume_by:
            until = wording.instant(incident.resume_by, now, zone=zone)
            text = _("暂停计时，须在 {until} 前恢复", until=until)
    amount = incident.limit_amount.normalize()
    details = [_("{amount:f} 个{clock}", amount=amount, clock=labels.CLOCK[incident.limit_clock].text)]
    details += [_n("已延期 {n} 次", incident.extensions)] if incident.extensions else []
    details += [_("申诉成立，不计入超期统计")] if incident.is_exempt else []
    return _("{name}（{detail}）", name=text, detail=wording.phrase(details))


def timeline(incident: Incident, now: datetime) -> str:
    """Every step, the newest first."""
    zone = context.county().timezone
    rows = "".join(
        f'<li><time title="{wording.full_instant(step.at, zone=zone)}">'
        f"{wording.short_instant(step.at, now, zone=zone)}</time>"
        f"<div><b>{labels.action_text(step.action)}</b> {escape(step.actor_name or step.actor)}"
        f"{f'<p>{escape(step.opinion)}</p>' if step.opinion else ''}</div></li>"
        for step in reversed(incident.steps)
    )
    return f'<h4 class="case-h">{_("经过")}</h4><ol class="case-steps">{rows}</ol>'

"""The wall's panels as HTML: each a pure function of what was read. Every value is escaped; nothing asks or acts.

Where a list doesn't fit, `turn` counts how often its pages have been turned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from html import escape

from db.coverage import Gap
from db.figures import Duty, Figure, GridRate, HourCount, Today
from db.incidents import QueueRow, TickerRow
from governance import labels
from governance.incident import Status
from governance.language import N_, _, _n
from layers.palette import SEVERITY_NUMERAL
from pages.ui import wording

_SOON_S = 15 * 60
_HOURS_A_MARK = 6
_FIGURES_A_PAGE = 6
_RANKS_A_PAGE = 7
_DUTIES_A_PAGE = 3
_GAPS_A_PAGE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Who would be sent to an incident now; `shortfall` is the code of why nobody can be."""

    name: str = ""
    distance_m: float | None = None
    eta_s: float | None = None
    shortfall: str = ""


def panel(title: str, body: str, *, aside: str = "", name: str = "") -> str:
    """A titled box; `aside` stands at the title's right."""
    return (
        f'<section class="panel {escape(name)}"><header><h2>{escape(title)}</h2><span class="aside">{aside}</span>'
        f"</header>{body}</section>"
    )


def column(body: str, *, name: str) -> str:
    """The panels on one side of the map: `left` or `right`."""
    return f'<div class="column {escape(name)}">{body}</div>'


def pager(page: int, pages: int) -> str:
    """Where a rotating list stands: 3/7; nothing while all fits."""
    return f'<span class="pager">{page + 1}/{pages}</span>' if pages > 1 else ""


def header(*, now: datetime, zone: tzinfo, title: str) -> str:
    """Date and clock (kept by `live.clock`), and the title."""
    return (
        f'<div class="top"><div class="when"><span>{escape(wording.day(now, zone=zone))}</span>'
        f"<b>{wording.clock(now, zone=zone)}</b></div>"
        f'<h1><a href="/home" target="_self" title="{_("离开大屏")}">{escape(title)}</a></h1></div>'
    )


def badge(*, lost_at: datetime | None, changed_at: datetime, now: datetime, zone: tzinfo, is_demo: bool) -> str:
    """在线 with the instant of the last change, or 离线 since when; demo data is called that.

    Words for an absence of which no run can tell wait hidden; the page shows them by itself. `data-at` says of which
    instant the picture is, in milliseconds.
    """
    demo = f'<span class="demo">{_("演示数据")}</span>' if is_demo else ""
    if lost_at is None:
        told = _("数据更新于 {time}", time=wording.clock(changed_at, zone=zone))
        gone = _("自 {since} 起未更新", since=f"<b>{wording.clock(now, zone=zone)}</b>")
        state = (
            f'<span class="live"><i></i>{_("在线")}</span><span class="told">{told}</span>'
            f'<span class="gone lost"><i></i>{_("离线")}</span><span class="gone">{gone}</span>'
        )
    else:
        since = escape(wording.instant(lost_at, now, zone=zone))
        told = _("自 {since} 起未更新", since=since)
        state = f'<span class="lost"><i></i>{_("离线")}</span><span>{told}</span>'
    cut = _("与服务器断开，自 {time} 起未更新", time=f"<b>{wording.clock(now, zone=zone)}</b>")
    state += f'<span class="cut"><i></i>{cut}</span>'
    return f'<div class="badge" data-at="{now.timestamp() * 1000:.0f}">{state}{demo}</div>'


def today(figures: Today, *, title: str, place: str = "") -> str:
    """Six key figures: what came in and was closed in the period, and what is open now.

    The heading is `place`, or for the county the period, which the switch beside it tells too.
    """
    if figures.mean_settle_s is None:
        settle, unit = "—", ""
    else:
        settle, unit = wording.duration(figures.mean_settle_s).split(" ")
    cells = (
        (_("上报"), wording.count(figures.reported), _("件"), ""),
        (_("办结"), wording.count(figures.closed), _("件"), "good"),
        (_("平均处置"), settle, unit, ""),
        (_("待处置"), wording.count(figures.waiting), _("件"), "accent"),
        (_("处置中"), wording.count(figures.processing), _("件"), ""),
        (_("超期"), wording.count(figures.overdue), _("件"), "alarm" if figures.overdue else ""),
    )
    body = "".join(
        f'<div class="figure {tone}"><span>{name}</span><b>{value}<small>{unit}</small></b></div>'
        for name, value, unit, tone in cells
    )
    return panel(place or title, f'<div class="figures">{body}</div>', name="today")


def trend(hours: Sequence[HourCount], *, zone: tzinfo) -> str:
    """Reports and closures side by side, hour by hour, the running hour last."""
    if not hours:
        return panel(_("近 24 小时"), _empty(_("有事件上报后，这里显示每小时的上报与办结。")), name="trend")
    most = max(1, *(h.reported for h in hours), *(h.closed for h in hours))
    columns = "".join(_hour(h, most, h.hour.astimezone(zone)) for h in hours)
    reported, closed = sum(h.reported for h in hours), sum(h.closed for h in hours)
    aside = f'<i class="in-key"></i>{_("上报")} {reported} <i class="out-key"></i>{_("办结")} {closed}'
    return panel(_("近 24 小时"), f'<div class="hours"><em>{most}</em>{columns}</div>', aside=aside, name="trend")


def _hour(hour: HourCount, most: int, local: datetime) -> str:
    mark = f"<span>{local:%H}:00</span>" if local.hour % _HOURS_A_MARK == 0 else ""
    hint = _(
        "{time} 上报 {reported} 件，办结 {closed} 件", time=f"{local:%H}:00", reported=hour.reported, closed=hour.closed
    )
    return (
        f'<div title="{hint}"><i class="in" style="height:{hour.reported / most * 100:.1f}%"></i>'
        f'<i class="out" style="height:{hour.closed / most * 100:.1f}%"></i>{mark}</div>'
    )


def ranking(rates: Sequence[GridRate], *, turn: int, level: str = "community") -> str:
    """Grids of a level by the share settled in time; one where nothing was closed has no rate. A click goes there."""
    pages = max(1, -(-len(rates) // _RANKS_A_PAGE))
    page = turn % pages
    first = page * _RANKS_A_PAGE
    rows = "".join(
        f'<li {_way_to(rate.code)}><span class="place">{place}</span><span class="name">{escape(rate.name)}</span>'
        f'<span class="track"><i style="width:{(rate.rate or 0) * 100:.1f}%"></i></span>'
        f"<b>{wording.share(rate.rate)}</b></li>"
        for place, rate in enumerate(rates[first : first + _RANKS_A_PAGE], start=first + 1)
    )
    body = f'<ol class="ranks">{rows}</ol>' if rows else _empty(_(_UNDIVIDED))
    return panel(
        _("{level}按期办结率", level=labels.GRID_LEVEL[level].text),
        body,
        aside=pager(page, pages),
        name="ranking",
    )


_UNDIVIDED = N_("没有下一级网格。\n有下一级网格的，这里按办结率排名。")


def _way_to(code: str) -> str:
    """What makes a row lead to its grid: the page's own script hears of clicks on it."""
    return f'data-grid="{escape(code)}" role="button" tabindex="0"'


def reported(figures: Sequence[Figure], *, turn: int, is_part: bool = False) -> str:
    """What the county published, a section or part of one at a time; `is_part`: beside figures of a part of it."""
    title = _("全县通报") if is_part else _("累计通报")
    pages = _figure_pages(figures)
    if not pages:
        return panel(title, _empty(_("录入通报数字后，这里轮流展示。")), name="reported")
    page = turn % len(pages)
    section, shown = pages[page]
    cells = "".join(
        f"<div><b>{_amount(figure)}<small>{escape(figure.qualifier)}{escape(figure.unit)}</small></b>"
        f"<span>{escape(figure.name)}{_doubt(figure)}</span></div>"
        for figure in shown
    )
    aside = f"{escape(section)}{pager(page, len(pages))}"
    return panel(title, f'<div class="reports">{cells}</div>', aside=aside, name="reported")


def _figure_pages(figures: Sequence[Figure]) -> list[tuple[str, list[Figure]]]:
    sections: dict[str, list[Figure]] = {}
    for figure in figures:
        sections.setdefault(figure.section, []).append(figure)
    pages = []
    for section, rows in sections.items():
        # Evenly: eight figures are two pages of four, not six and two.
        step = -(-len(rows) // -(-len(rows) // _FIGURES_A_PAGE))
        pages += [(section, rows[start : start + step]) for start in range(0, len(rows), step)]
    return pages


def _amount(figure: Figure) -> str:
    return f"{figure.value:,.0f}" if figure.value == int(figure.value) else f"{figure.value:,}"


_DOUBTFUL = N_("存疑")
"""Marks a figure in its note, in the county's own data."""


def _doubt(figure: Figure) -> str:
    return f'<em title="{_("原文字迹不清")}">{_("存疑")}</em>' if _DOUBTFUL in figure.note else ""


def duty(forces: Duty, *, turn: int) -> str:
    """Workers on duty against those on file, whole and per grid of the level below. A click goes there."""
    pages = max(1, -(-len(forces.parts) // _DUTIES_A_PAGE))
    page = turn % pages
    rows = "".join(
        f'<li {_way_to(part.code)}><span class="name">{escape(part.name)}</span><span class="track"><i style="width:'
        f'{part.on_duty / part.total * 100 if part.total else 0:.1f}%"></i></span>'
        f"<b>{wording.count(part.on_duty)}<small>/{wording.count(part.total)}</small></b></li>"
        for part in forces.parts[page * _DUTIES_A_PAGE : (page + 1) * _DUTIES_A_PAGE]
    )
    aside = _("处置中 {n} 人", n=wording.count(forces.busy)) + pager(page, pages)
    head = (
        f'<div class="duty-sum"><b>{wording.count(forces.on_duty)}</b>'
        f"<small>{_('/ {n} 人', n=wording.count(forces.total))}</small></div>"
    )
    return panel(
        _("在岗专职网格员"),
        f'<div class="duty-body">{head}<ol class="ranks">{rows}</ol></div>',
        aside=aside,
        name="duty",
    )


def coverage(vacant: Sequence[Gap], *, turn: int) -> str:
    """Quarters where nobody is free, and the nearest who could move there. A click goes there."""
    pages = max(1, -(-len(vacant) // _GAPS_A_PAGE))
    page = turn % pages
    rows = "".join(_gap(gap) for gap in vacant[page * _GAPS_A_PAGE : (page + 1) * _GAPS_A_PAGE])
    body = f'<ol class="gaps">{rows}</ol>' if rows else _empty(_("各小区都有空闲的网格员。"))
    aside = _n("{n} 个小区", len(vacant)) + pager(page, pages) if vacant else ""
    return panel(_("覆盖空缺 · 可派人员"), body, aside=aside, name="coverage")


def _gap(gap: Gap) -> str:
    why = _n("{n} 件待派", gap.waiting) if gap.waiting else _n("{n} 人全忙", gap.on_duty)
    if gap.mover is None:
        mover = f'<b class="none">{_("无人可调")}</b>'
    else:
        told = _("最近可调 {name} {distance}", name=gap.mover.name, distance=wording.distance(gap.mover.distance_m))
        mover = f"<b>→ {escape(told)}</b>"
    return f"<li {_way_to(gap.code)}><span>{escape(gap.name)}</span><small>{why}</small>{mover}</li>"


def queue(
    rows: Sequence[QueueRow],
    proposals: Mapping[str, Proposal],
    *,
    total: int,
    page: int,
    pages: int,
    now: datetime,
    is_acted_on: bool = False,
    is_held: bool = False,
) -> str:
    """Open incidents by deadline: what, where, what is left, and who is or would be on the way.

    Where it `is_acted_on` those that wait come first, and the pager leaves room for buttons; it tells of a held page.
    """
    cards = "".join(_card(row, proposals.get(row.no), now) for row in rows)
    body = (
        f'<ol class="cases">{cards}</ol>'
        if cards
        else _empty(_("目前没有未办结的事件。\n新上报的事件会按时限排在这里。"))
    )
    if not is_acted_on:
        return panel(_("未办结事件 · 按时限"), body, aside=_n("{n} 件", total) + pager(page, pages), name="queue")
    at = (
        f'<span title="{_("有人在操作，本页暂不翻动")}" class="held">{pager(page, pages)}</span>'
        if is_held
        else pager(page, pages)
    )
    aside = f'<span title="{_n("{n} 件", total)}">{wording.count(total)}</span>{at}'
    return panel(_("待派单优先"), body, aside=aside, name="queue by-hand" if pages > 1 else "queue")


def _card(row: QueueRow, proposal: Proposal | None, now: datetime) -> str:
    left_s = (row.due_at - now).total_seconds() if row.due_at else None
    tone = "" if left_s is None else "late" if left_s < 0 else "soon" if left_s < _SOON_S else ""
    place = " · ".join([row.grid_name, *([_("网格外")] if row.is_outside_grid else [])])
    return (
        f'<li class="case s{row.severity}"><i class="mark">{SEVERITY_NUMERAL[row.severity]}</i>'
        f'<div><p class="one"><b title="{escape(row.title)}">{escape(row.title)}</b><span class="left {tone}">'
        f"{escape(wording.remaining(row.due_at, now))}</span></p>"
        f'<p class="two"><span>{escape(place)}</span><span>{escape(labels.STATUS[row.status].text)}</span></p>'
        f'<p class="three">{_who(row, proposal)}</p></div></li>'
    )


def _who(row: QueueRow, proposal: Proposal | None) -> str:
    if row.worker_name:
        return f'<span class="sent">{escape(_("{name} 在办", name=row.worker_name))}</span>'
    if row.status == Status.RESOLVED:
        return f'<span class="sent">{_("已处置，等核查")}</span>'
    if proposal is None:
        return ""
    if proposal.shortfall:
        told = escape(_("无人可派：{why}", why=labels.shortfall_text(proposal.shortfall)))
        brief = escape(_("无人可派：{why}", why=wording.shortfall(proposal.shortfall)))
        return f'<span class="none" title="{told}">{brief}</span>'
    return f"→ {escape(proposal.name)} {wording.distance(proposal.distance_m)} {wording.walk(proposal.eta_s)}"


def devices(tally: Mapping[str, int]) -> str:
    """Devices by status."""
    total = sum(tally.values())
    online, offline, alarm = (tally.get(status, 0) for status in ("online", "offline", "alarm"))
    share = wording.share(online / total) if total else "—"
    body = (
        f'<div class="devices"><div class="good"><b>{wording.count(online)}</b><span>{_("在线")}</span></div>'
        f'<div class="off"><b>{wording.count(offline)}</b><span>{_("离线")}</span></div>'
        f'<div class="{"alarm" if alarm else ""}"><b>{wording.count(alarm)}</b><span>{_("告警")}</span></div>'
        f"<div><b>{share}</b><span>{_('在线率')}</span></div></div>"
    )
    return panel(_("设备"), body, aside=_("共 {n} 台", n=wording.count(total)), name="device")


def ticker(steps: Sequence[TickerRow], now: datetime, *, zone: tzinfo) -> str:
    """The latest steps, newest first, running slowly; the pointer stops it."""
    if not steps:
        return f'<div class="ticker"><b>{_("动态")}</b>{_empty(_("事件有了进展，会显示在这里。"))}</div>'
    entries = "".join(
        f'<span class="step s{step.severity}">'
        f"<time>{escape(wording.short_instant(step.at, now, zone=zone))}</time>"
        f"<i>{SEVERITY_NUMERAL[step.severity]}</i>{escape(_placed(step))}"
        f"<em>{escape(labels.STATUS[step.to_status].text)}</em></span>"
        for step in steps
    )
    seconds = 9 * len(steps)
    return (
        f'<div class="ticker"><b>{_("动态")}</b><div class="belt">'
        f'<div class="run" style="animation-duration:{seconds}s">'
        f'<div>{entries}</div><div aria-hidden="true">{entries}</div></div></div></div>'
    )


def _placed(step: TickerRow) -> str:
    """The title with its grid before it, unless it begins with that already."""
    return step.title if step.title.startswith(step.grid_name) else f"{step.grid_name} {step.title}"


def _empty(text: str) -> str:
    return f'<p class="empty">{escape(text)}</p>'

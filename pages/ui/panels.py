"""The wall's panels as HTML: each a pure function of what was read. Every value is escaped; nothing asks or acts."""

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
from layers.palette import SEVERITY_NUMERAL
from pages.ui import wording

_SOON_S = 15 * 60
_HOURS_A_MARK = 6
_FIGURES_A_PAGE = 6
_RANKS_A_PAGE = 7
_DUTIES_A_PAGE = 3
_GAPS_A_PAGE = 2
_PAGE_S = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """Who would be sent to an incident now; `shortfall` says why nobody can be."""

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


def page_of(now: datetime, pages: int, *, seconds: float) -> int:
    """Which page a rotating list shows: each for so many seconds, the same on every wall."""
    return int(now.timestamp() / seconds) % pages if pages > 1 else 0


def pager(page: int, pages: int) -> str:
    """Where a rotating list stands: 3/7; nothing while all fits."""
    return f'<span class="pager">{page + 1}/{pages}</span>' if pages > 1 else ""


def header(*, now: datetime, zone: tzinfo, title: str) -> str:
    """Date and clock (kept by `live.clock`), and the title."""
    return (
        f'<div class="top"><div class="when"><span>{escape(wording.day(now, zone=zone))}</span>'
        f"<b>{wording.clock(now, zone=zone)}</b></div>"
        f'<h1><a href="/home" target="_self" title="离开大屏">{escape(title)}</a></h1></div>'
    )


def badge(*, lost_at: datetime | None, changed_at: datetime, now: datetime, zone: tzinfo, is_demo: bool) -> str:
    """在线 with the instant of the last change, or 离线 since when; demo data is called that.

    Words for the server's own absence wait hidden; the page shows them by itself.
    """
    demo = '<span class="demo">演示数据</span>' if is_demo else ""
    if lost_at is None:
        state = f'<span class="live"><i></i>在线</span><span>数据更新于 {wording.clock(changed_at, zone=zone)}</span>'
    else:
        since = escape(wording.instant(lost_at, now, zone=zone))
        state = f'<span class="lost"><i></i>离线</span><span>自 {since} 起未更新</span>'
    cut = '<span class="cut"><i></i>与服务器断开，自 <b></b> 起未更新</span>'
    return f'<div class="badge">{state}{cut}{demo}</div>'


def today(figures: Today, *, title: str, place: str = "") -> str:
    """Six key figures: what came in and was closed in the period, and what is open now; `place` if not the county."""
    if figures.mean_settle_s is None:
        settle, unit = "—", ""
    else:
        settle, unit = wording.duration(figures.mean_settle_s).split(" ")
    cells = (
        ("上报", wording.count(figures.reported), "件", ""),
        ("办结", wording.count(figures.closed), "件", "good"),
        ("平均处置", settle, unit, ""),
        ("待处置", wording.count(figures.waiting), "件", "accent"),
        ("处置中", wording.count(figures.processing), "件", ""),
        ("超期", wording.count(figures.overdue), "件", "alarm" if figures.overdue else ""),
    )
    body = "".join(
        f'<div class="figure {tone}"><span>{name}</span><b>{value}<small>{unit}</small></b></div>'
        for name, value, unit, tone in cells
    )
    told = f"{place} · {title}" if place else title
    return panel(told, f'<div class="figures">{body}</div>', name="today")


def trend(hours: Sequence[HourCount], *, zone: tzinfo) -> str:
    """Reports and closures side by side, hour by hour, the running hour last."""
    if not hours:
        return panel("近 24 小时", _empty("有事件上报后，这里显示每小时的上报与办结。"), name="trend")
    most = max(1, *(h.reported for h in hours), *(h.closed for h in hours))
    columns = "".join(_hour(h, most, h.hour.astimezone(zone)) for h in hours)
    reported, closed = sum(h.reported for h in hours), sum(h.closed for h in hours)
    aside = f'<i class="in-key"></i>上报 {reported} <i class="out-key"></i>办结 {closed}'
    return panel("近 24 小时", f'<div class="hours"><em>{most}</em>{columns}</div>', aside=aside, name="trend")


def _hour(hour: HourCount, most: int, local: datetime) -> str:
    mark = f"<span>{local:%H}:00</span>" if local.hour % _HOURS_A_MARK == 0 else ""
    hint = f"{local:%H}:00 上报 {hour.reported} 件，办结 {hour.closed} 件"
    return (
        f'<div title="{hint}"><i class="in" style="height:{hour.reported / most * 100:.1f}%"></i>'
        f'<i class="out" style="height:{hour.closed / most * 100:.1f}%"></i>{mark}</div>'
    )


def ranking(rates: Sequence[GridRate], *, now: datetime, level: str = "community") -> str:
    """Grids of a level by the share settled in time; one where nothing was closed has no rate. A click goes there."""
    pages = -(-len(rates) // _RANKS_A_PAGE)
    page = page_of(now, pages, seconds=_PAGE_S)
    first = page * _RANKS_A_PAGE
    rows = "".join(
        f'<li {_way_to(rate.code)}><span class="place">{place}</span><span class="name">{escape(rate.name)}</span>'
        f'<span class="track"><i style="width:{(rate.rate or 0) * 100:.1f}%"></i></span>'
        f"<b>{wording.share(rate.rate)}</b></li>"
        for place, rate in enumerate(rates[first : first + _RANKS_A_PAGE], start=first + 1)
    )
    body = f'<ol class="ranks">{rows}</ol>' if rows else _empty(_UNDIVIDED)
    return panel(f"{labels.GRID_LEVEL[level].zh}按期办结率", body, aside=pager(page, pages), name="ranking")


_UNDIVIDED = "没有下一级网格。\n有下一级网格的，这里按办结率排名。"


def _way_to(code: str) -> str:
    """What makes a row lead to its grid: the page's own script hears of clicks on it."""
    return f'data-grid="{escape(code)}" role="button" tabindex="0"'


def reported(figures: Sequence[Figure], now: datetime, *, is_part: bool = False) -> str:
    """What the county published, a section or part of one at a time; `is_part`: beside figures of a part of it."""
    title = "全县累计通报" if is_part else "累计通报"
    pages = _figure_pages(figures)
    if not pages:
        return panel(title, _empty("录入通报数字后，这里轮流展示。"), name="reported")
    page = page_of(now, len(pages), seconds=12)
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


def _doubt(figure: Figure) -> str:
    return '<em title="原文字迹不清">存疑</em>' if "存疑" in figure.note else ""


def duty(forces: Duty, *, now: datetime) -> str:
    """Workers on duty against those on file, whole and per grid of the level below. A click goes there."""
    pages = -(-len(forces.parts) // _DUTIES_A_PAGE)
    page = page_of(now, pages, seconds=_PAGE_S)
    rows = "".join(
        f'<li {_way_to(part.code)}><span class="name">{escape(part.name)}</span><span class="track"><i style="width:'
        f'{part.on_duty / part.total * 100 if part.total else 0:.1f}%"></i></span>'
        f"<b>{wording.count(part.on_duty)}<small>/{wording.count(part.total)}</small></b></li>"
        for part in forces.parts[page * _DUTIES_A_PAGE : (page + 1) * _DUTIES_A_PAGE]
    )
    aside = f"处置中 {wording.count(forces.busy)} 人{pager(page, pages)}"
    head = (
        f'<div class="duty-sum"><b>{wording.count(forces.on_duty)}</b>'
        f"<small>/ {wording.count(forces.total)} 人</small></div>"
    )
    return panel(
        "在岗网格员", f'<div class="duty-body">{head}<ol class="ranks">{rows}</ol></div>', aside=aside, name="duty"
    )


def coverage(vacant: Sequence[Gap], *, now: datetime) -> str:
    """Quarters where nobody is free, and the nearest who could move there. A click goes there."""
    pages = -(-len(vacant) // _GAPS_A_PAGE)
    page = page_of(now, pages, seconds=_PAGE_S)
    rows = "".join(_gap(gap) for gap in vacant[page * _GAPS_A_PAGE : (page + 1) * _GAPS_A_PAGE])
    body = f'<ol class="gaps">{rows}</ol>' if rows else _empty("各小区都有空闲的网格员。")
    aside = f"{len(vacant)} 个小区{pager(page, pages)}" if vacant else ""
    return panel("覆盖空缺", body, aside=aside, name="coverage")


def _gap(gap: Gap) -> str:
    why = f"{gap.waiting} 件待派" if gap.waiting else f"{gap.on_duty} 人全忙"
    if gap.mover is None:
        mover = '<b class="none">无人可调</b>'
    else:
        mover = f"<b>→ 最近可调 {escape(gap.mover.name)} {wording.distance(gap.mover.distance_m)}</b>"
    return f"<li {_way_to(gap.code)}><span>{escape(gap.name)}</span><small>{why}</small>{mover}</li>"


def queue(
    rows: Sequence[QueueRow], proposals: Mapping[str, Proposal], *, total: int, page: int, pages: int, now: datetime
) -> str:
    """Open incidents by deadline: what, where, what is left, and who is or would be on the way."""
    cards = "".join(_card(row, proposals.get(row.no), now) for row in rows)
    body = (
        f'<ol class="cases">{cards}</ol>' if cards else _empty("目前没有未办结的事件。\n新上报的事件会按时限排在这里。")
    )
    aside = f"{total} 件{pager(page, pages)}"
    return panel("未办结事件 · 按时限", body, aside=aside, name="queue")


def _card(row: QueueRow, proposal: Proposal | None, now: datetime) -> str:
    left_s = (row.due_at - now).total_seconds() if row.due_at else None
    tone = "" if left_s is None else "late" if left_s < 0 else "soon" if left_s < _SOON_S else ""
    place = f"{row.grid_name}{' · 网格外' if row.is_outside_grid else ''}"
    return (
        f'<li class="case s{row.severity}"><i class="mark">{SEVERITY_NUMERAL[row.severity]}</i>'
        f'<div><p class="one"><b title="{escape(row.title)}">{escape(row.title)}</b><span class="left {tone}">'
        f"{escape(wording.remaining(row.due_at, now))}</span></p>"
        f'<p class="two"><span>{escape(place)}</span><span>{escape(labels.STATUS[row.status].zh)}</span></p>'
        f'<p class="three">{_who(row, proposal)}</p></div></li>'
    )


def _who(row: QueueRow, proposal: Proposal | None) -> str:
    if row.worker_name:
        return f'<span class="sent">{escape(row.worker_name)} 在办</span>'
    if row.status == Status.RESOLVED:
        return '<span class="sent">已处置，等核查</span>'
    if proposal is None:
        return ""
    if proposal.shortfall:
        told = escape(f"无人可派：{proposal.shortfall}")
        return f'<span class="none" title="{told}">{told}</span>'
    return f"→ {escape(proposal.name)} {wording.distance(proposal.distance_m)} {wording.walk(proposal.eta_s)}"


def devices(tally: Mapping[str, int]) -> str:
    """Devices by status."""
    total = sum(tally.values())
    online, offline, alarm = (tally.get(status, 0) for status in ("online", "offline", "alarm"))
    share = wording.share(online / total) if total else "—"
    body = (
        f'<div class="devices"><div class="good"><b>{wording.count(online)}</b><span>在线</span></div>'
        f'<div class="off"><b>{wording.count(offline)}</b><span>离线</span></div>'
        f'<div class="{"alarm" if alarm else ""}"><b>{wording.count(alarm)}</b><span>告警</span></div>'
        f"<div><b>{share}</b><span>在线率</span></div></div>"
    )
    return panel("设备", body, aside=f"共 {wording.count(total)} 台", name="device")


def ticker(steps: Sequence[TickerRow], now: datetime, *, zone: tzinfo) -> str:
    """The latest steps, newest first, running slowly; the pointer stops it."""
    if not steps:
        return f'<div class="ticker"><b>动态</b>{_empty("事件有了进展，会显示在这里。")}</div>'
    entries = "".join(
        f'<span class="step s{step.severity}">'
        f"<time>{escape(wording.instant(step.at, now, zone=zone).removeprefix('今天 '))}</time>"
        f"<i>{SEVERITY_NUMERAL[step.severity]}</i>{escape(_placed(step))}"
        f"<em>{escape(labels.STATUS[step.to_status].zh)}</em></span>"
        for step in steps
    )
    seconds = 9 * len(steps)
    return (
        f'<div class="ticker"><b>动态</b><div class="belt"><div class="run" style="animation-duration:{seconds}s">'
        f'<div>{entries}</div><div aria-hidden="true">{entries}</div></div></div></div>'
    )


def _placed(step: TickerRow) -> str:
    """The title with its grid before it, unless it begins with that already."""
    return step.title if step.title.startswith(step.grid_name) else f"{step.grid_name} {step.title}"


def _empty(text: str) -> str:
    return f'<p class="empty">{escape(text)}</p>'

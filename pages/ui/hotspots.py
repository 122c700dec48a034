"""The panel of repeat hot-spots: what comes up again and again, where, and the newest case of it."""

from __future__ import annotations

from datetime import timedelta
from html import escape

import streamlit as st

from db import hotspots
from db.hotspots import Hotspot
from governance.language import _, _n
from pages.ui import context, layout, wording

DAYS = 30
_SHOWN = 8


def render(*, grid: str | None = None, days: int = DAYS) -> None:
    """Draws the top hot-spots of the last days, in scope and below `grid`; a click opens the newest case."""
    now = context.now()
    found = context.remembered(
        "hotspots",
        (grid, days, now.date()),
        ("incidents",),
        lambda session: hotspots.hotspots(
            session, since=now - timedelta(days=days), until=now, grid=grid, limit=_SHOWN
        ),
    )
    st.html(layout.style("intake"))
    rows = "".join(_row(spot) for spot in found)
    told = _("近 {days} 天没有在 50 米内反复发生三次以上的同类事件。出现后会列在这里。", days=days)
    body = f"<ol>{rows}</ol>" if rows else f'<p class="empty">{told}</p>'
    title, rule = _("重复热点"), _("近 {days} 天 · 50 米内 3 件以上同类", days=days)
    st.html(f'<section class="hotspots"><h3>{title}<small>{rule}</small></h3>{body}</section>')


def _row(spot: Hotspot) -> str:
    newest = escape(spot.numbers[0])
    now, zone = context.now(), context.county().timezone
    still_open = f" · {_n('{n} 件在办', spot.open_count)}" if spot.open_count else ""
    last = wording.instant(spot.last_at, now, zone=zone)
    return (
        f'<li><a href="/desk?no={newest}" target="_self" title="{_("打开最近一件 {no}", no=newest)}">'
        f"<b>{spot.count}</b>"
        f"<span>{escape(spot.class_name)}<small>{escape(spot.grid_name)}{still_open}</small></span>"
        f"<em>{escape(_('最近 {at}', at=last))}</em></a></li>"
    )

"""The wall (`/wall`): the county at a glance, live, full screen, nothing that scrolls."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from threading import Lock
from zoneinfo import ZoneInfo

import streamlit as st

from db.coverage import Gap
from db.incidents import QueueRow
from geo.errors import NotAuthenticated, Unavailable
from governance.language import N_, _
from layers import follow
from layers.palette import DARK, SEVERITY_NUMERAL
from pages.ui import board, chart, context, layout, live, panels, parts, theme, wallmap, wallqueue, wording
from pages.ui.board import Board

_PERIODS = {"today": N_("今日"), "week": N_("7 日"), "month": N_("本月")}
_OFTEN_S = 1.0
"""How soon after one another changes may redraw; who is on duty shows with the turn of the pages."""

_TURN, _PATIENCE_S = Lock(), 5.0
"""A change has all walls drawn anew: one after the other they are done sooner, and for less, than all side by side."""


def render() -> None:
    """Draws the wall; from then on its fragments keep it live."""
    st.html(f"<style>{theme.tokens(DARK)}</style>{layout.style('wall')}{chart.hint_style()}")
    wallmap.arrive()
    size = layout.viewport("wall_viewport")
    _map(size)
    with st.container(key="wall_legend"):
        st.html(wallmap.key())
    county = context.county()
    with st.container(key="wall_header"):
        st.html(panels.header(now=context.now(), zone=_zone(), title=county.title))
        live.clock("wall_clock", now=context.now(), zone=county.timezone)
    parts.keys("wall_keys", {"Escape": "wall_up", **wallqueue.KEYS})
    _board()


def _zone() -> ZoneInfo:
    return ZoneInfo(context.county().timezone)


def _badge(now: datetime) -> str:
    """Whether what is shown is alive; without the database the figures stay and turn grey."""
    feed = context.deployment().feed
    lost_at: datetime | None = st.session_state.get("_wall_lost_at") or (None if feed.is_live else feed.lost_at or now)
    changed_at = feed.last_change_at or st.session_state.get("_wall_read_at") or now
    is_demo = context.county().is_demo
    grey = "" if lost_at is None else "<style>.panel,.ticker{filter:grayscale(1) opacity(.62)}</style>"
    return panels.badge(lost_at=lost_at, changed_at=changed_at, now=now, zone=_zone(), is_demo=is_demo) + grey


@contextmanager
def _in_turn() -> Iterator[None]:
    """After the wall before, or beside it where that one waits for a database itself."""
    is_taken = _TURN.acquire(timeout=_PATIENCE_S)
    try:
        yield
    finally:
        if is_taken:
            _TURN.release()


@st.fragment(key="wall_map_tick")
def _map(size: layout.Viewport) -> None:
    with _in_turn():
        wallmap.show(size)


@st.fragment(key="wall_board_tick")
def _board() -> None:
    with _in_turn():
        _show_board()


def _show_board() -> None:
    now, zone, seen = context.now(), _zone(), context.deployment().feed.revisions()
    turn, again_s = board.TURNS.look(now)
    pace = {"incidents": _OFTEN_S, "devices": _OFTEN_S}
    live.follow("wall_board_live", pace, seen=seen, again_s=again_s, proof=".badge")
    with st.container(key="wall_period"):
        period = _period()
    read = _read(_since(period, now), now)
    if read is None:
        st.html(_badge(now))
        return
    found, gaps = read
    at = found.chain[0] if found.chain else None
    page = wallqueue.page(found.queue, turn=turn, now=now)
    proposed = wallqueue.proposals(page.rows, now)
    left = (
        panels.today(found.today, title=_(_PERIODS[period]), place=at.name if at else "")
        + panels.trend(found.trend, zone=zone)
        + panels.ranking(found.ranking, turn=turn, level=follow.level_below(at.level) if at else "community")
        + panels.reported(found.reported, turn=turn, is_part=at is not None)
    )
    right = (
        panels.duty(found.duty, turn=turn)
        + panels.queue(
            page.rows,
            proposed,
            total=len(found.queue),
            page=page.number,
            pages=page.of,
            now=now,
            is_acted_on=page.is_acted_on,
            is_held=page.is_held,
        )
        + panels.coverage(gaps, turn=turn)
        + panels.devices(found.devices)
    )
    wallqueue.actions(page, proposed)
    # In one piece: what a run costs is mostly the number of elements that it sends.
    st.html(_badge(now) + panels.column(left, name="left") + panels.column(right, name="right"))
    with st.container(key="wall_alarm"):
        parts.alarm("wall_alarms", _urgent(found.urgent))
    with st.container(key="wall_ticker"):
        st.html(_ticker(found, now, zone))


def _urgent(rows: Sequence[QueueRow]) -> list[parts.Urgent]:
    return [
        parts.Urgent(
            no=row.no,
            severity=row.severity,
            mark=SEVERITY_NUMERAL[row.severity],
            title=row.title,
            place=row.grid_name,
        )
        for row in rows
    ]


def _period() -> str:
    chosen = st.segmented_control(
        _("统计时段"),
        list(_PERIODS),
        format_func=lambda code: _(_PERIODS[code]),
        default="today",
        required=True,
        key="wall_period_choice",
        label_visibility="collapsed",
    )
    return chosen or "today"


def _since(period: str, now: datetime) -> datetime:
    today = wording.start_of_day(now, zone=_zone())
    if period == "month":
        return today.replace(day=1)
    return wording.start_of_day(now, days_back=6, zone=_zone()) if period == "week" else today


def _read(since: datetime, now: datetime) -> tuple[Board, Sequence[Gap]] | None:
    """The board as of now, or the last good one while the database can't be reached; the header says which.

    With it where nobody is free, of the grid that the board is about.
    """
    at = context.deployment()
    try:
        revisions = (at.feed.revision("incidents"), at.feed.revision("devices"))
        chain = wallmap.place()
        grid = chain[0].code if chain else None
        found = board.read(revisions=revisions, grid=grid, since=since, now=now)
        gaps = [gap for gap in wallmap.gaps() if found.grids is None or gap.code in found.grids]
    except Unavailable:
        st.session_state.setdefault("_wall_lost_at", now)
        return st.session_state.get("_wall_board")
    except NotAuthenticated:
        st.rerun()
    st.session_state.pop("_wall_lost_at", None)
    st.session_state.update(_wall_board=(found, gaps), _wall_read_at=now)
    return found, gaps


_TICKER_EVERY_S = 20


def _ticker(found: Board, now: datetime, zone: ZoneInfo) -> str:
    """Kept for a while, so that it runs on: with every new step it would begin again."""
    held = st.session_state.get("_wall_ticker")
    if held is None or (now - held[0]).total_seconds() >= _TICKER_EVERY_S:
        held = (now, panels.ticker(found.steps, now, zone=zone))
        st.session_state["_wall_ticker"] = held
    return str(held[1])

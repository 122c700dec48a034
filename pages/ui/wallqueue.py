"""The wall's list of what is open: its pages, and for those who dispatch from it a page that stands while they act."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import streamlit as st

from db import assignments
from db.incidents import QueueRow
from geo.errors import Unavailable
from governance.access import Permission
from governance.incident import Status
from governance.language import _
from pages.ui import board, commands, context, wording
from pages.ui.panels import Proposal

CASES_A_PAGE = 5
HELD = timedelta(seconds=60)
"""How long a page stands after somebody turned to it or acted on it; the lists of others turn on."""
KEYS = {"Home": "wall_page_first", "PageUp": "wall_page_back", "PageDown": "wall_page_on"}
"""The keys that turn the pages by hand, where that is offered."""

_UNSENT = frozenset({Status.REPORTED, Status.ACCEPTED, Status.RETURNED})
_AT, _STANDS, _FROM = "_wall_page", "_wall_page_stands", "_wall_page_from"


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The page that shows now, of how many; `is_held` while it stands by hand, `is_acted_on` for who may dispatch."""

    rows: Sequence[QueueRow]
    number: int
    of: int
    is_held: bool
    is_acted_on: bool


def page(queue: Sequence[QueueRow], *, turn: int, now: datetime) -> Page:
    """The page that the turns have come to; for those who may dispatch what waits comes first.

    All is by deadline. Nothing turns away under a hand: what somebody turned to or acted on stands for `HELD`, and the
    turns go on from there; they begin with the first page.
    """
    may_act = context.principal().may(Permission.DISPATCH)
    rows = sorted(queue, key=lambda row: row.status not in _UNSENT) if may_act else queue
    pages = max(1, -(-len(rows) // CASES_A_PAGE))
    stands: tuple[int, datetime] | None = st.session_state.get(_STANDS) if may_act else None
    is_held = stands is not None and now < stands[1]
    if not may_act:
        number = turn % pages
    elif stands is not None and is_held:
        number = min(stands[0], pages - 1)
        st.session_state[_FROM] = turn - number
    else:
        number = (turn - st.session_state.setdefault(_FROM, turn)) % pages
    st.session_state[_AT] = (number, pages)
    return Page(
        rows=rows[number * CASES_A_PAGE : (number + 1) * CASES_A_PAGE],
        number=number,
        of=pages,
        is_held=is_held,
        is_acted_on=may_act,
    )


def proposals(rows: Sequence[QueueRow], now: datetime) -> Mapping[str, Proposal]:
    """Who would be sent to those of the rows that wait; nobody while the database can't be reached."""
    unsent = tuple(row.no for row in rows if row.status in _UNSENT)
    try:
        return board.proposals(unsent, revision=context.deployment().feed.revision("incidents"), now=now)
    except Unavailable:
        return {}


def actions(shown: Page, proposed: Mapping[str, Proposal]) -> None:
    """One button per incident that somebody could be sent to, and two that turn the pages.

    A button's key is the incident's number: whatever comes onto the page meanwhile, a click means what it was made on.
    """
    if not shown.is_acted_on:
        return
    with st.container(key="wall_actions"):
        if shown.of > 1:
            with st.container(key="wall_pages", horizontal=True, gap=None):
                st.button("«", key=KEYS["Home"], help=_("第一页（Home）"), on_click=_turn_to, args=(0,))
                st.button("‹", key=KEYS["PageUp"], help=_("上一页（PageUp）"), on_click=_turn, args=(-1,))
                st.button("›", key=KEYS["PageDown"], help=_("下一页（PageDown）"), on_click=_turn, args=(1,))
        for slot in range(CASES_A_PAGE):
            row = shown.rows[slot] if slot < len(shown.rows) else None
            with st.container(key=f"wall_slot_{slot}"):
                if row and row.no in proposed and not proposed[row.no].shortfall:
                    st.button(_("派单"), key=f"wall_send_{row.no}", on_click=_send, args=(row.no, row.title))
                else:
                    st.empty()  # or the button of the page before stands beside this row until the run ends


def _turn(by: int) -> None:
    """To another page by hand, as a callback; it stands."""
    number, pages = st.session_state[_AT]
    _turn_to((number + by) % pages)


def _turn_to(number: int) -> None:
    st.session_state[_STANDS] = (number, context.now() + HELD)


def _send(no: str, title: str) -> None:
    _turn(0)
    at = context.deployment()
    with commands.attempt():
        assignments.dispatch(at.database, context.principal(), no, now=context.now())
    refused = commands.refused()
    if refused is None:
        st.toast(_("已派单：{title}", title=wording.literal(title)), icon=":material/check:")
    else:
        told = _("{text}：{why}", text=title, why=refused.text)
        st.toast(wording.literal(told), icon=":material/info:", duration="long")
        commands.forget_refusal()

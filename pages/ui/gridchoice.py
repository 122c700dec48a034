"""The choice of a grid on the officer's map: a box for each level, and one code in the address."""

from __future__ import annotations

from collections.abc import Mapping

import streamlit as st

from db import territory
from db.territory import GridRow
from governance import labels, language
from governance.language import _
from pages.ui import context, deeplink

PARAMETER = "in"
"""The parameter of the address that holds the chosen grid's code."""

_CASCADE = ("street", "community", "quarter", "building")


def show() -> GridRow | None:
    """The four cascading choices of a grid; answers the finest chosen.

    The choice is one code, which stands in the address (`?in=220723001002`); the four boxes show its chain.
    """
    rows = context.remembered("map_grids", "all", ("grids",), territory.grids)
    scope = context.principal().grid_prefix
    known = {row.code: row for row in rows if row.code.startswith(scope) or scope.startswith(row.code)}
    chosen = known.get(deeplink.held(PARAMETER))
    if chosen is None and (dead := deeplink.held(PARAMETER)):
        narrow_to(None)
        deeplink.tell([dead])
    chain = _chain(chosen, known)
    parent: str | None = None
    for level, column in zip(_CASCADE, st.columns(len(_CASCADE), gap="small"), strict=True):
        # Without a choice above nothing finer is offered: its names would be those of half the county.
        is_open = level == _CASCADE[0] or parent is not None
        offered = [row.code for row in known.values() if is_open and row.level == level and row.parent_code == parent]
        current = chain[level].code if level in chain else None
        # The browser names its choice by the word, so that in another language it is another box.
        key = f"in_{level}_{parent}_{current}_{language.current()}"
        words = {
            "": _("全部{level}", level=labels.GRID_LEVEL[level].text),
            **{code: known[code].name for code in offered},
        }
        column.selectbox(
            labels.GRID_LEVEL[level].text,
            list(words),
            index=offered.index(current) + 1 if current in offered else 0,
            format_func=words.__getitem__,
            placeholder=words[""],
            disabled=not offered,
            key=key,
            label_visibility="collapsed",
            on_change=_choose_grid,
            args=(key, parent),
        )
        parent = current
    return chosen


def _chain(row: GridRow | None, known: Mapping[str, GridRow]) -> dict[str, GridRow]:
    """The grid and those above it, by level."""
    found = {}
    while row is not None:
        found[row.level] = row
        row = known.get(row.parent_code or "")
    return found


def _choose_grid(key: str, parent: str | None) -> None:
    """A box was changed: its grid is chosen, or for all of them the one above."""
    narrow_to(st.session_state[key] or parent)


def narrow_to(code: str | None) -> None:
    """Chooses a grid, or none, as a button's callback."""
    deeplink.hold(PARAMETER, code or "")

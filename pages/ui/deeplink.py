"""Choices that stand in the address by their codes: a link made in one language opens the same view in another.

Streamlit's own binding writes the words of the options. What the address says is a widget's default at every run: a
value put into the session is told to the browser once, and lost where another run follows at once.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import streamlit as st

from governance.language import _
from pages.ui import wording

_HELD = "_held_"
_MOST, _LONGEST = 5, 40
"""How many values a message names, and how many characters of each."""


def asked(key: str, offered: Collection[str]) -> list[str]:
    """What the address says for the widget of `key`, as far as it is on offer."""
    return [code for code in st.query_params.get(key, "").split(",") if code in offered]


def index(key: str, offered: Sequence[str]) -> int | None:
    """The place in `offered` of the one code that the address says."""
    return next((offered.index(code) for code in asked(key, offered)), None)


def keep(key: str, chosen: Collection[str] | str | None) -> None:
    """Writes what is chosen into the address, so that a link or a reload brings it back."""
    text = chosen if isinstance(chosen, str) else ",".join(chosen or ())
    if text:
        st.query_params[key] = text
    else:
        st.query_params.pop(key, None)


def arrive(key: str) -> None:
    """Takes a choice that no widget holds from the address, when the whole screen is drawn."""
    st.session_state[_HELD + key] = st.query_params.get(key, "")


def held(key: str) -> str:
    """What was last put with `hold`, or else arrived; "" for nothing.

    A fragment that draws itself anew may bring the address from before the last step through the queue: what it says is
    not believed, and is put right.
    """
    value = str(st.session_state[_HELD + key])
    if st.query_params.get(key, "") != value:
        keep(key, value)
    return value


def hold(key: str, value: str) -> None:
    """Makes `value` the choice, "" for none, here and in the address."""
    st.session_state[_HELD + key] = value
    keep(key, value)


def settle(choices: Mapping[str, Collection[str] | None]) -> None:
    """Takes what isn't on offer out of the address, and tells of it; `choices` are the values by key, None for any.

    A link is kept for months, in which classes and kinds come and go.
    """
    dead: list[str] = []
    for key, offered in choices.items():
        codes = [code for code in st.query_params.get(key, "").split(",") if code]
        if offered is not None and not set(codes) <= set(offered):
            dead += [code for code in codes if code not in offered]
            keep(key, [code for code in codes if code in offered])
    tell(dead)


def tell(dead: Sequence[str]) -> None:
    """Says which values of a link or of a saved filter there are no more."""
    if dead:
        told = wording.listed(value[:_LONGEST] for value in dead[:_MOST])
        st.toast(_("链接或筛选里的 {values} 现在没有，已去掉", values=wording.literal(told)), icon=":material/info:")

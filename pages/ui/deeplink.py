"""Choices that stand in the address by their codes: a link made in one language opens the same view in another.

Streamlit's own binding writes the words of the options. What the address says is a widget's default at every run: a
value put into the session is told to the browser once, and lost where another run follows at once.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import streamlit as st

_HELD = "_held_"


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

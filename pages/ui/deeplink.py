"""Choices that stand in the address by their codes: a link made in one language opens the same view in another.

Streamlit's own binding writes the words of the options.
"""

from __future__ import annotations

from collections.abc import Collection

import streamlit as st


def arrive_many(key: str, offered: Collection[str]) -> None:
    """Before a widget that takes several is drawn for the first time: gives it what the address says, if on offer."""
    st.session_state.setdefault(key, [code for code in _asked(key) if code in offered])


def arrive(key: str, offered: Collection[str], *, otherwise: str | None = None) -> None:
    """The same for one that takes a single code; `otherwise` is chosen without one, or when it is on offer no more."""
    if key not in st.session_state:
        st.session_state[key] = next((code for code in _asked(key) if code in offered), otherwise)
    elif st.session_state[key] is not None and st.session_state[key] not in offered:
        st.session_state[key] = otherwise


def keep(key: str, chosen: Collection[str] | str | None) -> None:
    """Writes what is chosen into the address, so that a link or a reload brings it back."""
    text = chosen if isinstance(chosen, str) else ",".join(chosen or ())
    if text:
        st.query_params[key] = text
    else:
        st.query_params.pop(key, None)


def _asked(key: str) -> list[str]:
    return st.query_params.get(key, "").split(",")

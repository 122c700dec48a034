"""Choices that stand in the address by their codes: a link made in one language opens the same view in another.

Streamlit's own binding writes the words of the options. What the address says is a widget's default at every run: a
value put into the session is told to the browser once, and lost where another run follows at once. Only where somebody
went back is the address the truth, whatever the widgets say: there it goes into the session.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import NoReturn

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from governance.language import _
from pages.ui import wording

_HELD = "_held_"
_AGAIN = "_drawn_again"
FLAGS: Mapping[str, bool] = {"true": True, "false": False}
"""What the address says of a switch."""

_MOST, _LONGEST = 5, 40
"""How many values a message names, and how many characters of each."""


def asked(key: str, offered: Collection[str]) -> list[str]:
    """What the address says for the widget of `key`, as far as it is on offer."""
    found = _said(key, offered)
    _follow(key, found)
    return found


def asked_one(key: str, offered: Collection[str]) -> str | None:
    """The one code that the address says, for a widget that holds one."""
    found = next(iter(_said(key, offered)), None)
    _follow(key, found)
    return found


def index(key: str, offered: Sequence[str], *, default: int | None = None) -> int | None:
    """The place in `offered` of the one code that the address says, `default` if it says none."""
    code = next(iter(_said(key, offered)), None)
    place = default if code is None else offered.index(code)
    _follow(key, None if place is None else offered[place])
    return place


def checkbox(label: str, *, key: str, value: bool = False) -> bool:
    """A switch that stands in the address where it isn't as it opens, which is `value`.

    Streamlit's own binding writes over the entry of the browser's history, so that Back would leave the map.
    """
    said = next(iter(_said(key, FLAGS)), None)
    is_on = value if said is None else FLAGS[said]
    _follow(key, is_on)
    is_on = st.checkbox(label, value=is_on, key=key)
    keep(key, None if is_on == value else str(is_on).lower())
    return is_on


def _said(key: str, offered: Collection[str]) -> list[str]:
    return [code for code in st.query_params.get(key, "").split(",") if code in offered]


def _follow(key: str, value: object) -> None:
    """Gives a widget that was there before the value of the address, where somebody went back to that.

    Streamlit does so by itself for the widgets that it binds, and without the browser's Back or Forward never.
    """
    run = get_script_run_ctx(suppress_warning=True)
    if run is not None and run.is_history_navigation and st.session_state.get(key, value) != value:
        st.session_state[key] = value


def keep(key: str, chosen: Collection[str] | str | None) -> None:
    """Writes what is chosen into the address, so that a link or a reload brings it back."""
    text = chosen if isinstance(chosen, str) else ",".join(chosen or ())
    if text:
        st.query_params[key] = text
    else:
        st.query_params.pop(key, None)


def arrive(*keys: str) -> None:
    """Takes choices that no widget holds from the address, when the whole screen is drawn.

    What is held stays where the screen itself asked for the run: a fragment's run that the browser asked for at that
    moment melts into it, with the address from before the choice.
    """
    asked = st.session_state.pop(_AGAIN, None)
    is_ours = asked is not None and asked == _drawn()
    for key in keys:
        if is_ours and _HELD + key in st.session_state:
            held(key)
        else:
            st.session_state[_HELD + key] = st.query_params.get(key, "")


def held(key: str) -> str:
    """What was last put with `hold` or `turn`, or else arrived; "" for nothing.

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


def turn(choices: Mapping[str, str]) -> NoReturn:
    """Makes `choices`, by key and "" for none, the whole address, and draws the screen anew by them."""
    st.session_state.update({_HELD + key: value for key, value in choices.items()})
    st.query_params.from_dict({key: value for key, value in choices.items() if value})
    again()


def again() -> NoReturn:
    """Draws the whole screen anew by what is held, whatever address the browser brings meanwhile."""
    st.session_state[_AGAIN] = _drawn()
    st.rerun()


def _drawn() -> str | None:
    """The screen that this run draws; None where somebody went back or forward, or nothing is drawn in a browser."""
    run = get_script_run_ctx(suppress_warning=True)
    return None if run is None or run.is_history_navigation else run.page_script_hash


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
        st.toast(
            _("链接或筛选里的 {values} 不存在，或不在您的范围内，已去掉", values=wording.literal(told)),
            icon=":material/info:",
        )

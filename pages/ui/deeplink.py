"""Choices that stand in the address by their codes: a link made in one language opens the same view in another.

Streamlit's own binding writes the words of the options. What the address says is a widget's default at every run: a
value put into the session is told to the browser once, and lost where another run follows at once. Only where somebody
went back is the address the truth, whatever the widgets say: there it goes into the session.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NoReturn

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.state import get_session_state

from governance import language
from governance.language import _
from pages.ui import wording

_HELD = "_held_"
_AGAIN = "_drawn_again"
_SPOKEN = "_spoken_"
_waiting: ContextVar[dict[str, str] | None] = ContextVar("waiting", default=None)
"""What is kept inside `at_once` and not in the address yet, by key and "" for none."""
FLAGS: Mapping[str, bool] = {"true": True, "false": False}
"""What the address says of a switch."""

_MOST, _LONGEST = 5, 20
"""How many values a message names, and how many characters of each."""


def asked(key: str, offered: Collection[str]) -> list[str]:
    """What the address says for the widget of `key`, as far as it is on offer."""
    found = said(key, offered)
    _follow(key, found)
    return found


def asked_one(key: str, offered: Collection[str]) -> str | None:
    """The one code that the address says, for a widget that holds one."""
    found = next(iter(said(key, offered)), None)
    _follow(key, found)
    return found


def index(key: str, offered: Sequence[str], *, default: int | None = None) -> int | None:
    """The place in `offered` of the one code that the address says, `default` if it says none."""
    code = next(iter(said(key, offered)), None)
    place = default if code is None else offered.index(code)
    _follow(key, None if place is None else offered[place])
    return place


def code_of(key: str, offered: Sequence[str], *, default: str) -> str:
    """What the box of `key`, made with `index`, is about to answer: for what is drawn before it."""
    place = index(key, offered, default=offered.index(default))
    chosen = st.session_state.get(key)
    return str(chosen) if chosen in offered else offered[place or 0]


def box(label: str, words: Mapping[str, str], *, key: str, default: str = "", help: str | None = None) -> str:  # noqa: A002
    """A box of `words` by code; its code stands in the address where it isn't `default`.

    The browser names a choice by its word: where the language has changed since, it is told the new one.
    """
    offered = list(words)
    place = index(key, offered, default=offered.index(default))
    spoken = language.current()
    if st.session_state.get(_SPOKEN + key, spoken) != spoken and key in st.session_state:
        st.session_state[key] = code_of(key, offered, default=default)
    st.session_state[_SPOKEN + key] = spoken
    chosen: str = st.selectbox(
        label,
        offered,
        index=place or 0,
        format_func=words.__getitem__,
        placeholder=words[default],
        key=key,
        help=help,
        label_visibility="visible" if help else "collapsed",
    )
    keep(key, None if chosen == default else chosen)
    return chosen


def is_on(key: str, *, value: bool = False) -> bool:
    """What the switch of `key`, made with `checkbox`, is about to answer: for what is drawn before it."""
    flag = next(iter(said(key, FLAGS)), None)
    found = value if flag is None else FLAGS[flag]
    _follow(key, found)
    return bool(st.session_state.get(key, found))


def checkbox(label: str, *, key: str, value: bool = False) -> bool:
    """A switch that stands in the address where it isn't as it opens, which is `value`, or where a link put it.

    Streamlit's own binding writes over the entry of the browser's history, so that Back would leave the map.
    """
    flag = next(iter(said(key, FLAGS)), None)
    is_pressed = value if flag is None else FLAGS[flag]
    _follow(key, is_pressed)
    is_pressed = st.checkbox(label, value=is_pressed, key=key)
    if flag is None or FLAGS[flag] != is_pressed:
        keep(key, None if is_pressed == value else str(is_pressed).lower())
    return is_pressed


def said(key: str, offered: Collection[str]) -> list[str]:
    """What the address says of `key`, as far as it is on offer: for what is drawn before the widget."""
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
    waiting = _waiting.get()
    if waiting is not None:
        waiting[key] = text
    elif text:
        st.query_params[key] = text
    else:
        st.query_params.pop(key, None)


@contextmanager
def at_once() -> Iterator[None]:
    """What is kept inside changes the address once, when it ends: every change is a step of the browser's history."""
    if _waiting.get() is not None:
        yield
        return
    token = _waiting.set({})
    try:
        yield
    finally:
        try:
            _write()
        finally:
            _waiting.reset(token)


def _write() -> None:
    """Writes what waits in one message, which Streamlit's own ways can't: they take out one parameter at a time.

    They refuse a parameter too that a widget is bound to, though its value was put into the session a line before.
    """
    waiting = _waiting.get()
    if not waiting:
        return
    before = st.query_params.to_dict()
    with get_session_state().query_params() as address:
        for key, text in waiting.items():
            if text:
                address.set_with_no_forward_msg(key, text)
            else:
                address.discard_param_no_forward_msg(key)
    waiting.clear()
    # Told what it knows, a browser that has gone back meanwhile would leave where it went.
    if st.query_params.to_dict() != before:
        st.query_params.update({})


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
    _write()  # a run that is asked for next takes the address along


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
            duration="long",
        )

from __future__ import annotations

from types import SimpleNamespace

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

# A screen arrives once; the runs that follow stand for its fragments.
_SCREEN = """
import streamlit as st
from pages.ui import deeplink

if "is_drawn" not in st.session_state:
    deeplink.arrive("at")
    st.session_state.is_drawn = True
if st.button("close"):
    deeplink.hold("at", "")
st.text(deeplink.held("at"))
"""


def test_an_address_that_lags_behind_brings_nothing_back():
    """A run that was asked for before the browser heard of a choice comes with the address from before it."""
    app = AppTest.from_string(_SCREEN)
    app.query_params["at"] = "incidents:QA1"
    app.run()
    assert app.text[0].value == "incidents:QA1"

    app.button[0].click().run()
    assert app.text[0].value == ""
    assert "at" not in app.query_params

    app.query_params["at"] = "incidents:QA1"
    app.run()
    assert app.text[0].value == ""
    assert "at" not in app.query_params


# Streamlit gives its own run the address of a fragment's run that the browser asked for before it heard of the choice.
_TURNED = """
import streamlit as st
from pages.ui import deeplink

deeplink.arrive("no", "new")
if st.button("open"):
    deeplink.turn({"no": "", "new": "1"})
if st.button("again"):
    deeplink.again()
st.text(deeplink.held("no") + "/" + deeplink.held("new"))
"""


@pytest.mark.parametrize(("pressed", "found"), [(0, "/1"), (1, "QA1/")])
def test_a_run_of_the_screens_own_keeps_what_is_held(monkeypatch: pytest.MonkeyPatch, pressed: int, found: str):
    app = AppTest.from_string(_TURNED)
    app.query_params["no"] = "QA1"
    app.run()
    rerun = st.rerun

    def melted() -> None:
        st.query_params.from_dict({"no": "QA0"})
        rerun()

    monkeypatch.setattr("pages.ui.deeplink.st.rerun", melted)
    app.button[pressed].click().run()
    assert app.text[0].value == found
    assert app.query_params == ({"new": "1"} if pressed == 0 else {"no": "QA1"})


@pytest.mark.parametrize("is_back", [True, False])
@pytest.mark.parametrize("is_asked", [True, False])
def test_an_address_that_somebody_went_to_is_believed(
    monkeypatch: pytest.MonkeyPatch, *, is_back: bool, is_asked: bool
):
    """The screen's own run keeps what is held, but for Back and Forward."""
    app = AppTest.from_string(_TURNED)
    app.query_params["no"] = "QA1"
    app.run()
    run = SimpleNamespace(is_history_navigation=is_back, page_script_hash="desk")
    monkeypatch.setattr("pages.ui.deeplink.get_script_run_ctx", lambda **_: run)
    if is_asked:
        app.session_state["_drawn_again"] = "desk"
    app.query_params["no"] = "QA2"
    app.run()
    assert app.text[0].value == ("QA1/" if is_asked and not is_back else "QA2/")
    assert app.query_params == {"no": app.text[0].value.rstrip("/")}


_CHOICES = """
import streamlit as st
from pages.ui import deeplink

days = ["1", "7"]
st.pills("kinds", ["a", "b"], selection_mode="multi", default=deeplink.asked("kinds", ["a", "b"]), key="kinds")
st.selectbox("days", days, index=deeplink.index("days", days), key="days")
st.selectbox("listed", days, index=deeplink.index("listed", days, default=0), key="listed")
for key in ("kinds", "days", "listed"):
    deeplink.keep(key, st.session_state[key])
deeplink.checkbox("on", key="on", value=True)
deeplink.checkbox("late", key="late")
"""


@pytest.mark.parametrize(
    ("is_back", "found"),
    [
        (False, {"kinds": ["a", "b"], "days": "7", "listed": "7", "on": False, "late": True}),
        (True, {"kinds": ["a"], "days": None, "listed": "1", "on": True, "late": False}),
    ],
)
def test_back_alone_puts_the_address_above_the_widgets(
    monkeypatch: pytest.MonkeyPatch, *, is_back: bool, found: dict[str, object]
):
    """A run for another reason may come with the address from before; what it doesn't say is as it opens."""
    app = AppTest.from_string(_CHOICES)
    app.query_params.update({"kinds": "a,b", "days": "7", "listed": "7", "on": "false", "late": "true"})
    app.run()
    run = SimpleNamespace(is_history_navigation=is_back)
    monkeypatch.setattr("pages.ui.deeplink.get_script_run_ctx", lambda **_: run)
    app.query_params.clear()
    app.query_params["kinds"] = "a"
    app.run()
    assert {key: app.session_state[key] for key in found} == found


def test_a_switch_stands_in_the_address_where_it_is_not_as_it_opens():
    """What nobody touched leaves the address short; a word that is no state says nothing."""
    app = AppTest.from_string(_CHOICES)
    app.query_params["late"] = "perhaps"
    app.run()
    assert "late" not in app.query_params
    app.checkbox(key="on").uncheck()
    app.checkbox(key="late").check().run()
    assert {"on": "false", "late": "true"}.items() <= app.query_params.items()
    app.checkbox(key="on").check()
    app.checkbox(key="late").uncheck().run()
    assert not {"on", "late"} & set(app.query_params)

from __future__ import annotations

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

"""Household visits: what was found at a door goes in at the left, what households need is worked off at the right."""

from __future__ import annotations

import streamlit as st

from pages.ui import commands, layout, needlist, parts, visitform

_KEYS = {"/": "vis_q", "n": "vis_add"}


def render() -> None:
    """Draws the form beside the gathered needs."""
    st.html(layout.style("intake"))
    parts.keys("vis_keys", _KEYS)
    left, right = st.columns([1, 1.55], gap="medium")
    with left, st.container(key="vis_form"), commands.calmly():
        visitform.render()
    with right, st.container(key="vis_list"):
        needlist.render()

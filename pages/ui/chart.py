"""A live map in a screen: its ground, one chart with a constant key, and the hint under the pointer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import streamlit as st

from db import ground
from geo.errors import Unavailable
from governance import labels
from layers import raster, tooltip
from layers.basemap import Ground
from layers.deck import Deck
from layers.palette import Palette
from pages.ui import context, shared

Selected = Mapping[str, Any]
"""The properties of the feature that was clicked."""


def the_ground() -> Ground:
    """How much ground there is to draw, looked up once a minute; while the database can't be reached, as before."""
    try:
        found = shared.read("ground", "", _standing)
    except Unavailable:
        return cast("Ground", st.session_state.get("_ground", Ground()))
    st.session_state["_ground"] = found
    return found


def _standing(session: Any) -> Ground:
    now = ground.standing(session)
    return Ground(revision=now.revision, number=now.number)


def map_style(palette: Palette) -> str:
    """The style of the deployment's map server; "" where the map is drawn on its own ground."""
    return raster.style_url(palette) if context.deployment().settings.basemap_url else ""


def hint_style() -> str:
    """The style of the pointer's hint, with every code in words."""
    kinds = {**labels.PLACE_KIND, **labels.DEVICE_KIND}
    words = {
        "status": {**labels.STATUS, **labels.DEVICE_STATUS},
        "availability": labels.AVAILABILITY,
        "kind": kinds,
        "level": labels.GRID_LEVEL,
    }
    said = {name: {str(code): term.text for code, term in terms.items()} for name, terms in words.items()}
    return f"<style>{tooltip.style(said)}</style>"


def show(deck: Deck, *, key: str) -> None:
    """The map, only to look at."""
    st.pydeck_chart(deck, key=key, height="stretch")


def show_selectable(deck: Deck, *, key: str) -> tuple[str, Selected] | None:
    """The map; answers which layer and feature was clicked last, or None.

    A selection is an index into data that has changed by now: only the properties that came with the click count.
    """
    event = cast("Any", st.pydeck_chart(deck, key=key, height="stretch", on_select="rerun"))
    for ident, objects in event.selection.objects.items():
        if objects:
            properties = objects[0].get("properties", {})
            return str(ident), cast("Selected", properties)
    return None

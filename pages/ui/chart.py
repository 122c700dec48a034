"""A live map in a screen: names read once, one chart with a constant key, and the hint under the pointer."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, cast

import streamlit as st

from db import features, ground
from db.session import Database
from geo.errors import Unavailable
from geo.features import FeatureFilter
from governance import labels
from governance.access import SYSTEM
from layers import names, raster, tooltip
from layers.basemap import Ground
from layers.deck import Deck
from layers.palette import Palette
from pages.ui import context

Selected = Mapping[str, Any]
"""The properties of the feature that was clicked."""


def the_ground() -> Ground:
    """How much ground there is to draw, looked up once a minute; while the database can't be reached, as before."""
    at = context.deployment()
    try:
        found = _standing(_database=at.database)
    except Unavailable:
        return cast("Ground", st.session_state.get("_ground", Ground()))
    st.session_state["_ground"] = found
    return found


@st.cache_resource(max_entries=1, ttl="1m", show_spinner=False)
def _standing(*, _database: Database) -> Ground:
    with _database.session(SYSTEM) as session:
        now = ground.standing(session)
    return Ground(revision=now.revision, number=now.number)


def map_style(palette: Palette) -> str:
    """The style of the deployment's map server; "" where the map is drawn on its own ground."""
    return raster.style_url(palette) if context.deployment().settings.basemap_url else ""


def place_names() -> Sequence[names.Name]:
    """Names of grids and streets, read once per revision of the grids and the ground for everybody.

    A ground that comes as tiles brings the streets' names itself. While the database can't be reached, those that this
    screen had before.
    """
    at, about = context.deployment(), the_ground()
    try:
        found = _names(at.feed.revision("grids"), about, _database=at.database)
    except Unavailable:
        return cast("Sequence[names.Name]", st.session_state.get("_place_names", ()))
    st.session_state["_place_names"] = found
    return found


@st.cache_resource(max_entries=2, show_spinner=False)
def _names(revision: int, about: Ground, *, _database: Database) -> Sequence[names.Name]:  # noqa: ARG001  what the answer is kept under
    with _database.session(SYSTEM) as session:
        grids = json.loads(features.items(session, "grids", FeatureFilter(), personal=False))
        if about.is_tiled:
            return names.of_grids(grids)
        roads = json.loads(ground.ground(session, "roads"))
    return [*names.of_grids(grids), *names.of_roads(roads)]


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

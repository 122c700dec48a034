"""The desk's map: the incident with its grid, the open incidents around it, and the candidates numbered by rank."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import streamlit as st

from db import features, ground
from db.incidents import Incident
from geo.features import FeatureFilter
from governance.access import SYSTEM
from governance.dispatch import Ranked
from layers import candidates, deck, names
from layers.palette import LIGHT
from layers.spec import Look, Source
from pages.ui import context

_KEY = "desk_map"
_LOOK = Look(palette=LIGHT)
_SIZE_PX = (860, 960)
_CLOSE_DEG = 0.0022
"""Half of the least span that is shown around an incident: some 200 m, so that houses tell where it is."""


def show(incident: Incident, ranked: Sequence[Ranked], chosen: str) -> None:
    """The incident and those who may go; the view is set once per incident, afterwards it is the user's."""
    chain = {grid.code: grid for grid in incident.chain}
    grid = chain[incident.grid_code]
    spots = [
        candidates.Spot(
            lon=entry.candidate.lon,
            lat=entry.candidate.lat,
            number=str(entry.rank),
            is_chosen=entry.candidate.code == chosen,
        )
        for entry in ranked
    ]
    scene = candidates.Scene(
        lon=incident.lon,
        lat=incident.lat,
        grid_code=grid.code,
        grid_level=grid.level,
        grids_revision=context.deployment().feed.revision("grids"),
        spots=spots,
    )
    _chart(scene, _bounds(incident, spots), incident.no)


def show_town() -> None:
    """The town with its open incidents, while none is selected."""
    _chart(None, context.county().town_bounds, "")


def _chart(scene: candidates.Scene | None, bounds: Sequence[float], no: str) -> None:
    held = st.session_state.get("_desk_view")
    if held is None or held[0] != no:
        width_px, height_px = _SIZE_PX
        held = (no, deck.initial_view(bounds, width_px=width_px, height_px=height_px, margin=0.12))
        st.session_state["_desk_view"] = held
    feed = context.deployment().feed
    shown = [
        Source(key="grids", revision=feed.revision("grids"), features=FeatureFilter()),
        Source(
            key="incidents",
            revision=feed.revision("incidents"),
            features=FeatureFilter(where={"is_open": ("true",)}),
        ),
    ]
    chart = deck.compose(
        shown,
        _LOOK,
        view=held[1],
        labels=_names(),
        marked=deck.Marked(lon=scene.lon, lat=scene.lat) if scene else None,
    )
    if scene is not None:
        above = next(n for n, layer in enumerate(chart.layers) if not layer.id.startswith("base-"))
        chart.layers[above:above] = candidates.draw_grid(scene, _LOOK)
        chart.layers += candidates.draw(scene, _LOOK)
    with st.container(key="desk_chart"):
        st.pydeck_chart(chart, key=_KEY, height="stretch")


def _bounds(incident: Incident, spots: Sequence[candidates.Spot]) -> tuple[float, float, float, float]:
    """West, south, east, north around the incident and the candidates."""
    lons = [incident.lon - _CLOSE_DEG, incident.lon + _CLOSE_DEG, *(spot.lon for spot in spots)]
    lats = [incident.lat - _CLOSE_DEG, incident.lat + _CLOSE_DEG, *(spot.lat for spot in spots)]
    return min(lons), min(lats), max(lons), max(lats)


def _names() -> list[names.Name]:
    """Names of grids and streets, as everybody may read them."""
    return context.remembered("names", "all", ("grids",), _read_names)


def _read_names(session: Any) -> list[names.Name]:
    grids = json.loads(features.items(session, "grids", FeatureFilter(), personal=False))
    with context.deployment().database.session(SYSTEM) as own:
        roads = json.loads(ground.ground(own, "roads"))
    return [*names.of_grids(grids), *names.of_roads(roads)]

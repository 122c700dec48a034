"""The desk's map: the incident with its grid, the open incidents around it, and the candidates numbered by rank."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import streamlit as st

from db import candidates as reckoning
from db import policies, responders
from db.cases import Incident
from geo.features import FeatureFilter
from governance.dispatch import Ranked
from layers import candidates, deck
from layers.palette import LIGHT
from layers.spec import Look, Source
from pages.ui import chart, context

Route = Sequence[tuple[float, float]]
"""A way in degrees, from the responder to the incident."""

_KEY = "desk_map"
_LOOK = Look(palette=LIGHT)
_SIZE_PX = (860, 960)
_CLOSE_DEG = 0.0022
"""Half of the least span that is shown around an incident: some 200 m, so that houses tell where it is."""


def show(incident: Incident, ranked: Sequence[Ranked], chosen: str, routes: Mapping[int, Route]) -> str | None:
    """The incident and who may go or is on the way; the view is set once per incident, afterwards it is the user's.

    Answers the number of another incident that was clicked just now.
    """
    chain = {grid.code: grid for grid in incident.chain}
    grid = chain[incident.grid_code]
    spots = [
        candidates.Spot(
            lon=entry.candidate.lon,
            lat=entry.candidate.lat,
            number=str(entry.rank),
            is_chosen=entry.candidate.code == chosen,
            route=routes.get(entry.candidate.worker_id, ()),
        )
        for entry in ranked
    ] + _under_way(incident)
    scene = candidates.Scene(
        lon=incident.lon,
        lat=incident.lat,
        severity=incident.severity,
        grid_code=grid.code,
        grid_level=grid.level,
        grids_revision=context.deployment().feed.revision("grids"),
        spots=spots,
    )
    return _chart(scene, _bounds(incident, spots), incident.no)


def _under_way(incident: Incident) -> list[candidates.Spot]:
    """Those who were sent and haven't arrived: where they are now, by surname, with the way that is left."""
    sent = {one.worker_id: one.worker_name for one in incident.crew if one.arrived_at is None}
    if not sent:
        return []

    def read(session: Any) -> tuple[dict[int, tuple[float, float]], dict[int, list[tuple[float, float]]]]:
        at = responders.positions(session, list(sent))
        mode = policies.policy_in_force(session).mode
        return at, reckoning.ways(session, incident.lon, incident.lat, at, mode)

    at, ways = context.remembered("under_way", (incident.no, tuple(sent)), ("workers",), read)
    return [
        candidates.Spot(lon=lon, lat=lat, number=sent[one][:1], is_chosen=True, route=ways.get(one, ()))
        for one, (lon, lat) in at.items()
    ]


def show_town() -> str | None:
    """The town with its open incidents, while none is selected; the number of the one clicked just now."""
    return _chart(None, context.county().town_bounds, "")


def _chart(scene: candidates.Scene | None, bounds: Sequence[float], no: str) -> str | None:
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
    drawn = deck.compose(
        shown,
        _LOOK,
        view=held[1],
        ground=chart.the_ground(),
        map_style=chart.map_style(_LOOK.palette),
        labels=feed.revision("grids"),
        marked=deck.Marked(lon=scene.lon, lat=scene.lat) if scene else None,
    )
    if scene is not None:
        above = next(n for n, layer in enumerate(drawn.layers) if not layer.id.startswith("base-"))
        drawn.layers[above:above] = candidates.draw_grid(scene, _LOOK)
        drawn.layers += candidates.draw(scene, _LOOK)
    with st.container(key="desk_chart"):
        clicked = chart.show_selectable(drawn, key=_KEY)
        st.html(f'<p class="map-source">{escape(context.source_line() + context.map_credit())}</p>')
    return _newly(clicked)


def _newly(clicked: tuple[str, chart.Selected] | None) -> str | None:
    """The number of the incident clicked just now; a click answers once, though the chart keeps repeating it."""
    no = str(clicked[1].get("no", "")) if clicked and clicked[0] == "incidents" else ""
    before = st.session_state.get("_desk_clicked", "")
    st.session_state["_desk_clicked"] = no
    return no if no and no != before else None


def _bounds(incident: Incident, spots: Sequence[candidates.Spot]) -> tuple[float, float, float, float]:
    """West, south, east, north around the incident and the candidates."""
    lons = [incident.lon - _CLOSE_DEG, incident.lon + _CLOSE_DEG, *(spot.lon for spot in spots)]
    lats = [incident.lat - _CLOSE_DEG, incident.lat + _CLOSE_DEG, *(spot.lat for spot in spots)]
    return min(lons), min(lats), max(lons), max(lats)

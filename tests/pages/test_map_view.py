from __future__ import annotations

import json
from dataclasses import replace
from math import cos, radians
from time import monotonic
from typing import Any

import pytest

from db import territory
from db.session import Database
from governance.access import SYSTEM, Principal, Role
from pages.ui import context

RUSONG = "220723003"
OFFICER = Principal(account="officer", role=Role.OFFICER, grid_prefix=RUSONG)
BARE_PX = (1200, 952)
"""What panels and bar leave of the map on the screen that was designed for."""


def _is_seen(screen: Any, bounds: tuple[float, float, float, float]) -> tuple[bool, float]:
    """Whether the view shows the whole of `bounds`, and how much of its own they fill, the greater way."""
    view = json.loads(screen.get("deck_gl_json_chart")[0].proto.json)["initialViewState"]
    degrees = 360 / 512 / 2 ** view["zoom"]
    wide, high = BARE_PX[0] * degrees, BARE_PX[1] * degrees * cos(radians(view["latitude"]))
    west, south, east, north = bounds
    lon, lat = view["longitude"], view["latitude"]
    holds = max(lon - west, east - lon) <= wide / 2 and max(lat - south, north - lat) <= high / 2
    return holds, max((east - west) / wide, (north - south) / high)


@pytest.mark.parametrize("link", [{}, {"in": f"{RUSONG}001"}])
def test_the_map_opens_on_the_officers_own_street(opened: Any, provided: Database, link: dict[str, str]):
    """The street fills it, whatever a link filters by: filters leave the view alone."""
    with provided.session(OFFICER) as session:
        street = territory.bounds(session, RUSONG)
    holds, filled = _is_seen(opened(link), street)
    assert holds
    assert filled > 0.8


def test_who_has_the_county_sees_the_town(visit: Any, provided: Database):
    """Without a scope the map opens as wide as the town."""
    with provided.session(SYSTEM) as session:
        town = territory.county(session).town_bounds
    holds, filled = _is_seen(visit("dispatcher", screen_alone="map"), town)
    assert holds
    assert filled > 0.8


def test_a_scope_without_grids_opens_on_the_town(opened: Any, provided: Database, monkeypatch: pytest.MonkeyPatch):
    """A street that was renumbered meanwhile doesn't leave the officer without a map."""
    moved = replace(OFFICER, grid_prefix="220723999")
    monkeypatch.setattr(context, "principal", lambda: moved)
    with provided.session(SYSTEM) as session:
        town = territory.county(session).town_bounds
    holds, filled = _is_seen(opened({}), town)
    assert holds
    assert filled > 0.8


def test_a_list_that_is_kept_for_a_while_is_drawn_anew_after_it(opened: Any):
    """What took long to read isn't read at every change, but the screen runs again as soon as it may be."""
    screen = opened({})
    kept = screen.session_state["_read_map_list"]
    screen.session_state["_read_map_list"] = replace(kept, seen=(), until=monotonic() + 20)
    screen.run()
    (live,) = [each.proto for each in screen.get("bidi_component") if each.proto.component_name == "gridcommand_live"]
    assert json.loads(live.json)["again_s"] <= 20

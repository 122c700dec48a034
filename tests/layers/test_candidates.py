from __future__ import annotations

import json
from typing import Any

import pytest

from layers import candidates
from layers.candidates import Scene, Spot
from layers.palette import DARK, LIGHT, Palette, contrast, rgb
from layers.spec import Look

THEMES = pytest.mark.parametrize("theme", [DARK, LIGHT], ids=lambda theme: theme.name)
WAY = [(124.01, 45.0), (124.012, 45.0), (124.012, 45.002)]


def _drawn(*spots: Spot, theme: Palette = LIGHT) -> dict[str, dict[str, Any]]:
    scene = Scene(
        lon=124.012, lat=45.002, severity=3, grid_code="220723001001001", grid_level="quarter", grids_revision=1,
        spots=spots,
    )  # fmt: skip
    made = [json.loads(each.to_json()) for each in candidates.draw(scene, Look(palette=theme))]
    return {each["id"]: each for each in made}


@THEMES
def test_a_way_is_told_from_boundaries_and_ground(theme: Palette):
    """Its colour is far from each boundary's, and stands out from whatever ground it crosses."""
    for line in (theme.grid_street, theme.grid_line, theme.boundary, theme.accent):
        assert sum(abs(a - b) for a, b in zip(rgb(theme.route), rgb(line), strict=True)) > 100
    for ground in (theme.land, theme.town, theme.block, theme.park, theme.water, theme.road, theme.house):
        assert contrast(theme.route, ground) >= 3


def test_the_chosen_way_is_the_strongest_and_on_top():
    """It is wider and less transparent than the others', drawn after them, and each has a casing under it."""
    chosen = Spot(lon=124.01, lat=45.0, number="1", is_chosen=True, route=WAY)
    layers = _drawn(chosen, Spot(lon=124.02, lat=45.0, number="2"))
    other, first = layers["case-lines"]["data"]

    assert (other["t"], first["t"]) == ("2", "1")
    assert first["way"] == [list(at) for at in WAY]
    assert first["w"] > 2 * other["w"]
    assert first["l"][3] > 2 * other["l"][3]
    assert first["l"][:3] == rgb(LIGHT.route)[:3]
    assert all(row["edge"] > row["w"] for row in layers["case-casings"]["data"])
    assert list(layers).index("case-casings") < list(layers).index("case-lines")


def test_layers_stay_when_nobody_may_go():
    """The same layers are there without a candidate: the map never remounts."""
    assert list(_drawn()) == list(_drawn(Spot(lon=124.01, lat=45.0, number="1")))

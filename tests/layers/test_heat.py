from __future__ import annotations

import json

from geo.features import FeatureFilter
from layers import deck, heat
from layers.palette import HEAT, LIGHT
from layers.spec import Look, Source

SOURCE = Source(key="incidents", revision=3, features=FeatureFilter(where={"is_open": ("true",)}))


def test_the_heat_map_asks_for_the_layers_own_features():
    """The same address as the points', so that heat, list and counts agree; nothing of it can be clicked."""
    made = deck.compose([], Look(palette=LIGHT), view=deck.view_at(124, 45, zoom=14), heat=SOURCE)
    drawn = next(each for each in json.loads(made.to_json())["layers"] if each["id"] == "heat")
    assert drawn["data"] == SOURCE.url()
    assert not drawn["pickable"]
    assert drawn["dataTransform"] == "@@=features"


def test_the_legend_shows_the_colours_that_are_drawn():
    """From few to many, in words at both ends."""
    said = heat.key()
    assert all(colour in said for colour in HEAT)
    assert said.index("少") < said.index(HEAT[0]) < said.index(HEAT[-1]) < said.index("多")

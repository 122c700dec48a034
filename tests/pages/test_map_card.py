"""List, search and card of the officer's map."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import text

from db import features
from db.session import Database
from geo.features import FeatureFilter
from layers.catalog import LAYERS
from pages.ui import featurecard
from tests.people import OFFICER


def _html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def _rows(screen: Any, key: str = "map_rows") -> list[dict[str, Any]]:
    (proto,) = [each.proto for each in screen.get("bidi_component") if key in each.proto.id]
    return json.loads(proto.json or proto.mixed.json)["cards"]


def test_the_list_begins_with_what_is_most_urgent(opened: Any, monkeypatch: pytest.MonkeyPatch):
    """Of more incidents than the list holds, the open ones stand in it, the overdue at their head."""
    monkeypatch.setattr(featurecard, "MOST_ROWS", 20)
    screen = opened({"show_finished": "true"})
    assert "列出前 20" in _html(screen)
    rows = _rows(screen)
    assert len(rows) == 20
    assert all(row["aside"] for row in rows[:5])  # only what is open has time left
    assert rows[0]["tone"] == "late"


def test_an_officer_finds_a_worker_by_name_and_by_phone(visit: Any, provided: Database):
    """What the card shows may be looked for: tree and list hold the one who is called so."""
    with provided.session(OFFICER) as session:
        code, name, phone = session.execute(
            text("SELECT code, full_name, full_phone FROM layer.workers WHERE availability = 'available' ORDER BY fid")
        ).first()
    screen = visit("officer")
    for asked in (name, phone):
        screen.text_input(key="map_q").set_value(asked).run()
        assert f"workers:{code}" in {row["id"] for row in _rows(screen, "map_results")}
        with provided.session(OFFICER) as session:
            number = features.count(session, "workers", FeatureFilter(q=asked, where=LAYERS["workers"].ordinary))
        assert number
        assert f'.st-key-show_workers label::after{{content:"{number} / ' in _html(screen)


@pytest.mark.parametrize("layer", ["incidents", "workers", "stations", "devices", "buildings", "grids"])
def test_every_card_takes_the_view_to_its_feature(opened: Any, provided: Database, layer: str):
    """What was chosen in a list may lie outside the view: the map goes there when it is asked to."""
    with provided.session(OFFICER) as session:
        feature = json.loads(features.items(session, layer, FeatureFilter(), personal=False, limit=1))["features"][0]
    screen = opened({"at": f"{layer}:{feature['id']}"})
    before = _view(screen)
    found = featurecard.found_of(layer, feature)

    screen.button(key="map_locate").click().run()

    view = _view(screen)
    assert (view["longitude"], view["latitude"]) == pytest.approx((found.lon, found.lat), abs=1e-6)
    assert view["zoom"] == pytest.approx(found.zoom, abs=1e-6)
    assert view != before


def _view(screen: Any) -> dict[str, Any]:
    return json.loads(screen.get("deck_gl_json_chart")[0].proto.json)["initialViewState"]


def test_a_street_is_shown_whole(provided: Database):
    """A grid is gone to no nearer than shows all of it, a point as near as one reads the map."""
    with provided.session(OFFICER) as session:
        feature = features.feature(session, "grids", "220723003", personal=False)
    assert feature
    street = featurecard.found_of("grids", feature)
    place = featurecard.found_of("stations", {"geometry": {"type": "Point", "coordinates": [1, 2]}, "properties": {}})
    assert street.zoom < place.zoom == 16


_KEY_OF_INCIDENTS = ("实心为待处置", "空心为处置中")


def test_the_key_explains_the_layers_that_are_on(opened: Any):
    """Filled and hollow, pale, finished and crossed out are explained where they are drawn, and only there."""
    told = _html(opened({}))
    assert all(words in told for words in (*_KEY_OF_INCIDENTS, "淡色为较早的位置"))
    assert "incident-finished.svg" not in told
    assert 'device-camera-offline.svg"' not in told

    more = _html(opened({"show_finished": "true", "show_devices": "true", "show_workers": "false"}))
    assert all(words in more for words in (*_KEY_OF_INCIDENTS, "incident-finished.svg", 'device-camera-alarm.svg"'))
    assert "淡色为较早的位置" not in more


def test_the_key_leaves_out_what_a_tool_takes_off_the_map(opened: Any):
    """While time is played back, neither incidents nor workers are drawn by these symbols."""
    told = _html(opened({"map_tool": "play"}))
    assert not any(words in told for words in (*_KEY_OF_INCIDENTS, "淡色为较早的位置"))

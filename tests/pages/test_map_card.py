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

"""What becomes of links and saved filters whose values there are no more."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs

import pytest
from streamlit.runtime.state.query_params import QueryParams
from streamlit.testing.v1 import AppTest

from db import features
from db.session import Database
from geo.crs import Crs, to_storage
from geo.features import MOST_TEXT, FeatureFilter
from governance.incident import Status
from pages.ui import values, wording
from tests.pages.test_map import OFFICER, _html


def _told(screen: Any) -> str:
    return " ".join(str(toast.value) for toast in screen.toast)


def test_a_link_with_dead_values_opens_without_them_and_says_so(opened: Any):
    """A class, a kind, a grid and a feature that there are no more leave the address; the rest of the link holds."""
    screen = opened({
        "incidents-severity": "3,9", "devices-kind": "toaster", "map_class": "旧大类", "map_since": "5", "in": "999",
        "at": "incidents:QA0", "only_overdue": "maybe", "map_tool": "sieve", "map_listed": "castles",
    })  # fmt: skip

    drawn = json.loads(screen.get("deck_gl_json_chart")[0].proto.json)["layers"]
    assert "severity=3" in next(layer["data"] for layer in drawn if layer["id"] == "incidents").split("&")
    assert not {"devices-kind", "map_class", "map_since", "in", "at", "only_overdue", "map_tool", "map_listed"} & set(
        screen.query_params
    )
    dead = ("9", "toaster", "旧大类", "5", "maybe", "999", "QA0", "sieve", "castles")
    assert all(value in _told(screen) for value in dead)


def test_a_live_link_is_told_nothing_about(opened: Any):
    """What is on offer stays in the address without a word."""
    screen = opened({"incidents-severity": "3", "in": "220723003", "map_class": "公用设施"})
    assert _told(screen) == ""
    assert screen.query_params["in"] == "220723003"


def test_a_saved_filter_leaves_out_what_is_gone(opened: Any):
    """Its window's button says so, as a link does."""
    script = "from pages.ui import layertree\nlayertree.restore({'incidents-severity': ['3', '9']})"
    opened({})
    screen = AppTest.from_string(script, default_timeout=30).run()
    assert "9" in _told(screen)
    assert screen.session_state["incidents-severity"] == ["3"]


def _status_counts(screen: Any) -> dict[str, str]:
    """The number that stands beside each status, by its word."""
    (pills,) = [group for group in screen.get("button_group") if group.key == "incidents-status"]
    words = [option.content for option in pills.proto.options]
    rule = r'\.st-key-incidents-status button:nth-of-type\((\d+)\)::after\{content:"([^"]*)"\}'
    return {words[int(place) - 1]: number for place, number in re.findall(rule, _html(screen))}


@pytest.mark.parametrize("switch", [{}, {"show_finished": "true"}], ids=["by status alone", "by switch and status"])
def test_a_link_to_finished_incidents_keeps_their_status_and_counts_each_under_its_name(
    opened: Any, provided: Database, switch: dict[str, str]
):
    """What is on offer is known before the switch that adds the finished ones is drawn."""
    link = switch | {"incidents-status": "closed,rejected"}
    screen = opened(dict(link))

    assert screen.query_params == link
    assert screen.checkbox(key="show_finished").value
    assert screen.session_state["incidents-status"] == ["closed", "rejected"]
    everything = FeatureFilter(where={"is_open": ("true", "false")})
    with provided.session(OFFICER) as session:
        found = features.facets(session, "incidents", "status", everything)
    assert _status_counts(screen) == {
        values.value_text("status", status): wording.count(found.get(status, 0)) for status in Status
    }
    assert found["closed"]


def test_without_its_status_a_link_to_finished_incidents_still_shows_them(opened: Any, addresses: list[dict[str, Any]]):
    """The switch that the status had turned on stays on, and from then on the address says so."""
    screen = opened({"incidents-status": "closed"})
    addresses.clear()
    next(button for button in screen.button if button.key == "chip_incidents-status_closed").click().run()
    assert screen.checkbox(key="show_finished").value
    assert addresses == [{"show_finished": "true"}]


def test_more_words_than_can_be_looked_for_are_cut(opened: Any):
    """Map, list and counts ask for the same: what the map's door refuses, the box doesn't hold."""
    screen = opened({"map_q": "路" * (MOST_TEXT + 300)})
    drawn = json.loads(screen.get("deck_gl_json_chart")[0].proto.json)["layers"]
    asked = parse_qs(next(layer["data"] for layer in drawn if layer["id"] == "incidents").partition("?")[2])
    assert asked["q"] == ["路" * MOST_TEXT]
    assert screen.text_input(key="map_q").value == "路" * MOST_TEXT


@pytest.mark.parametrize("is_on", ["true", "false"])
def test_playback_plays_what_the_filters_leave_whether_the_layer_is_on_or_not(opened: Any, is_on: str):
    """And the filters stand in the tree and above the map, where they can be taken back."""
    screen = opened({
        "map_tool": "play", "show_incidents": is_on, "map_q": "名仕花园", "incidents-severity": "3", "in": "220723003",
    })  # fmt: skip

    (player,) = [
        json.loads(each.proto.json)
        for each in screen.get("bidi_component")
        if each.proto.component_name == "gridcommand_playback"
    ]
    asked = player["spans"][0]["url"].partition("?")[2].split("&")
    assert {"grid=220723003", "severity=3"} < set(asked)
    assert any(part.startswith("q=") for part in asked)
    assert "chip_incidents-severity_3" in {button.key for button in screen.button}


def test_the_system_of_coordinates_stands_in_the_address(opened: Any):
    """A link to a place leads to that place; the system that they count in anyway isn't written."""
    link = {"map_q": "124.018,45.005", "map_datum": "gcj02"}
    lon, lat = to_storage(124.018, 45.005, Crs.GCJ02)
    screen = opened(link)
    assert f"东经 {lon:.6f}°，北纬 {lat:.6f}°" in _html(screen)
    assert screen.query_params["map_datum"] == "gcj02"

    screen.selectbox(key="map_datum").select(Crs.WGS84).run()
    assert "东经 124.018000°" in _html(screen)
    assert "map_datum" not in screen.query_params

    screen.selectbox(key="map_datum").select(Crs.BD09).run()
    assert screen.query_params["map_datum"] == "bd09"


def test_a_system_that_there_is_none_of_is_told(opened: Any):
    """Nobody takes such a link's coordinates for what they aren't."""
    screen = opened({"map_q": "124.018,45.005", "map_datum": "beijing54"})
    assert "beijing54" in _told(screen)
    assert "map_datum" not in screen.query_params


@pytest.mark.parametrize("text", ["EPSG:2436 41500000, 4990000", "EPSG:99999 124.018, 45.005"])
def test_a_system_that_cannot_be_read_is_named_with_those_that_can(opened: Any, text: str):
    """There is nothing to choose where the text itself names its system."""
    screen = opened({"map_q": text})
    (error,) = [str(each.value).replace("\u2060", "").replace("\\", "") for each in screen.error]
    assert text.split(maxsplit=1)[0] in error
    assert "GCJ-02" in error
    assert "map_datum" not in {box.key for box in screen.selectbox}


def test_the_tab_of_filters_counts_every_one_in_force(opened: Any):
    """As many as there are chips above the map."""
    screen = opened({
        "in": "220723003", "incidents-severity": "3,4", "map_class": "公用设施", "only_overdue": "true", "map_q": "路",
    })  # fmt: skip
    (sheet,) = [
        json.loads(each.proto.json)
        for each in screen.get("bidi_component")
        if each.proto.component_name == "gridcommand_sheet"
    ]
    chips = [button for button in screen.button if str(button.key).startswith("chip_")]
    assert len(chips) == 6
    assert next(tab["note"] for tab in sheet["tabs"] if tab["part"] == "where") == "6"


@pytest.fixture
def addresses(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Every address that the browser is told, those alike once: each is a step of its history."""
    told: list[dict[str, Any]] = []
    send = QueryParams._send_query_param_msg

    def noted(query: QueryParams) -> None:
        now = {key: value for key, value in query._query_params.items() if value}
        if not told or told[-1] != now:
            told.append(now)
        send(query)

    monkeypatch.setattr(QueryParams, "_send_query_param_msg", noted)
    return told


def test_a_saved_filter_is_one_step_of_the_history(opened: Any, addresses: list[dict[str, Any]]):
    """Grid, pills, boxes, switches and the words of the search go into the address together."""
    link = {"in": "220723003", "incidents-severity": "3", "map_since": "7", "only_overdue": "true", "map_q": "路"}
    screen = opened({"map_class": "公用设施", **link})
    screen.text_input(key="filter_name").set_value("夜班")
    screen.button(key="filter_save").click().run()
    for before in ({}, {"show_workers": "false", "map_q": "街", "venues-kind": "tea_room"}):
        reopened = opened(dict(before))
        applied = next(button for button in reopened.button if button.label == "夜班")
        addresses.clear()
        applied.click().run()
        assert len(addresses) == 1
        assert reopened.query_params == {"map_class": "公用设施", **link}


def test_without_the_finished_their_status_goes_in_the_same_step(opened: Any, addresses: list[dict[str, Any]]):
    """No address stands between that still asks for the finished, or for a status that isn't on offer."""
    screen = opened({"show_finished": "true", "incidents-status": "closed"})
    assert screen.session_state["incidents-status"] == ["closed"]
    addresses.clear()
    screen.checkbox(key="show_finished").uncheck().run()
    assert addresses == [{}]

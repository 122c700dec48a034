from __future__ import annotations

import json
from typing import Any

import pytest

NOW = '<small class="map-now">此刻</small>'


def _html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def _layers(screen: Any) -> dict[str, Any]:
    deck = json.loads(screen.get("deck_gl_json_chart")[0].proto.json)
    return {layer["id"]: layer for layer in deck["layers"]}


def _marked(screen: Any) -> bool:
    return bool(_layers(screen)["marked"]["data"])


def _head(screen: Any) -> str:
    return _html(screen).partition("<h2>图层")[2].partition("</h2>")[0]


def _tally(screen: Any) -> str:
    return _html(screen).partition('<p class="map-tally">')[2].partition("</p>")[0]


def _words(screen: Any) -> dict[str, str]:
    players = [each.proto for each in screen.get("bidi_component")]
    (player,) = [each for each in players if each.component_name == "gridcommand_playback"]
    words: dict[str, str] = json.loads(player.json)["words"]
    return words


def test_the_map_says_nothing_of_now_while_it_shows_nothing_else(opened: Any):
    """What is always so needs no mark."""
    screen = opened({})
    assert "workers" in _layers(screen)
    assert NOW not in _html(screen)


def test_playback_says_that_counts_and_list_are_of_now(opened: Any):
    """At the head of both and in the player's bar; workers aren't drawn where they are now, but still counted."""
    screen = opened({"map_tool": "play"})
    assert NOW in _head(screen)
    assert NOW in _tally(screen)
    assert "列表是此刻的情况" in _words(screen)["now"]
    assert "workers" not in _layers(screen)
    assert ".st-key-show_workers label::after" in _html(screen)


def test_who_is_followed_in_playback_is_not_marked_where_they_are_now(opened: Any):
    """The way that is played says where they were; without playback the mark stands."""
    listed = opened({"map_listed": "workers"})
    (rows,) = [
        json.loads(each.proto.json)
        for each in listed.get("bidi_component")
        if each.proto.component_name == "gridcommand_cards"
    ]
    worker = {"at": f"workers:{rows['cards'][0]['id']}"}
    assert _marked(opened(worker))
    assert not _marked(opened(worker | {"map_tool": "play"}))


@pytest.mark.parametrize(
    ("link", "told"),
    [
        ({}, "此刻未结束的事件"),
        ({"map_since": "7"}, "近 7 天上报、未结束的事件"),
        ({"map_since": "7", "show_finished": "true"}, "近 7 天上报的事件，含已结束"),
        ({"show_finished": "true"}, "筛选出的事件，含已结束"),
    ],
)
def test_a_heat_map_says_which_time_it_is_of(opened: Any, link: dict[str, str], told: str):
    """Beside its colours; and where that is a period, that the other layers aren't of it."""
    html = _html(opened({"map_tool": "heat", **link}))
    assert told in html
    assert ("其他图层是此刻的情况" in html) == ("map_since" in link)


@pytest.mark.parametrize(("listed", "is_now"), [("incidents", False), ("workers", True)])
def test_beside_the_heat_of_a_period_what_is_not_of_it_is_marked(opened: Any, listed: str, *, is_now: bool):
    """The list of incidents is of the same period as the heat map."""
    screen = opened({"map_tool": "heat", "map_since": "7", "map_listed": listed})
    assert (NOW in _tally(screen)) == is_now

from __future__ import annotations

from typing import Any

import pytest

from tests.pages.test_map import RUSONG, _data


def _save(screen: Any, name: str) -> None:
    screen.text_input(key="filter_name").set_value(name)
    screen.button(key="filter_save").click().run()


def _named(screen: Any, name: str) -> Any:
    return next(button for button in screen.button if button.label == name)


@pytest.fixture
def narrowed(visit: Any) -> Any:
    """The officer's map with something of every kind of filter in force."""
    screen = visit("officer", **{"in": RUSONG})
    screen.checkbox(key="show_venues").uncheck()
    screen.checkbox(key="only_overdue").check()
    screen.session_state["incidents-severity"] = ["3", "4"]
    screen.session_state["map_class"] = "公用设施"
    screen.session_state["map_q"] = "路"
    return screen.run()


def test_a_saved_filter_brings_the_whole_picture_back(narrowed: Any):
    """Saved, everything taken back by hand, applied: the map asks for the same addresses as before."""
    before = _data(narrowed, "incidents").partition("&")[2]
    _save(narrowed, "夜班")

    narrowed.checkbox(key="show_venues").check()
    narrowed.checkbox(key="only_overdue").uncheck()
    narrowed.checkbox(key="show_finished").check()
    for key, nothing in {"incidents-severity": [], "map_class": "", "map_q": ""}.items():
        narrowed.session_state[key] = nothing
    narrowed.query_params.pop("in")
    narrowed.run()
    assert _data(narrowed, "incidents").partition("&")[2] == "is_open=true"
    assert _data(narrowed, "incidents-tiles").partition("&")[2] == "is_open=false"

    _named(narrowed, "夜班").click().run()

    assert _data(narrowed, "incidents").partition("&")[2] == before
    assert not narrowed.checkbox(key="show_venues").value
    assert not narrowed.checkbox(key="show_finished").value


def test_a_taken_name_is_told_and_replaced_when_asked(visit: Any):
    """The second filter of a name changes nothing until the clerk says so."""
    screen = visit("officer")
    _save(screen, "常用")
    screen.checkbox(key="show_workers").uncheck().run()
    _save(screen, "常用")
    assert [said.value for said in screen.warning] == ["已有名为“常用”的筛选。"]

    screen.button(key="filter_replace").click().run()
    screen.checkbox(key="show_workers").check().run()
    _named(screen, "常用").click().run()

    assert not screen.checkbox(key="show_workers").value


def test_a_filter_is_renamed_deleted_and_brought_back(visit: Any):
    """Each act is told, and a deletion is taken back by one click."""
    screen = visit("officer")
    _save(screen, "一")
    next(button for button in screen.button if str(button.key).startswith("filter_edit_")).click().run()
    screen.text_input(key="filter_new_name").set_value("二")
    _named(screen, "改名").click().run()
    assert _named(screen, "二")

    next(button for button in screen.button if str(button.key).startswith("filter_drop_")).click().run()
    assert "二" not in [button.label for button in screen.button]
    screen.button(key="filter_undo").click().run()

    assert _named(screen, "二")


def test_a_filter_without_a_name_is_not_saved(visit: Any):
    """What is missing is said in words."""
    screen = visit("officer")
    _save(screen, "  ")
    assert "请填写名称" in screen.warning[0].value


def test_what_is_no_longer_offered_is_left_out(visit: Any, provided: Any):
    """A saved query from before a class was renamed narrows by what there still is."""
    screen = visit("officer")
    _save(screen, "旧")
    with provided.engine.begin() as connection:
        connection.exec_driver_sql(
            "UPDATE saved_filter SET query = 'map_class=没有了&incidents-severity=IX&incidents-severity=2&in=999'"
        )
    del screen.session_state["_read_saved_filters"]
    screen.run()
    _named(screen, "旧").click().run()

    assert "severity=2" in _data(screen, "incidents").split("&")

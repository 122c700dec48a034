from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from db import features, incidents, territory
from db.session import Database
from geo.crs import Crs, to_storage
from geo.extent import Extent
from geo.features import FeatureFilter
from governance.access import SYSTEM, Principal, Role
from layers.catalog import LAYERS
from layers.palette import DARK, LIGHT, rgb
from layers.spec import Source
from pages.ui import chart, featurecard, layertree, wording

RUSONG = "220723003"
OFFICER = Principal(account="officer", role=Role.OFFICER, grid_prefix=RUSONG)


def _html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def _deck(screen: Any) -> dict[str, Any]:
    return json.loads(screen.get("deck_gl_json_chart")[0].proto.json)


def _box(screen: Any, label: str) -> Any:
    return next(box for box in screen.selectbox if box.label == label)


def _data(screen: Any, ident: str) -> str:
    return next(layer["data"] for layer in _deck(screen)["layers"] if layer["id"] == ident)


def test_the_tree_counts_as_the_database_does(visit: Any, provided: Database):
    """Shown and total of every layer that is on are the counts of the same filter, in the officer's own scope."""
    html = _html(visit("officer"))

    with provided.session(OFFICER) as session:
        for key in ("incidents", "workers", "stations", "venues", "centres"):
            shown = features.count(session, key, FeatureFilter(where=LAYERS[key].ordinary))
            assert f'.st-key-show_{key} label::after{{content:"{shown:,} / ' in html, key


def test_the_map_is_on_its_way_before_the_tree_is_counted(visit: Any, monkeypatch: pytest.MonkeyPatch):
    """A million features take a while to count, and the first tiles needn't wait for that."""
    order: list[str] = []

    def noted(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def through(*args: Any, **kwargs: Any) -> Any:
            order.append(name)
            return call(*args, **kwargs)

        return through

    monkeypatch.setattr("pages.ui.chart.show_selectable", noted("map", chart.show_selectable))
    monkeypatch.setattr("db.features.tally", noted("tree", features.tally))
    monkeypatch.setattr("pages.ui.featurecard.rows", noted("list", featurecard.rows))
    visit("officer")
    assert order[0] == "map"
    assert {"tree", "list"} <= set(order)


def test_the_map_follows_the_layers_that_are_on(opened: Any):
    """What is off changes nothing on the screen; what changes by the clock alone is drawn anew in half a minute."""
    screen = opened({"show_devices": "true", "show_workers": "false"})
    (live,) = [each.proto for each in screen.get("bidi_component") if each.proto.component_name == "gridcommand_live"]
    data = json.loads(live.json)
    assert set(data["layers"]) == {"incidents", "stations", "venues", "centres", "grids", "devices"}
    assert data["again_s"] == 30


def test_finished_incidents_are_hidden_until_asked_for(visit: Any):
    """The map opens with open incidents; the switch adds the finished ones, gathered where they are many."""
    screen = visit("officer")
    assert "is_open=true" in _data(screen, "incidents").split("&")

    screen.checkbox(key="show_finished").check().run()

    assert "is_open=true" in _data(screen, "incidents").split("&")
    assert "is_open=false" in _data(screen, "incidents-tiles").split("&")


def test_the_file_is_of_what_is_listed(visit: Any):
    """Beside the number of the list's rows stands the way to a file of them; a wall's account has none."""
    screen = visit("officer")
    screen.session_state["incidents-severity"] = ["3"]
    screen.run()
    assert 'href="/api/layers/incidents/export?format=geojson&amp;is_open=true&amp;severity=3"' in _html(screen)
    assert "/export?" not in _html(visit("wall", screen_alone="map"))


def test_a_layer_is_switched_off(visit: Any):
    """A layer that is off is neither drawn nor counted."""
    screen = visit("officer")
    screen.checkbox(key="show_workers").uncheck().run()

    assert "workers" not in {layer["id"] for layer in _deck(screen)["layers"]}
    assert ".st-key-show_workers label::after" not in _html(screen)


def test_a_filter_narrows_map_list_and_count_alike(visit: Any, provided: Database):
    """One severity chosen: the map's address asks for it, and the count is that of the database."""
    screen = visit("officer")
    screen.session_state["incidents-severity"] = ["3"]
    screen.run()

    flt = FeatureFilter(where={"is_open": ("true",), "severity": ("3",)})
    with provided.session(OFFICER) as session:
        number = features.count(session, "incidents", flt)
    assert "severity=3" in _data(screen, "incidents").split("&")
    assert f'.st-key-show_incidents label::after{{content:"{number} / ' in _html(screen)
    assert f"共 <b>{number}</b> 个" in _html(screen)


@pytest.mark.parametrize(
    ("link", "where", "days", "chip"),
    [
        ({"only_overdue": "true"}, {"is_overdue": ("true",)}, None, "事件 · 超期 ✕"),
        ({"map_class": "公用设施"}, {"major": ("02",)}, None, "事件 · 公用设施 ✕"),
        ({"map_since": "3"}, {}, 2, "事件 · 近 3 天上报 ✕"),
    ],
)
def test_incidents_are_narrowed_by_lateness_class_and_time(
    opened: Any,
    provided: Database,
    *,
    link: dict[str, str],
    where: dict[str, tuple[str, ...]],
    days: int | None,
    chip: str,
):
    """From the address: map, count and list are those of the database's filter, and the chip takes it back."""
    screen = opened(link)
    since = None if days is None else wording.start_of_day(datetime.now(UTC), days_back=days)
    flt = FeatureFilter(where={"is_open": ("true",), **where}, since=since)
    with provided.session(OFFICER) as session:
        number = features.count(session, "incidents", flt)
        whole = features.count(session, "incidents", FeatureFilter(where={"is_open": ("true",)}))
    assert (
        _data(screen, "incidents").partition("rev=")[2].partition("&")[2]
        == (Source(key="incidents", revision=1, features=flt).url().partition("rev=1&")[2])
    )
    assert f'.st-key-show_incidents label::after{{content:"{number} / ' in _html(screen)

    next(button for button in screen.button if button.label == chip).click().run()

    assert f'.st-key-show_incidents label::after{{content:"{whole} / ' in _html(screen)


def test_a_chip_takes_its_filter_back(visit: Any):
    """Each filter in force is a chip, and a click on it removes that filter alone."""
    screen = visit("officer")
    screen.session_state["incidents-severity"] = ["3", "4"]
    screen.run()

    next(button for button in screen.button if button.label == "事件 · III 级 ✕").click().run()

    assert "severity=4" in _data(screen, "incidents").split("&")


def test_filters_never_move_the_view(visit: Any):
    """The map's view is the same before and after a filter, a grid and a selection."""
    screen = visit("officer")
    before = _deck(screen)["initialViewState"]
    screen.session_state["incidents-severity"] = ["3"]
    screen.run()
    _box(screen, "街道").select(RUSONG).run()

    assert _deck(screen)["initialViewState"] == before


def test_a_deep_link_opens_the_same_picture(opened: Any):
    """Filters and the layer that is off come from the address."""
    screen = opened({"incidents-severity": "4", "show_venues": "false", "in": RUSONG})

    assert "severity=4" in _data(screen, "incidents").split("&")
    assert f"grid={RUSONG}" in _data(screen, "incidents").split("&")
    assert "venues" not in {layer["id"] for layer in _deck(screen)["layers"]}


def test_the_card_tells_the_incident_and_leads_to_the_desk(visit: Any, provided: Database):
    """The selected incident's facts stand on the card, the next step is the desk, and the map marks the place."""
    with provided.session(OFFICER) as session:
        row = incidents.queue(session)[0]

    screen = visit("officer", at=f"incidents:{row.no}")

    html = _html(screen)
    assert f'href="/desk?no={row.no}"' in html
    assert row.title in html
    assert row.class_name in html
    mark = next(layer for layer in _deck(screen)["layers"] if layer["id"] == "marked")
    assert mark["data"] == [{"p": [round(row.lon, 7), round(row.lat, 7)]}]


def test_what_lies_out_of_scope_has_no_card(visit: Any, provided: Database):
    """A link to another street's incident shows nothing of it."""
    with provided.session(SYSTEM) as session:
        other = next(row for row in incidents.queue(session) if not row.grid_code.startswith(RUSONG))

    assert other.title not in _html(visit("officer", at=f"incidents:{other.no}"))


def test_grids_are_chosen_level_by_level(visit: Any):
    """A community is offered within its street only, and an officer is offered the own street alone."""
    screen = visit("officer")
    assert _box(screen, "街道").options == ["全部街道", "如松街道"]
    assert _box(screen, "社区").options == ["全部社区"]

    _box(screen, "街道").select(RUSONG).run()

    assert _box(screen, "社区").options == ["全部社区", "鸣凤社区", "德建社区"]
    assert screen.query_params["in"] == RUSONG

    _box(screen, "社区").select("220723003001").run()
    _box(screen, "社区").select("").run()

    assert screen.query_params["in"] == RUSONG


def test_every_filter_has_its_place_in_the_tree(visit: Any):
    """Grids, kinds, statuses, severity, class, time, lateness, who is free, and free text can all be narrowed by."""
    screen = visit("officer")
    for key in ("show_devices", "show_buildings"):
        screen.checkbox(key=key).check()
    screen.run()

    pills = {group.key for group in screen.get("button_group")}
    assert pills >= {f"{key}-kind" for key in ("stations", "venues", "centres", "devices")}
    assert pills >= {"incidents-severity", "incidents-status", "devices-status", "workers-availability"}
    assert {box.label for box in screen.selectbox} >= {"街道", "社区", "小区", "楼宇", "类别", "上报时间"}
    assert {box.key for box in screen.checkbox} >= {"only_overdue", "show_finished"}
    assert "搜索" in {field.label for field in screen.text_input}


def test_every_layer_stands_in_the_tree():
    """The tree offers each layer of the catalogue once."""
    assert sorted(layertree.ORDER) == sorted(LAYERS)


def test_no_layer_at_all_is_told_how_to_go_on(opened: Any):
    """With everything off, the list says what to do."""
    off = {f"show_{key}": "false" for key in layertree.ORDER}
    assert "没有打开的图层" in _html(opened(off))


def test_only_this_grid_chooses_the_whole_chain(visit: Any):
    """From the card of a quarter, the map narrows to it, with its community and street chosen above."""
    screen = visit("officer", at="grids:220723003001001")

    screen.button(key="map_narrow").click().run()

    assert "grid=220723003001001" in _data(screen, "incidents").split("&")
    assert _box(screen, "社区").value == "220723003001"
    assert "grid=220723003001001" in _data(screen, "focus").split("&")


def _view(screen: Any) -> tuple[float, float]:
    view = _deck(screen)["initialViewState"]
    return view["longitude"], view["latitude"]


def test_coordinates_in_the_search_name_a_place_and_its_grids(visit: Any, provided: Database):
    """They filter nothing and move nothing; the view goes there when somebody asks, also a second time."""
    screen = visit("officer")
    before, counted = _view(screen), _data(screen, "incidents")
    with provided.session(SYSTEM) as session:
        locus = territory.locate(session, 124.018, 45.005)

    screen.text_input(key="map_q").set_value("45°0′18″N 124°1′4.8″E").run()

    assert " › ".join(grid.name for grid in reversed(locus.chain)) in _html(screen)
    assert _view(screen) == before
    assert _data(screen, "incidents") == counted
    screen.button(key="map_goto").click().run()
    first = _view(screen)
    assert first == pytest.approx((124.018, 45.005), abs=1e-6)
    screen.button(key="map_goto").click().run()
    assert _view(screen) != first
    assert _view(screen) == pytest.approx((124.018, 45.005), abs=1e-6)


def test_coordinates_count_in_the_system_that_is_chosen(visit: Any):
    """A phone's GCJ-02 lies half a kilometre away from the same digits in WGS 84."""
    screen = visit("officer")
    screen.text_input(key="map_q").set_value("124.018,45.005").run()
    screen.selectbox(key="map_datum").select(Crs.GCJ02).run()
    lon, lat = to_storage(124.018, 45.005, Crs.GCJ02)
    assert f"东经 {lon:.6f}°，北纬 {lat:.6f}°" in _html(screen)


@pytest.mark.parametrize(
    ("text", "told"),
    [("45.1N 45.2N", "坐标写法有误"), ("116.4,39.9", "不在"), ("999,999", "不是地球上的位置")],
)
def test_coordinates_that_lead_nowhere_are_told(visit: Any, text: str, told: str):
    """Two latitudes are no place, and Peking is not in the county."""
    screen = visit("officer")
    screen.text_input(key="map_q").set_value(text).run()
    assert told in _html(screen) + "".join(error.value for error in screen.error)
    assert "map_goto" not in {button.key for button in screen.button}


def test_where_the_map_looks_is_listed_alone(visit: Any, monkeypatch: pytest.MonkeyPatch, provided: Database):
    """With the switch on, list and its number are those of the view; counts of the tree and the map stay."""
    box = Extent(min_x=123.985, min_y=44.985, max_x=124.01, max_y=45.01, srid=4490)
    monkeypatch.setattr("pages.ui.maptools.seen", lambda: box)
    screen = visit("officer")
    whole = _html(screen).partition(".st-key-show_incidents label::after")[2][:40]
    screen.checkbox(key="map_in_view").check().run()

    flt = FeatureFilter(where={"is_open": ("true",)}, bbox=box)
    with provided.session(OFFICER) as session:
        number = features.count(session, "incidents", flt)
    assert f"共 <b>{number}</b> 个" in _html(screen)
    assert whole in _html(screen)


def test_heat_and_playback_take_the_place_of_the_incidents_symbols(opened: Any):
    """Each shows the same incidents in another way; the heat map explains its colours."""
    heated = opened({"map_tool": "heat", "incidents-severity": "4"})
    drawn = {layer["id"] for layer in _deck(heated)["layers"]}
    assert "heat" in drawn
    assert "incidents" not in drawn
    assert "severity=4" in _data(heated, "heat").split("&")
    assert "heat-key" in _html(heated)

    played = opened({"map_tool": "play"})
    assert not {"heat", "incidents"} & {layer["id"] for layer in _deck(played)["layers"]}


def test_heat_without_incidents_says_what_to_do(opened: Any):
    """With the layer off there is nothing to draw."""
    assert "请先打开“事件”图层" in _html(opened({"map_tool": "heat", "show_incidents": "false"}))


def test_while_measuring_nothing_is_selected(opened: Any):
    """A click means a point of the line, whatever lies there."""
    layers = _deck(opened({"map_tool": "measure"}))["layers"]
    assert not next(layer for layer in layers if layer["id"] == "incidents")["pickable"]


def test_with_the_finished_the_whole_is_no_smaller_than_what_is_shown(opened: Any):
    """The count reads "shown / all", and finished incidents that are asked for belong to all."""
    html = _html(opened({"show_finished": "true"}))
    told = html.partition('.st-key-show_incidents label::after{content:"')[2].partition('"')[0]
    shown, whole = (int(number.replace(",", "")) for number in told.split(" / "))
    assert shown == whole > 100


def test_a_workers_way_is_played_along(opened: Any, provided: Database):
    """From the card the player opens with the worker's track, for today and a week; a month of it is too much."""
    sought = text(
        """SELECT w.code FROM track_point AS p JOIN worker AS w ON w.id = p.worker_id
        WHERE starts_with(w.grid_code, :street) LIMIT 1"""
    )
    with provided.engine.connect() as connection:
        code = connection.scalar(sought, {"street": RUSONG})
    screen = opened({"at": f"workers:{code}"})
    screen.button(key="map_track").click().run()

    (player,) = [
        each.proto for each in screen.get("bidi_component") if each.proto.component_name == "gridcommand_playback"
    ]
    data = json.loads(player.json)
    assert data["track"]["name"] in _html(screen)
    today, week, month = (span["track_url"] for span in data["spans"])
    assert all(url.startswith(f"/api/tracks?workers={code}&since=") for url in (today, week))
    assert month == ""
    assert "map_track" not in {button.key for button in screen.button}


def test_the_ground_is_drawn_for_the_night(opened: Any):
    """As the address says."""

    def land(screen: Any) -> list[int]:
        boundary = next(layer for layer in _deck(screen)["layers"] if layer["id"] == "base-boundary")
        return boundary["_subLayerProps"]["polygons-fill"]["getFillColor"]

    assert land(opened({})) == rgb(LIGHT.town)
    assert land(opened({"map_ground": "night"})) == rgb(DARK.town)

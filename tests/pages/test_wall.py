from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import streamlit as st
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from db import candidates, cases, coverage, figures, incidents, territory
from db.feed import ChangeFeed
from db.session import Database
from db.settings import Settings
from geo.features import FEATURE_TYPES
from governance.access import SYSTEM, Principal, Role
from governance.incident import Status
from pages import wall
from pages.ui import board, context, wallmap, wording
from tests.people import OFFICER, RUSONG

VIEWER = Principal(account="wall", role=Role.VIEWER)
"""Sees what the wall sees: sensitive matters are none of it."""


def _html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def _deck(screen: Any) -> dict[str, Any]:
    return json.loads(screen.get("deck_gl_json_chart")[0].proto.json)


def test_the_wall_shows_the_databases_own_counts(visit: Any, provided: Database):
    """The figures of today, the duty and the open incidents are those that the database counts."""
    now = datetime.now(UTC)
    with provided.session(VIEWER) as session:
        today = figures.today(session, now=now, since=wording.start_of_day(now))
        duty = figures.on_duty(session)
        rows = incidents.queue(session)

    html = _html(visit("wall"))

    assert f"<span>待处置</span><b>{today.waiting}<small>" in html
    assert f"<span>处置中</span><b>{today.processing}<small>" in html
    assert f"<b>{duty.on_duty}</b><small>/ {duty.total:,} 人" in html
    assert f"{len(rows)} 件" in html
    assert "演示数据" in html


def test_the_map_draws_by_address_and_names_its_source(visit: Any):
    """Features come from this server's addresses; the source line stands on the map."""
    screen = visit("wall")
    deck = _deck(screen)

    urls = [layer["data"] for layer in deck["layers"] if isinstance(layer["data"], str)]
    assert all(url.startswith(("/api/", "data:")) for url in urls)
    drawn = {layer["id"].partition("-")[0] for layer in deck["layers"]}
    assert drawn >= set(FEATURE_TYPES) - {"buildings"}
    assert '<p class="source">' in _html(screen)


def test_names_on_the_wall_are_masked(visit: Any, provided: Database):
    """No full name of a worker who is on the way reaches the wall, not even for the administrator."""
    with provided.session(SYSTEM) as session:
        numbers = [row.no for row in incidents.queue(session) if row.worker_name]
        names = {
            found.assignment.worker_full_name
            for no in numbers
            if (found := cases.get(session, no)).assignment is not None
        }

    html = _html(visit("admin"))

    assert not {name for name in names if name and name in html}


def test_only_who_may_dispatch_has_the_button(visit: Any):
    """A viewer's wall has no button that sends anybody, nor one that turns a page."""
    viewer = visit("wall")
    assert not [button for button in viewer.button if button.label == "派单"]
    assert not [button for button in viewer.button if str(button.key).startswith("wall_page")]


def _was_sent(row: incidents.QueueRow) -> bool:
    return row.status not in {Status.REPORTED, Status.ACCEPTED, Status.RETURNED}


def _listed(screen: Any) -> list[str]:
    """The titles in the list of open incidents."""
    body = _html(screen).partition('<ol class="cases">')[2].partition("</ol>")[0]
    return re.findall(r'<b title="([^"]*)">', body)


BEGAN = datetime.now(UTC)


def _at_turn(monkeypatch: pytest.MonkeyPatch, number: int, *, later_s: float = 0) -> None:
    monkeypatch.setattr(board.Turns, "look", lambda *_: (number, 12.0))
    monkeypatch.setattr(context, "now", lambda: BEGAN + timedelta(seconds=later_s))


@pytest.mark.parametrize("username", ["admin", "wall"])
def test_what_waits_comes_first_for_who_may_dispatch(
    visit: Any, provided: Database, monkeypatch: pytest.MonkeyPatch, username: str
):
    """By deadline, as all that is under way after it; a wall without a hand is by deadline alone."""
    with provided.session(SYSTEM if username == "admin" else VIEWER) as session:
        rows = incidents.queue(session)
    due = sorted(rows, key=_was_sent) if username == "admin" else rows
    assert [row.no for row in sorted(rows, key=_was_sent)] != [row.no for row in rows]
    _at_turn(monkeypatch, 0)
    screen = visit(username)
    assert _listed(screen) == [row.title for row in due[:5]]
    _at_turn(monkeypatch, 1)
    assert _listed(screen.run()) == [row.title for row in due[5:10]]


def test_no_button_stays_beside_another_row(visit: Any, monkeypatch: pytest.MonkeyPatch):
    """Each row's place says what stands in it now: what a run leaves out Streamlit keeps until that run has ended."""
    _at_turn(monkeypatch, 0)
    screen = visit("admin")
    for _ in range(3):
        slots = [block for block in _blocks(screen.main) if "wall_slot_" in str(block.proto)]
        assert [len(slot.children) for slot in slots] == [1] * 5
        screen.button(key="wall_page_on").click().run()


def _blocks(within: Any) -> Iterator[Any]:
    for child in getattr(within, "children", {}).values():
        yield child
        yield from _blocks(child)


def test_a_page_that_somebody_turned_to_stands_for_a_minute(visit: Any, monkeypatch: pytest.MonkeyPatch):
    """Whatever turns meanwhile; after it the list turns on from there. Another wall is as it was."""
    _at_turn(monkeypatch, 7)
    screen, other = visit("admin"), visit("admin")
    first = _listed(screen)
    screen.button(key="wall_page_on").click().run()
    second = _listed(screen)
    assert second != first

    _at_turn(monkeypatch, 9, later_s=59)
    assert _listed(screen.run()) == second
    assert _listed(other.run()) not in (first, second)
    _at_turn(monkeypatch, 10, later_s=61)
    third = _listed(screen.run())
    assert third not in (first, second)
    screen.button(key="wall_page_back").click().run()
    assert _listed(screen) == second
    _at_turn(monkeypatch, 11, later_s=61 + 59)
    screen.button(key="wall_page_on").click().run()
    assert _listed(screen) == third
    screen.button(key="wall_page_first").click().run()
    assert _listed(screen) == first


def test_the_page_that_somebody_dispatches_from_stands(visit: Any, monkeypatch: pytest.MonkeyPatch):
    """The next case to send is where the one before was, and doesn't turn away."""
    _at_turn(monkeypatch, 0)
    screen = visit("admin")
    before = _listed(screen)
    button = next(each for each in screen.button if str(each.key).startswith("wall_send_"))
    button.click().run()
    _at_turn(monkeypatch, 1, later_s=30)
    assert set(_listed(screen.run())) & set(before)


def test_one_press_on_the_wall_sends_the_first_candidate(visit: Any, provided: Database):
    """The button of an incident sends whom the rules put first to that very incident."""
    with provided.session(SYSTEM) as session:
        rows = incidents.queue(session)
        no, worker = next(
            (row.no, found.ranking.ranked[0].candidate.code)
            for row in rows
            if row.status == Status.REPORTED
            and (found := candidates.recommend(session, row.no, principal=SYSTEM, now=datetime.now(UTC))).ranking.ranked
        )
    place = [row.no for row in sorted(rows, key=_was_sent)].index(no)
    screen = visit("admin")
    for _ in range(place // 5):
        screen.button(key="wall_page_on").click().run()

    screen.button(key=f"wall_send_{no}").click().run()

    with provided.session(SYSTEM) as session:
        sent = cases.get(session, no)
    assert sent.status is Status.DISPATCHED
    assert sent.assignment is not None
    assert sent.assignment.worker_code == worker


def test_the_last_good_picture_stays_while_the_database_is_away(visit: Any):
    """Without the database the figures stay as they were, and the badge says 离线 and since when."""
    screen = visit("wall")
    before = _html(screen)
    away = Database.open("postgresql+psycopg://nobody:x@127.0.0.1:1/none")
    context.provide(database=away, feed=ChangeFeed(away), settings=Settings())

    screen.run()

    after = _html(screen)
    assert "离线" in after
    assert "起未更新" in after
    assert before.count('class="panel') == after.count('class="panel')


def test_the_period_is_switched(visit: Any):
    """Seven days hold at least what today holds; the panel's title names the period."""
    screen = visit("wall")
    screen.session_state["wall_period_choice"] = "week"
    screen.run()
    assert "<h2>7 日</h2>" in _html(screen)


def _buttons(screen: Any) -> list[str]:
    return [str(button.key) for button in screen.button if str(button.key).startswith(("wall_to", "wall_up", "wall_f"))]


def test_a_deep_link_opens_the_wall_of_a_grid(visit: Any, provided: Database):
    """Figures, queue and duty are the community's own; the way back up stands over the map, and the view is kept."""
    now = datetime.now(UTC)
    with provided.session(VIEWER) as session:
        community = territory.grids(session, level="community")[0]
        today = figures.today(session, now=now, since=wording.start_of_day(now), grid=community.code)
        duty = figures.on_duty(session, grid=community.code)
        rows = incidents.queue(session, grid=community.code)

    screen = visit("wall", grid=community.code)

    html = _html(screen)
    assert f"<h2>{community.name}</h2>" in html
    assert f"<span>待处置</span><b>{today.waiting}<small>" in html
    assert f"<b>{duty.on_duty}</b><small>/ {duty.total:,} 人" in html
    assert f"{len(rows)} 件" in html
    assert "小区按期办结率" in html
    assert _buttons(screen) == ["wall_up", "wall_to_county", f"wall_to_{community.parent_code}", "wall_follow"]
    assert next(one["data"] for one in _deck(screen)["layers"] if one["id"] == "focus").count(community.code) == 1


def test_up_leads_to_the_street_and_the_star_to_the_county(visit: Any, provided: Database):
    """The address follows each step; with the star the map follows the incidents again."""
    with provided.session(VIEWER) as session:
        community = territory.grids(session, level="community")[0]
    screen = visit("wall", grid=community.code)
    zooms = [_deck(screen)["initialViewState"]["zoom"]]

    screen.button(key="wall_up").click().run()
    assert screen.query_params["grid"] == community.parent_code
    zooms.append(_deck(screen)["initialViewState"]["zoom"])
    screen.button(key="wall_follow").click().run()

    assert "grid" not in screen.query_params
    assert _buttons(screen) == []
    assert "★ 自动视野" in _html(screen)
    zooms.append(_deck(screen)["initialViewState"]["zoom"])
    # A street is about as tall as the town, and the way back up takes some of its room.
    assert zooms[0] > max(zooms[1:])


def test_an_officers_wall_is_about_the_own_street(visit: Any, provided: Database):
    """Figures, duty and devices are of what may be seen there, and no way leads beyond it."""
    now = datetime.now(UTC)
    with provided.session(OFFICER) as session:
        today = figures.today(session, now=now, since=wording.start_of_day(now))
        duty = figures.on_duty(session, grid=RUSONG)
        here, beyond = (territory.grids(session, level="community", under=code)[0] for code in (RUSONG, "220723001"))

    screen = visit("officer", screen_alone="wall")
    html = _html(screen)
    assert "<h2>如松街道</h2>" in html
    assert f"<span>待处置</span><b>{today.waiting}<small>" in html
    assert f"<b>{duty.on_duty}</b><small>/ {duty.total:,} 人" in html
    assert beyond.name not in html
    assert "★ 自动视野" in html
    assert _buttons(screen) == []

    lower = visit("officer", screen_alone="wall", grid=here.code)
    assert _buttons(lower) == ["wall_up", f"wall_to_{RUSONG}", "wall_follow"]
    lower.button(key="wall_up").click().run()
    assert "grid" not in lower.query_params

    astray = visit("officer", screen_alone="wall", grid=beyond.code)
    assert f"编码为 {beyond.code} 的网格" in astray.toast[0].value
    assert "<h2>如松街道</h2>" in _html(astray)


def test_a_grid_that_does_not_exist_is_told_and_the_county_shown(visit: Any):
    """A mistyped code in the address breaks nothing."""
    screen = visit("wall", grid="999")
    assert "编码为 999 的网格不存在" in screen.toast[0].value
    assert "grid" not in screen.query_params
    assert "<h2>今日</h2>" in _html(screen)


def test_the_wall_returns_to_the_county_when_nobody_touches_it(visit: Any, monkeypatch: pytest.MonkeyPatch):
    """Five minutes after it was opened on a street it is the county's again, and follows."""
    screen = visit("wall", grid="220723001")
    assert "5 分钟无人操作自动恢复" in _html(screen)
    later = datetime.now(UTC) + timedelta(minutes=5, seconds=1)
    monkeypatch.setattr(context, "now", lambda: later)
    screen.run()
    assert "grid" not in screen.query_params
    assert "视野已锁定" not in _html(screen)


def test_the_camera_is_not_sent_anywhere_by_a_refresh(visit: Any):
    """With the same incidents open the view that the browser is told stays the very same."""
    screen = visit("wall")
    before = _deck(screen)["initialViewState"]
    screen.run()
    assert _deck(screen)["initialViewState"] == before


def test_where_nobody_is_free_is_hatched_and_named(visit: Any, provided: Database):
    """What the panel lists is what the map hatches by its own address."""
    with provided.session(SYSTEM) as session:
        session.execute(text("UPDATE responder SET load = 1 WHERE grid_code = '220723001001001' AND on_duty"))
        found = coverage.gaps(session)
    assert "220723001001001" in [gap.code for gap in found]
    screen = visit("wall")
    html = _html(screen)
    assert f"{len(found)} 个小区" in html
    assert next(one["data"] for one in _deck(screen)["layers"] if one["id"] == "gaps").startswith("/api/coverage?rev=")


@pytest.mark.parametrize(
    ("kept", "is_held"),
    [
        ("~{now}~124.0101000~45.0021000~16.2500", True),
        ("~{old}~124.0101000~45.0021000~16.2500", False),
        ("220723001~{now}~124.0101000~45.0021000~16.2500", False),
        ("~{now}~124.0101000~45.0021000", False),
        ("~{now}~nan~45.0021000~16.2500", False),
    ],
)
def test_a_view_is_taken_up_again_where_it_was_left_a_moment_ago(visit: Any, *, kept: str, is_held: bool):
    """By a server that knows nothing of it, from the browser's cookie; not an old one, nor another grid's, nor junk."""
    visit("wall")  # logs in
    now = datetime.now(UTC).timestamp()
    st.context.cookies[wallmap.HELD_COOKIE] = kept.format(now=f"{now:f}", old=f"{now - 301:f}")  # type: ignore[index]
    screen = AppTest.from_string("from pages import wall\nwall.render()", default_timeout=30).run()

    camera = _deck(screen)["initialViewState"]
    looks_at = (camera["longitude"], camera["latitude"], camera["zoom"])
    assert (looks_at == (124.0101, 45.0021, 16.25)) is is_held
    assert ("视野已锁定" in _html(screen)) is is_held


def test_walls_are_drawn_one_after_the_other(monkeypatch: pytest.MonkeyPatch):
    """However many ask at the same moment; one that can't be drawn holds up none of the others."""
    drawing: list[int] = []
    most: list[int] = []

    def draw(number: int) -> None:
        drawing.append(number)
        most.append(len(drawing))
        time.sleep(0.05)
        drawing.remove(number)
        if number % 2:
            raise RuntimeError("it can't be drawn")

    monkeypatch.setattr(wallmap, "show", draw)
    monkeypatch.setattr(wall, "_show_board", lambda: draw(4))
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(wall._map.__wrapped__, number) for number in range(4)]
        asked.append(threads.submit(wall._board.__wrapped__))
    assert [one.exception() is None for one in asked] == [True, False, True, False, True]
    assert most == [1] * 5


def test_a_wall_that_waits_holds_the_others_up_for_a_while_only(monkeypatch: pytest.MonkeyPatch):
    """A line to the database that is dead is found out after some seconds, and is that one wall's."""
    monkeypatch.setattr(wall, "_PATIENCE_S", 0.05)
    freed = threading.Event()

    def draw(size: str) -> None:
        if size == "next":
            freed.set()
        elif not freed.wait(10):
            raise TimeoutError(size)

    monkeypatch.setattr(wallmap, "show", draw)
    with ThreadPoolExecutor() as threads:
        asked = [threads.submit(wall._map.__wrapped__, size) for size in ("stuck", "next")]
    assert [one.exception() for one in asked] == [None, None]
    assert not wall._TURN.locked()

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text
from streamlit.util import calc_hash

from db import cases, needs, territory, visits
from db.session import Database
from governance.access import Principal, Role
from governance.incident import Source

DISPATCHER = Principal(account="dispatcher", role=Role.DISPATCHER)


@pytest.fixture
def at_the_door(visit: Any) -> Any:
    """Opens the screen as somebody; no role lands on it, so the page is asked for as its tab asks for it."""

    def make(username: str) -> Any:
        screen = visit(username)
        screen._page_hash = calc_hash("visits")
        return screen.run()

    return make


def _html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def _errors(screen: Any) -> list[str]:
    return [str(error.value) for error in screen.error]


def _home(database: Database, *, inside: str = "") -> str:
    """Words that find one household."""
    with database.engine.connect() as connection:
        row = connection.execute(
            text(
                "SELECT b.name, h.unit, h.room, h.head_name FROM household h JOIN building b ON b.id = h.building_id "
                "WHERE starts_with(h.grid_code, :inside) ORDER BY h.code DESC LIMIT 1"
            ),
            {"inside": inside},
        ).one()
    return f"{row[0]} {row[1]}-{row[2]} {row[3]}"


def _filled(screen: Any, home: str, told: str = "单元门口的灯不亮") -> Any:
    screen.text_input(key="vis_q").set_value(home).run()
    screen.button(key="vis_add").click().run()
    screen.selectbox(key="vis_class_1").select("0206").run()
    return screen.text_input(key="vis_text_1").set_value(told).run()


def test_a_visit_is_filed_and_its_need_waits(at_the_door: Any, provided: Database):
    """Found by its words, the household is chosen; what it needs stands in the gathered list at once."""
    screen = _filled(at_the_door("dispatcher"), _home(provided))
    screen.text_area(key="vis_note").set_value("老人独居").run()
    screen.button(key="vis_save").click().run()
    assert not screen.exception
    assert not _errors(screen)
    with provided.session(DISPATCHER) as session:
        filed = visits.visits(session, limit=1)[0]
    assert (filed.note, [n.text for n in filed.needs]) == ("老人独居", ["单元门口的灯不亮"])
    assert "1 项需求已进入需求汇总" in screen.success[0].value
    assert "单元门口的灯不亮" in _html(screen)
    assert screen.text_input(key="vis_q").value == ""


def test_what_is_missing_is_said_at_its_field_and_nothing_is_lost(at_the_door: Any, provided: Database):
    """Without a household, a class or words the form says so there, and keeps what was typed."""
    screen = at_the_door("dispatcher")
    screen.button(key="vis_add").click().run()
    screen.text_input(key="vis_text_1").set_value("灯不亮").run()
    screen.button(key="vis_save").click().run()
    assert _errors(screen) == ["请先查找并选择走访的楼栋或住户。"]
    screen.text_input(key="vis_q").set_value(_home(provided)).run()
    screen.button(key="vis_save").click().run()
    assert _errors(screen) == ["请选择类别。"]
    screen.selectbox(key="vis_class_1").select("0206").run()
    screen.text_input(key="vis_text_1").set_value(" ").run()
    screen.button(key="vis_save").click().run()
    assert _errors(screen) == ["请写明需要什么，最多 1000 字。"]
    assert screen.selectbox(key="vis_class_1").value == "0206"


def test_one_click_hands_a_need_over(at_the_door: Any, provided: Database):
    """The need leaves the waiting ones, and the screen leads to the incident that it became."""
    with provided.session(DISPATCHER) as session:
        need = needs.needs(session, statuses=("gathered",))[0]
    screen = at_the_door("dispatcher")
    screen.button(key=f"need_hand_{need.id}").click().run()
    assert not screen.exception
    with provided.session(DISPATCHER) as session:
        no = needs.rows(session, need_id=need.id)[0].incident_no
        assert cases.get(session, no).source is Source.VISIT
    assert f'href="/desk?no={no}"' in _html(screen)
    assert f"need_hand_{need.id}" not in [button.key for button in screen.button]
    screen.segmented_control(key="need_status").set_value("handed_over").run()
    assert f"{no} · 待受理" in _html(screen)


def test_settling_on_the_spot_asks_how(at_the_door: Any, provided: Database):
    """Without words it is refused; with them the need is settled."""
    with provided.session(DISPATCHER) as session:
        need = needs.needs(session, statuses=("gathered",))[0]
    screen = at_the_door("dispatcher")
    screen.button(key=f"need_settled_{need.id}").click().run()
    assert _errors(screen) == ["这一步要写明意见，请填写后再提交。"]
    screen.text_area(key=f"need_opinion_{need.id}").set_value("换了灯泡").run()
    screen.button(key=f"need_settled_{need.id}").click().run()
    with provided.session(DISPATCHER) as session:
        assert needs.rows(session, need_id=need.id)[0].opinion == "换了灯泡"
    assert "已当场办结" in _html(screen)


def test_an_officer_works_in_the_own_street(at_the_door: Any, provided: Database):
    """A household elsewhere is not found, and the list's grids are the street's."""
    screen = at_the_door("officer")
    screen.text_input(key="vis_q").set_value(_home(provided, inside="220723001")).run()
    assert "您管辖的网格里没有找到" in "".join(str(caption.value) for caption in screen.caption)
    with provided.session(DISPATCHER) as session:
        own = [g for g in territory.grids(session, under="220723003") if g.level != "building"]
    assert [name.partition("（")[0] for name in screen.selectbox(key="need_grid").options] == [g.name for g in own]


def test_visits_are_closed_to_viewers_and_planners(at_the_door: Any):
    """Roles without the right are told so and see no household."""
    for username in ("wall", "planner"):
        screen = at_the_door(username)
        assert "没有权限" in _html(screen)
        assert not screen.text_input

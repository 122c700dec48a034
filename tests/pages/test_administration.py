from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlalchemy import text

from db import policies
from db.session import Database
from governance.access import PERMISSIONS, SYSTEM, Role
from governance.policy import Policy
from pages import shell
from tests.people import ADMIN


def in_force(database: Database) -> Policy:
    with database.session(SYSTEM) as session:
        return policies.policy_in_force(session)


def saved_elsewhere(database: Database, **changes: Any) -> Policy:
    """Another administrator's version."""
    policy = replace(in_force(database), **changes)
    return policies.save(database, ADMIN, policy, note="", now=datetime.now(UTC))


def test_a_change_becomes_a_new_version_and_keeps_the_run_cards(visit: Any, provided: Database):
    """Saving puts the next version in force with its note; run cards that nobody touched stay as they are."""
    before = in_force(provided)
    screen = visit("admin", screen_alone="administration")
    screen.text_input(key=f"policy_{before.id}_cap").set_value("2").run()
    screen.selectbox(key=f"policy_{before.id}_mode").select("ebike").run()
    screen.text_input(key=f"policy_note_{before.id}").set_value("冬季改骑电动车").run()

    screen.button(key="policy_save").click().run()

    after = in_force(provided)
    assert not screen.exception
    assert (after.id, after.cap, after.mode, after.note) == (before.id + 1, 2, "ebike", "冬季改骑电动车")
    assert after.cards == before.cards
    assert any("按新规则派遣" in message.value for message in screen.success)


def test_a_policy_that_sends_nobody_is_refused_and_stays_on_the_screen(visit: Any, provided: Database):
    """Without anybody in the pool nothing is saved, and the screen says what is missing."""
    before = in_force(provided)
    screen = visit("admin", screen_alone="administration")
    screen.multiselect(key=f"policy_{before.id}_pools").set_value([]).run()

    screen.button(key="policy_save").click().run()

    assert in_force(provided).id == before.id
    assert any("可派人员" in error.value for error in screen.error)


def warned(screen: Any) -> list[str]:
    return [message.value for message in screen.warning if "节假日表" in message.value]


def test_a_table_of_holidays_that_ends_is_told(visit: Any, provided: Database):
    """Two months before its last year is over it says so, with the day; with a day of a later year it doesn't."""
    year = datetime.now(UTC).year
    with provided.engine.begin() as connection:
        connection.execute(text("DELETE FROM calendar_day WHERE day >= :day"), {"day": date(year, 1, 1)})
    (told,) = warned(visit("admin", screen_alone="administration"))
    assert f"节假日表只到 {year - 1}-12-31" in told
    assert "gridcommand import calendar" in told
    with provided.engine.begin() as connection:
        connection.execute(
            text("INSERT INTO calendar_day (day, kind, name) VALUES (:day, 'holiday', '元旦')"),
            {"day": date(year + 1, 1, 1)},
        )
    screen = visit("admin", screen_alone="administration")
    assert not screen.exception
    assert warned(screen) == []


def test_what_was_typed_outlives_a_version_that_somebody_else_saves(visit: Any, provided: Database):
    """The press is refused with the other version's number; both can be compared, and nothing typed is lost."""
    before = in_force(provided)
    screen = visit("admin", screen_alone="administration")
    theirs = saved_elsewhere(provided, max_distance_m=before.max_distance_m + 500)
    screen.text_input(key=f"policy_{before.id}_cap").set_value("7")

    screen.button(key="policy_save").click().run()

    assert in_force(provided) == theirs
    assert any(f"保存了第 {theirs.id} 版" in error.value for error in screen.error)
    assert screen.text_input(key=f"policy_{before.id}_cap").value == "7"
    (table,) = [part.value for part in screen.get("html") if "plan-compare" in part.value and "<table" in part.value]
    assert all(f"<td>{cell}</td>" in table for cell in ("手头任务上限", 7, "最远距离（米）", theirs.max_distance_m))
    assert not screen.success


def test_who_has_compared_may_save_on_top(visit: Any, provided: Database):
    """The draft replaces exactly the version that was compared; one saved after that is compared first again."""
    before = in_force(provided)
    screen = visit("admin", screen_alone="administration")
    screen.text_input(key=f"policy_{before.id}_cap").set_value("7").run()
    seen = saved_elsewhere(provided, cap=4)
    screen.run()
    unseen = saved_elsewhere(provided, cap=5)

    screen.button(key=f"policy_on_top_{seen.id}").click().run()
    assert in_force(provided) == unseen

    screen.button(key=f"policy_on_top_{unseen.id}").click().run()
    assert (in_force(provided).id, in_force(provided).cap) == (unseen.id + 1, 7)
    assert any(f"第 {unseen.id + 1} 版" in message.value for message in screen.success)


def test_who_gives_up_the_draft_goes_on_from_the_new_version(visit: Any, provided: Database):
    """Loading the other version fills the fields with it, and from then on it is what is changed."""
    before = in_force(provided)
    screen = visit("admin", screen_alone="administration")
    screen.text_input(key=f"policy_{before.id}_cap").set_value("7").run()
    theirs = saved_elsewhere(provided, cap=4)
    screen.run()

    screen.button(key=f"policy_reload_{theirs.id}").click().run()

    assert screen.text_input(key=f"policy_{theirs.id}_cap").value == "4"
    assert not screen.error
    assert screen.button(key="policy_save")


def test_an_untouched_screen_follows_the_version_in_force(visit: Any, provided: Database):
    """Where nothing was typed there is nothing to decide: the screen goes on from the newest version."""
    screen = visit("admin", screen_alone="administration")
    theirs = saved_elsewhere(provided, cap=4)

    screen.run()

    assert screen.text_input(key=f"policy_{theirs.id}_cap").value == "4"
    assert not screen.error


@pytest.mark.parametrize(
    ("field", "typed", "told"),
    [
        ("cap", "500", "手头任务上限须填 1 到 100 的整数"),
        ("cap", "", "手头任务上限须填 1 到 100 的整数"),
        ("max_distance_m", "1.5", "最远距离（米）须填 50 到 200000 的整数"),
        ("freshness_s", "-3", "位置有效时间（分钟）须填 1 到 10080 的整数"),
        ("shortlist", "9" * 20, "推荐人数须填 1 到 50 的整数"),
    ],
)
def test_a_number_that_cannot_be_taken_is_named_with_its_range(
    visit: Any, provided: Database, field: str, typed: str, told: str
):
    """Nothing is saved in its place, the sentence names field and range, and what was typed stays."""
    before = in_force(provided)
    screen = visit("admin", screen_alone="administration")
    screen.text_input(key=f"policy_{before.id}_{field}").set_value(typed)

    screen.button(key="policy_save").click().run()

    assert in_force(provided) == before
    assert any(told in error.value for error in screen.error)
    assert screen.text_input(key=f"policy_{before.id}_{field}").value == typed


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"任务上限": 500}, "任务上限须填 1 到 100 的整数"),
        ({"人数": None}, "人数须填 1 到 10 的整数"),
        ({"最远（米）": 70.5}, "最远（米）须填 50 到 200000 的整数"),
        ({"类别": None}, "请选择类别"),
    ],
)
def test_a_line_of_a_run_card_that_cannot_be_taken_is_named(
    visit: Any, provided: Database, monkeypatch: pytest.MonkeyPatch, cells: dict[str, Any], told: str
):
    """A cell out of range keeps the version from being saved, and its line is named."""
    before = in_force(provided)
    monkeypatch.setattr("streamlit.data_editor", lambda rows, **_: [rows[0] | cells, *rows[1:]])
    screen = visit("admin", screen_alone="administration")

    screen.button(key="policy_save").click().run()

    assert in_force(provided) == before
    assert any("第 1 行" in error.value and told in error.value for error in screen.error)


def test_saving_without_a_change_makes_no_version(visit: Any, provided: Database):
    """Nothing is saved, and the screen says that nothing was changed, though a note was written."""
    before = in_force(provided)
    screen = visit("admin", screen_alone="administration")
    screen.text_input(key=f"policy_note_{before.id}").set_value("再存一次")

    screen.button(key="policy_save").click().run()

    assert in_force(provided) == before
    assert any("没有改动" in message.value for message in screen.info)


def test_seconds_that_the_screen_does_not_show_stay(visit: Any, provided: Database):
    """A time limit of ninety seconds shows as a minute, and is still ninety after another rule was changed."""
    before = saved_elsewhere(provided, acknowledge_s=90)
    screen = visit("admin", screen_alone="administration")
    screen.text_input(key=f"policy_{before.id}_cap").set_value(str(before.cap + 1))

    screen.button(key="policy_save").click().run()

    assert (in_force(provided).cap, in_force(provided).acknowledge_s) == (before.cap + 1, 90)


def test_a_dispatcher_does_not_see_the_policy():
    """The policy is an administrator's: no other role that logs in may manage it."""
    (screen,) = [screen for screen in shell.SCREENS if screen.path == "administration"]
    assert [role for role in Role if screen.permission in PERMISSIONS[role]] == [Role.ADMIN, Role.SYSTEM]

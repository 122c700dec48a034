from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import text

from db import policies
from db.session import Database
from governance.access import PERMISSIONS, SYSTEM, Role
from pages import shell


def in_force(database: Database) -> Any:
    with database.session(SYSTEM) as session:
        return policies.policy_in_force(session)


def test_a_change_becomes_a_new_version_and_keeps_the_run_cards(visit: Any, provided: Database):
    """Saving puts the next version in force with its note; run cards that nobody touched stay as they are."""
    before = in_force(provided)
    screen = visit("admin", screen_alone="administration")
    screen.number_input(key=f"policy_{before.id}_cap").set_value(2).run()
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


def test_a_dispatcher_does_not_see_the_policy():
    """The policy is an administrator's: no other role that logs in may manage it."""
    (screen,) = [screen for screen in shell.SCREENS if screen.path == "administration"]
    assert [role for role in Role if screen.permission in PERMISSIONS[role]] == [Role.ADMIN, Role.SYSTEM]

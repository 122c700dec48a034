from __future__ import annotations

from typing import Any

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


def test_a_dispatcher_does_not_see_the_policy():
    """The policy is an administrator's: no other role that logs in may manage it."""
    (screen,) = [screen for screen in shell.SCREENS if screen.path == "administration"]
    assert [role for role in Role if screen.permission in PERMISSIONS[role]] == [Role.ADMIN, Role.SYSTEM]

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from db import accounts
from db.feed import ChangeFeed
from db.session import Database
from db.settings import Settings
from governance.access import Principal, Role
from pages import shell
from pages.ui import context

LOGIN_ROLES = [role for role in Role if role is not Role.SYSTEM]


def _html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def test_nobody_is_led_to_the_login(visit: Any):
    """Without a login no screen is drawn, and the browser is sent to the login page."""
    screen = visit(None, "desk")

    assert not screen.exception
    assert "/auth/login" in _html(screen)
    assert not screen.button


def test_an_ended_login_is_nobody(visit: Any, provided: Database):
    """After a logout elsewhere the cookie opens nothing any more."""
    secret, _ = accounts.login(provided, "dispatcher", "demo-1234", now=datetime.now(UTC), hours=1)
    accounts.logout(provided, secret)

    screen = visit(None, "desk", login=secret)

    assert "/auth/login" in _html(screen)


@pytest.mark.parametrize("role", LOGIN_ROLES)
def test_every_role_lands_on_one_screen_that_it_may_see(role: Role):
    """The address without a path leads each role to its own work, never to a refusal."""
    principal = Principal(account="x", role=role)

    (home,) = [screen for screen in shell.SCREENS if role in screen.lands]

    assert principal.may(home.permission)


def test_a_dispatcher_lands_on_the_desk(visit: Any):
    """Name, role and the way out stand in the frame, the queue in the screen."""
    screen = visit("dispatcher", "")

    assert not screen.exception
    html = _html(screen)
    assert "调度员" in html
    assert "/auth/logout" in html
    assert "事件队列" in html


def test_demo_data_says_so(visit: Any):
    """The frame of every screen marks a demo county."""
    assert "演示数据" in _html(visit("dispatcher", ""))


def test_a_lost_database_is_told_calmly(visit: Any):
    """While the database can't be reached there is a sentence and a way to try again, and no traceback."""
    nowhere = Database.open("postgresql+psycopg://nobody@127.0.0.1:1/nothing")
    context.provide(database=nowhere, feed=ChangeFeed(nowhere), settings=Settings())

    screen = visit(None, "desk", login="whatever")

    assert not screen.exception
    assert any("连不上数据库" in warning.value for warning in screen.warning)
    assert [button.label for button in screen.button] == ["立即重试"]

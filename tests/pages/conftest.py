from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from db import accounts
from db.feed import ChangeFeed
from db.session import Database
from db.settings import ROOT, Settings
from governance import language
from pages.ui import context

PASSWORD = "demo-1234"
Visit = Callable[..., AppTest]


@pytest.fixture
def provided(county: Database) -> Database:
    """The demo county, handed to the screens as the composition root does it."""
    context.provide(database=county, feed=ChangeFeed(county), settings=Settings())
    return county


@pytest.fixture
def visit(provided: Database, monkeypatch: pytest.MonkeyPatch) -> Visit:
    """Opens an address as somebody: the cookie is the one thing that AppTest can't bring along."""
    cookies: dict[str, str] = {}
    monkeypatch.setattr(type(st.context), "cookies", property(lambda _: cookies))

    def make(
        username: str | None,
        path: str = "",
        *,
        login: str = "",
        screen_alone: str = "",
        speaks: str = "",
        **query: str,
    ) -> AppTest:
        cookies.clear()
        if speaks:
            cookies[language.COOKIE] = speaks
        if username is not None:
            login, _ = accounts.login(provided, username, PASSWORD, now=datetime.now(UTC), hours=1)
        if login:
            cookies[context.LOGIN_COOKIE] = login
        if screen_alone:  # AppTest opens no page but the one that a role lands on
            alone = f"""
from pages import {screen_alone}
from pages.ui import context
context.choose_language()
{screen_alone}.render()
"""
            screen = AppTest.from_string(alone, default_timeout=30)
        else:
            screen = AppTest.from_file(str(ROOT / "pages" / "shell.py"), default_timeout=30)
        screen.context = {"url": f"http://county.test/{path}"}
        screen.run()
        if query:  # the way from the first page to the role's own drops the query, so it comes afterwards
            screen.query_params = dict(query)
            screen.run()
        return screen

    return make


@pytest.fixture
def opened(visit: Visit) -> Callable[[dict[str, str]], AppTest]:
    """Opens the map itself by an address with a query, as a browser does; the shell's own way there would drop it."""

    def make(query: dict[str, str]) -> AppTest:
        visit("officer")  # logs in
        screen = AppTest.from_string("from pages import map as page\npage.render()", default_timeout=30)
        screen.query_params = query
        return screen.run()

    return make

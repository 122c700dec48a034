"""Logging in and out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from api.app import Context
from api.auth import own_path
from api.guard import COOKIE
from api.throttle import FAILURES_PER_PAIR, WINDOW

GOOD = {"username": "officer", "password": "demo-1234"}


def test_the_login_page_is_whole_by_itself(visitor: TestClient):
    """The page names the county, offers the demo accounts, and asks no other file of anybody."""
    answer = visitor.get("/auth/login")
    assert answer.status_code == 200
    assert "乾安县网格治理指挥中心" in answer.text
    assert "演示数据" in answer.text
    assert "demo-1234" in answer.text
    assert 'lang="zh"' in answer.text
    assert "http://" not in answer.text
    assert "https://" not in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"


def test_a_login_sets_a_cookie_that_scripts_cannot_read(visitor: TestClient):
    """The right password leads on, with an HttpOnly cookie of this site."""
    answer = visitor.post("/auth/login", data=GOOD | {"next": "/desk?q=1"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/desk?q=1")
    cookie = answer.headers["set-cookie"]
    assert cookie.startswith(f"{COOKIE}=")
    assert "HttpOnly" in cookie
    assert "SameSite=lax" in cookie
    assert "Secure" not in cookie
    assert visitor.get("/auth/login?next=/wall").headers["location"] == "/wall"


def test_a_wrong_password_is_said_clearly(visitor: TestClient):
    """The form comes again with the name kept, the reason said, and no word on which of the two was wrong."""
    wrong = visitor.post("/auth/login", data={"username": "viewer<x>", "password": "no"})
    assert wrong.status_code == 401
    assert 'role="alert"' in wrong.text
    assert "用户名或密码不正确" in wrong.text
    assert "viewer&lt;x&gt;" in wrong.text
    assert "set-cookie" not in wrong.headers


@pytest.mark.parametrize(
    "fields", [{}, {"username": "a\x00b", "password": "c"}, {"username": "x" * 5000, "password": "y"}]
)
def test_an_odd_form_is_a_wrong_password(visitor: TestClient, fields: dict[str, str]):
    """A form that can't be a login is refused without an error."""
    assert visitor.post("/auth/login", data=fields).status_code == 401


def test_a_login_from_a_foreign_page_is_refused(visitor: TestClient):
    """Nobody is logged in by somebody else's page."""
    answer = visitor.post("/auth/login", data=GOOD, headers={"Origin": "http://evil.test"})
    assert answer.status_code == 403
    assert "set-cookie" not in answer.headers


def test_guessing_is_slowed_down(visitor: TestClient, context: Context):
    """After five wrong passwords the right one has to wait too, and then works again."""
    for _ in range(FAILURES_PER_PAIR):
        assert visitor.post("/auth/login", data=GOOD | {"password": "no"}).status_code == 401
    refused = visitor.post("/auth/login", data=GOOD)
    assert refused.status_code == 429
    assert 0 < int(refused.headers["retry-after"]) <= WINDOW.total_seconds()
    assert visitor.post("/auth/login", data=GOOD | {"username": "planner"}).status_code == 303
    later = context.clock() + WINDOW + timedelta(seconds=1)
    assert context.throttle.wait_s("officer", "testclient", now=later) == 0


def test_a_logout_ends_the_login_on_the_server(visitor: TestClient):
    """After the logout the old cookie opens nothing, even if somebody kept it."""
    visitor.post("/auth/login", data=GOOD)
    kept = visitor.cookies[COOKIE]
    assert "退出登录" in visitor.get("/auth/logout").text
    assert visitor.post("/auth/logout").headers["location"] == "/auth/login"
    visitor.cookies.set(COOKIE, kept)
    assert visitor.get("/api/layers").status_code == 401


def test_a_foreign_page_logs_nobody_out(visitor: TestClient):
    """A logout from another site is refused."""
    visitor.post("/auth/login", data=GOOD)
    assert visitor.post("/auth/logout", headers={"Origin": "http://evil.test"}).status_code == 403
    assert visitor.get("/api/layers").status_code == 200


@pytest.mark.parametrize(
    "onward",
    [
        "//evil.test",
        "https://evil.test/",
        "/\\evil.test",
        "javascript:alert(1)",
        "",
        "evil",
        "/a\nb",
        "/auth/login",
        "///e",
    ],
)
def test_a_login_never_leads_elsewhere(visitor: TestClient, onward: str):
    """Whatever `next` says, the login stays on this site."""
    answer = visitor.post("/auth/login", data=GOOD | {"next": onward})
    assert answer.headers["location"] == "/"


@given(st.text())
def test_own_path_is_always_a_path_of_this_site(text: str):
    """Whatever the text, what comes out begins with exactly one slash and has no second host in it."""
    found = own_path(text)
    assert found.startswith("/")
    assert not found.startswith(("//", "/\\"))

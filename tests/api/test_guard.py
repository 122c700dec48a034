"""Who gets in, how far, and from which page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import event
from starlette.testclient import TestClient

from api.app import Context
from api.guard import COOKIE
from governance.access import PERMISSIONS, Permission, Role

READING = (
    "/api/layers",
    "/api/layers/incidents/items",
    "/api/base/roads",
    "/tiles/base/14/13836/5893.pbf",
    "/tiles/names/14/13836/5893.pbf",
    "/api/incidents/none",
    "/api/incidents/similar",
    "/api/incidents/none/photos",
    "/api/incidents/none/sheet.pdf",
    "/api/tracks",
    "/api/stream",
)
CHANGING = (
    "/api/incidents",
    "/api/incidents/x/dispatch",
    "/api/incidents/x/steps",
    "/api/incidents/x/photos?phase=after",
    "/api/positions",
    "/api/alarms",
)

ASKED: dict[tuple[str, str], Permission] = {
    ("GET", "/api/layers"): Permission.READ_LAYERS,
    ("GET", "/api/layers/stations/items"): Permission.READ_LAYERS,
    ("GET", "/api/layers/stations/export"): Permission.EXPORT_LAYERS,
    ("GET", "/api/base/roads"): Permission.READ_LAYERS,
    ("POST", "/api/incidents"): Permission.REPORT_INCIDENT,
    ("GET", "/api/incidents/none"): Permission.READ_LAYERS,
    ("GET", "/api/incidents/similar"): Permission.READ_LAYERS,
    ("GET", "/api/incidents/none/candidates"): Permission.DISPATCH,
    ("GET", "/api/incidents/none/recommendations"): Permission.READ_LAYERS,
    ("POST", "/api/incidents/none/dispatch"): Permission.DISPATCH,
    ("POST", "/api/incidents/none/steps"): Permission.ADVANCE_INCIDENT,
    ("POST", "/api/incidents/none/photos?phase=after"): Permission.ADVANCE_INCIDENT,
    ("GET", "/api/incidents/none/photos"): Permission.READ_LAYERS,
    ("GET", "/api/incidents/none/photos/1"): Permission.READ_LAYERS,
    ("GET", "/api/incidents/none/sheet.pdf"): Permission.READ_LAYERS,
    ("POST", "/api/positions"): Permission.FEED_POSITIONS,
    ("POST", "/api/alarms"): Permission.FEED_POSITIONS,
    ("GET", "/api/hotspots"): Permission.READ_LAYERS,
    ("GET", "/api/incidents/none/similar-cases"): Permission.READ_LAYERS,
    ("GET", "/api/tracks?workers=W31&since=2026-11-23T00:00:00Z&until=2026-11-23T03:00:00Z"): Permission.READ_PERSONAL,
    ("POST", "/api/visits"): Permission.RECORD_VISITS,
    ("GET", "/api/needs"): Permission.RECORD_VISITS,
    ("POST", "/api/needs/999/settle"): Permission.RECORD_VISITS,
    ("GET", "/metrics"): Permission.MANAGE_ACCOUNTS,
}
LOGIN_ROLES = [role for role in Role if role is not Role.SYSTEM]


@pytest.mark.parametrize("path", READING)
def test_reading_asks_for_a_login(visitor: TestClient, path: str):
    """Without a token or a login nothing is read."""
    answer = visitor.get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "not_authenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize("path", CHANGING)
def test_changing_asks_for_a_login_before_the_body_is_read(visitor: TestClient, path: str):
    """Without a token or a login not even a broken body is looked at."""
    answer = visitor.post(path, content=b"{broken", headers={"content-type": "application/json"})
    assert answer.status_code == 401


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer  ", "Basic abc", "Bearer wrong", "Bearer " + "x" * 2000, "Bearer é"]
)
def test_a_wrong_token_is_no_token(visitor: TestClient, header: str):
    """A header that holds no token of ours is refused, whatever it holds."""
    answer = visitor.get("/api/layers", headers={"Authorization": header.encode()})
    assert answer.status_code == 401


@pytest.mark.parametrize("role", LOGIN_ROLES)
@pytest.mark.parametrize("asked", ASKED, ids=" ".join)
def test_the_permission_table_decides(clients: Any, role: Any, asked: tuple[str, str]):
    """Each route answers 403 to exactly the roles that the table of permissions leaves out."""
    method, path = asked
    answer = getattr(clients, role.value).request(method, path, json={} if method == "POST" else None)
    is_allowed = ASKED[asked] in PERMISSIONS[role]
    assert (answer.status_code != 403) == is_allowed, answer.text
    if not is_allowed:
        assert answer.json()["code"] == "not_permitted"
        assert answer.json()["permission"] == ASKED[asked].value


@pytest.fixture
def logged_in(visitor: TestClient):
    """The dispatcher's browser."""
    answer = visitor.post("/auth/login", data={"username": "dispatcher", "password": "demo-1234"})
    assert answer.status_code == 303
    return visitor


def test_the_login_cookie_opens_the_api(logged_in: TestClient):
    """A browser reads layers with the cookie of the login."""
    assert logged_in.get("/api/layers").status_code == 200


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://evil.test"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_foreign_page_cannot_change_anything(
    logged_in: TestClient,
    rows: Callable[[], dict[str, str]],
    body: Callable[..., dict[str, object]],
    headers: dict[str, str],
):
    """A cookie alone doesn't change: the browser has to say that our own page asks."""
    before = rows()
    answer = logged_in.post("/api/incidents", json=body(), headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (403, "foreign_origin")
    assert rows() == before


@pytest.mark.parametrize("headers", [{"Origin": "http://county.test"}, {"Sec-Fetch-Site": "same-origin"}])
def test_our_own_page_may_change(
    logged_in: TestClient, body: Callable[..., dict[str, object]], headers: dict[str, str]
):
    """A cookie with our own origin changes."""
    assert logged_in.post("/api/incidents", json=body(), headers=headers).status_code == 201


def test_a_token_goes_before_a_cookie(logged_in: TestClient):
    """A request with a bad token isn't saved by a good cookie."""
    answer = logged_in.get("/api/layers", headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


def test_maps_are_let_in_without_asking_each_time(logged_in: TestClient, context: Context):
    """Pieces of a map that come at once ask the database once who it is; a logout here is heard at once."""
    asked = []

    def heard(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    event.listen(context.database.engine, "before_cursor_execute", heard)
    for _ in range(3):
        assert logged_in.get("/api/layers/stations/items").status_code == 200
    assert len([statement for statement in asked if "login_session" in statement]) == 1
    kept = logged_in.cookies[COOKIE]
    logged_in.post("/auth/logout")
    logged_in.cookies.set(COOKIE, kept)
    assert logged_in.get("/api/layers/stations/items").status_code == 401

"""Health, counters, assets, and what is known of the door as a whole."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock
from xml.etree import ElementTree as ET

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.testclient import TestClient
from starlette.types import ASGIApp

import db.features
from api.app import Ahead, Context, application, doors
from api.assets import Assets
from api.problems import DOOR_TEXT, STATUS, text_of
from db.feed import ChangeFeed
from db.session import Database
from db.settings import ROOT, Settings
from geo.errors import GridCommandError
from layers import symbols


def test_health_is_asked_of_the_database(visitor: TestClient):
    """ok means that PostGIS answered and the feed listens; nobody has to log in for it."""
    answer = visitor.get("/healthz")
    assert answer.status_code == 200, answer.text
    assert answer.json()["status"] == "ok"
    assert answer.json()["postgis"].startswith("3.")
    assert visitor.head("/healthz").status_code == 200


def test_health_tells_when_the_database_is_away():
    """Without a database: 503, and the login page still stands and says so."""
    database = Database.open("postgresql+psycopg://nobody@127.0.0.1:1/none")
    context = Context(database=database, feed=ChangeFeed(database), settings=Settings())
    client = TestClient(application(context), base_url="http://county.test")
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")
    page = client.get("/auth/login")
    assert page.status_code == 503
    assert "数据库暂时无法连接" in page.text
    assert client.post("/auth/login", data={"username": "a", "password": "b"}).status_code == 503
    assert client.get("/api/layers", headers={"Authorization": "Bearer x"}).status_code == 503
    database.dispose()


def test_health_tells_when_the_feed_is_silent(town: Database):
    """A process that hears of no change doesn't call itself well."""
    context = Context(database=town, feed=ChangeFeed(town), settings=Settings())
    client = TestClient(application(context), base_url="http://county.test")
    answer = client.get("/healthz")
    assert answer.status_code == 503
    assert "feed" in answer.json()["reason"]


def test_counters_are_for_this_machine_and_administrators(context: Context, clients: Any):
    """Loopback reads them, an administrator from elsewhere too, others and forwarded requests don't."""
    app = application(context)
    local = TestClient(app, client=("127.0.0.1", 50_000))
    local.get("/api/layers/x/items")
    text = local.get("/metrics").text
    assert 'gridcommand_http_requests_total{method="GET",route="/api/layers/{key}/items",status="401"} 1' in text
    assert re.search(r'^gridcommand_incidents_open\{severity="4"\} \d+$', text, re.MULTILINE)
    assert re.search(r'^gridcommand_layer_revision\{layer="incidents"\} \d+$', text, re.MULTILINE)
    assert "gridcommand_feed_live 1" in text
    assert local.get("/metrics", headers={"X-Forwarded-For": "10.0.0.1"}).status_code == 401
    assert TestClient(app, client=("10.0.0.9", 1)).get("/metrics").status_code == 401
    assert clients.admin.get("/metrics").status_code == 200


def test_health_does_not_wait_for_a_database_that_hangs(context: Context, monkeypatch: pytest.MonkeyPatch):
    """What the feed knows is told at once, without a thread that waits for the database."""
    monkeypatch.setattr(type(context.feed), "is_live", property(lambda _: False))
    monkeypatch.setattr(Database, "session", lambda *_: pytest.fail("the database was asked"))
    answer = TestClient(application(context), base_url="http://county.test").get("/healthz")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


def test_an_error_of_ours_names_its_line_in_the_log(
    clients: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """What went wrong stays in the log under the id that the caller sees; the answer tells nothing of the inside."""
    monkeypatch.setattr(db.features, "count", lambda *_: 1 / 0)
    answer = clients.viewer.get("/api/layers")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal")
    assert "ZeroDivisionError" not in answer.text
    assert f"request {answer.json()['request_id']} failed" in caplog.text
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    "path", ["/assets/", "/assets", "/assets/package.json", "/assets/../pyproject.toml", "/assets/.git/x.js"]
)
def test_assets_list_nothing_and_stay_in_their_folder(visitor: TestClient, path: str):
    """Only the files that a page needs are there."""
    assert visitor.get(path).status_code == 404


def test_the_atlas_holds_every_symbol(visitor: TestClient):
    """The sheet that the map draws from is composed of the symbols' own files, one cell each."""
    answer = visitor.get(symbols.atlas_url())
    assert answer.headers["content-type"] == "image/svg+xml"
    sheet = ET.fromstring(answer.text)  # noqa: S314  our own file
    assert len(sheet) == len(symbols.names()) == len(list(symbols.FOLDER.iterdir()))
    assert "immutable" in answer.headers["cache-control"]


def test_assets_are_kept_by_browsers(tmp_path: Path):
    """An hour by name, for ever with a version in the address."""
    (tmp_path / "pin.svg").write_text("<svg/>")
    client = TestClient(Assets(tmp_path))
    assert client.get("/pin.svg").headers["cache-control"] == "public, max-age=3600"
    assert "immutable" in client.get("/pin.svg?v=3").headers["cache-control"]


def test_every_route_is_documented(context: Context):
    """docs/api.md names each route of the door."""
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    described = application(context).openapi()["paths"]
    missing = [
        path
        for path in (*described, "/healthz", "/auth/login", "/auth/logout", "/assets/")
        if f"`{path}" not in text and f" {path}" not in text
    ]
    assert not missing


def test_no_page_of_the_door_asks_elsewhere(visitor: TestClient):
    """The pages that draw an API's description come from a CDN, so there are none; the description is there."""
    assert visitor.get("/docs").status_code == 404
    assert visitor.get("/redoc").status_code == 404
    assert "/api/incidents" in visitor.get("/api/openapi.json").json()["paths"]


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST"])
@pytest.mark.parametrize("token", ["viewer", "nobody"])
@pytest.mark.parametrize(
    "path",
    [
        "/tiles/devices/3/6/2.pbf",
        "/tiles/grids/14/13836/5893.pbf?grid=220723001",
        "/tiles/nothing/3/6/2.pbf",
        "/tiles/devices/23/6/2.pbf",
        "/tiles/devices/x/6/2.pbf",
        "/tiles/devices/3/6/2.pbf?colour=red",
        "/tiles/devices/3/6",
        "/tiles/devices/3/6/2.pbf%00",
    ],
)
def test_tiles_are_answered_alone_as_by_the_application(
    context: Context, tokens: Mapping[str, str], path: str, token: str, method: str
):
    """The shorter way to a layer's tiles keeps everything that the application does for a request."""
    _, middleware = doors(context)
    whole = TestClient(application(context))
    short = TestClient(Starlette(middleware=middleware))
    headers = {"Authorization": f"Bearer {tokens.get(token, 'gc_unknown')}"}
    answers = []
    for client in (whole, short):
        before = Counter(context.counters.requests)
        answer = client.request(method, path, headers=headers)
        told = {name: value for name, value in answer.headers.items() if name != "x-request-id"}
        body = answer.content.replace(answer.headers["x-request-id"].encode(), b"")
        counted = Counter(context.counters.requests) - before
        answers.append((answer.status_code, told, body, counted))
    assert answers[0] == answers[1]


@pytest.mark.parametrize("path", ["/api/layers/stations/items", "/api/layers", "/api/base/roads"])
def test_nothing_is_packed_for_who_refuses_gzip(context: Context, tokens: Mapping[str, str], path: str):
    """What Streamlit's own middleware would pack for whoever names gzip goes out plain, and varies by it once."""
    routes, middleware = doors(context)
    packing = Middleware(GZipMiddleware, minimum_size=1)  # as Streamlit adds it, behind those that it is handed
    client = TestClient(Starlette(routes=routes, middleware=[*middleware, packing]))
    headers = {"Authorization": f"Bearer {tokens['viewer']}"}
    plain = client.get(path, headers=headers | {"Accept-Encoding": "gzip;q=0, identity"})
    packed = client.get(path, headers=headers | {"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert plain.json() == packed.json()
    if path.endswith("/items"):
        assert packed.headers["vary"].lower().count("accept-encoding") == 1


@pytest.mark.parametrize(
    "path",
    ["/api/layers", "/api/layers/grids/items?grid=220723001", "/tiles/devices/3/6/2.pbf", "/api/base/roads"],
)
def test_head_answers_as_get_without_the_body(clients: Any, context: Context, path: str):
    """Status and headers are GET's, tags too; the request is counted under its own method and route."""
    got, headed = clients.viewer.get(path), clients.viewer.head(path)
    assert got.content
    assert (headed.status_code, headed.content) == (200, b"")
    assert dict(headed.headers) | {"x-request-id": ""} == dict(got.headers) | {"x-request-id": ""}
    (counted,) = {(method, status) for method, route, status in context.counters.requests if route != "other"} - {
        ("GET", 200)
    }
    assert counted == ("HEAD", 200)


def test_head_is_for_who_may_get(visitor: TestClient, clients: Any):
    """Nobody hears more by HEAD than by GET, and an export isn't read for it."""
    assert visitor.head("/api/layers/grids/items").status_code == 401
    assert clients.viewer.head("/api/layers/none/items").status_code == 404
    assert clients.planner.head("/api/layers/grids/export").status_code == 405


def _codes(error: type[GridCommandError]) -> set[str]:
    return {error.code}.union(*(_codes(child) for child in error.__subclasses__()))


def test_every_error_has_a_status_and_a_text():
    """The table is complete: each code of the tree, and each of the door, has a status and a Chinese sentence."""
    assert set(STATUS) == _codes(GridCommandError) | set(DOOR_TEXT)
    assert all(text_of(code) for code in STATUS)


def test_every_status_is_in_the_manual():
    """docs/api.md tells each code with its status."""
    text = (Path(ROOT) / "docs" / "api.md").read_text(encoding="utf-8")
    assert [code for code, status in STATUS.items() if f"| `{code}` | {status} |" not in text] == []


def test_routes_leave_streamlit_its_own(context: Context):
    """What is handed to the application opens none of Streamlit's reserved prefixes."""
    routes, _ = doors(context)
    assert not [r for r in routes if r.path.startswith(("/_stcore", "/media", "/component", "/static"))]


@pytest.mark.parametrize(
    ("kind", "path", "whose"),
    [
        ("http", "/tiles/devices/14/1/1.pbf", "tiles"),
        ("http", "/tiles/base/14/1/1.pbf", "application"),
        ("http", "/api/layers/stations/items", "application"),
        ("http", "/api/layers/stations/export", "streamlit"),
        ("http", "/tiles", "streamlit"),
        ("http", "/static/tiles/a.js", "streamlit"),
        ("websocket", "/tiles/stream", "streamlit"),
    ],
)
def test_tiles_and_items_go_ahead_of_streamlit(kind: str, path: str, whose: str):
    """Streamlit's own middleware has nothing to do for what is compressed, and everything else is led through it."""
    heard: list[str] = []

    def hearing(name: str) -> ASGIApp:
        async def hear(*_: object) -> None:
            heard.append(name)

        return hear

    ahead = Ahead(hearing("streamlit"), application=hearing("application"), tiles=hearing("tiles"))
    with suppress(StopIteration):
        ahead({"type": kind, "path": path, "headers": []}, AsyncMock(), AsyncMock()).send(None)
    assert heard == [whose]

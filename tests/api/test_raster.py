"""A map server passed on: fetched once, its key kept here, its failures told and not repeated at once."""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from PIL import Image

from api.context import Context
from geo.map_server import map_servers

TILE = "/basemap/raster/0/14/13836/5893"


def _picture() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (256, 256), "#cfe3f1").save(out, "PNG")
    return out.getvalue()


@dataclass(slots=True)
class MapServerHere:
    """A real map server on this machine: what it answers, and what it was asked."""

    port: int = 0
    status: int = 200
    body: bytes = field(default_factory=_picture)
    asked: list[str] = field(default_factory=list)


@pytest.fixture
def map_server(context: Context) -> Iterator[MapServerHere]:
    """A map server, which the deployment's setting names."""
    state = MapServerHere()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            state.asked.append(self.path)
            self.send_response(state.status)
            self.end_headers()
            self.wfile.write(state.body)

        def log_message(self, *_: Any) -> None:
            pass

    running = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, daemon=True)
    thread.start()
    state.port = running.server_address[1]
    template = f"http://127.0.0.1:{state.port}/vec_w/wmts?TILEMATRIX={{z}}&TILEROW={{y}}&TILECOL={{x}}&tk=SECRET"
    context.pictures.servers = map_servers(template)
    yield state
    running.shutdown()
    running.server_close()


def test_a_tile_is_fetched_once_for_everybody(clients: Any, map_server: MapServerHere):
    """The server is asked by row and column with its key; the second asker gets the kept picture."""
    first, second = clients.viewer.get(TILE), clients.officer.get(TILE)
    assert (first.headers["content-type"], first.content) == ("image/png", map_server.body)
    assert second.content == first.content
    assert map_server.asked == ["/vec_w/wmts?TILEMATRIX=14&TILEROW=5893&TILECOL=13836&tk=SECRET"]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_style_names_this_origin_and_no_key(clients: Any, map_server: MapServerHere, theme: str):
    """Browsers learn neither the server's address nor its key; behind a TLS proxy the page's scheme counts."""
    answer = clients.viewer.get(f"/basemap/style.json?theme={theme}", headers={"Referer": "https://county.test/map"})
    assert "SECRET" not in answer.text
    assert str(map_server.port) not in answer.text
    (source,) = answer.json()["sources"].values()
    assert source["tiles"] == ["https://county.test/basemap/raster/0/{z}/{x}/{y}"]
    foreign = clients.viewer.get("/basemap/style.json", headers={"Referer": "https://elsewhere.test/"})
    assert next(iter(foreign.json()["sources"].values()))["tiles"][0].startswith("http://county.test/")


@pytest.mark.parametrize(("status", "body"), [(500, b""), (403, b"no"), (200, b"<html>not a picture</html>")])
def test_a_server_that_fails_is_left_alone_for_a_while(
    clients: Any, map_server: MapServerHere, caplog: pytest.LogCaptureFixture, status: int, body: bytes
):
    """The failure is told without the key, and the next tiles don't ask again at once."""
    map_server.status, map_server.body = status, body
    answers = [clients.viewer.get(f"/basemap/raster/0/14/13836/{y}") for y in (5893, 5894)]
    assert [answer.status_code for answer in answers] == [503, 503]
    assert len(map_server.asked) == 1
    assert "SECRET" not in answers[0].text + caplog.text


def test_a_tile_that_the_server_has_not_is_missing(clients: Any, map_server: MapServerHere):
    """A gap in the server's map is no failure of the server."""
    map_server.status, map_server.body = 404, b""
    assert clients.viewer.get(TILE).status_code == 404
    map_server.status, map_server.body = 200, _picture()
    assert clients.viewer.get("/basemap/raster/0/14/13836/5894").status_code == 200


def test_nothing_is_passed_on_without_a_setting_or_a_login(clients: Any, visitor: Any):
    """By default there is no map server; nobody asks through this one without a login."""
    assert clients.viewer.get(TILE).status_code == 404
    assert visitor.get(TILE).status_code == 401
    assert visitor.get("/basemap/style.json").status_code == 401
    assert clients.viewer.get("/basemap/style.json?theme=pink").status_code == 422

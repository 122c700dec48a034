"""The wall above a map server's pictures: it drills by clicks, and a picture that was lost comes by itself."""

from __future__ import annotations

import http.server
import io
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from playwright.sync_api import Route, expect

from db.session import Database
from tests.product import Product


class _Pictures(http.server.BaseHTTPRequestHandler):
    """Answers everything with the same picture."""

    def do_GET(self) -> None:
        picture = io.BytesIO()
        Image.new("RGB", (256, 256), "#88aacc").save(picture, "PNG")
        self.send_response(200)
        self.send_header("Content-Type", "image/png")
        self.end_headers()
        self.wfile.write(picture.getvalue())

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


@pytest.fixture
def map_server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Pictures) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/{{z}}/{{x}}/{{y}}.png"
        server.shutdown()


@pytest.fixture
def origin(database: Database, tmp_path: Path, map_server: str) -> Iterator[str]:
    product = Product(tmp_path, DATABASE_URL=database.url, GRIDCOMMAND_BASEMAP_URL=map_server)
    try:
        product.start()
        yield product.origin
    finally:
        product.stop()


def test_clicks_lead_down_above_pictures_too(visit: Any):
    """And every picture's first answer is lost: it is asked for again."""
    asked: list[str] = []

    def lose(route: Route) -> None:
        asked.append(route.request.url)
        if asked.count(route.request.url) > 1:
            route.continue_()
        else:
            route.fulfill(status=503, body="{}")

    visitor = visit()
    visitor.page.route("**/basemap/raster/**", lose)
    page = visitor.log_in("wall", "/wall")
    expect(page.locator(".st-key-wall_map .mapboxgl-canvas")).to_be_visible(timeout=60_000)
    box = page.locator(".st-key-wall_map canvas").first.bounding_box()
    assert box
    page.wait_for_timeout(8_000)
    # The map calls off those that the camera left.
    again = sum(asked.count(url) == 2 for url in set(asked))
    assert again > len(set(asked)) / 2

    for place in ("荣业街道", "昆池社区"):
        page.mouse.click(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.45)
        expect(page.locator(".st-key-wall_crumbs b")).to_have_text(place, timeout=60_000)
    visitor.shoot("wall-pictures")

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Request, expect, sync_playwright

from db.session import Database
from tests.conftest import Server
from tests.product import Product

PASSWORD = "demo-1234"
CHROMIUM = "/usr/bin/chromium-headless-shell"
FLAGS = [
    "--no-sandbox",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-gl=angle",
    "--use-angle=gl-egl",
    "--ignore-gpu-blocklist",
    "--disable-gpu-compositing",
]
MESA = {"EGL_PLATFORM": "surfaceless", "LIBGL_ALWAYS_SOFTWARE": "1"}
"""Mesa draws without a graphics card. It keeps the shaders that it made: Chromium's own SwiftShader makes them anew for
each page, which takes the processor ten seconds."""
NOTHING_FOREIGN = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE localhost"
SHOTS = os.environ.get("GRIDCOMMAND_SHOTS")
"""A folder for screenshots to look at; none are taken without it."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e" in str(item.path):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def origin() -> Iterator[str]:
    """The address of the real app, started as people start it, with a data folder of its own and no simulation."""
    given = os.environ.get("GRIDCOMMAND_E2E_ORIGIN")
    if given:
        yield given.rstrip("/")
        return
    folder = Path(tempfile.mkdtemp(prefix="gridcommand-e2e-", dir="/var/tmp"))
    folder.chmod(0o755)  # the cluster runs as another user when the tests run as root
    product = Product(folder)
    try:
        product.start()
        yield product.origin
    finally:
        product.stop()
        said = product.said
        shutil.rmtree(folder, ignore_errors=True)
    unforeseen = said.find("screen error")
    assert unforeseen < 0, said[unforeseen : unforeseen + 4000]


@pytest.fixture
def database(server: Server, county_template: str) -> Iterator[Database]:
    """The demo county in a database of this test's own, for a test that stops the app or what it stands on."""
    with server.clone(county_template) as database:
        yield database


@pytest.fixture
def product(database: Database, tmp_path: Path) -> Iterator[Product]:
    """The app on that database, started by and for one test."""
    product = Product(tmp_path, DATABASE_URL=database.url)
    try:
        product.start()
        yield product
    finally:
        product.stop()


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(
            executable_path=CHROMIUM, args=[*FLAGS, NOTHING_FOREIGN], env={**os.environ, **MESA}
        )
        yield running
        running.close()


class Visitor:
    """A browser of its own, logged in or not, that keeps every address it asked for."""

    def __init__(self, context: BrowserContext, origin: str) -> None:
        self.context, self.origin = context, origin
        self.asked: list[str] = []
        context.on("request", self._heard)
        self.page: Page = context.new_page()

    def _heard(self, request: Request) -> None:
        self.asked.append(request.url)

    @property
    def foreign(self) -> list[str]:
        own = urlsplit(self.origin).netloc
        return [
            url
            for url in self.asked
            if urlsplit(url).scheme not in {"data", "blob", "about"} and urlsplit(url).netloc != own
        ]

    def open(self, path: str) -> Page:
        self.page.goto(f"{self.origin}{path}")
        return self.page

    def log_in(self, username: str, onward: str = "/") -> Page:
        page = self.open(f"/auth/login?next={quote(onward)}")
        page.fill("#username", username)
        page.fill("#password", PASSWORD)
        page.click("button.go")
        self.settled()
        if urlsplit(page.url).path == "/desk":
            page.locator(".keys[data-bound]").wait_for(state="attached", timeout=60_000)
        return page

    def settled(self) -> None:
        """Waits until the screen's script has run and nothing is being drawn."""
        self.page.wait_for_selector('[data-testid="stApp"][data-test-script-state="notRunning"]', timeout=60_000)

    def shoot(self, name: str) -> None:
        if SHOTS:
            self.page.wait_for_timeout(1500)
            self.page.screenshot(path=str(Path(SHOTS) / f"{name}.png"), timeout=120_000)


@pytest.fixture
def visit(browser: Browser, origin: str) -> Iterator[Callable[..., Visitor]]:
    """Makes visitors; when the test ends, none of them may have asked anything outside of the app's origin."""
    expect.set_options(timeout=20_000)
    visitors: list[Visitor] = []

    def make(username: str | None = None, onward: str = "/", *, width: int = 1920, height: int = 1080) -> Visitor:
        context = browser.new_context(
            viewport={"width": width, "height": height},
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            accept_downloads=True,
        )
        visitor = Visitor(context, origin)
        visitors.append(visitor)
        if username:
            visitor.log_in(username, onward)
        return visitor

    yield make
    foreign = [url for visitor in visitors for url in visitor.foreign]
    for visitor in visitors:
        visitor.context.close()
    assert foreign == []


@pytest.fixture
def program(origin: str) -> Iterator[Callable[[str], httpx.Client]]:
    """Makes HTTP clients that are logged in: what changes elsewhere."""
    clients: list[httpx.Client] = []

    def make(username: str) -> httpx.Client:
        client = httpx.Client(base_url=origin, headers={"Origin": origin}, timeout=30)
        clients.append(client)
        answer = client.post("/auth/login", data={"username": username, "password": PASSWORD, "next": "/"})
        assert answer.status_code == httpx.codes.SEE_OTHER, answer.text
        return client

    yield make
    for client in clients:
        client.close()

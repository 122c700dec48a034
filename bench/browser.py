"""A real browser for measurements, logged in as the kiosk."""

from __future__ import annotations

from playwright.sync_api import Browser, BrowserContext, Playwright

from db.accounts import demo_accounts

_CHROMIUM = "/usr/bin/chromium"
_FLAGS = [
    "--no-sandbox",
    "--no-first-run",
    "--use-gl=angle",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--enable-precise-memory-info",
]


def started(playwright: Playwright) -> Browser:
    """Chromium, drawing without a graphics card."""
    return playwright.chromium.launch(executable_path=_CHROMIUM, args=_FLAGS)


def log_in(context: BrowserContext, origin: str) -> None:
    """Gives the context the cookies that the login page leaves: the kiosk account's, and the window's size."""
    account = demo_accounts("", "")[0]
    form = {"username": account.username, "password": account.password, "next": "/wall"}
    context.request.post(f"{origin}/auth/login", form=form, headers={"Origin": origin}).dispose()
    page = context.new_page()
    width, height = page.evaluate("[innerWidth, innerHeight]")
    page.close()
    context.add_cookies([{"name": "gridcommand_window", "value": f"{width}x{height}", "url": origin}])

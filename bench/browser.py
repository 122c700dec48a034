"""A real browser for measurements, logged in as the kiosk."""

from __future__ import annotations

from playwright.sync_api import Browser, BrowserContext, Playwright

from db.accounts import demo_accounts

_CHROMIUM = "/usr/bin/chromium-headless-shell"
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
    """Logs the kiosk account in as people do, on the login page."""
    account = demo_accounts("", "")[0]
    page = context.new_page()
    page.goto(f"{origin}/auth/login?next=/healthz")
    page.fill("#username", account.username)
    page.fill("#password", account.password)
    page.click("button.go")
    page.wait_for_url("**/healthz")
    page.close()

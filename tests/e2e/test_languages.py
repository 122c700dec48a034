"""Both languages in a browser: chosen before the login, switched at the desk, and remembered."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from playwright.sync_api import expect


def test_the_language_is_chosen_switched_and_remembered(visit: Callable[..., Any]):
    """English from the login page on; the switch keeps the queue's filter; the next page load speaks as the last."""
    visitor = visit()
    page = visitor.open("/auth/login")
    page.get_by_role("link", name="English").click()
    expect(page.get_by_role("button", name="Log in")).to_be_visible()
    page.fill("#username", "dispatcher")
    page.fill("#password", "demo-1234")
    page.click("button.go")
    visitor.settled()
    expect(page.get_by_role("heading", name="Queue")).to_be_visible()
    status = page.locator(".st-key-desk_status button")
    status.filter(has_text="Processing").click()
    expect(status.filter(has_text="Processing")).to_have_attribute("aria-pressed", "true")
    visitor.shoot("desk-english")

    page.get_by_role("button", name="中文").click()
    expect(page.get_by_role("heading", name="事件队列")).to_be_visible()
    expect(status.filter(has_text="处置中")).to_have_attribute("aria-pressed", "true")

    page.wait_for_function("document.cookie.includes('gridcommand_language=zh')")
    visitor.open("/visits")
    expect(page.get_by_role("heading", name="需求汇总")).to_be_visible()

"""The desk by its keys alone: the joint plan, the help, and the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
from playwright.sync_api import expect

REPORT = {"title": "键盘统筹：路面积雪", "class": "0102", "lat": 45.005, "crs": "wgs84"}


def test_many_are_planned_and_sent_by_keys(visit: Callable[..., Any], program: Callable[[str], httpx.Client]):
    """P opens the joint plan with every waiting incident; Tab and Enter send it, Escape leads back to the queue."""
    client = program("dispatcher")
    numbers = [
        client.post("/api/incidents", json={**REPORT, "lon": 124.01 + n * 0.003}).raise_for_status().json()["no"]
        for n in range(3)
    ]
    visitor = visit("dispatcher")
    page = visitor.page
    expect(page.locator(".st-key-desk_rows .card").first).to_be_visible()

    page.keyboard.press("p")
    expect(page.get_by_text("联合派单", exact=True)).to_be_visible()
    expect(page.locator(".surge-line", has_text="键盘统筹").first).to_be_visible()
    visitor.shoot("desk-surge")
    send = page.get_by_role("button", name="按方案派出")
    for _ in range(60):
        if send.evaluate("button => button === document.activeElement"):
            break
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_text("已派出", exact=False).first).to_be_visible()
    states = {client.get(f"/api/incidents/{no}").json()["status"] for no in numbers}
    assert states == {"dispatched"}
    page.keyboard.press("Escape")
    expect(page.locator(".case-head")).to_be_visible()
    assert "surge" not in page.url

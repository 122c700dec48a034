"""The desk by its keys alone: the joint plan, the help, and the way back."""

from __future__ import annotations

import re
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
    visitor = visit("dispatcher", "/desk")
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


def _waiting(client: httpx.Client, title: str, **changes: object) -> str:
    answer = client.post("/api/incidents", json={**REPORT, "lon": 124.0075, "lat": 45.0125, "title": title} | changes)
    return str(answer.raise_for_status().json()["no"])


def test_the_result_is_seen_and_typed_in_its_order(visit: Callable[..., Any], program: Callable[[str], httpx.Client]):
    """R leads to a field that can be seen; what is typed slowly stands as typed, and waits for its case."""
    client = program("dispatcher")
    no = _waiting(client, "键盘填写处置结果")
    client.post(f"/api/incidents/{no}/dispatch", json={}).raise_for_status()
    client.post(f"/api/incidents/{no}/steps", json={"action": "arrive"}).raise_for_status()
    page = visit("dispatcher", f"/desk?no={no}").page
    # While one case takes another's place, the fields of both are there for a moment.
    field = page.locator(".st-key-case_written textarea").first
    expect(field).to_be_visible()
    expect(page.locator(".st-key-desk_rows .card").first).to_be_visible()

    page.keyboard.press("r")
    expect(field).to_be_focused()
    for letter in "清雪完毕了":
        page.keyboard.insert_text(letter)
        page.wait_for_timeout(700)  # the case is drawn anew every two seconds
    expect(field).to_have_value("清雪完毕了")
    page.keyboard.press("Escape")
    expect(field).not_to_be_focused()
    page.keyboard.press("k")
    expect(page).not_to_have_url(re.compile(no))
    page.locator(f'.st-key-desk_rows .card[data-id="{no}"]').click()

    expect(field).to_have_value("清雪完毕了")
    box = field.bounding_box()
    assert box is not None
    assert box["height"] > 40
    assert page.locator(".st-key-desk_case").evaluate("e => [...e.children].every(c => c.clientHeight > 0)")


def test_a_candidate_is_chosen_by_keys(visit: Callable[..., Any], program: Callable[[str], httpx.Client]):
    """A digit and the arrows choose whom to send; Enter in the list chooses and dispatches nobody."""
    client = program("dispatcher")
    no = _waiting(client, "键盘选择人员")
    page = visit("dispatcher", f"/desk?no={no}").page
    cards = page.locator(".st-key-case_candidates .card")
    expect(cards.nth(2)).to_be_visible()

    page.keyboard.press("2")
    expect(page.locator(".st-key-desk_dispatch")).to_contain_text(cards.nth(1).locator(".title").inner_text())
    expect(cards.nth(1)).to_have_attribute("aria-selected", "true")
    cards.nth(1).focus()
    page.keyboard.press("ArrowDown")
    expect(cards.nth(2)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_label("改派理由")).to_be_visible()
    expect(page.locator(".st-key-desk_dispatch")).to_contain_text(cards.nth(2).locator(".title").inner_text())
    expect(cards.nth(2)).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_timeout(1500)

    assert client.get(f"/api/incidents/{no}").json()["status"] == "reported"
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(page.get_by_label("改派理由")).to_be_focused()


def test_a_report_is_left_and_gone_on_with(visit: Callable[..., Any]):
    """N writes into the title at once; Escape leaves the field, then the form, and N goes on with what was written."""
    visitor = visit("dispatcher", "/desk")
    page = visitor.page
    expect(page.locator(".st-key-desk_rows .card").first).to_be_visible()
    title = page.locator(".st-key-rep_title input")

    page.keyboard.press("n")
    expect(title).to_be_focused()
    page.keyboard.insert_text("半份上报")
    for area in page.locator(".st-key-desk_form :is(textarea, input)").all():
        box = area.bounding_box()
        assert box is not None
        assert box["height"] > 20
    page.keyboard.press("Escape")
    expect(title).not_to_be_focused()
    assert "new" in page.url
    page.keyboard.press("Escape")
    expect(title).to_have_count(0)
    page.keyboard.press("n")
    expect(title).to_have_value("半份上报")
    page.locator(".st-key-desk_rows .card").nth(1).click()
    expect(page.locator(".case-head")).to_be_visible()
    page.keyboard.press("n")
    expect(title).to_have_value("半份上报")
    visitor.shoot("desk-draft")


def test_the_help_opens_in_sight_and_gives_the_keys_back(visit: Callable[..., Any]):
    """However far the queue is scrolled the help opens on the screen; after Escape, Enter doesn't open it again."""
    page = visit("dispatcher", "/desk").page
    expect(page.locator(".st-key-desk_rows .card").first).to_be_visible()
    page.locator(".st-key-desk_rows").hover()
    page.mouse.wheel(0, 4000)
    expect(page.locator(".st-key-desk_rows .card").first).not_to_be_in_viewport()

    page.keyboard.press("?")
    help_box = page.get_by_test_id("stPopoverBody")
    expect(help_box).to_be_in_viewport(ratio=1)
    page.keyboard.press("Escape")
    expect(help_box).to_have_count(0)
    page.wait_for_timeout(800)  # closing hands the focus back late
    expect(page.locator(".st-key-desk_help button:focus")).to_have_count(0)

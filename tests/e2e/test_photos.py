"""Photos of a case in a real browser: chosen, added, seen, and printed."""

from __future__ import annotations

from io import BytesIO
from typing import Any

import httpx
from PIL import Image
from playwright.sync_api import FilePayload, expect


def shot(shade: int) -> bytes:
    out = BytesIO()
    Image.new("RGB", (800, 600), (shade, 90, 40)).save(out, "JPEG")
    return out.getvalue()


def test_a_photo_is_added_and_one_added_elsewhere_appears(visit: Any, program: Any):
    """The dispatcher adds a photo on the desk; one that a program adds stands beside it within seconds; both print."""
    visitor = visit("dispatcher", "/desk")
    page = visitor.page
    expect(page.locator(".photos")).to_be_visible()
    no = page.url.partition("no=")[2]
    page.get_by_text("添加照片").click()
    chosen = FilePayload(name="现场.jpg", mimeType="image/jpeg", buffer=shot(200))
    page.locator(".st-key-case_upload input[type=file]").set_input_files(chosen)
    page.locator(".st-key-case_photos_add button").click()
    before = page.locator(".photos section").nth(0).locator("img")
    expect(before).to_have_count(1)

    client: httpx.Client = program("dispatcher")
    url = f"/api/incidents/{no}/photos?phase=after"
    sent = client.post(url, content=shot(20), headers={"Content-Type": "image/jpeg"})
    assert sent.status_code == httpx.codes.CREATED, sent.text
    after = page.locator(".photos section").nth(1).locator("img")
    expect(after).to_have_count(1)

    after.scroll_into_view_if_needed()
    for picture in (before, after):
        page.wait_for_function("image => image.complete && image.naturalWidth > 0", arg=picture.element_handle())
    visitor.shoot("desk-photos")
    link = page.get_by_role("link", name="打印办理单").get_attribute("href")
    assert client.get(str(link)).content.startswith(b"%PDF-")

from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect

_OVERTAKEN = """
const send = WebSocket.prototype.send
WebSocket.prototype.send = function (said) {
  if (!window.isHeld) return send.call(this, said)
  window.isHeld = false
  setTimeout(() => send.call(this, said), 3000)
}
"""
"""Holds what the browser says next until the queue's own round, which says the click too, has gone by."""


def test_a_click_counts_though_the_queue_was_read_again_before_it(visit: Any):
    """What the browser sends with the click still has the empty fields: they don't undo it."""
    visitor = visit()
    visitor.page.add_init_script(_OVERTAKEN)
    page = visitor.log_in("dispatcher", "/desk?new=1")
    canvas = page.locator(".st-key-rep_picker canvas")
    expect(canvas).to_be_visible()
    page.evaluate("window.isHeld = true")
    canvas.click()
    expect(page.locator(".st-key-rep_lon input")).to_have_value(re.compile(r"^12[34]\.\d{6}$"))


def test_each_click_on_the_map_counts_and_the_system_keeps_the_place(visit: Any):
    """Another system says the pointed place in other digits; a click on the same pixel says it in the map's again."""
    visitor = visit("dispatcher", "/desk?new=1")
    page = visitor.page
    canvas = page.locator(".st-key-rep_picker canvas")
    lon = page.locator(".st-key-rep_lon input")
    expect(canvas).to_be_visible()
    box = canvas.bounding_box()
    assert box
    spot = {"x": round(box["width"] * 0.45), "y": round(box["height"] * 0.42)}
    canvas.click(position=spot)
    expect(lon).to_have_value(re.compile(r"^12[34]\.\d{6}$"))
    pointed = lon.input_value()
    expect(page.locator(".st-key-desk_form")).to_contain_text("›")
    where = page.locator(".st-key-desk_form [data-testid=stCaptionContainer]").first.inner_text()

    page.locator(".st-key-rep_crs input").click()
    page.get_by_role("option", name=re.compile("GCJ-02")).click()
    expect(lon).not_to_have_value(pointed)
    assert abs(float(lon.input_value()) - float(pointed)) > 0.003
    expect(page.locator(".st-key-desk_form [data-testid=stCaptionContainer]").first).to_have_text(where)
    visitor.shoot("report-gcj02")

    canvas.click(position=spot)
    expect(lon).to_have_value(pointed)

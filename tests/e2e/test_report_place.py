from __future__ import annotations

import re
from typing import Any

from playwright.sync_api import expect


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

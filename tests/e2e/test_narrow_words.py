from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import expect

_CUT = """part => [...document.querySelectorAll(part)].filter(each => each.scrollWidth > each.clientWidth + 1)
  .map(each => each.innerText)"""
"""The words of elements that hold more than they show."""
_CLOSE = """part => {
  const boxes = [...document.querySelectorAll(part)].map(each => {
    const range = document.createRange()
    range.selectNodeContents(each)
    return [each.innerText, range.getBoundingClientRect()]
  })
  return boxes.slice(1).filter(([, box], n) => box.left - boxes[n][1].right < 3).map(([word]) => word)
}"""
"""The words of a row that begin less than three pixels after the word before."""
_CLOSE_DATED = f"""part => {{
  for (const each of document.querySelectorAll(part)) {{
    each.parentElement.querySelector("small")?.remove()
    each.parentElement.insertAdjacentHTML("beforeend", "<small>11-26</small>")
  }}
  return ({_CLOSE})(part)
}}"""
"""The same where every stage was reached on another day."""


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [1280, 1440])
def test_no_status_of_the_tree_is_cut_off(visit: Any, width: int, language: str):
    """Each status is read in full beside its count."""
    page = visit("officer", f"/map?lang={language}", width=width, height=900).page
    statuses = ".st-key-incidents-status button p"
    expect(page.locator(statuses)).to_have_count(8)
    assert page.evaluate(_CUT, statuses) == []


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("width", [1280, 1440])
def test_the_desks_head_and_stages_are_told_apart(visit: Any, width: int, language: str):
    """What leads to a report is read in full, the title is one line, and no stage runs into the next."""
    page = visit("dispatcher", f"/desk?lang={language}", width=width, height=900).page
    expect(page.locator(".case-stages b")).to_have_count(7)
    assert page.evaluate(_CLOSE, ".case-stages b") == []
    assert page.evaluate(_CLOSE_DATED, ".case-stages b") == []
    assert page.evaluate(_CUT, ":is(.st-key-desk_new, .st-key-desk_surge) button p") == []
    title = page.locator(".desk-title").bounding_box()
    assert title
    assert title["height"] < 40

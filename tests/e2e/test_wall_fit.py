from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Browser

from db.incidents import QueueRow
from layers.palette import DARK
from pages.ui import layout, panels, theme
from pages.ui.panels import Proposal

NOW = datetime(2026, 11, 23, 6, 5, 7, tzinfo=UTC)
SHORTFALL = "all_too_far"
LONG = "城南供热站至兴隆小区一次管网泄漏，路面塌陷并大面积停暖，需多部门联合处置"


def _row(number: int, *, title: str) -> QueueRow:
    return QueueRow(
        no=f"QA20261123-{number:04}", title=title, class_code="0201", class_name="供暖", severity=2, status="reported",
        grid_code="220723001001001", grid_name="丹青花园第一责任网格", lon=124.0, lat=45.0, reported_at=NOW,
        due_at=NOW + timedelta(minutes=12), is_outside_grid=True, is_supervised=False, worker_name=None,
    )  # fmt: skip


@pytest.mark.parametrize(("width", "height"), [(1920, 1080), (3840, 2160)])
def test_a_long_text_keeps_its_row_within_the_panel(browser: Browser, width: int, height: int):
    """A long title or shortfall ends in an ellipsis: what is left of the time and the status stay on every row."""
    rows = [_row(1, title=LONG), _row(2, title="短"), _row(3, title=LONG)]
    proposals = {row.no: Proposal(shortfall=SHORTFALL) for row in rows[:2]}
    html = panels.queue(rows, proposals, total=3, page=0, pages=1, now=NOW)
    context = browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    page.set_content(
        f"<style>{theme.tokens(DARK)}</style>{layout.style('wall')}<div class='stApp'>"
        f"{panels.column(html, name='right')}</div>"
    )

    panel = page.locator(".panel.queue").bounding_box()
    assert panel
    for part in page.locator(".case .left, .case .two span:last-child, .case .none").all():
        box = part.bounding_box()
        assert box
        assert box["x"] + box["width"] <= panel["x"] + panel["width"]
    assert page.locator(".case .none").first.get_attribute("title") == "无人可派：符合条件的人员都超出最远派遣距离"
    context.close()

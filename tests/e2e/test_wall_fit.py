"""What the wall says is read in full from five metres: nobody there points at what is cut off."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from playwright.sync_api import Browser, Page

from db import catalogues
from db.figures import Figure, HourCount, Today
from db.incidents import QueueRow
from db.settings import ROOT
from governance import labels, language
from layers.palette import DARK
from pages.ui import layout, panels, theme, wording
from pages.ui.panels import Proposal

NOW = datetime(2026, 11, 23, 6, 5, 7, tzinfo=UTC)
LONG = "城南供热站至兴隆小区一次管网泄漏，路面塌陷并大面积停暖，需多部门联合处置"
_CUT_OFF = """where => [...document.querySelectorAll(where)]
  .filter(each => each.scrollWidth > each.clientWidth + 1
    || each.scrollHeight > each.clientHeight + parseFloat(getComputedStyle(each).fontSize) / 2)
  .map(each => each.innerText)"""
_COMPONENTS = ROOT / "assets" / "components"
_SCREENS = [(1920, 1080), (3840, 2160)]


@pytest.fixture(params=_SCREENS, ids=["1080p", "2160p"])
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    width, height = request.param
    context = browser.new_context(viewport={"width": width, "height": height})
    yield context.new_page()
    context.close()


def _show(page: Page, html: str) -> None:
    ours = f"<style>*{{box-sizing:border-box}}{theme.tokens(DARK)}</style>{layout.style('wall')}"
    page.set_content(f"{ours}<div class='stApp'>{html}</div>", timeout=60_000)


def _row(number: int, *, title: str) -> QueueRow:
    return QueueRow(
        no=f"QA20261123-{number:04}", title=title, class_code="0201", class_name="供暖", severity=2, status="reported",
        grid_code="220723001001001", grid_name="丹青花园第一责任网格", lon=124.0, lat=45.0, reported_at=NOW,
        due_at=NOW + timedelta(minutes=12), is_outside_grid=True, is_supervised=False, worker_name=None,
    )  # fmt: skip


def _figure(name: str) -> Figure:
    return Figure(key=name, section="三化共治·党群服务", name=name, value=Decimal(6), unit="类", qualifier="", note="")


def test_a_long_text_keeps_its_row_within_the_panel(page: Page):
    """A long title ends in an ellipsis: what is left of the time and the status stay on every row."""
    rows = [_row(1, title=LONG), _row(2, title="短"), _row(3, title=LONG)]
    proposals = {row.no: Proposal(shortfall="all_too_far") for row in rows[:2]}
    _show(page, panels.column(panels.queue(rows, proposals, total=3, page=0, pages=1, now=NOW), name="right"))

    panel = page.locator(".panel.queue").bounding_box()
    assert panel
    for part in page.locator(".case .left, .case .two span:last-child, .case .none").all():
        box = part.bounding_box()
        assert box
        assert box["x"] + box["width"] <= panel["x"] + panel["width"]
    assert page.locator(".case .none").first.get_attribute("title") == "无人可派：符合条件的人员都超出最远派遣距离"


@pytest.mark.parametrize("spoken", language.NAMES)
def test_why_nobody_is_sent_is_read_in_full(page: Page, spoken: str):
    """Each reason has words that fit into the card's line."""
    catalogues.provide()
    rows = [_row(number, title="短") for number in range(len(labels.SHORTFALL))]
    proposals = {row.no: Proposal(shortfall=code) for row, code in zip(rows, labels.SHORTFALL, strict=True)}
    with language.spoken(spoken):
        html = panels.queue(rows, proposals, total=9, page=0, pages=1, now=NOW)
        said = wording.shortfall("all_too_far")
    _show(page, panels.column(html, name="right"))
    assert said in page.locator(".case .none").last.inner_text()
    assert page.evaluate(_CUT_OFF, ".case .none") == []


def test_headings_and_figures_are_read_in_full(page: Page):
    """A grid's name wraps beside the switch of periods, and a figure's name below its number; none is cut."""
    nothing = Today(reported=0, closed=0, waiting=0, processing=0, overdue=0, mean_settle_s=None)
    names = ("网格总数", "一级网格", "二级网格", "三级网格", "独栋及商务楼宇（微）网格")
    hours = [HourCount(hour=NOW + timedelta(hours=n), reported=n, closed=n) for n in range(24)]
    html = (
        panels.today(nothing, title="今日", place="丹青花园第一责任网格")
        + panels.trend(hours, zone=UTC)
        + panels.ranking([], turn=0)
        + panels.reported([_figure(name) for name in names], turn=0, is_part=True)
    )
    _show(page, panels.column(html, name="left"))

    assert page.evaluate(_CUT_OFF, ".panel h2, .panel.reported, .reports span") == []
    heading = page.locator(".panel.today h2").bounding_box()
    rem_px = page.evaluate("parseFloat(getComputedStyle(document.documentElement).fontSize)")
    assert heading
    # The English switch is 11 rem wide, and ends 0.2 rem before the panel's padding.
    assert heading["x"] + heading["width"] <= (22.3 - 11) * rem_px


def test_the_alarm_tells_the_place_of_a_long_title(page: Page):
    """The title takes the lines that it needs; the place stands below it."""
    style, script = ((_COMPONENTS / f"alarm.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    _show(page, f'<style>{style}</style><div id="host"><div class="alarm" role="alert" hidden></div></div>')
    page.evaluate(
        """async ([script, title, place]) => {
          const { default: told } = await import(`data:text/javascript,${encodeURIComponent(script)}`)
          const parentElement = document.querySelector("#host")
          told({ parentElement, data: { urgent: [] } })
          told({ parentElement, data: { urgent: [{ no: "1", severity: 2, mark: "II", title, place }] } })
        }""",
        [script, LONG, "丹青花园第一责任网格"],
    )
    banner, place = page.locator(".alarm p").bounding_box(), page.locator(".alarm em").bounding_box()
    assert banner
    assert place
    assert page.locator(".alarm p").inner_text().split() == ["II", LONG, "丹青花园第一责任网格"]
    assert page.evaluate(_CUT_OFF, ".alarm span, .alarm em, .alarm p") == []
    assert place["y"] + place["height"] < banner["y"] + banner["height"]
    assert place["x"] + place["width"] < banner["x"] + banner["width"]

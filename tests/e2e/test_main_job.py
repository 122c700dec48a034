from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

IN_RUSONG = {"lon": 124.0075, "lat": 45.0125, "crs": "wgs84"}
IN_RONGYE = {"lon": 124.0335, "lat": 45.0125, "crs": "wgs84"}


def _report(client: httpx.Client, **changes: object) -> dict[str, Any]:
    body: dict[str, object] = {"title": "路面积水结冰", "class": "0101", "severity": 3, "source": "hotline"}
    answer = client.post("/api/incidents", json=body | IN_RUSONG | changes)
    assert answer.status_code == httpx.codes.CREATED, answer.text
    made: dict[str, Any] = answer.json()
    return made


def _case(page: Page) -> Locator:
    return page.locator(".st-key-desk_case")


def _press(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()


def test_login_leads_back_to_the_address(visit: Any):
    """A deep link asks for the login, refuses a wrong password, and opens after the right one; a reload keeps it."""
    visitor = visit()
    page = visitor.open("/planning?layer=stations")
    page.wait_for_url(re.compile("/auth/login"))
    visitor.shoot("login")

    page.fill("#username", "planner")
    page.fill("#password", "wrong-password")
    page.click("button.go")
    expect(page.locator(".refused")).to_be_visible()
    page.fill("#password", "demo-1234")
    page.click("button.go")

    page.wait_for_url(re.compile(r"/planning\?layer=stations"))
    expect(page.locator(".plan-facts")).to_contain_text("网格服务站")
    page.reload()
    expect(page.locator(".plan-facts")).to_contain_text("网格服务站")


def test_logout_ends_the_login(visit: Any):
    """退出 leads to the login, and the address opens nothing any more."""
    visitor = visit("dispatcher", "/desk")
    expect(visitor.page.locator(".st-key-gc_account")).to_contain_text("调度员")

    visitor.page.click(".gc-account button")
    visitor.page.wait_for_url(re.compile("/auth/"))

    visitor.open("/desk")
    visitor.page.wait_for_url(re.compile("/auth/login"))


def test_the_wall_hears_of_a_report_made_elsewhere(visit: Any, program: Any):
    """The wall shows figures of the day, and counts one more within seconds of a report through the API."""
    visitor = visit("wall", "/wall")
    figure = visitor.page.locator(".panel.today .figure b").first
    expect(figure).to_have_text(re.compile(r"\d+"))
    before = int(re.sub(r"\D", "", figure.inner_text()))
    visitor.shoot("wall")

    _report(program("dispatcher"), severity=2, title="大屏可见的新事件")

    expect(figure).to_have_text(re.compile(rf"^{before + 1:,}\D*$"), timeout=15_000)


def test_report_dispatch_and_follow_to_the_end(visit: Any, program: Any):
    """The main job in the browser: reported on the form, sent with one key, followed until it is closed."""
    visitor = visit("dispatcher", "/desk")
    page = visitor.page
    expect(page.locator(".st-key-desk_rows .card").first).to_be_visible()
    visitor.shoot("desk-queue")

    page.keyboard.press("n")
    expect(page.locator(".st-key-rep_picker canvas")).to_be_visible()
    page.locator(".st-key-rep_title input").fill("端到端：消火栓漏水")
    page.locator(".st-key-rep_title input").press("Tab")
    canvas = page.locator(".st-key-rep_picker canvas")
    box = canvas.bounding_box()
    assert box
    canvas.click(position={"x": box["width"] * 0.45, "y": box["height"] * 0.42})
    expect(page.locator(".st-key-rep_lon input")).to_have_value(re.compile(r"^12[34]\.\d{6}$"))
    expect(page.locator(".st-key-desk_form")).to_contain_text("›")
    visitor.shoot("desk-report")
    _press(page, "提交上报")

    expect(_case(page)).to_contain_text("端到端：消火栓漏水")
    expect(page).to_have_url(re.compile(r"no=QA\d{8}-\d{4}"))
    no = re.findall(r"no=(QA\d{8}-\d{4})", page.url)[0]
    expect(page.locator(".st-key-case_candidates .card").first).to_be_visible()
    visitor.shoot("desk-case")

    page.keyboard.press("Enter")
    expect(page.locator(".st-key-desk_undo")).to_be_visible()
    expect(_case(page).locator(".case-head")).to_contain_text("已派遣")
    visitor.shoot("desk-dispatched")

    _press(page, "接单")
    expect(page.get_by_role("button", name="接单", exact=True)).to_have_count(0)
    _press(page, "到场")
    result = _case(page).get_by_label("处置结果")
    box = result.bounding_box()
    assert box is not None
    assert box["height"] > 40
    result.fill("阀门已更换，现场恢复")
    result.press("Tab")
    _press(page, "处置完成")
    _press(page, "核查办结")
    expect(_case(page).locator(".case-head")).to_contain_text("已办结")
    visitor.shoot("desk-closed")

    found = program("dispatcher").get(f"/api/incidents/{no}").json()
    assert found["status"] == "closed"
    assert [step["action"] for step in found["steps"]] == [
        "report", "accept", "dispatch", "acknowledge", "arrive", "resolve", "verify",
    ]  # fmt: skip


def test_undo_takes_the_dispatch_back(visit: Any, program: Any):
    """U within ten seconds: nobody is on the way any more. Enter sends even right after a filter was clicked."""
    made = _report(program("dispatcher"), title="派错了要撤回")
    visitor = visit("dispatcher", f"/desk?no={made['no']}")
    page = visitor.page
    expect(page.locator(".st-key-case_candidates .card").first).to_be_visible()
    page.locator(".st-key-desk_status button").first.click()
    expect(page.locator(".st-key-desk_status button").first).not_to_be_focused()

    page.keyboard.press("Enter")
    expect(page.locator(".st-key-desk_undo")).to_be_visible()
    page.keyboard.press("u")

    expect(_case(page).locator(".case-steps")).to_contain_text("撤回派单")
    expect(page.locator(".st-key-desk_dispatch")).to_be_visible()


def test_keys_walk_the_queue_and_find_the_search(visit: Any):
    """J and K step through the queue by number, slash leads to the search, and typing there steps nowhere."""
    visitor = visit("dispatcher", "/desk")
    page = visitor.page
    cards = page.locator(".st-key-desk_rows .card")
    expect(cards.nth(1)).to_be_visible()
    first, second = cards.nth(0).get_attribute("data-id"), cards.nth(1).get_attribute("data-id")
    expect(page).to_have_url(re.compile(f"no={first}"))

    page.keyboard.press("j")
    expect(page).to_have_url(re.compile(f"no={second}"))
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile(f"no={first}"))

    page.keyboard.press("/")
    page.keyboard.type("jjk")
    expect(page.locator(".st-key-desk_q input")).to_have_value("jjk")
    expect(page).to_have_url(re.compile(f"no={first}"))


def test_another_desk_sees_it_without_a_reload(visit: Any, program: Any):
    """What one dispatcher does appears on another's desk by itself, queue and open case alike."""
    elsewhere = program("dispatcher")
    made = _report(elsewhere, title="两个席位同时看见")
    visitor = visit("dispatcher", f"/desk?no={made['no']}")
    page = visitor.page
    expect(_case(page).locator(".case-head")).to_contain_text("待受理")

    answer = elsewhere.post(f"/api/incidents/{made['no']}/dispatch", json={})
    assert answer.status_code == httpx.codes.OK, answer.text

    expect(_case(page).locator(".case-head")).to_contain_text("已派遣")
    row = page.locator(f'.st-key-desk_rows .card[data-id="{made["no"]}"]')
    expect(row).to_contain_text("已派遣")


def test_an_officer_of_another_street_finds_nothing(visit: Any, program: Any):
    """Rusong's officer can neither open Rongye's incident on the screen nor read it through the API."""
    made = _report(program("dispatcher"), title="荣业街道的事", **IN_RONGYE)
    assert made["grid"]["code"].startswith("220723001")

    assert program("officer").get(f"/api/incidents/{made['no']}").status_code == httpx.codes.NOT_FOUND
    visitor = visit("officer", f"/desk?no={made['no']}")
    expect(_case(visitor.page)).to_contain_text("没有找到")
    expect(visitor.page.locator("body")).not_to_contain_text("荣业街道的事")
    visitor.shoot("desk-not-found")


def test_what_people_type_stays_text(visit: Any, program: Any):
    """Markup in a title is shown as what was typed, in queue, case and ticker, and runs nowhere."""
    title = "<img src=x onerror=\"document.title='owned'\"><b>粗体</b>"
    made = _report(program("dispatcher"), title=title, severity=1)
    visitor = visit("dispatcher", f"/desk?no={made['no']}")

    expect(_case(visitor.page).locator("h3")).to_have_text(title)
    expect(visitor.page.locator(f'.card[data-id="{made["no"]}"] .title')).to_have_text(title)
    assert visitor.page.title() != "owned"


@pytest.mark.parametrize("chosen", [{}, {"in": "220723003"}])
def test_the_map_counts_as_the_api_does(visit: Any, program: Any, chosen: dict[str, str]):
    """Under the same filters the list beside the map has as many entries as the API returns features."""
    params = {"is_open": "true"} | ({"grid": "220723003"} if chosen else {})
    expected = program("dispatcher").get("/api/layers/incidents/items", params=params).json()["numberReturned"]
    query = "&".join(f"{name}={value}" for name, value in chosen.items())

    visitor = visit("dispatcher", "/map")
    visitor.open(f"/map?{query}")

    expect(visitor.page.locator(".map-tally b")).to_have_text(f"{expected:,}")
    visitor.shoot("map" if not chosen else "map-street")


def test_the_export_is_valid_and_complete(visit: Any, tmp_path: Path):
    """The button downloads RFC 7946 GeoJSON with exactly as many features as the screen announced."""
    visitor = visit("planner", "/planning?layer=devices")
    page = visitor.page
    link = page.locator("a.plan-download")
    expect(link).to_contain_text("条")
    announced = int(re.findall(r"([\d,]+) 条", link.inner_text())[0].replace(",", ""))
    visitor.shoot("planning")

    with page.expect_download() as caught:
        link.click()
    file = tmp_path / "export.geojson"
    caught.value.save_as(file)

    collection = json.loads(file.read_text(encoding="utf-8"))
    assert collection["type"] == "FeatureCollection"
    assert "crs" not in collection
    assert len(collection["features"]) == announced > 0
    lon, lat = collection["features"][0]["geometry"]["coordinates"]
    assert 123 < lon < 125
    assert 44 < lat < 46
    assert caught.value.suggested_filename.endswith(".geojson")


def test_an_unknown_page_offers_what_there_is(visit: Any):
    """A wrong address gets a friendly page with links, in place of a stack trace or an empty one."""
    visitor = visit("dispatcher", "/desk")
    visitor.open("/nonsense")

    expect(visitor.page.locator(".gc-directory")).to_contain_text("没有这个页面")
    visitor.shoot("unknown")
    visitor.page.locator(".gc-directory a", has_text="派单台").click()
    expect(visitor.page.locator(".st-key-desk_rows .card").first).to_be_visible()


def test_a_viewer_has_no_desk(visit: Any):
    """Navigation hides what the role may not see, and the address itself refuses."""
    visitor = visit("wall", "/home")
    expect(visitor.page.locator(".gc-directory")).to_contain_text("指挥大屏")
    expect(visitor.page.locator("body")).not_to_contain_text("派单台")

    visitor.open("/desk")
    expect(visitor.page.locator(".gc-directory")).to_contain_text("没有权限")
    assert visitor.page.locator(".st-key-desk_rows").count() == 0

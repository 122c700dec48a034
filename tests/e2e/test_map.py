from __future__ import annotations

import re
from itertools import combinations
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

_CUT_OFF = """() => [...document.querySelectorAll(".st-key-map_bar input[placeholder]")].map(field => {
  const style = getComputedStyle(field), pen = document.createElement('canvas').getContext('2d')
  pen.font = `${style.fontWeight} ${style.fontSize} ${style.fontFamily}`
  const room = field.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight)
  const words = field.value || field.placeholder
  return [words, Math.round(pen.measureText(words).width - room)]
}).filter(([, over]) => over > 0)"""
"""The words in the fields of the map's bar that are longer than their field, with so many pixels too much."""


@pytest.mark.parametrize("language", ["zh", "en"])
def test_no_words_of_the_bar_are_cut_off(visit: Any, language: str):
    """Four grids, the search and the saved filters are read in full on every desktop, and none lies on another."""
    visitor = visit("officer", f"/map?lang={language}", width=1920, height=900)
    page = visitor.page
    expect(page.locator(".st-key-map_bar input")).to_have_count(5)
    expect(page.locator(".st-key-map_saved button")).to_be_visible()
    for width in (1920, 1600, 1440, 1280):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_function(f"innerWidth === {width}")
        page.wait_for_timeout(1_000)
        visitor.shoot(f"map-bar-{width}-{language}")
        assert page.evaluate(_CUT_OFF) == []
        boxes = [
            each.bounding_box()
            for each in page.locator(".st-key-map_bar :is([data-testid=stSelectbox], [data-testid=stTextInput])").all()
        ]
        boxes += [page.locator(f".st-key-{part} button").first.bounding_box() for part in ("map_saved", "map_tools")]
        for one, other in combinations(boxes, 2):
            aside = one["x"] + one["width"] <= other["x"] + 1 or other["x"] + other["width"] <= one["x"] + 1
            above = one["y"] + one["height"] <= other["y"] + 1 or other["y"] + other["height"] <= one["y"] + 1
            assert aside or above, (width, one, other)


def test_on_a_phone_nothing_is_cut_off_and_a_thumb_hits_everything(visit: Any):
    """At 390×844 the page never scrolls sideways, and each part of the sheet has controls of 44 pixels at least."""
    visitor = visit("officer", "/map", width=390, height=844)
    page = visitor.page
    page.wait_for_selector('[data-testid="stDeckGlJsonChart"] canvas')
    expect(page.locator(".st-key-map_tree")).to_be_hidden()
    for tab, part in (("图层", "map_tree"), ("筛选", "map_where"), ("列表", "map_list")):
        page.locator(".tabs button", has_text=tab).click()
        expect(page.locator(f".st-key-{part}")).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        small = page.evaluate(
            """part => [...document.querySelectorAll(`.st-key-${part} :is(button, label, .stSelectbox > div)`)]
            .filter(each => !each.closest('.stSelectbox > div')?.contains(each.parentElement))
            .map(each => [each.innerText, each.getBoundingClientRect()])
            .filter(([, box]) => box.width && (box.height < 44 || box.right > 391 || box.left < 0))
            .map(([text, box]) => `${text} ${box.width}x${box.height}`)""",
            part,
        )
        assert small == []
        visitor.shoot(f"phone-{part}")
    page.locator(".st-key-map_list .card").first.click()
    expect(page.locator(".st-key-map_card .next")).to_be_visible()
    visitor.shoot("phone-card")
    page.locator(".st-key-map_close button").click()
    expect(page.locator(".st-key-map_list")).to_be_visible()


def test_a_filter_is_saved_and_comes_back_while_a_line_is_measured(visit: Any):
    """Clicks on bare ground give metres on the ellipsoid; three and a closing one an area; Escape clears."""
    visitor = visit("officer", "/map?map_tool=measure&incidents-severity=3", width=1280, height=720)
    page = visitor.page
    ground = page.locator('[data-testid="stDeckGlJsonChart"] canvas').first
    said = page.locator(".panel output")
    expect(said).to_have_text("在地图上依次点击要测量的位置")
    box = ground.bounding_box()
    assert box
    for x, y in ((0.3, 0.4), (0.6, 0.4), (0.6, 0.6)):
        ground.click(position={"x": box["width"] * x, "y": box["height"] * y}, delay=60)
        page.wait_for_timeout(500)  # a double click is one point
    expect(said).to_have_text(re.compile(r"^总长 [\d,.]+ k?m$"))
    page.locator(".panel .close").click()
    expect(said).to_have_text(re.compile(r"^面积 [\d,.]+ (公顷|km²) · 周长 [\d,.]+ k?m$"))
    visitor.shoot("map-measure")

    page.locator(".st-key-map_saved button").first.click()
    page.locator(".st-key-filter_name input").fill("三级")
    page.locator(".st-key-filter_save button").click()
    row = page.locator("[class*=st-key-filter_use_] button", has_text="三级").first
    expect(row).to_be_visible()
    visitor.shoot("map-saved")
    page.keyboard.press("Escape")
    page.locator(".st-key-map_chips button:visible").click()
    expect(page.locator(".st-key-map_chips button:visible")).to_have_count(0)
    page.locator(".st-key-map_saved button").first.click()
    row.click()
    expect(page.locator(".st-key-map_chips button:visible")).to_have_text(re.compile("事件 · III 级"))
    assert "incidents-severity=3" in page.url

    page.keyboard.press("Escape")
    page.locator("body").press("Escape")
    expect(said).to_have_text("在地图上依次点击要测量的位置")


def test_what_a_link_brings_is_shown_as_it_stands(visit: Any):
    """Words to look for are no Markdown: no picture is fetched, no colour, formula or icon made of them."""
    typed = "![i](/auth/logout) **a** :red[b] $x^2$ :material/home: <i>c</i>"
    visitor = visit("officer", f"/map?{urlencode({'map_q': typed})}", width=1280, height=720)
    chip = visitor.page.locator(".st-key-map_chips button").first
    expect(chip).to_contain_text(re.compile(r"^“?" + re.escape("![i](/auth/logout) **a** :")))
    assert chip.inner_text().replace("\u2060", "").count(typed) == 1
    assert chip.locator("img, strong, i, .katex, [data-testid=stIconMaterial]").count() == 0
    assert not [address for address in visitor.asked if address.endswith("/auth/logout")]


def test_back_undoes_one_filter_after_another(visit: Any):
    """And Forward does them again: tree, tools, chips and address go together, down to the map as it opened."""
    visitor = visit("officer", "/map", width=1280, height=720)
    page = visitor.page
    chips = page.locator(".st-key-map_chips button:visible")
    pills = page.locator(".st-key-incidents-severity button")
    heat = page.locator(".st-key-map_tool [role=radio]", has_text="热力图")
    devices = page.locator(".st-key-show_devices")
    late = page.locator(".st-key-only_overdue")
    steps = [
        ("", 0, 0),
        ("incidents-severity=3", 1, 1),
        ("incidents-severity=3%2C4", 2, 2),
        ("map_tool=heat", 2, 2),
        ("show_devices=true", 2, 2),
        ("only_overdue=true", 3, 2),
    ]

    def expect_step(number: int) -> None:
        query, filters, pressed = steps[number]
        expect(page).to_have_url(re.compile(f"{query}(&|$)" if query else r"/map\??$"))
        expect(chips).to_have_count(filters)
        expect(page.locator(".st-key-incidents-severity [aria-pressed=true]")).to_have_count(pressed)
        expect(heat).to_have_attribute("aria-checked", "true" if number >= 3 else "false")
        expect(devices.locator("input")).to_be_checked(checked=number >= 4)
        expect(late.locator("input")).to_be_checked(checked=number >= 5)
        # All this shows before the server has run: who reads what a step did takes the next one afterwards.
        page.wait_for_timeout(300)
        visitor.settled()

    expect_step(0)
    pills.nth(2).click()
    expect_step(1)
    pills.nth(3).click()
    expect_step(2)
    heat.click()
    expect_step(3)
    devices.locator("label").click()
    expect_step(4)
    late.locator("label").click()
    expect_step(5)
    for number in (4, 3, 2, 1, 0):
        page.go_back()
        expect_step(number)
    for number in (1, 2, 3, 4, 5):
        page.go_forward()
        expect_step(number)


def test_both_languages_show_the_same_filters(visit: Any):
    """The switch there and back changes words alone: grid, class, time and pills stay in force, and nothing is told."""
    query = "in=220723003002&map_class=公用设施&map_since=7&incidents-severity=3"
    page = visit("officer", f"/map?{query}", width=1280, height=720).page
    chips = page.locator(".st-key-map_chips button:visible")
    whole = page.locator("[class*=st-key-in_quarter_] input")
    since = page.locator(".st-key-map_since input")
    expect(chips).to_have_count(4)
    for language, whole_word, since_word in (
        ("English", "Quarter: all", "Last 7 days"),
        ("中文", "全部小区", "近 7 天"),
        ("English", "Quarter: all", "Last 7 days"),
    ):
        page.get_by_role("button", name=language, exact=True).click()
        expect(page.get_by_placeholder(whole_word)).to_have_count(1)
        expect(whole).to_have_count(1)
        expect(whole).to_have_value(whole_word)
        expect(since).to_have_value(since_word)
        expect(chips).to_have_count(4)
        page.locator(".st-key-show_devices label").click()
        expect(page).to_have_url(re.compile("show_devices=true"))
        page.locator(".st-key-show_devices label").click()
        expect(page).not_to_have_url(re.compile("show_devices"))
        expect(page).to_have_url(re.compile(r"in=220723003002(&|$)"))
        expect(since).to_have_value(since_word)
        expect(chips).to_have_count(4)
        expect(page.get_by_test_id("stToast")).to_have_count(0)


def test_a_saved_filter_is_taken_back_in_one_step(visit: Any):
    """Several conditions and the words of the search are one step; so is a status with the finished ones."""
    link = "in=220723003002&incidents-severity=3&map_class=公用设施&only_overdue=true&map_q=路"
    page = visit("officer", f"/map?{link}", width=1280, height=720).page
    chips = page.locator(".st-key-map_chips button:visible")
    expect(chips).to_have_count(5)
    page.locator(".st-key-map_saved button").first.click()
    page.locator(".st-key-filter_name input").fill("五项")
    page.locator(".st-key-filter_save button").click()
    row = page.locator("[class*=st-key-filter_use_] button", has_text="五项").first
    expect(row).to_be_visible()

    page.goto(f"{page.url.partition('?')[0]}?show_finished=true&incidents-status=closed")
    expect(chips).to_have_count(1)
    page.locator(".st-key-show_finished label").click()
    expect(chips).to_have_count(0)
    expect(page).to_have_url(re.compile(r"/map\??$"))
    page.locator(".st-key-map_saved button").first.click()
    row.click()
    expect(chips).to_have_count(5)
    expect(page).to_have_url(re.compile("map_q="))

    page.go_back()
    expect(page).to_have_url(re.compile(r"/map\??$"))
    expect(chips).to_have_count(0)
    page.go_back()
    expect(page).to_have_url(re.compile("incidents-status=closed"))
    expect(page).to_have_url(re.compile("show_finished=true"))
    expect(chips).to_have_count(1)
    page.go_forward()
    expect(chips).to_have_count(0)
    page.go_forward()
    expect(chips).to_have_count(5)

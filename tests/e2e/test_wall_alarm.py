from __future__ import annotations

from typing import Any

from playwright.sync_api import expect

_COUNT = """() => {
  window.tones = 0
  const start = OscillatorNode.prototype.start
  OscillatorNode.prototype.start = function (...when) { window.tones += 1; return start.apply(this, when) }
}"""


def _report(client: Any, **facts: Any) -> None:
    body = {"title": "告警测试", "class": "0101", "lon": 124.018, "lat": 45.005, "crs": "wgs84", **facts}
    assert client.post("/api/incidents", json=body).status_code == 201


def test_the_wall_tells_once_of_what_is_grave(visit: Any, program: Any):
    """Severity II flashes with its numeral and sounds, once; III doesn't, nor what was there before the page opened."""
    client = program("dispatcher")
    _report(client, severity=1, title="开屏之前的一级事件")
    visitor = visit("wall", "/wall")
    page = visitor.page
    page.evaluate(_COUNT)
    alarm = page.locator(".st-key-wall_alarm .alarm")
    expect(page.locator(".panel.queue")).to_be_visible()
    page.wait_for_timeout(6000)
    expect(alarm).to_be_hidden()

    _report(client, severity=3, title="三级事件")
    _report(client, severity=2, title="供暖管线<b>泄漏</b>")

    expect(alarm).to_contain_text("供暖管线<b>泄漏</b>", timeout=15_000)
    expect(alarm).to_contain_text("II")
    expect(alarm).not_to_contain_text("级事件")
    visitor.shoot("wall-alarm")
    tones = page.evaluate("window.tones")
    assert tones == 2
    expect(alarm).to_be_hidden(timeout=20_000)
    page.wait_for_timeout(5000)
    assert page.evaluate("window.tones") == tones

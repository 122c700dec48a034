from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from db import alarms, hotspots
from db.alarms import Alarm
from db.session import Database
from tests.people import DISPATCHER


def _html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def _panel(call: str) -> Any:
    screen = AppTest.from_string(f"from pages.ui import hotspots\n{call}", default_timeout=30)
    return screen.run()


def test_the_panel_leads_to_the_newest_case(visit: Any, provided: Database):
    """Each hot-spot has its class, place and count, and links to the last of its incidents."""
    visit("dispatcher")  # logs in
    screen = _panel("hotspots.render(days=190)")
    now = datetime.now().astimezone()
    with provided.session(DISPATCHER) as session:
        first = hotspots.hotspots(session, since=now - timedelta(days=190), until=now)[0]
    assert not screen.exception
    assert f'<a href="/desk?no={first.numbers[0]}"' in _html(screen)
    assert f"<b>{first.count}</b><span>{first.class_name}" in _html(screen)


def test_a_time_without_hotspots_says_so(visit: Any):
    """Nothing that came back is told in a sentence."""
    visit("dispatcher")
    assert "没有在 50 米内反复发生" in _html(_panel("hotspots.render(days=0)"))


def test_a_case_shows_its_alarms_and_the_like_of_it(visit: Any, provided: Database, now: datetime):
    """How often the device called, whether it still does, and how such cases were settled."""
    with provided.engine.connect() as connection:
        pile = connection.execute(
            text("SELECT code FROM device WHERE kind = 'charging_pile' ORDER BY code LIMIT 1")
        ).scalar_one()
    said = [Alarm(device=pile, type="pile_overheat", at=now - timedelta(minutes=m)) for m in (2, 1)]
    (no,) = alarms.record(provided, DISPATCHER, said, now=now).opened
    html = _html(visit("dispatcher", no=no))
    assert "<b>过温告警</b> 告警中" in html
    assert "共 2 次" in html
    assert html.count('class="similar-cases"') == 1
    alarms.record(provided, DISPATCHER, [Alarm(device=pile, type="pile_overheat", at=now, is_clear=True)], now=now)
    assert "解除" in _html(visit("dispatcher", no=no))

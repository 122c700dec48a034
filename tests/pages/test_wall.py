from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from db import candidates, cases, figures, incidents
from db.feed import ChangeFeed
from db.session import Database
from db.settings import Settings
from geo.features import FEATURE_TYPES
from governance.access import SYSTEM, Principal, Role
from governance.incident import Status
from pages.ui import context, panels, wording

VIEWER = Principal(account="wall", role=Role.VIEWER)
"""Sees what the wall sees: sensitive matters are none of it."""


def _html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def _deck(screen: Any) -> dict[str, Any]:
    return json.loads(screen.get("deck_gl_json_chart")[0].proto.json)


def test_the_wall_shows_the_databases_own_counts(visit: Any, provided: Database):
    """The figures of today, the duty and the open incidents are those that the database counts."""
    now = datetime.now(UTC)
    with provided.session(VIEWER) as session:
        today = figures.today(session, now=now, since=wording.start_of_day(now))
        duty = figures.on_duty(session)
        rows = incidents.queue(session)

    html = _html(visit("wall"))

    assert f"<span>待处置</span><b>{today.waiting}<small>" in html
    assert f"<span>处置中</span><b>{today.processing}<small>" in html
    assert f"<b>{duty.on_duty}</b><small>/ {duty.total:,} 人" in html
    assert f"{len(rows)} 件" in html
    assert "演示数据" in html


def test_the_map_draws_by_address_and_names_its_source(visit: Any):
    """Features come from this server's addresses; the source line stands on the map."""
    screen = visit("wall")
    deck = _deck(screen)

    urls = [layer["data"] for layer in deck["layers"] if isinstance(layer["data"], str)]
    assert all(url.startswith(("/api/", "data:")) for url in urls)
    drawn = {layer["id"].partition("-")[0] for layer in deck["layers"]}
    assert drawn >= set(FEATURE_TYPES) - {"buildings"}
    assert '<p class="source">' in _html(screen)


def test_names_on_the_wall_are_masked(visit: Any, provided: Database):
    """No full name of a worker who is on the way reaches the wall, not even for the administrator."""
    with provided.session(SYSTEM) as session:
        numbers = [row.no for row in incidents.queue(session) if row.worker_name]
        names = {
            found.assignment.worker_full_name
            for no in numbers
            if (found := cases.get(session, no)).assignment is not None
        }

    html = _html(visit("admin"))

    assert not {name for name in names if name and name in html}


def test_only_who_may_dispatch_has_the_button(visit: Any):
    """A viewer's wall has no button that sends anybody."""
    viewer = visit("wall")
    assert not [button for button in viewer.button if button.label == "派单"]


def test_one_press_on_the_wall_sends_the_first_candidate(
    visit: Any, provided: Database, monkeypatch: pytest.MonkeyPatch
):
    """The button of an incident sends whom the rules put first to that very incident."""
    with provided.session(SYSTEM) as session:
        rows = incidents.queue(session)
        no, worker = next(
            (row.no, found.ranking.ranked[0].candidate.code)
            for row in rows
            if row.status == Status.REPORTED
            and (found := candidates.recommend(session, row.no, principal=SYSTEM, now=datetime.now(UTC))).ranking.ranked
        )
    place = [row.no for row in rows].index(no)
    monkeypatch.setattr(context, "now", lambda: _when_shown(place, len(rows)))

    visit("admin").button(key=f"wall_send_{no}").click().run()

    with provided.session(SYSTEM) as session:
        sent = cases.get(session, no)
    assert sent.status is Status.DISPATCHED
    assert sent.assignment is not None
    assert sent.assignment.worker_code == worker


def _when_shown(place: int, number: int) -> datetime:
    """The next instant at which the wall's list shows the page with this place on it: the clock is the test's."""
    now, pages = datetime.now(UTC), -(-number // 6)
    return next(
        at
        for i in range(pages)
        if panels.page_of(at := now + timedelta(seconds=10 * i), pages, seconds=10) == place // 6
    )


def test_the_last_good_picture_stays_while_the_database_is_away(visit: Any):
    """Without the database the figures stay as they were, and the badge says 离线 and since when."""
    screen = visit("wall")
    before = _html(screen)
    away = Database.open("postgresql+psycopg://nobody:x@127.0.0.1:1/none")
    context.provide(database=away, feed=ChangeFeed(away), settings=Settings())

    screen.run()

    after = _html(screen)
    assert "离线" in after
    assert "起未更新" in after
    assert before.count('class="panel') == after.count('class="panel')


def test_the_period_is_switched(visit: Any):
    """Seven days hold at least what today holds; the panel's title names the period."""
    screen = visit("wall")
    screen.session_state["wall_period_choice"] = "week"
    screen.run()
    assert "<h2>7 日</h2>" in _html(screen)

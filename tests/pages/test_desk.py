from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db import candidates, cases, handling, incidents, responders
from db.session import Database
from geo.crs import Crs, geodesic_m, to_storage
from geo.errors import InvalidInput
from governance.access import SYSTEM, Principal, Role
from governance.incident import Status
from governance.lifecycle import Action
from pages.ui import commands, parts

RUSONG = "220723003"
DISPATCHER = Principal(account="dispatcher", role=Role.DISPATCHER)


def _html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def _case_lines(screen: Any) -> list[dict[str, Any]]:
    drawn = json.loads(screen.get("deck_gl_json_chart")[0].proto.json)
    return next(layer["data"] for layer in drawn["layers"] if layer["id"] == "case-lines")


def _cards(screen: Any, key: str = "desk_rows") -> list[dict[str, Any]]:
    """What a list of cards was given to draw."""
    (proto,) = [e.proto for e in screen.get("bidi_component") if key in e.proto.id]
    cards: list[dict[str, Any]] = json.loads(proto.json or proto.mixed.json)["cards"]
    return cards


def _queue(database: Database, *, grid: str | None = None) -> list[incidents.QueueRow]:
    with database.session(DISPATCHER) as session:
        return incidents.queue(session, grid=grid)


def _get(database: Database, no: str) -> cases.Incident:
    with database.session(SYSTEM) as session:
        return cases.get(session, no)


def _waiting(database: Database) -> tuple[str, str]:
    """A waiting incident, and the worker whom the rules would send."""
    with database.session(DISPATCHER) as session:
        for row in incidents.queue(session, statuses=[Status.REPORTED]):
            found = candidates.recommend(session, row.no, principal=DISPATCHER, now=datetime.now(UTC))
            if len(found.ranking.ranked) > 1:
                return row.no, found.ranking.ranked[0].candidate.code
    raise AssertionError("the demo county has an incident that waits")


def test_the_first_of_the_queue_is_pinned_by_its_number(visit: Any, provided: Database):
    """What the desk opens with stays chosen by number, so that nothing slips under a hand about to press Enter."""
    screen = visit("dispatcher")

    assert screen.query_params["no"] == _queue(provided)[0].no


def test_a_deep_link_opens_its_incident(visit: Any, provided: Database):
    """The case shows the incident of the address with number, title and chain of grids."""
    row = _queue(provided)[5]

    html = _html(visit("dispatcher", no=row.no))

    assert row.no in html
    assert row.title in html
    assert " › ".join(grid.name for grid in reversed(_get(provided, row.no).chain)) in html


def test_one_press_sends_the_first_candidate(visit: Any, provided: Database):
    """The button sends whom the rules put first, and the case shows who goes and how to call them back."""
    no, worker = _waiting(provided)
    screen = visit("dispatcher", no=no)

    screen.button(key="desk_dispatch").click().run()

    sent = _get(provided, no)
    assert sent.status is Status.DISPATCHED
    assert sent.assignment is not None
    assert sent.assignment.worker_code == worker
    assert screen.button(key="desk_undo")


def test_who_was_sent_stays_on_the_map_until_they_arrive(visit: Any, provided: Database):
    """The map shows where the sent worker is, by surname, with the way to the incident; whoever arrived is there."""
    no, _ = _waiting(provided)
    screen = visit("dispatcher", no=no)
    screen.button(key="desk_dispatch").click().run()

    sent = _get(provided, no).assignment
    assert sent is not None
    (row,) = _case_lines(screen)
    assert row["t"] == sent.worker_name[:1]
    with provided.session(SYSTEM) as session:
        assert row["p"] == list(responders.positions(session, [sent.worker_id])[sent.worker_id])
    assert len(row["way"]) > 1

    screen.button(key="case_arrive").click().run()
    assert _case_lines(screen) == []


def test_undo_within_ten_seconds(visit: Any, provided: Database):
    """Undo takes the dispatch back: nobody is on the way, and both steps stay on record."""
    no, _ = _waiting(provided)
    screen = visit("dispatcher", no=no)
    screen.button(key="desk_dispatch").click().run()

    screen.button(key="desk_undo").click().run()

    undone = _get(provided, no)
    assert undone.status is Status.ACCEPTED
    assert undone.assignment is None
    assert [step.action for step in undone.steps][-2:] == ["dispatch", "withdraw"]


def test_an_override_asks_for_a_reason(visit: Any, provided: Database):
    """Sending another than the first is refused without a reason, and done with one."""
    no, first = _waiting(provided)
    with provided.session(DISPATCHER) as session:
        ranked = candidates.recommend(session, no, principal=DISPATCHER, now=datetime.now(UTC)).ranking.ranked
    other = ranked[1].candidate.code
    screen = visit("dispatcher", no=no)
    screen.session_state[f"case_worker_{no}"] = other
    screen.run()

    screen.button(key="desk_dispatch").click().run()
    assert any("理由" in error.value for error in screen.error)
    assert _get(provided, no).status is Status.REPORTED

    screen.text_input(key=f"case_reason_{no}_0").set_value("熟悉该小区").run()
    screen.button(key="desk_dispatch").click().run()
    sent = _get(provided, no).assignment
    assert sent is not None
    assert (sent.worker_code, sent.is_override, sent.reason) == (other, True, "熟悉该小区")
    assert other != first


def test_an_incident_is_followed_to_its_closure(visit: Any, provided: Database):
    """Each next step is one press; the result of the work is asked for where the lifecycle needs it."""
    no, _ = _waiting(provided)
    screen = visit("dispatcher", no=no)
    screen.button(key="desk_dispatch").click().run()
    screen.button(key="case_acknowledge").click().run()
    screen.button(key="case_arrive").click().run()

    screen.button(key="case_resolve").click().run()
    assert any("意见" in error.value for error in screen.error)
    (result,) = [area for area in screen.text_area if str(area.key).startswith(f"case_result_{no}")]
    result.set_value("已清理，居民确认").run()
    screen.button(key="case_resolve").click().run()
    screen.button(key="case_verify").click().run()

    closed = _get(provided, no)
    assert closed.status is Status.CLOSED
    assert "已办结" in _html(screen)
    assert [step.action for step in closed.steps] == [
        "report", "accept", "dispatch", "acknowledge", "arrive", "resolve", "verify",
    ]  # fmt: skip


def test_a_report_becomes_an_incident(visit: Any, provided: Database):
    """The form's report is opened at its place, its raw coordinates kept with the CRS that was declared."""
    row = _queue(provided, grid=RUSONG)[0]
    screen = visit("dispatcher")
    screen.button(key="desk_new").click().run()
    screen.text_input(key="rep_title").set_value("井盖破损").run()
    screen.selectbox(key="rep_crs").select("cgcs2000").run()
    screen.text_input(key="rep_lon").set_value(f"{row.lon:.6f}").run()
    screen.text_input(key="rep_lat").set_value(f"{row.lat:.6f}").run()

    screen.button(key="rep_submit").click().run()

    assert not screen.exception
    made = _get(provided, screen.query_params["no"])
    assert (made.title, made.raw_crs, made.status) == ("井盖破损", "cgcs2000", Status.REPORTED)
    assert made.grid_code.startswith(RUSONG)
    assert "new" not in screen.query_params


def test_a_report_without_a_title_names_the_field(visit: Any, provided: Database):
    """What is missing is said below its field, what was filled in stays, and nothing is opened."""
    row = _queue(provided)[0]
    before = len(_queue(provided))
    screen = visit("dispatcher")
    screen.button(key="desk_new").click().run()
    screen.text_input(key="rep_lon").set_value(f"{row.lon:.6f}").run()
    screen.text_input(key="rep_lat").set_value(f"{row.lat:.6f}").run()

    screen.button(key="rep_submit").click().run()

    assert any("标题" in error.value for error in screen.error)
    assert screen.text_input(key="rep_lon").value == f"{row.lon:.6f}"
    assert len(_queue(provided)) == before


def test_an_unfinished_report_waits(visit: Any):
    """Closing the form and looking at a case keep what was filled in; N goes on with it, and 放弃 alone empties it."""
    screen = visit("dispatcher")
    screen.button(key="desk_new").click().run()
    screen.text_input(key="rep_title").set_value("路灯不亮").run()
    screen.selectbox(key="rep_crs").select("gcj02").run()
    screen.button(key="desk_close").click().run()
    assert "new" not in screen.query_params
    assert screen.button(key="desk_new").label == "续填 N"

    screen.button(key="desk_new").click().run()
    assert (screen.text_input(key="rep_title").value, screen.selectbox(key="rep_crs").value) == ("路灯不亮", "gcj02")
    assert any("没有提交" in caption.value for caption in screen.caption)
    screen.button(key="rep_discard").click().run()

    assert screen.button(key="desk_new").label == "上报 N"
    screen.button(key="desk_new").click().run()
    assert screen.text_input(key="rep_title").value == ""


def test_a_search_finds_the_finished_too(visit: Any, provided: Database):
    """A finished incident is found by its number, below the open ones and greyed, and opens as they do."""
    no, _ = _waiting(provided)
    handling.advance(provided, DISPATCHER, no, Action.REJECT, now=datetime.now(UTC), opinion="不属实")
    screen = visit("dispatcher")
    assert no not in [card["id"] for card in _cards(screen)]

    screen.text_input(key="desk_q").set_value(no.lower()).run()

    (found,) = _cards(screen)
    assert (found["id"], found["faded"], found["aside"]) == (no, True, "不予受理")
    assert "已结束" in _html(screen)


def test_a_matter_late_as_a_whole_says_so_beside_its_stage(visit: Any, provided: Database):
    """Where the stage has time left and the whole limit has passed, the case shows both."""
    now = datetime.now(UTC)
    with provided.session(SYSTEM) as session:
        # Of those whose clock runs: what is put off is due when it goes on, and may be the first at some hours.
        running = (row for row in incidents.queue(session) if row.status != "suspended")
        no = next(row.no for row in running if row.due_at is not None and row.due_at > now)
        session.execute(
            text("UPDATE incident SET settle_by = :late WHERE no = :no"), {"late": now - timedelta(hours=3), "no": no}
        )

    assert "总时限超 3 小时" in _html(visit("dispatcher", no=no))


def test_candidates_masked_alike_are_told_apart(visit: Any, provided: Database):
    """Two people whose masked names are the same show the end of their codes as well."""
    no, _ = _waiting(provided)
    with provided.engine.begin() as connection:
        connection.execute(text("UPDATE worker SET full_name = '陈晨'"))

    titles = [card["title"] for card in _cards(visit("dispatcher", no=no), "case_candidates")]

    assert len(set(titles)) == len(titles) > 1
    assert all(title.startswith("陈*（") for title in titles)


def test_swapped_axes_are_told(visit: Any):
    """Latitude typed as longitude is refused with a hint, as soon as it is typed."""
    screen = visit("dispatcher")
    screen.button(key="desk_new").click().run()
    screen.text_input(key="rep_lon").set_value("45.005").run()
    screen.text_input(key="rep_lat").set_value("124.018").run()

    assert screen.error


def test_a_place_pointed_at_stays_where_it_is_when_the_system_is_changed(visit: Any, monkeypatch: pytest.MonkeyPatch):
    """Digits from the map are said anew in the system chosen, to and fro; what is typed by hand is left as typed."""
    clicks = [(124.0075, 45.0125)]
    monkeypatch.setattr(parts, "pointed", lambda _: clicks.pop() if clicks else None)

    def digits(screen: Any) -> tuple[str, ...]:
        return tuple(screen.text_input(key=f"rep_{axis}").value for axis in ("lon", "lat"))

    screen = visit("dispatcher")
    screen.button(key="desk_new").click().run()
    assert digits(screen) == ("124.007500", "45.012500")

    for crs in (Crs.GCJ02, Crs.BD09, Crs.CGCS2000):
        screen.selectbox(key="rep_crs").select(crs).run()
        lon, lat = to_storage(*map(float, digits(screen)), crs)
        assert geodesic_m(lon, lat, 124.0075, 45.0125) < 0.1
    assert digits(screen) == ("124.007500", "45.012500")

    screen.text_input(key="rep_lon").set_value("124.01").run()
    screen.selectbox(key="rep_crs").select(Crs.GCJ02).run()
    assert digits(screen) == ("124.01", "45.012500")


def test_a_report_refused_for_its_place_says_so_once(visit: Any):
    """The sentence that stood below the digits while they were typed doesn't stand there twice after the press."""
    screen = visit("dispatcher")
    screen.button(key="desk_new").click().run()
    screen.text_input(key="rep_title").set_value("井盖破损").run()
    screen.text_input(key="rep_lon").set_value("45.005").run()
    screen.text_input(key="rep_lat").set_value("124.018").run()

    screen.button(key="rep_submit").click().run()

    assert len(screen.error) == 1


@pytest.mark.parametrize(
    ("title", "told"),
    [("  ", "请填写标题"), ("井盖\x00破损", "标题里混有看不见的控制字符")],
)
def test_a_title_that_cannot_be_taken_is_told_why(visit: Any, provided: Database, title: str, told: str):
    """What is missing, too long or unprintable is called that, and the field allows as many characters as are kept."""
    row = _queue(provided)[0]
    screen = visit("dispatcher")
    screen.button(key="desk_new").click().run()
    assert screen.text_input(key="rep_title").proto.max_chars == incidents.LONGEST["title"] == 200
    screen.text_input(key="rep_title").set_value(title).run()
    screen.text_input(key="rep_lon").set_value(f"{row.lon:.6f}").run()
    screen.text_input(key="rep_lat").set_value(f"{row.lat:.6f}").run()

    screen.button(key="rep_submit").click().run()

    assert [error.value for error in screen.error if told in error.value]
    assert len(screen.error) == 1


@pytest.mark.parametrize("field", ["title", "address", "description", "reporter_name", "reporter_phone"])
def test_a_text_that_is_too_long_is_told_its_limit(provided: Database, field: str):
    """The sentence has the number that the report itself is held to, and not that a title is missing."""
    longest = incidents.LONGEST[field]
    texts = {"title": "井盖破损", field: "长" * (longest + 1)}

    with pytest.raises(InvalidInput) as refused:
        incidents.report(
            provided, SYSTEM, incidents.Report(class_code="0101", lon=124.0, lat=45.0, crs="wgs84", **texts),
            now=datetime.now(UTC),
        )  # fmt: skip

    assert f"最多 {longest} 字" in commands.text_of(refused.value)


def test_a_similar_report_close_by_is_shown(visit: Any, provided: Database):
    """While the form is filled, an incident of the same class at the same place is offered as the possible same one."""
    incidents.report(
        provided,
        SYSTEM,
        incidents.Report(title="先报的", class_code="0101", lon=124.0075, lat=45.0125, crs="wgs84"),
        now=datetime.now(UTC),
    )
    screen = visit("dispatcher")
    screen.button(key="desk_new").click().run()
    screen.selectbox(key="rep_class").select("0101").run()
    screen.text_input(key="rep_lon").set_value("124.0075").run()
    screen.text_input(key="rep_lat").set_value("45.0125").run()

    assert any("同类事件" in warning.value for warning in screen.warning)

"""The main job through HTTP: report, candidates, dispatch, steps."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

RUSONG = "220723003"


@pytest.fixture
def reported(clients: Any, body: Callable[..., dict[str, object]]):
    """A freshly reported incident in Rusong."""
    answer = clients.officer.post("/api/incidents", json=body())
    assert answer.status_code == 201, answer.text
    return answer.json()


def _step(clients: Any, no: str, action: str, opinion: str = "已查看") -> Any:
    return clients.officer.post(f"/api/incidents/{no}/steps", json={"action": action, "opinion": opinion})


def test_a_report_becomes_an_incident_in_its_grid(clients: Any, body: Callable[..., dict[str, object]]):
    """The answer names the incident, its grid with the chain above it, its status and its deadline."""
    answer = clients.officer.post("/api/incidents", json=body(severity=2, source="hotline", description="楼前"))
    made = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/api/incidents/{made['no']}"
    assert (made["status"], made["severity"], made["source"]) == ("reported", 2, "hotline")
    assert made["grid"]["code"] == "220723003001001"
    assert [g["level"] for g in made["grid"]["chain"]] == ["quarter", "community", "street"]
    assert made["due_at"] > "2026-11-23T02:00"
    assert clients.officer.get(answer.headers["location"]).json() == made


@pytest.mark.parametrize("crs", ["wgs84", "cgcs2000", "gcj02", "bd09", "EPSG:4326"])
def test_each_reference_system_is_kept_and_converted(clients: Any, body: Callable[..., dict[str, object]], crs: str):
    """What was sent is kept beside where it lies."""
    made = clients.dispatcher.post("/api/incidents", json=body(crs=crs, lon=124.016)).json()
    assert made["raw"]["x"] == 124.016
    is_shifted = crs in {"gcj02", "bd09"}
    assert (abs(made["lon"] - 124.016) > 1e-4) == is_shifted


def test_a_place_in_the_county_but_in_no_grid_is_taken(clients: Any, body: Callable[..., dict[str, object]]):
    """It is marked and given to the nearest community."""
    made = clients.dispatcher.post("/api/incidents", json=body(lon=124.09, lat=45.09)).json()
    assert made["is_outside_grid"] is True
    assert made["grid"]["chain"][0]["level"] == "community"


def test_an_officer_reports_at_home_only(
    clients: Any, rows: Callable[[], dict[str, str]], body: Callable[..., dict[str, object]]
):
    """A place in another street is refused."""
    before = rows()
    answer = clients.officer.post("/api/incidents", json=body(lon=124.035))
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert rows() == before


def test_the_same_key_reports_once(
    clients: Any, rows: Callable[[], dict[str, str]], body: Callable[..., dict[str, object]]
):
    """A report that is sent again after a broken connection is the same incident."""
    first = clients.officer.post("/api/incidents", json=body(), headers={"Idempotency-Key": "abc-1"})
    before = rows()
    again = clients.officer.post("/api/incidents", json=body(), headers={"Idempotency-Key": "abc-1"})
    assert again.json()["no"] == first.json()["no"]
    assert rows() == before


def test_a_key_sent_many_times_at_once_reports_once(clients: Any, body: Callable[..., dict[str, object]]):
    """Retries that overtake each other open one incident, and none of them fails."""
    key = {"Idempotency-Key": "abc-3"}
    with ThreadPoolExecutor(8) as pool:
        sent = [pool.submit(clients.officer.post, "/api/incidents", json=body(), headers=key) for _ in range(16)]
        answers = [future.result() for future in sent]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["no"] for answer in answers}) == 1


def test_a_key_belongs_to_its_caller(clients: Any, body: Callable[..., dict[str, object]]):
    """Another account's same key opens its own incident and never shows the other's."""
    first = clients.officer_of_rongye.post(
        "/api/incidents", json=body(lon=124.035), headers={"Idempotency-Key": "shared"}
    )
    other = clients.officer.post("/api/incidents", json=body(), headers={"Idempotency-Key": "shared"})
    assert (first.status_code, other.status_code) == (201, 201)
    assert first.json()["no"] != other.json()["no"]


def test_a_key_stands_for_one_report(
    clients: Any, rows: Callable[[], dict[str, str]], body: Callable[..., dict[str, object]]
):
    """The same key with another report is a conflict, not a silent loss."""
    clients.officer.post("/api/incidents", json=body(), headers={"Idempotency-Key": "abc-2"})
    before = rows()
    answer = clients.officer.post("/api/incidents", json=body(title="别的事"), headers={"Idempotency-Key": "abc-2"})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert rows() == before


def test_the_reporter_shows_to_whom_it_concerns(clients: Any, body: Callable[..., dict[str, object]]):
    """Name and phone of who reported go to those who handle the incident, not to a viewer."""
    made = clients.dispatcher.post(
        "/api/incidents", json=body(reporter_name="李小明", reporter_phone="13800001234")
    ).json()
    assert made["reporter_name"] == "李小明"
    seen = clients.viewer.get(f"/api/incidents/{made['no']}")
    assert seen.status_code == 200
    assert "李小明" not in seen.text
    assert "13800001234" not in seen.text


def test_candidates_come_with_reasons_and_store_nothing(
    clients: Any, rows: Callable[[], dict[str, str]], reported: Any
):
    """The incident's own grid goes first; asking leaves no trace."""
    before = rows()
    answer = clients.officer.get(f"/api/incidents/{reported['no']}/candidates")
    assert answer.status_code == 200, answer.text
    found = answer.json()
    first = found["candidates"][0]
    assert first["worker"] == "W31"
    assert first["rank"] == 1
    assert first["distance_m"] > 0
    assert first["reason"]
    assert rows() == before


def test_dispatch_sends_the_first_candidate_once(clients: Any, reported: Any):
    """One key sends somebody; a second call is a conflict and sends nobody."""
    no = reported["no"]
    first = clients.officer.get(f"/api/incidents/{no}/candidates").json()["candidates"][0]["worker"]
    sent = clients.officer.post(f"/api/incidents/{no}/dispatch", json={})
    assert sent.status_code == 200, sent.text
    assert sent.json()["status"] == "dispatched"
    assert sent.json()["assignment"]["worker"] == first
    assert sent.json()["assignment"]["worker_name"] == "王*"
    again = clients.officer.post(f"/api/incidents/{no}/dispatch", json={})
    assert (again.status_code, again.json()["code"]) == (409, "already_dispatched")


def test_somebody_else_may_be_sent_for_a_reason(clients: Any, reported: Any):
    """An override names a worker and why; without the reason, or with nobody of that code, nothing happens."""
    path = f"/api/incidents/{reported['no']}/dispatch"
    without = clients.officer.post(path, json={"worker": "W32"})
    assert (without.status_code, without.json()["field"]) == (422, "reason")
    nobody = clients.officer.post(path, json={"worker": "W99", "reason": "熟悉情况"})
    assert nobody.status_code == 422, nobody.text
    sent = clients.officer.post(path, json={"worker": "W32", "reason": "熟悉情况"})
    assert sent.status_code == 200, sent.text
    assert sent.json()["assignment"]["is_override"] is True
    assert sent.json()["assignment"]["worker"] == "W32"


def test_nobody_eligible_says_why(clients: Any, body: Callable[..., dict[str, object]]):
    """Where no worker has the skill, the answer is a conflict with its reason in Chinese."""
    no = clients.dispatcher.post("/api/incidents", json=body(**{"class": "0402"})).json()["no"]
    answer = clients.dispatcher.post(f"/api/incidents/{no}/dispatch", json={})
    assert (answer.status_code, answer.json()["code"]) == (409, "nobody_eligible")
    assert answer.json()["shortfall"]
    (kept,) = clients.viewer.get(f"/api/incidents/{no}/recommendations").json()["recommendations"]
    assert (kept["shortfall"], kept["candidates"], kept["sent"]) == (answer.json()["shortfall"], [], [])
    assert sum(kept["excluded"].values()) > 0


def test_what_was_recommended_can_be_read_afterwards(clients: Any, reported: Any):
    """Every sending left its candidates, counts and policy, newest first, and says whom it sent; people by code."""
    no = reported["no"]
    path = f"/api/incidents/{no}/recommendations"
    assert clients.officer.get(path).json() == {"no": no, "recommendations": []}
    offered = clients.officer.get(f"/api/incidents/{no}/candidates").json()
    first = offered["candidates"][0]
    sent = clients.officer.post(f"/api/incidents/{no}/dispatch", json={}).json()["assignment"]["worker"]
    (made,) = clients.officer.get(path).json()["recommendations"]
    assert (made["policy"], made["shortfall"], made["shortfalls"]) == (offered["policy"]["id"], None, [])
    assert (made["sent"], made["excluded"]) == ([sent], offered["excluded"])
    same = ("rank", "worker", "ring", "eta_s", "is_estimated", "load", "position", "age_s")
    assert {name: made["candidates"][0][name] for name in same} == {name: first[name] for name in same}
    assert "worker_name" not in made["candidates"][0]
    _step(clients, no, "reassign")
    again, before = clients.officer.get(path).json()["recommendations"]
    assert before == made
    assert again["excluded"]["declined"] == 1
    assert sent not in again["sent"]
    assert len(clients.officer.get(f"{path}?limit=1").json()["recommendations"]) == 1
    assert clients.officer.get(f"{path}?limit=0").status_code == 422
    assert clients.officer_of_rongye.get(path).status_code == 404


def test_a_key_is_one_requests_own(clients: Any, reported: Any):
    """The same call under its key answers what it made; another body, or another account, under it is a conflict."""
    path, key = f"/api/incidents/{reported['no']}/dispatch", {"Idempotency-Key": "d-1"}
    first = clients.officer.post(path, json={}, headers=key)
    assert first.status_code == 200, first.text
    assert clients.officer.post(path, json={}, headers=key).json() == first.json()
    for client, asked in (
        (clients.officer, {"worker": "W32", "reason": "熟悉情况"}),
        (clients.dispatcher, {}),
    ):
        answer = client.post(path, json=asked, headers=key)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
        assert "请求编号" in answer.json()["detail"]


def test_a_plan_sends_nobody_past_the_rules(clients: Any, reported: Any, body: Callable[..., dict[str, object]]):
    """A line whose worker the rules don't rank is told with its reason; the unsent are told with theirs."""
    no = reported["no"]
    answer = clients.officer.post("/api/surge", json={"assignments": [{"no": no, "worker": "W99"}]})
    assert answer.json()["outcomes"] == [{"no": no, "is_sent": False, "error": "conflict", "reason": "not_planned"}]
    assert clients.officer.get(f"/api/incidents/{no}").json()["status"] == "reported"
    nobody = clients.dispatcher.post("/api/incidents", json=body(**{"class": "0402"})).json()["no"]
    plan = clients.dispatcher.get("/api/surge").json()
    assert nobody in plan["unsent"]
    assert plan["reasons"][nobody] in {"nobody_with_skill", "nobody_on_duty"}
    planned = clients.dispatcher.get(f"/api/incidents/{no}/candidates").json()["candidates"][0]["worker"]
    sent = clients.dispatcher.post("/api/surge", json={"assignments": [{"no": no, "worker": planned}]}).json()
    assert sent["outcomes"] == [{"no": no, "is_sent": True, "error": None, "reason": None}]
    made = clients.dispatcher.get(f"/api/incidents/{no}").json()["assignment"]
    assert (made["worker"], made["is_override"], made["reason"]) == (planned, False, "联合派单方案")


def test_an_incident_is_followed_until_it_is_closed(clients: Any, reported: Any):
    """Each step is taken by name, recorded with who and when, and the last one closes."""
    no = reported["no"]
    clients.officer.post(f"/api/incidents/{no}/dispatch", json={})
    for action in ("acknowledge", "arrive", "resolve", "verify"):
        answer = _step(clients, no, action)
        assert answer.status_code == 200, (action, answer.text)
    closed = answer.json()
    assert (closed["status"], closed["is_open"]) == ("closed", False)
    assert [s["to"] for s in closed["steps"]][-1] == "closed"
    assert all(s["actor_name"] and s["at"] for s in closed["steps"])


def test_the_actions_are_those_that_a_route_takes(clients: Any, reported: Any):
    """What only a deadline or the end of a shift does isn't offered; dispatching is, once it has been accepted."""
    no = reported["no"]
    assert "dispatch" in _step(clients, no, "accept").json()["actions"]
    seen = clients.officer.post(f"/api/incidents/{no}/dispatch", json={}).json()["actions"]
    assert {"acknowledge", "refuse", "withdraw"} <= set(seen)
    assert not {"time_out", "hand_over"} & set(seen)
    for action in ("time_out", "hand_over"):
        assert _step(clients, no, action).json()["field"] == "action"


def test_what_may_be_the_same_matter_is_found_before_it_is_reported(
    clients: Any, body: Callable[..., dict[str, object]]
):
    """The same minor class within 50 m comes with its distance, whatever system the place is told in."""
    place = {"lon": 124.0251, "lat": 45.0151}
    made = clients.dispatcher.post("/api/incidents", json=body(**place)).json()
    clients.dispatcher.post("/api/incidents", json=body(**place, **{"class": "0402"}))
    asked = {"class": "0101", "lon": "124.0251", "lat": "45.01537", "crs": "wgs84"}
    answer = clients.viewer.get("/api/incidents/similar", params=asked)
    assert answer.status_code == 200, answer.text
    (found,) = answer.json()["similar"]
    wanted = {name: made[name] for name in ("no", "title", "status", "reported_at")}
    assert found == wanted | {"distance_m": pytest.approx(30, abs=0.2)}
    assert clients.officer_of_rongye.get("/api/incidents/similar", params=asked).json() == {"similar": []}
    assert clients.viewer.get("/api/incidents/similar", params=asked | {"crs": "gcj02"}).json() == {"similar": []}
    assert clients.viewer.get("/api/incidents/similar", params=asked | {"lat": "45.0156"}).json() == {"similar": []}


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        *(({name: ""}, "invalid_input", name) for name in ("class", "lon", "lat", "crs")),
        ({"class": "9999"}, "unknown_code", "class"),
        ({"crs": "mars"}, "invalid_input", "crs"),
        ({"lon": "nan"}, "invalid_input", "lon"),
        ({"lon": "1e2"}, "invalid_input", "lon"),
        ({"lon": "45.005", "lat": "124.005"}, "invalid_input", "lat"),
        ({"lon": "125.5"}, "outside_county", "lon"),
        ({"radius_m": "500"}, "unknown_parameter", "radius_m"),
    ],
)
def test_a_question_for_the_same_matter_is_read_strictly(clients: Any, changes: dict[str, str], code: str, field: str):
    """Whatever a report would be refused for is refused here, by field."""
    asked = {"class": "0101", "lon": "124.005", "lat": "45.005", "crs": "wgs84"} | changes
    answer = clients.viewer.get("/api/incidents/similar", params=asked)
    assert (answer.json()["code"], answer.json()["field"]) == (code, field), answer.text


def test_a_jump_is_refused_and_leaves_no_trace(clients: Any, rows: Callable[[], dict[str, str]], reported: Any):
    """A reported incident can't be verified and closed."""
    before = rows()
    answer = _step(clients, reported["no"], "verify")
    assert (answer.status_code, answer.json()["code"]) == (409, "transition_refused")
    assert rows() == before


@pytest.mark.parametrize("action", ["dispatch", "fly", ""])
def test_a_step_that_is_none_is_named(clients: Any, reported: Any, action: str):
    """An unknown action, and dispatching by this way, are refused with the field."""
    answer = _step(clients, reported["no"], action)
    assert (answer.status_code, answer.json()["field"]) == (422, "action")


def test_positions_are_taken_in_batches(clients: Any):
    """Known workers are placed, unknown codes are named, and the map shows the new position."""
    fixes = [
        {"worker": "W32", "lon": 124.017, "lat": 45.001, "at": "2026-11-23T01:59:00Z"},
        {"worker": "W99", "lon": 124.017, "lat": 45.001, "at": "2026-11-23T01:59:00Z"},
    ]
    answer = clients.dispatcher.post("/api/positions", json={"crs": "cgcs2000", "positions": fixes})
    assert answer.status_code == 200, answer.text
    assert answer.json() == {"accepted": 1, "unknown": ["W99"]}

from __future__ import annotations

from typing import Any

import pytest


def told(**changes: object) -> dict[str, object]:
    need = {"class": "0101", "text": "楼下垃圾没人清", "urgency": "soon"}
    return {"building": "B31", "outcome": "met", "needs": [need]} | changes


def filed(client: Any, **changes: object) -> dict[str, Any]:
    answer = client.post("/api/visits", json=told(**changes))
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_visit_is_filed_and_its_need_gathered(clients: Any):
    """The officer of the street files it, finds its need in the list, and the counts know it."""
    visit = filed(clients.officer)
    (need,) = visit["needs"]
    assert (visit["building"], need["status"], need["urgency"]) == ("B31", "gathered", "soon")
    listed = clients.officer.get("/api/needs?status=gathered").json()
    assert need in listed["needs"]
    assert listed["summary"]["by_status"]["gathered"] == len(listed["needs"])
    assert listed["summary"]["by_class"][0]["class_name"] == "暴露垃圾"
    assert visit in clients.officer.get("/api/visits").json()["visits"]


def test_handing_over_answers_the_incident_each_time(clients: Any):
    """The second call, by somebody else, answers the same incident; the list shows its number."""
    (need,) = filed(clients.officer)["needs"]
    made = clients.officer.post(f"/api/needs/{need['id']}/handover", json={"severity": 2}).json()
    assert (made["source"], made["severity"], made["status"]) == ("visit", 2, "reported")
    assert clients.dispatcher.post(f"/api/needs/{need['id']}/handover").json()["no"] == made["no"]
    listed = clients.officer.get("/api/needs?status=handed_over").json()["needs"]
    assert made["no"] in [n["incident"] for n in listed]


def test_settling_takes_words_and_is_final(clients: Any):
    """Without an opinion it is refused; afterwards the need can't be handed over."""
    (need,) = filed(clients.officer)["needs"]
    assert clients.officer.post(f"/api/needs/{need['id']}/settle", json={"opinion": " "}).status_code == 422
    done = clients.officer.post(f"/api/needs/{need['id']}/settle", json={"opinion": "当场清走"}).json()
    assert (done["status"], done["opinion"]) == ("settled_on_spot", "当场清走")
    assert clients.officer.post(f"/api/needs/{need['id']}/handover").status_code == 409


def test_a_visit_sent_twice_is_filed_once(clients: Any):
    """With the same key the first visit is answered."""
    send = {"json": told(), "headers": {"Idempotency-Key": "door-1"}}
    assert clients.officer.post("/api/visits", **send).json() == clients.officer.post("/api/visits", **send).json()


@pytest.mark.parametrize("role", ["viewer", "planner"])
def test_visits_are_not_for_everybody(clients: Any, role: str):
    """Roles that don't read what is personal neither read nor write here."""
    client = getattr(clients, role)
    for path in ("/api/visits", "/api/needs"):
        assert client.get(path).status_code == 403
    for path in ("/api/visits", "/api/needs/1/handover", "/api/needs/1/settle"):
        assert client.post(path, json={}).status_code == 403


def test_another_streets_officer_finds_nothing(clients: Any):
    """Out of scope a need is not there, and a building unknown."""
    (need,) = filed(clients.officer)["needs"]
    other = clients.officer_of_rongye
    assert need["id"] not in [n["id"] for n in other.get("/api/needs").json()["needs"]]
    assert other.post(f"/api/needs/{need['id']}/handover").status_code == 404
    assert other.post(f"/api/needs/{need['id']}/settle", json={"opinion": "好"}).status_code == 404
    answer = other.post("/api/visits", json=told())
    assert (answer.status_code, answer.json()["field"]) == (422, "building")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"outcome": "asleep"}, "outcome"),
        ({"outcome": "absent"}, "outcome"),
        ({"building": "none"}, "building"),
        ({"building": None}, "building"),
        ({"needs": [{"class": "9999", "text": "灯"}]}, "class"),
        ({"needs": [{"class": "0101", "text": ""}]}, "text"),
        ({"visited_at": "2026-11-24T00:00:00+08:00"}, "visited_at"),
        ({"visited_at": "2026-11-22T00:00:00"}, "visited_at"),
        ({"visited_at": 1795300000}, "visited_at"),
        ({"visited_at": "1900-01-01T00:00:00+08:00"}, "visited_at"),
    ],
)
def test_a_bad_visit_is_named(clients: Any, changes: dict[str, object], field: str):
    """The problem document names the field."""
    answer = clients.officer.post("/api/visits", json=told(**changes))
    assert answer.status_code == 422
    assert field in answer.json()["field"]


@pytest.mark.parametrize(
    ("query", "status"), [("status=lost", 422), ("state=gathered", 400), ("limit=0", 422), ("grid=xx", 422)]
)
def test_a_bad_question_is_refused(clients: Any, query: str, status: int):
    """Unknown statuses, grids and parameters are named, not ignored."""
    assert clients.officer.get(f"/api/needs?{query}").status_code == status


def test_visits_of_a_grid_that_does_not_exist(clients: Any):
    """An unknown grid isn't one without visits."""
    answer = clients.officer.get("/api/visits?grid=xx")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "unknown_code", "grid")

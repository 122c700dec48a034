"""Steps by HTTP: what each is given, who may take it, and what a refusal tells."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from db.session import Database
from tests.images import image


@pytest.fixture(scope="module", autouse=True)
def departments(town: Database) -> None:
    with town.engine.begin() as connection:
        connection.execute(text("INSERT INTO department VALUES ('ZJ', '住建局') ON CONFLICT DO NOTHING"))


@pytest.fixture
def no(clients: Any, body: Callable[..., dict[str, object]]) -> str:
    """A freshly reported incident in Rusong."""
    return str(clients.officer.post("/api/incidents", json=body()).json()["no"])


def take(client: Any, no: str, action: str, **given: Any) -> Any:
    return client.post(f"/api/incidents/{no}/steps", json={"action": action, "opinion": "已核实", **given})


def taken(client: Any, no: str, action: str, **given: Any) -> dict[str, Any]:
    answer = take(client, no, action, **given)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def test_a_department_takes_over_and_gives_back(clients: Any, no: str):
    """Transferred with its department, returned it is nobody's."""
    taken(clients.officer, no, "accept")
    assert taken(clients.officer, no, "transfer", department="ZJ")["status"] == "transferred"
    back = taken(clients.officer, no, "return")
    assert (back["status"], back["department"]) == ("returned", None)


def test_what_hinders_is_told_in_chinese_and_by_its_code(clients: Any, no: str):
    """A step that the incident's own facts hinder says which, and the incident stays as it is."""
    taken(clients.officer, no, "supervise")
    answer = take(clients.officer, no, "supervise")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert answer.json()["reason"] == "supervised_already"
    assert "已在督办" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("action", "given", "field"),
    [
        ("transfer", {}, "department"),
        ("transfer", {"department": "XX"}, "department"),
        ("suspend", {}, "resume_by"),
        ("suspend", {"resume_by": "2026-12-01T10:00:00"}, "resume_by"),
        ("suspend", {"resume_by": "2028-12-01T10:00:00+08:00"}, "resume_by"),
        ("suspend", {"resume_by": 1796090400}, "resume_by"),
        ("suspend", {"resume_by": "1796090400"}, "resume_by"),
        ("accept", {"is_satisfied": "yes"}, "is_satisfied"),
        ("review", {"is_granted": 1}, "is_granted"),
        ("merge", {}, "original"),
        ("merge", {"original": "QA0"}, "original"),
        ("split", {}, "parts"),
        ("reject", {"opinion": ""}, "opinion"),
        ("reject", {"because": "x"}, "because"),
    ],
)
def test_what_is_missing_is_named(  # noqa: PLR0917  fixtures
    clients: Any, town: Database, no: str, action: str, given: dict[str, Any], field: str
):
    """A step without what it needs is refused by field and changes nothing."""
    taken(clients.officer, no, "accept")
    before = image(town, no)
    answer = take(clients.officer, no, action, **given)
    assert (answer.status_code, answer.json()["field"]) == (422, field), answer.text
    assert image(town, no) == before


def test_a_day_that_has_passed_is_told_as_such(clients: Any, no: str):
    """Putting off until yesterday isn't called too long."""
    taken(clients.officer, no, "accept")
    answer = take(clients.officer, no, "suspend", resume_by="2026-11-22T10:00:00+08:00")
    assert (answer.status_code, answer.json()["field"]) == (422, "resume_by")
    assert "passed" in answer.json()["reason"]


def test_a_part_s_mistake_names_its_row(clients: Any, no: str, body: Callable[..., dict[str, object]]):
    """The second part lies in no county: its row and field are told, with the error's own code."""
    answer = take(clients.officer, no, "split", parts=[body(), body(lon=125.5)])
    told = answer.json()
    assert (answer.status_code, told["code"], told["field"], told["row"]) == (422, "outside_county", "lon", 2)


def test_parts_are_told_with_the_whole(clients: Any, no: str, body: Callable[..., dict[str, object]]):
    """Split, an incident lists its parts, and each of them names it."""
    whole = taken(clients.officer, no, "split", parts=[body(title="护栏损坏")])
    (part,) = whole["parts"]
    assert clients.officer.get(f"/api/incidents/{part}").json()["parent"] == no


@pytest.mark.parametrize("action", ["grant", "deny", "review"])
def test_a_street_decides_on_no_time(clients: Any, no: str, action: str):
    """More time and appeals are decided by the command centre."""
    clients.officer.post(f"/api/incidents/{no}/dispatch", json={})
    taken(clients.officer, no, "extend")
    if action == "review":
        for step in ("arrive", "resolve", "verify"):
            taken(clients.officer, no, step)
    answer = take(clients.officer, no, action, is_granted=True)
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")


def test_whoever_asked_for_time_does_not_grant_it(clients: Any, no: str):
    """The dispatcher's own request waits for somebody else, who gives the limit once more."""
    clients.officer.post(f"/api/incidents/{no}/dispatch", json={})
    asked = taken(clients.dispatcher, no, "extend")
    answer = take(clients.dispatcher, no, "grant")
    assert (answer.status_code, answer.json()["reason"]) == (409, "own_request")
    granted = taken(clients.admin, no, "grant")
    assert granted["extensions"] == 1
    assert granted["due_at"] > asked["due_at"]


@pytest.mark.parametrize("role", ["viewer", "planner"])
def test_whoever_only_looks_takes_no_step(clients: Any, town: Database, no: str, role: str):
    """A viewer and a planner are refused for the right that is wanting."""
    before = image(town, no)
    answer = take(getattr(clients, role), no, "accept")
    assert (answer.status_code, answer.json()["permission"]) == (403, "advance_incident")
    assert image(town, no) == before

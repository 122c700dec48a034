from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.orm import Session

from db import models
from db.session import Database


@pytest.fixture(scope="module")
def town(town: Database) -> Database:
    """The town, and a type of alarm that its cameras raise."""
    with Session(town.engine) as session, session.begin():
        session.add(
            models.AlarmType(
                code="camera_smoke", name="烟雾告警", class_code="0101", severity=1, device_kinds=["camera"]
            )
        )
    return town


def post(client: Any, *alarms: dict[str, object]) -> Any:
    return client.post("/api/alarms", json={"alarms": list(alarms)})


def test_an_alarm_with_a_type_opens_an_incident_once(clients: Any):
    """The answer names the incident; the same alarm again is ignored, a newer one counts, its end puts it out."""
    alarm = {"device": "D31", "type": "camera_smoke", "at": "2026-11-23T09:50:00+08:00"}
    first = post(clients.dispatcher, alarm).json()
    (no,) = first["opened"]
    assert first == {"accepted": 1, "opened": [no], "joined": [], "repeated": 0, "cleared": 0, "ignored": 0}
    assert post(clients.dispatcher, alarm).json()["ignored"] == 1
    assert post(clients.dispatcher, alarm | {"at": "2026-11-23T09:55:00+08:00"}).json()["repeated"] == 1
    assert post(clients.dispatcher, {"device": "D31", "type": "camera_smoke", "cleared": True}).json()["cleared"] == 1

    incident = clients.dispatcher.get(f"/api/incidents/{no}").json()
    assert (incident["source"], incident["severity"], incident["class"]) == ("device", 1, "0101")
    assert incident["title"].endswith("烟雾告警")


def test_a_status_without_a_type_is_taken_as_before(clients: Any):
    """What older gateways send still works and opens nothing."""
    answer = post(clients.dispatcher, {"device": "D32", "status": "alarm"})
    assert answer.status_code == 200
    assert (answer.json()["accepted"], answer.json()["opened"]) == (1, [])


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"type": "unheard_of"}, "type"),
        ({"at": "2026-11-23T12:00:00+08:00"}, "at"),
        ({"at": "2026-11-23T09:00:00"}, "at"),
        ({"status": "online"}, "status"),
        ({"cleared": "yes"}, "cleared"),
    ],
)
def test_a_bad_alarm_is_named(clients: Any, change: dict[str, object], field: str):
    """The problem document names the field, and the row in the batch where our rules found it."""
    answer = post(clients.dispatcher, {"device": "D32", "type": "camera_smoke"} | change)
    assert answer.status_code == 422
    assert answer.json()["field"].endswith(field)

"""The dispatch policy by HTTP: read, changed as a whole, and read strictly."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def policy(clients: Any) -> dict[str, Any]:
    """The policy in force, as it is answered and may be sent back."""
    return dict(clients.admin.get("/api/policy").json())


def test_what_is_answered_may_be_sent_back_changed(clients: Any, policy: dict[str, Any]):
    """A version read, changed and sent becomes the next one; a stale one is a conflict."""
    changed = policy | {"cap": 5, "cards": {"0101": [{"people": 2, "skills": [1]}]}}
    saved = clients.admin.put("/api/policy", json=changed)
    assert saved.status_code == 200, saved.text
    assert (saved.json()["cap"], saved.json()["id"]) == (5, policy["id"] + 1)
    assert saved.json()["cards"]["0101"][0]["people"] == 2
    assert clients.admin.put("/api/policy", json=changed).status_code == 409


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("cap", value) for value in (True, "3", 3.0, None)),
        *((name, "60") for name in ("id", "freshness_s", "max_distance_m", "shortlist", "rest_s", "ring_s")),
        ("acknowledge_s", False),
        *(("excludes_stale", value) for value in ("yes", "true", 1, 0, None)),
    ],
)
def test_no_member_of_the_policy_is_coerced(clients: Any, policy: dict[str, Any], name: str, value: object):
    """A number in quotes and a word for a flag are refused by name, and no version is made."""
    answer = clients.admin.put("/api/policy", json=policy | {name: value})
    assert (answer.status_code, answer.json()["field"]) == (422, name), answer.text
    assert clients.admin.get("/api/policy").json() == policy


@pytest.mark.parametrize(
    "line",
    [{"people": True}, {"people": "2"}, {"skills": ["1"]}, {"skills": [True]}]
    + [{name: "60"} for name in ("cap", "max_distance_m", "freshness_s", "rest_s")],
)
def test_no_member_of_a_run_card_is_coerced(clients: Any, policy: dict[str, Any], line: dict[str, object]):
    """Lines of a run card are read as strictly as the policy."""
    answer = clients.admin.put("/api/policy", json=policy | {"cards": {"0101": [line]}})
    assert (answer.status_code, answer.json()["field"]) == (422, next(iter(line))), answer.text

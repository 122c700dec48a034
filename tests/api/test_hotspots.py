from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest


def test_what_comes_up_again_is_a_hotspot(clients: Any, body: Callable[..., dict[str, object]]):
    """Three reports of a class at one place are one hot-spot that names them; two are none."""
    made = [clients.dispatcher.post("/api/incidents", json=body(lat=45.0012)).json()["no"] for _ in range(2)]
    assert clients.viewer.get("/api/hotspots").json()["hotspots"] == []
    made.append(clients.dispatcher.post("/api/incidents", json=body(lat=45.0012)).json()["no"])
    (spot,) = clients.viewer.get("/api/hotspots").json()["hotspots"]
    assert (spot["count"], spot["class"], spot["numbers"]) == (3, "0101", made[::-1])
    assert clients.viewer.get("/api/hotspots?at_least=4").json()["hotspots"] == []
    assert clients.officer_of_rongye.get("/api/hotspots").json()["hotspots"] == []


def test_a_case_knows_the_like_of_it(clients: Any, body: Callable[..., dict[str, object]]):
    """Nothing like it was closed before, which is an empty list; a case out of scope is none."""
    no = clients.dispatcher.post("/api/incidents", json=body()).json()["no"]
    assert clients.viewer.get(f"/api/incidents/{no}/similar-cases").json() == {"no": no, "cases": []}
    assert clients.officer_of_rongye.get(f"/api/incidents/{no}/similar-cases").status_code == 404


def test_an_unknown_parameter_is_named(clients: Any):
    """A misspelt parameter is refused, with those that there are."""
    answer = clients.viewer.get("/api/hotspots?radius=50")
    assert (answer.status_code, answer.json()["field"]) == (400, "radius")


@pytest.mark.parametrize("query", ["days=0", "days=1.5", "radius_m=5000", "at_least=1", "days=1&days=2"])
def test_a_question_that_makes_no_sense_is_refused(clients: Any, query: str):
    """Windows, radii and counts have bounds."""
    answer = clients.viewer.get(f"/api/hotspots?{query}")
    assert (answer.status_code, answer.json()["field"]) == (422, query.partition("=")[0])


def test_a_grid_that_does_not_exist_is_named(clients: Any):
    """An unknown grid isn't one without hot-spots."""
    answer = clients.viewer.get("/api/hotspots?grid=xx")
    assert (answer.status_code, answer.json()["code"], answer.json()["field"]) == (422, "unknown_code", "grid")

from __future__ import annotations

from collections.abc import Callable
from typing import Any


def test_a_quarter_whose_only_worker_is_sent_is_a_gap(clients: Any, body: Callable[..., dict[str, object]]):
    """It is told at once, as GeoJSON; the last free one of another quarter is not called away from there."""
    assert clients.viewer.get("/api/coverage").json()["features"] == []
    no = clients.dispatcher.post("/api/incidents", json=body()).json()["no"]
    clients.dispatcher.post(f"/api/incidents/{no}/dispatch", json={}).raise_for_status()
    answer = clients.viewer.get("/api/coverage?rev=1")
    assert answer.headers["content-type"] == "application/geo+json"
    (gap,) = answer.json()["features"]
    assert gap["geometry"]["type"] == "MultiPolygon"
    facts = gap["properties"]
    assert (facts["code"], facts["on_duty"], facts["waiting"], facts["mover"]) == (gap["id"], 1, 0, None)
    again = clients.viewer.get("/api/coverage", headers={"If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304


def test_an_unknown_parameter_is_named(clients: Any):
    """A misspelt parameter is refused."""
    answer = clients.viewer.get("/api/coverage?grid=1")
    assert (answer.status_code, answer.json()["field"]) == (400, "grid")

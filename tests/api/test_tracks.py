from __future__ import annotations

from typing import Any

import pytest

SPAN = "since=2026-11-23T00:00:00Z&until=2026-11-23T03:00:00Z"


@pytest.fixture(scope="module")
def fed() -> list[str]:
    """Instants of a walk in Rusong with a silence of half an hour in the middle."""
    return [f"2026-11-23T01:{minute:02d}:00Z" for minute in (0, 1, 2, 32, 33)]


def test_a_track_comes_in_lines_with_a_masked_name(clients: Any, fed: list[str]):
    """What was fed is told in order, broken at the silence; who is posted in the grid is found by it too."""
    body = [{"worker": "W31", "lon": 124.002 + n * 1e-3, "lat": 45.0, "at": at} for n, at in enumerate(fed)]
    answer = clients.dispatcher.post("/api/positions", json={"crs": "cgcs2000", "positions": body})
    assert answer.json() == {"accepted": 5, "unknown": []}
    told = clients.officer.get(f"/api/tracks?workers=W31&{SPAN}").json()
    (track,) = told["tracks"]
    assert (track["worker"], track["name"], told["gap_s"]) == ("W31", "王*", 600)
    assert [len(line) for line in track["lines"]] == [2, 2]  # an even pace needs no word in the middle
    assert track["lines"][0][0] == [124.002, 45.0, 1795395600]
    assert clients.officer.get(f"/api/tracks?grid=220723003&{SPAN}").json() == told
    assert clients.officer.get(f"/api/tracks?workers=W32&{SPAN}").json()["tracks"] == []


@pytest.mark.parametrize(
    ("query", "status", "field"),
    [
        (f"workers=W31&worker=W32&{SPAN}", 400, "worker"),
        (SPAN, 422, "workers"),
        (f"workers=W31&grid=220723003&{SPAN}", 422, "workers"),
        ("workers=W31&since=2026-11-23T00:00:00Z", 422, "until"),
        ("workers=W31&since=yesterday&until=2026-11-23T03:00:00Z", 422, "since"),
        ("workers=W31&since=2026-11-23T00:00:00&until=2026-11-23T03:00:00Z", 422, "since"),
        ("workers=W31&since=2026-11-23T03:00:00Z&until=2026-11-23T03:00:00Z", 422, "until"),
        ("workers=W31&since=2026-11-01T03:00:00Z&until=2026-11-23T03:00:00Z", 422, "until"),
        (f"workers={','.join(f'W{n}' for n in range(21))}&{SPAN}", 422, "workers"),
        (f"workers=W99&{SPAN}", 422, "workers"),
        (f"workers=W11&{SPAN}", 422, "workers"),
        (f"grid=xx&{SPAN}", 422, "grid"),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(clients: Any, query: str, status: int, field: str):
    """Each refusal names its parameter; a worker of another street is as unknown as one that doesn't exist."""
    answer = clients.officer.get(f"/api/tracks?{query}")
    assert (answer.status_code, answer.json()["field"]) == (status, field)


def test_more_than_an_answer_holds_are_refused_with_what_to_do(clients: Any, monkeypatch: pytest.MonkeyPatch):
    """A street has more workers on their rounds than can be told apart: their number, and how to ask for fewer."""
    monkeypatch.setattr("db.tracks.MOST_WORKERS", 1)
    body = [
        {"worker": worker, "lon": 124.002, "lat": 45.0, "at": f"2026-11-23T01:{minute}:00Z"}
        for worker in ("W31", "W32")
        for minute in (34, 35)
    ]
    fed = clients.dispatcher.post("/api/positions", json={"crs": "cgcs2000", "positions": body})
    assert fed.json() == {"accepted": 4, "unknown": []}
    span = "since=2026-11-23T01:33:30Z&until=2026-11-23T03:00:00Z"
    answer = clients.officer.get(f"/api/tracks?grid=220723003&{span}")
    told = answer.json()
    assert (answer.status_code, told["field"]) == (422, "grid")
    assert "符合的有 2 个，一次最多 1 个；请缩小范围，或指明其中几个" in told["detail"]
    assert told["reason"].startswith("2 workers have tracks there, at most 1 are told at once: name some by workers")
    assert len(clients.officer.get(f"/api/tracks?workers=W31&{span}").json()["tracks"]) == 1

"""A small tree of grids and the people posted in it, as the ranking's tests see them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from governance.dispatch import Candidate
from governance.policy import Rules

NOW = datetime(2026, 11, 23, 6, 5, tzinfo=UTC)
STREET, COMMUNITY, QUARTER, TOWER = "001", "001001", "001001001", "001001901"
PARENT = {
    TOWER: QUARTER,
    QUARTER: COMMUNITY,
    "001001002": COMMUNITY,
    "001001902": "001001002",
    COMMUNITY: STREET,
    "001002": STREET,
    "001002001": "001002",
    STREET: None,
    "002": None,
    "002001": "002",
    "002001001": "002001",
}
"""Two streets; the incident's quarter has a tower, and so has its sibling."""

NEED = (QUARTER, COMMUNITY, STREET)
RULES = Rules(
    people=1,
    pools=frozenset({"full_time"}),
    posts=frozenset(),
    origins=frozenset(),
    skills=frozenset(),
    cap=3,
    max_distance_m=20_000,
    freshness_s=1800,
    excludes_stale=False,
    rest_s=0,
    shortlist=8,
    mode="walk",
)


def chain(code: str) -> tuple[str, ...]:
    codes = [code]
    while (parent := PARENT[codes[-1]]) is not None:
        codes.append(parent)
    return tuple(codes)


def candidate(code: str = "W1", at: str = QUARTER, **facts: object) -> Candidate:
    given = {
        "worker_id": int(code[1:]),
        "code": code,
        "name": "王*",
        "post": "grid_chief",
        "origin": "community_staff",
        "grid_code": at,
        "grid_chain": chain(at),
        "distance_m": 320.0,
        "travel_s": None,
        "load": 1,
        "cap": 3,
        "skills": frozenset({1}),
        "pool": "full_time",
        "on_duty": True,
        "positioned_at": NOW - timedelta(minutes=1),
        "idle_since": NOW - timedelta(hours=1),
        "finished_at": None,
        "lon": 124.018,
        "lat": 45.005,
    }
    return Candidate(**{**given, **facts})

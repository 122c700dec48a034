"""What came up before: places where a class of incidents returns, and how the like of a case was settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.sql import statement
from db.territory import subtree
from geo.errors import InvalidInput

RADII_M = (10, 500)
LEAST = 2
"""Incidents that a hot-spot has at the very least: one alone is no return."""
_MOST = 200
_LATEST = 500
"""Closed incidents of the class that are looked at for the like of a case."""
_METRES_A_DAY = 5
"""Two months weigh as much as 300 m: what happened next door last year tells more than yesterday's across the town."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hotspot:
    """A place where incidents of one minor class came up again. `numbers` begin with the newest.

    The centre is the geometric median, in degrees (EPSG:4490); `reach_m` is the radius of the smallest circle around
    them all.
    """

    class_code: str
    class_name: str
    major_name: str
    lon: float
    lat: float
    count: int
    open_count: int
    numbers: tuple[str, ...]
    first_at: datetime
    last_at: datetime
    reach_m: float
    grid_code: str
    grid_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SimilarCase:
    """A closed incident that was like another: how far away, how it was settled and in what time."""

    no: str
    title: str
    severity: int
    address: str
    grid_name: str
    reported_at: datetime
    closed_at: datetime | None
    settle_s: float | None
    """From the report to the resolution."""
    distance_m: float
    opinion: str
    handler: str


def hotspots(
    session: Session,
    *,
    since: datetime,
    until: datetime,
    radius_m: float = 50,
    at_least: int = 3,
    grid: str | None = None,
    limit: int = _MOST,
) -> list[Hotspot]:
    """Where incidents reported from `since` to `until` return, most of them first.

    `at_least` of one class lie within `radius_m` of one of them, by DBSCAN; `grid` takes in all below it.
    Raises `InvalidInput` naming `radius_m` or `at_least`, `UnknownCode` for a grid that there isn't.
    """
    if not RADII_M[0] <= radius_m <= RADII_M[1]:
        raise InvalidInput(f"a radius of {RADII_M[0]} to {RADII_M[1]} m", field="radius_m")
    if at_least < LEAST:
        raise InvalidInput(f"a hot-spot has at least {LEAST} incidents", field="at_least")
    wanted = {
        "since": since,
        "until": until,
        "radius_m": radius_m,
        "at_least": at_least,
        "grids": subtree(session, grid) if grid else None,
        "limit": limit,
    }
    found = (row._asdict() for row in session.execute(statement("hotspots"), wanted))
    return [Hotspot(**row | {"numbers": tuple(row["numbers"])}) for row in found]


def similar_cases(session: Session, no: str, *, limit: int = 5) -> list[SimilarCase]:
    """Closed incidents of the same class before this one, the nearest in space and time first, as far as one sees.

    None for an incident that isn't there or out of scope.
    """
    asked = {"no": no, "limit": limit, "latest": _LATEST, "metres_a_day": _METRES_A_DAY}
    found = (row._asdict() for row in session.execute(statement("similar_cases"), asked))
    return [SimilarCase(**row | {"opinion": row["opinion"] or "", "handler": row["handler"] or ""}) for row in found]

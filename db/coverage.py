"""Where nobody is free at the moment, and who could move there."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy.orm import Session

from db.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Mover:
    """A free responder who could go to stand in elsewhere; `name` is masked."""

    code: str
    name: str
    distance_m: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Gap:
    """A quarter where nobody is free: all of its people on duty have something in hand, or something waits there.

    `geometry` is GeoJSON text (CRS84). `mover` is the nearest who is free elsewhere, None when there is nobody.
    """

    code: str
    name: str
    on_duty: int
    waiting: int
    mover: Mover | None
    geometry: str


def gaps(session: Session) -> list[Gap]:
    """The quarters in scope without anybody free, those where most waits first.

    Free is who is on duty in a pool of the policy with nothing in hand. Whoever is the last free one of a quarter stays
    there.
    """
    return [
        Gap(
            code=row.code,
            name=row.name,
            on_duty=row.on_duty,
            waiting=row.waiting,
            mover=None
            if row.mover_code is None
            else Mover(code=row.mover_code, name=row.mover_name, distance_m=row.distance_m),
            geometry=row.geometry,
        )
        for row in session.execute(statement("coverage"))
    ]

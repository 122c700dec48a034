"""What an incident's sheet tells beyond its case: everybody who was sent, not only who is on the way."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db.sql import statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """Somebody who was sent; the name is masked without the right to it, None for a worker out of scope."""

    worker_name: str | None
    worker_code: str | None
    status: str
    distance_m: float
    dispatched_at: datetime
    acknowledged_at: datetime | None
    arrived_at: datetime | None
    ended_at: datetime | None
    is_override: bool
    reason: str


def sent_to(session: Session, no: str) -> list[Sent]:
    """Everybody who was ever sent to the incident, in order; empty when nobody was."""
    return [Sent(**row._asdict()) for row in session.execute(statement("sent"), {"no": no})]

"""Devices as they report themselves."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import func, select, text
from sqlalchemy.orm import Session

from db.models import Device
from db.session import Database
from db.territory import subtree
from geo.errors import InvalidInput, UnknownCode
from governance.access import Permission, Principal

STATUSES = ("online", "offline", "alarm")

_SET_STATUS = text(
    """UPDATE device AS d
    SET status = n.status, status_at = :now
    FROM unnest(CAST(:codes AS text[]), CAST(:statuses AS text[])) AS n(code, status)
    WHERE d.code = n.code AND d.status <> n.status"""
)


def set_status(database: Database, principal: Principal, statuses: Mapping[str, str], *, now: datetime) -> None:
    """Records each device's status. Raises `InvalidInput`, `UnknownCode` (nothing is recorded then), `NotPermitted`."""
    principal.require(Permission.FEED_POSITIONS)
    for row, status in enumerate(statuses.values(), start=1):
        if status not in STATUSES:
            raise InvalidInput(f"a device is {', '.join(STATUSES)}", field="status", row=row)
    with database.session(principal) as session:
        known = set(session.scalars(select(Device.code).where(Device.code.in_(statuses))))
        for row, code in enumerate(statuses, start=1):
            if code not in known:
                raise UnknownCode(f"there is no device {code}", field="device", row=row)
        write_status(session, statuses, now=now)


def write_status(session: Session, statuses: Mapping[str, str], *, now: datetime) -> None:
    """Writes statuses that were checked, in a transaction of the caller's own."""
    codes = sorted(statuses)
    session.execute(_SET_STATUS, {"codes": codes, "statuses": [statuses[c] for c in codes], "now": now})


def tally(session: Session, *, grid: str | None = None) -> dict[str, int]:
    """How many devices there are by status, every status named; `grid` takes in all below it."""
    by_status = select(Device.status, func.count()).group_by(Device.status)
    if grid:
        by_status = by_status.where(Device.quarter_code.in_(subtree(session, grid)))
    counted = {row.status: int(row[1]) for row in session.execute(by_status)}
    return {status: counted.get(status, 0) for status in STATUSES}

"""What comes in by itself: positions of workers, statuses of devices."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

import db.devices
import db.positions
from api.bodies import AlarmsBody, PositionsBody
from api.guard import Feeder, GuardedRoute
from db.positions import Fix
from geo.errors import InvalidInput

router = APIRouter(prefix="/api", route_class=GuardedRoute, tags=["feeds"])


@router.post("/positions")
def positions(body: PositionsBody, caller: Feeder) -> dict[str, Any]:
    """Records where workers are: how many were accepted, which codes are unknown."""
    fixes = [Fix(worker=f.worker, lon=f.lon, lat=f.lat, crs=body.crs, at=f.at) for f in body.positions]
    done = db.positions.record(caller.context.database, caller.principal, fixes, now=caller.now)
    return {"accepted": done.accepted, "unknown": list(done.unknown)}


@router.post("/alarms")
def alarms(body: AlarmsBody, caller: Feeder) -> dict[str, Any]:
    """Sets the statuses of devices, all of them or none. An alarm doesn't open an incident yet."""
    statuses: dict[str, str] = {}
    for row, alarm in enumerate(body.alarms, start=1):
        if alarm.device in statuses:
            raise InvalidInput("a device appears twice", field="device", row=row)
        statuses[alarm.device] = alarm.status
    db.devices.set_status(caller.context.database, caller.principal, statuses, now=caller.now)
    return {"accepted": len(statuses)}

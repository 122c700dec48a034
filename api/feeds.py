"""What comes in by itself: positions of workers, statuses and alarms of devices."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

import db.alarms
import db.positions
from api.bodies import AlarmsBody, PositionsBody
from api.guard import Feeder, GuardedRoute
from db.alarms import Alarm
from db.positions import Fix

router = APIRouter(prefix="/api", route_class=GuardedRoute, tags=["feeds"])


@router.post("/positions")
def positions(body: PositionsBody, caller: Feeder) -> dict[str, Any]:
    """Records where workers are: how many were accepted, which codes are unknown."""
    fixes = [Fix(worker=f.worker, lon=f.lon, lat=f.lat, crs=body.crs, at=f.at) for f in body.positions]
    done = db.positions.record(caller.context.database, caller.principal, fixes, now=caller.now)
    return {"accepted": done.accepted, "unknown": list(done.unknown)}


@router.post("/alarms")
def alarms(body: AlarmsBody, caller: Feeder) -> dict[str, Any]:
    """Takes what devices say, whole or not at all: the first alarm of a type opens an incident, later ones count."""
    said = [Alarm(device=a.device, type=a.type, at=a.at, is_clear=a.cleared, status=a.status) for a in body.alarms]
    done = db.alarms.record(caller.context.database, caller.principal, said, now=caller.now)
    return {
        "accepted": done.accepted,
        "opened": list(done.opened),
        "joined": list(done.joined),
        "repeated": done.repeated,
        "cleared": done.cleared,
        "ignored": done.ignored,
    }

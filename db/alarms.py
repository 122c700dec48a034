"""Alarms of devices: grouped by device and type, each group at an incident that its first alarm opened or joined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db import models
from db.devices import STATUSES, write_status
from db.incidents import Report, report_within
from db.session import Database
from geo.errors import InvalidInput, NotPermitted, UnknownCode
from governance.access import Permission, Principal
from governance.alarms import Reading, reading
from governance.incident import Source

_FUTURE = timedelta(minutes=1)
"""What a device's clock may be ahead."""
_LONGEST_TITLE = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Alarm:
    """What a device (by code) says. With a `type`: that alarm was raised, or taken back (`is_clear`), at `at` or now.

    Without one: its `status` and nothing more. With both, the device gets that status whatever its alarms are.
    """

    device: str
    type: str | None = None
    at: datetime | None = None
    is_clear: bool = False
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmsRecorded:
    """What became of a batch: numbers of incidents opened and joined, and how many alarms were repeats, ends, old."""

    accepted: int
    opened: tuple[str, ...]
    joined: tuple[str, ...]
    repeated: int
    cleared: int
    ignored: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmGroup:
    """Alarms of one type from one device, as a case shows them; `count` takes in the first."""

    device_code: str
    device_name: str
    device_kind: str
    alarm_type: str
    alarm_name: str
    first_at: datetime
    last_at: datetime
    count: int
    cleared_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Device:
    """A device as an alarm needs it; degrees in EPSG:4490."""

    id: int
    code: str
    name: str
    kind: str
    quarter_code: str
    quarter_name: str
    lon: float
    lat: float


# In one order for everybody: the lock is what makes two deliveries of a device's first alarm one after the other.
_DEVICES = text(
    """SELECT d.id, d.code, d.name, d.kind, d.quarter_code, g.name AS quarter_name, ST_X(d.geom) AS lon,
        ST_Y(d.geom) AS lat
    FROM device AS d
    JOIN grid AS g ON g.code = d.quarter_code
    WHERE d.code = ANY (CAST(:codes AS text[]))
    ORDER BY d.id
    FOR NO KEY UPDATE OF d"""
)

_LATEST = text(
    """SELECT a.id, a.last_at, a.cleared_at,
        CASE WHEN NOT i.is_open THEN (SELECT max(s.at) FROM incident_step AS s WHERE s.incident_id = i.id) END
            AS finished_at
    FROM device_alarm AS a
    LEFT JOIN incident AS i ON i.id = a.incident_id
    WHERE a.device_id = :device AND a.alarm_type = :type
    ORDER BY a.id DESC
    LIMIT 1"""
)

_OPEN_INCIDENT = text(
    """SELECT i.id, i.no
    FROM device_alarm AS a
    JOIN incident AS i ON i.id = a.incident_id
    WHERE a.device_id = :device AND i.class_code = :class_code AND i.is_open
    ORDER BY i.id DESC
    LIMIT 1"""
)

_BEGIN = text(
    """INSERT INTO device_alarm (device_id, alarm_type, first_at, last_at, repeat_count, incident_id)
    VALUES (:device, :type, :at, :at, 0, :incident)"""
)
_REPEAT = text("UPDATE device_alarm SET last_at = :at, repeat_count = repeat_count + 1 WHERE id = :group")
_END = text("UPDATE device_alarm SET cleared_at = greatest(last_at, :at) WHERE id = :group")

_STILL_ON = text(
    """SELECT DISTINCT d.code
    FROM device_alarm AS a
    JOIN device AS d ON d.id = a.device_id
    WHERE a.cleared_at IS NULL AND d.code = ANY (CAST(:codes AS text[]))
    ORDER BY d.code"""
)

_OF_INCIDENT = text(
    """SELECT d.code AS device_code, d.name AS device_name, d.kind AS device_kind, a.alarm_type, t.name AS alarm_name,
        a.first_at, a.last_at, a.repeat_count + 1 AS count, a.cleared_at
    FROM device_alarm AS a
    JOIN incident AS i ON i.id = a.incident_id
    JOIN device AS d ON d.id = a.device_id
    JOIN alarm_type AS t ON t.code = a.alarm_type
    WHERE i.no = :no
    ORDER BY a.first_at, a.id"""
)


def record(database: Database, principal: Principal, alarms: Sequence[Alarm], *, now: datetime) -> AlarmsRecorded:
    """Takes a batch, all or none; it may be delivered twice, and by several processes at once.

    The first alarm of a type from a device opens an incident at the device's place, or joins the open one of the same
    class that another alarm of the device opened. Later ones only raise the group's count while that incident is open.
    Raises `InvalidInput`, `UnknownCode` and `NotPermitted` (role, or a device out of the caller's grids) with the row.
    """
    principal.require(Permission.FEED_POSITIONS)
    for row, alarm in enumerate(alarms, start=1):
        _check(alarm, row, now)
    statuses = _statuses(alarms)
    with database.session(principal) as session:
        codes = sorted({alarm.device for alarm in alarms})
        found = session.execute(_DEVICES, {"codes": codes})
        devices = {row.code: _Device(**row._asdict()) for row in found}
        types = {kind.code: kind for kind in session.scalars(select(models.AlarmType))}
        for row, alarm in enumerate(alarms, start=1):
            _check_known(alarm, row, devices, types, principal)
        took = _Batch(session, principal, now)
        typed = [(alarm.at or now, alarm) for alarm in alarms if alarm.type is not None]
        for at, alarm in sorted(typed, key=lambda pair: pair[0]):
            took.take(devices[alarm.device], types[alarm.type or ""], at, is_clear=alarm.is_clear)
        # A status that came with old news is old news too.
        old = {alarm.device for alarm in alarms if alarm.type is not None} - took.moved
        statuses = {code: status for code, status in statuses.items() if code not in old}
        silent = sorted(took.moved - set(statuses))
        still_on = set(session.scalars(_STILL_ON, {"codes": silent}))
        statuses |= {code: "alarm" if code in still_on else "online" for code in silent}
        write_status(session, statuses, now=now)
        return took.told(accepted=len(alarms))


def of_incident(session: Session, no: str) -> list[AlarmGroup]:
    """The alarms that an incident stands on, the first ones first; none for an incident that no device reported."""
    return [AlarmGroup(**row._asdict()) for row in session.execute(_OF_INCIDENT, {"no": no})]


class _Batch:
    """A batch on its way into one transaction, and what became of it so far."""

    def __init__(self, session: Session, principal: Principal, now: datetime) -> None:
        self._session, self._principal, self._now = session, principal, now
        self._taken = dict.fromkeys(Reading, 0)
        self._opened: list[str] = []
        self._joined: list[str] = []
        self.moved: set[str] = set()
        """Devices that said something new."""

    def take(self, device: _Device, kind: models.AlarmType, at: datetime, *, is_clear: bool) -> None:
        """Reads one alarm, and does what it means."""
        latest = self._session.execute(_LATEST, {"device": device.id, "type": kind.code}).one_or_none()
        last_at, cleared_at, finished_at = (None, None, None) if latest is None else latest[1:]
        meant = reading(at, is_clear=is_clear, last_at=last_at, cleared_at=cleared_at, finished_at=finished_at)
        self._taken[meant] += 1
        if meant is Reading.IGNORED:
            return
        self.moved.add(device.code)
        if latest is not None and meant is Reading.REPEATED:
            self._session.execute(_REPEAT, {"group": latest.id, "at": at})
        elif latest is not None and meant is Reading.CLEARED:
            self._session.execute(_END, {"group": latest.id, "at": at})
        else:
            if latest is not None and cleared_at is None:
                self._session.execute(_END, {"group": latest.id, "at": finished_at})
            incident_id = self._incident(device, kind)
            values = {"device": device.id, "type": kind.code, "at": at, "incident": incident_id}
            self._session.execute(_BEGIN, values)

    def _incident(self, device: _Device, kind: models.AlarmType) -> int:
        """The incident that a new group belongs to: an open one of the device and class, otherwise a new one."""
        here = {"device": device.id, "class_code": kind.class_code}
        known = self._session.execute(_OPEN_INCIDENT, here).one_or_none()
        if known is not None:
            self._joined.append(known.no)
            return int(known.id)
        is_told = device.name.startswith(device.quarter_name)
        placed = device.name if is_told else f"{device.quarter_name}{device.name}"
        made = report_within(
            self._session,
            self._principal,
            Report(
                title=f"{placed} {kind.name}"[:_LONGEST_TITLE],
                class_code=kind.class_code,
                severity=kind.severity,
                lon=device.lon,
                lat=device.lat,
                crs="cgcs2000",
                source=Source.DEVICE,
                description=f"智能设备自动报警：{placed}（设备编号 {device.code}）{kind.name}。",
            ),
            now=self._now,
        )
        self._opened.append(made.no)
        return self._session.scalars(select(models.Incident.id).where(models.Incident.no == made.no)).one()

    def told(self, *, accepted: int) -> AlarmsRecorded:
        """What became of the batch."""
        return AlarmsRecorded(
            accepted=accepted,
            opened=tuple(self._opened),
            joined=tuple(self._joined),
            repeated=self._taken[Reading.REPEATED],
            cleared=self._taken[Reading.CLEARED],
            ignored=self._taken[Reading.IGNORED],
        )


def _check(alarm: Alarm, row: int, now: datetime) -> None:
    if alarm.status is not None and alarm.status not in STATUSES:
        raise InvalidInput(f"a device is {', '.join(STATUSES)}", field="status", row=row)
    if alarm.type is None:
        if alarm.status is None:
            raise InvalidInput("a device says a status or a type of alarm", field="status", row=row)
        for field, is_given in (("at", alarm.at is not None), ("cleared", alarm.is_clear)):
            if is_given:
                raise InvalidInput(f"{field} goes with a type of alarm", field=field, row=row)
        return
    if alarm.status == "online" and not alarm.is_clear:
        raise InvalidInput("a device whose alarm is on isn't merely online", field="status", row=row)
    if alarm.at is not None and alarm.at.tzinfo is None:
        raise InvalidInput("an instant needs its time zone", field="at", row=row)
    if alarm.at is not None and alarm.at > now + _FUTURE:
        raise InvalidInput("the alarm lies in the future", field="at", row=row)


def _statuses(alarms: Sequence[Alarm]) -> dict[str, str]:
    """The statuses that devices state themselves. Raises `InvalidInput` where one states two."""
    statuses: dict[str, str] = {}
    for row, alarm in enumerate(alarms, start=1):
        if alarm.status is None:
            continue
        if alarm.device in statuses:
            raise InvalidInput("a device appears twice", field="device", row=row)
        statuses[alarm.device] = alarm.status
    return statuses


def _check_known(
    alarm: Alarm,
    row: int,
    devices: Mapping[str, _Device],
    types: Mapping[str, models.AlarmType],
    principal: Principal,
) -> None:
    device = devices.get(alarm.device)
    if device is None:
        raise UnknownCode(f"there is no device {alarm.device}", field="device", row=row)
    if alarm.type is None:
        return
    if alarm.type not in types:
        raise UnknownCode(f"there is no type of alarm {alarm.type}", field="type", row=row)
    if device.kind not in types[alarm.type].device_kinds:
        raise InvalidInput(f"a {device.kind} doesn't raise {alarm.type}", field="type", row=row)
    if not device.quarter_code.startswith(principal.grid_prefix):
        raise NotPermitted("the device lies outside of your grids", device=alarm.device, row=row)

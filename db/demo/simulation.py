"""The live demo: workers walk, incidents come and go, devices drop out, shifts change. Never on real data."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
from sqlalchemy import text

from db import devices, incidents, positions
from db.demo.desk import Desk
from db.demo.matters import Matters
from db.demo.names import NamePools
from db.demo.walking import Walkers
from db.profiles import PROFILES, read_profile
from db.session import Database
from db.territory import county
from geo.errors import GridCommandError, NotPermitted, OutsideCounty, Unavailable
from governance.access import SYSTEM
from governance.profile import Profile

LOG = logging.getLogger(__name__)

TICK_S = 2.0
_RETRY_S = 15.0
_LOCK = 220_724
"""Advisory lock: one simulation a database, however many processes serve it."""

_ARRIVAL_MEAN_S = 150.0
"""Between incidents: at about seven steps each, something is seen to happen every twenty seconds."""
_MOST_OPEN = 90
"""Beyond this nothing new comes up, whatever people do."""
_WALK_EVERY_S = 8.0
_DEVICES_EVERY_S = 10.0
_RELIEF_MEAN_S = 75.0
"""Between two workers who relieve each other."""
_POSITION_KNOWN = 0.26
_OUTAGE_MEAN_S = 55.0
_RECOVERY_MEAN_S = {"offline": 1_700.0, "alarm": 400.0}
_ALARM_SHARE = 0.15
_JITTER_M = 35.0
_LONGEST_TICK = timedelta(seconds=20)
_SEED = 20_260_101

_PLACE = text(
    """SELECT b.name, b.address, ST_X(ST_Centroid(b.geom)) AS lon, ST_Y(ST_Centroid(b.geom)) AS lat, g.name AS grid_name
    FROM building AS b
    JOIN grid AS g ON g.code = b.grid_code
    ORDER BY b.id
    OFFSET :place
    LIMIT 1"""
)
_BUILDINGS = text("SELECT count(*) FROM building")
_DEVICES = text("SELECT code, status FROM device ORDER BY code")

# One who may go home and one who may come, of the same kind: the number on duty stays.
_RELIEF = text(
    """SELECT w.code, r.on_duty, ST_X(ST_Transform(r.point, 4490)) AS lon, ST_Y(ST_Transform(r.point, 4490)) AS lat
    FROM responder AS r
    JOIN worker AS w ON w.id = r.worker_id
    WHERE r.pool = :pool AND r.load = 0 AND r.on_duty = :on_duty
    ORDER BY md5(w.code || :salt), w.code
    LIMIT 1"""
)


@dataclass(slots=True)
class _Every:
    """Something that is done at intervals."""

    interval_s: float
    last_at: datetime | None = None

    def passed_s(self, now: datetime) -> float:
        """Seconds since it was last done, when it is due again (the first time, the interval); else 0."""
        span = timedelta(seconds=self.interval_s) if self.last_at is None else now - self.last_at
        if span.total_seconds() < self.interval_s:
            return 0.0
        self.last_at = now
        return min(span, _LONGEST_TICK).total_seconds()


class Simulation:
    """A live demo county. `clock` gives the time (aware); the same seed draws the same chances."""

    def __init__(
        self,
        database: Database,
        profile: Profile,
        *,
        seed: int = _SEED,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._clock = clock
        self._rng = np.random.default_rng(seed)
        self._zone = ZoneInfo(profile.timezone)
        names = PROFILES / profile.key / "demo_names.json"
        reporters = NamePools.read(names).people(self._rng, count=200) if names.is_file() else ["居民"]
        self._matters = Matters.of(profile, reporters=reporters, rng=self._rng)
        self._desk = Desk(database, self._rng)
        self._walkers: Walkers | None = None
        self._ticks = _Every(TICK_S / 2)
        self._walks = _Every(_WALK_EVERY_S)
        self._looks_at_devices = _Every(_DEVICES_EVERY_S)

    def tick(self, now: datetime) -> None:
        """Everything that happens between the last tick and `now`. Raises `NotPermitted` on data that is no demo."""
        with self._database.session(SYSTEM) as session:
            place = county(session)
            if not place.is_demo:
                raise NotPermitted("the simulation runs on demo data only")
            if self._walkers is None:
                self._walkers = Walkers.on_roads(session, srid=place.metric_srid, rng=self._rng)
        span_s = self._ticks.passed_s(now)
        if self._walks.passed_s(now):
            self._walk(self._walkers, now=now)
        open_count = self._desk.turn(now=now, span_s=span_s)
        if open_count < _MOST_OPEN and self._happens(span_s, _ARRIVAL_MEAN_S):
            self._report(now=now)
        if self._happens(span_s, _RELIEF_MEAN_S):
            self._relieve(self._walkers, now=now)
        if devices_s := self._looks_at_devices.passed_s(now):
            self._watch_devices(devices_s, now=now)

    def run(self, stop: threading.Event) -> None:
        """Ticks until `stop` is set; what goes wrong is logged and tried again.

        Only one process a database simulates: another waits until the first has gone.
        """
        while not stop.is_set():
            try:
                self._run_alone(stop)
            except NotPermitted as error:
                LOG.warning("no simulation: %s", error)
                return
            except Exception:
                LOG.exception("the simulation stumbled and goes on in %s s", _RETRY_S)
            stop.wait(_RETRY_S)

    def _run_alone(self, stop: threading.Event) -> None:
        """Ticks while this process holds the lock, on a connection of its own that takes the lock with it."""
        connection = self._database.engine.connect()
        connection.detach()
        try:
            if not connection.scalar(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK}):
                return
            connection.commit()
            while not stop.wait(TICK_S):
                self.tick(self._clock())
        finally:
            connection.close()

    def _happens(self, span_s: float, mean_s: float) -> bool:
        """Whether something that comes every `mean_s` seconds on average came within `span_s`."""
        return bool(self._rng.random() < 1 - np.exp(-span_s / mean_s))

    def _walk(self, walkers: Walkers, *, now: datetime) -> None:
        with self._database.session(SYSTEM) as session:
            fixes = walkers.next_fixes(session, now=now)
        positions.record(self._database, SYSTEM, fixes, now=now)

    def _report(self, *, now: datetime) -> None:
        with self._database.session(SYSTEM) as session:
            count = session.scalar(_BUILDINGS) or 0
            if count == 0:
                return
            where = session.execute(_PLACE, {"place": int(self._rng.integers(count))}).one()
        matter = self._matters.draw(now.astimezone(self._zone).date())
        east, north = self._rng.normal(0, _JITTER_M, size=2).tolist()
        # A place at the rim may be jittered over it: then nothing was seen.
        with suppress(OutsideCounty):
            incidents.report(
                self._database,
                SYSTEM,
                incidents.Report(
                    title=f"{where.grid_name}{matter.kind.name}",
                    class_code=matter.kind.code,
                    severity=matter.severity,
                    lon=where.lon + east / (111_320 * np.cos(np.radians(where.lat))),
                    lat=where.lat + north / 111_320,
                    crs="cgcs2000",
                    source=matter.source,
                    description=matter.told(f"{where.name}附近"),
                    address=where.address,
                    reporter_name=matter.reporter_name,
                    reporter_phone=matter.reporter_phone,
                    request_key=f"simulation-{now.isoformat()}",
                ),
                now=now,
            )

    def _relieve(self, walkers: Walkers, *, now: datetime) -> None:
        pool = "full_time" if self._rng.random() < 0.9 else "part_time"  # noqa: PLR2004  as they are on duty
        salt = now.isoformat()
        with self._database.session(SYSTEM) as session:
            comes = session.execute(_RELIEF, {"pool": pool, "on_duty": False, "salt": salt}).one_or_none()
            goes = session.execute(_RELIEF, {"pool": pool, "on_duty": True, "salt": salt}).one_or_none()
        if comes is None or goes is None:
            return
        positions.set_duty(self._database, SYSTEM, {comes.code: True, goes.code: False}, now=now)
        if self._rng.random() < _POSITION_KNOWN:
            fixes = walkers.first_fixes([(comes.code, comes.lon, comes.lat)], now=now)
            positions.record(self._database, SYSTEM, fixes, now=now)

    def _watch_devices(self, span_s: float, *, now: datetime) -> None:
        with self._database.session(SYSTEM) as session:
            status = {row.code: row.status for row in session.execute(_DEVICES)}
        changes: dict[str, str] = {
            code: "online"
            for code, current in status.items()
            if current in _RECOVERY_MEAN_S and self._happens(span_s, _RECOVERY_MEAN_S[current])
        }
        online = [code for code, current in status.items() if current == "online"]
        if online and self._happens(span_s, _OUTAGE_MEAN_S):
            which = online[int(self._rng.integers(len(online)))]
            changes[which] = "alarm" if self._rng.random() < _ALARM_SHARE else "offline"
        if changes:
            devices.set_status(self._database, SYSTEM, changes, now=now)


def run_on_demo_data(database: Database, stop: threading.Event) -> None:
    """Simulates until `stop` is set, if the database holds a demo county; says so in the log if it doesn't."""
    while not stop.is_set():
        try:
            with database.session(SYSTEM) as session:
                place = county(session)
            break
        except Unavailable as error:
            LOG.info("no simulation yet: %s", error)
            stop.wait(_RETRY_S)
    else:
        return
    if not place.is_demo:
        LOG.info("no simulation: %s is no demo county", place.name)
        return
    try:
        profile = read_profile(place.profile)
    except GridCommandError as error:
        LOG.warning("no simulation: %s", error)
        return
    Simulation(database, profile).run(stop)

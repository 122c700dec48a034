"""Alarms of devices that become incidents: grouped, repeated, ended, and delivered twice or at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from db import alarms, cases, handling
from db.alarms import Alarm
from db.session import Database
from geo.errors import InvalidInput, NotPermitted, UnknownCode
from governance.access import Principal, Role
from governance.incident import Severity, Source
from governance.lifecycle import Action
from tests.people import DISPATCHER, OFFICER, RUSONG, VIEWER

MINUTE = timedelta(minutes=1)


def device(database: Database, kind: str, *, outside: str = "none", nth: int = 0) -> str:
    with database.engine.connect() as connection:
        return connection.execute(
            text(
                "SELECT code FROM device WHERE kind = :kind AND NOT starts_with(quarter_code, :outside) "
                "ORDER BY code OFFSET :nth LIMIT 1"
            ),
            {"kind": kind, "outside": outside, "nth": nth},
        ).scalar_one()


def status(database: Database, code: str) -> str:
    with database.engine.connect() as connection:
        return connection.execute(text("SELECT status FROM device WHERE code = :code"), {"code": code}).scalar_one()


def total(database: Database) -> tuple[int, int]:
    with database.engine.connect() as connection:
        return tuple(
            connection.execute(
                text(
                    "SELECT (SELECT count(*) FROM incident), "
                    "(SELECT coalesce(sum(repeat_count + 1), 0) FROM device_alarm)"
                )
            ).one()
        )


def hot(code: str, at: datetime | None = None, *, type: str = "pile_overheat", is_clear: bool = False) -> Alarm:  # noqa: A002
    return Alarm(device=code, type=type, at=at, is_clear=is_clear)


def record(database: Database, *said: Alarm, now: datetime) -> alarms.AlarmsRecorded:
    return alarms.record(database, DISPATCHER, said, now=now)


def finish(database: Database, no: str, *, now: datetime) -> None:
    handling.advance(database, DISPATCHER, no, Action.REJECT, now=now, opinion="误报")


def test_the_first_alarm_opens_an_incident_at_the_device(county: Database, now: datetime):
    """It has the type's class and severity, lies where the device stands, and says which device it was."""
    pile = device(county, "charging_pile")
    done = record(county, hot(pile), now=now)
    assert (len(done.opened), done.joined, done.repeated) == (1, (), 0)
    with county.session(DISPATCHER) as session:
        opened = cases.get(session, done.opened[0])
        (group,) = alarms.of_incident(session, done.opened[0])
        name, quarter, lon, lat = session.execute(
            text(
                "SELECT d.name, g.name, ST_X(d.geom), ST_Y(d.geom) FROM device d "
                "JOIN grid g ON g.code = d.quarter_code WHERE d.code = :code"
            ),
            {"code": pile},
        ).one()
    assert opened.title.startswith(quarter)
    assert opened.title.endswith(f"{name} 过温告警")
    assert (opened.source, opened.class_code, opened.severity) == (Source.DEVICE, "0903", Severity.II)
    assert (opened.lon, opened.lat) == (lon, lat)
    assert quarter in [grid.name for grid in opened.chain]
    assert (group.device_code, group.count, group.cleared_at) == (pile, 1, None)
    assert status(county, pile) == "alarm"


def test_later_alarms_only_count(county: Database, now: datetime):
    """While the incident is open, the same alarm raises the count and the last instant, and opens nothing."""
    pile = device(county, "charging_pile")
    (no,) = record(county, hot(pile, now), now=now).opened
    done = record(county, hot(pile, now + MINUTE), hot(pile, now + 2 * MINUTE), now=now + 2 * MINUTE)
    assert (done.opened, done.joined, done.repeated) == ((), (), 2)
    with county.session(DISPATCHER) as session:
        (group,) = alarms.of_incident(session, no)
        assert len(cases.get(session, no).steps) == 1
    assert (group.count, group.first_at, group.last_at) == (3, now, now + 2 * MINUTE)


def test_an_alarm_that_comes_again_after_the_end_opens_another_incident(county: Database, now: datetime):
    """A finished incident isn't woken: the alarm begins a new group with an incident of its own."""
    pile = device(county, "charging_pile")
    (first,) = record(county, hot(pile, now), now=now).opened
    finish(county, first, now=now + MINUTE)
    (second,) = record(county, hot(pile, now + 2 * MINUTE), now=now + 2 * MINUTE).opened
    assert first != second
    with county.session(DISPATCHER) as session:
        assert [g.cleared_at for g in alarms.of_incident(session, first)] == [now + MINUTE]
        assert [g.cleared_at for g in alarms.of_incident(session, second)] == [None]


def test_clearing_ends_the_group_and_leaves_the_history_alone(county: Database, now: datetime):
    """The device is online again and the case shows the end; the incident keeps its status and its steps."""
    pile = device(county, "charging_pile")
    (no,) = record(county, hot(pile, now), now=now).opened
    done = record(county, hot(pile, now + MINUTE, is_clear=True), now=now + MINUTE)
    assert done.cleared == 1
    with county.session(DISPATCHER) as session:
        assert [g.cleared_at for g in alarms.of_incident(session, no)] == [now + MINUTE]
        assert [s.action for s in cases.get(session, no).steps] == ["report"]
    assert status(county, pile) == "online"


def test_a_device_is_in_alarm_as_long_as_one_alarm_is_on(county: Database, now: datetime):
    """Of two alarms, the end of one leaves the device in alarm."""
    pile = device(county, "charging_pile")
    record(county, hot(pile, now), hot(pile, now, type="pile_smoke"), now=now)
    record(county, hot(pile, now + MINUTE, is_clear=True), now=now + MINUTE)
    assert status(county, pile) == "alarm"


def test_an_alarm_joins_the_devices_open_incident_of_its_class(county: Database, now: datetime):
    """A camera that was covered and then went offline is one matter: two groups, one incident; smoke is another."""
    camera = device(county, "camera")
    (no,) = record(county, hot(camera, type="camera_covered"), now=now).opened
    done = record(county, hot(camera, type="camera_offline"), hot(camera, type="pile_smoke"), now=now + MINUTE)
    assert done.joined == (no,)
    assert len(done.opened) == 1
    with county.session(DISPATCHER) as session:
        assert {g.alarm_type for g in alarms.of_incident(session, no)} == {"camera_covered", "camera_offline"}


def test_a_batch_may_be_delivered_twice(county: Database, now: datetime):
    """The same device, type and instant counts once, also after the alarm was cleared; the status stays as well."""
    pile = device(county, "charging_pile")
    batch = (hot(pile, now), hot(pile, now + MINUTE), hot(pile, now + 2 * MINUTE, is_clear=True))
    record(county, *batch, now=now + 3 * MINUTE)
    before = total(county)
    again = record(county, *batch, now=now + 4 * MINUTE)
    assert (again.opened, again.repeated, again.cleared, again.ignored) == ((), 0, 0, 3)
    assert total(county) == before
    stated = Alarm(device=pile, type="pile_overheat", at=now, status="alarm")
    record(county, stated, now=now + 4 * MINUTE)
    assert status(county, pile) == "online"


def test_processes_that_deliver_the_first_alarm_at_once_open_one_incident(county: Database, now: datetime):
    """Sixteen deliveries over connections of their own: one incident, one group, and every alarm counted once."""
    pile = device(county, "charging_pile")
    before, _ = total(county)
    racers = [Database.open(county.url, pool_size=1) for _ in range(16)]
    gate = threading.Barrier(len(racers))

    def deliver(place: int) -> alarms.AlarmsRecorded:
        feeder = Principal(account=f"gateway{place}", role=Role.DISPATCHER)
        gate.wait()
        return alarms.record(racers[place], feeder, [hot(pile, now)], now=now)

    with ThreadPoolExecutor(len(racers)) as pool:
        results = list(pool.map(deliver, range(len(racers))))
    for racer in racers:
        racer.dispose()
    assert sum(len(done.opened) for done in results) == 1
    assert sum(done.ignored for done in results) == len(racers) - 1
    assert total(county) == (before + 1, 1)


def test_the_database_holds_one_open_group_itself(county: Database, now: datetime):
    """Even past the command, a second open group of the device and type is refused."""
    record(county, hot(device(county, "charging_pile")), now=now)
    again = text(
        "INSERT INTO device_alarm (device_id, alarm_type, first_at, last_at, repeat_count, incident_id) "
        "SELECT device_id, alarm_type, first_at, last_at, 0, incident_id FROM device_alarm"
    )
    with county.engine.connect() as connection, pytest.raises(Exception, match="uq_device_alarm_open"):
        connection.execute(again)


def test_a_status_alone_opens_nothing(county: Database, now: datetime):
    """A device that only says its status gets it, as before."""
    pile = device(county, "charging_pile")
    before = total(county)
    done = record(county, Alarm(device=pile, status="offline"), now=now)
    assert (done.accepted, done.opened) == (1, ())
    assert status(county, pile) == "offline"
    assert total(county) == before


@pytest.mark.parametrize(
    ("said", "kind", "field"),
    [
        ({"type": "pile_overheat"}, UnknownCode, "device"),
        ({"device": "camera", "type": "pile_overheat"}, InvalidInput, "type"),
        ({"device": "camera", "type": "boredom"}, UnknownCode, "type"),
        ({"device": "camera"}, InvalidInput, "status"),
        ({"device": "camera", "type": "camera_covered", "status": "online"}, InvalidInput, "status"),
        ({"device": "camera", "type": "camera_covered", "at": "late"}, InvalidInput, "at"),
        ({"device": "camera", "status": "alarm", "at": "now"}, InvalidInput, "at"),
        ({"device": "camera", "status": "online", "is_clear": True}, InvalidInput, "cleared"),
    ],
)
def test_a_bad_alarm_is_named_and_nothing_is_taken(
    shared_county: Database, now: datetime, said: dict[str, object], kind: type[InvalidInput], field: str
):
    """The error names row and field, and the good alarm before it has opened nothing."""
    good = hot(device(shared_county, "charging_pile"))
    instants = {"late": now + timedelta(hours=1), "now": now}
    bad = said | {"device": device(shared_county, "camera") if "device" in said else "none"}
    bad |= {"at": instants[str(said["at"])]} if "at" in said else {}
    before = total(shared_county)
    with pytest.raises(kind) as caught:
        record(shared_county, good, Alarm(**bad), now=now)
    assert (caught.value.row, caught.value.field) == (2, field)
    assert total(shared_county) == before


def test_feeding_alarms_has_its_right_and_its_scope(county: Database, now: datetime):
    """Viewers and officers feed none; a feeder of one street opens no incident in another."""
    elsewhere = device(county, "charging_pile", outside=RUSONG)
    for principal in (VIEWER, OFFICER, Principal(account="gw", role=Role.DISPATCHER, grid_prefix=RUSONG)):
        with pytest.raises(NotPermitted):
            alarms.record(county, principal, [hot(elsewhere)], now=now)


def test_groups_are_seen_with_their_device(county: Database, now: datetime):
    """An officer of another street sees neither the incident nor its alarms."""
    (no,) = record(county, hot(device(county, "charging_pile", outside=RUSONG)), now=now).opened
    with county.session(OFFICER) as session:
        assert alarms.of_incident(session, no) == []
        assert session.execute(text("SELECT count(*) FROM device_alarm")).scalar_one() == 0

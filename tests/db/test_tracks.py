"""Tracks: what is kept of a stream of positions, who may read it, and when it goes."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from db import positions, tracks
from db.positions import Fix
from db.session import Database
from geo.errors import InvalidInput, UnknownCode
from governance.access import Principal
from governance.privacy import mask_name
from tests.people import DISPATCHER, OFFICER, PLANNER, RUSONG, VIEWER

LON, LAT = 124.018, 45.005
STEP_DEG = 10 / 111_130
"""Ten metres northwards."""
S = timedelta(seconds=1)


def fix(worker: str, at: datetime, steps: int) -> Fix:
    return Fix(worker=worker, lon=LON, lat=LAT + steps * STEP_DEG, crs="cgcs2000", at=at)


def kept(database: Database, worker: str) -> list[tuple[datetime, int]]:
    """Instant and steps northwards of each position that the table keeps of a worker."""
    statement = text(
        """SELECT p.at, round((ST_Y(p.point) - :lat) / :step) AS steps FROM track_point AS p
        JOIN worker AS w ON w.id = p.worker_id WHERE w.code = :worker ORDER BY p.at"""
    )
    with database.engine.connect() as connection:
        rows = connection.execute(statement, {"worker": worker, "lat": LAT, "step": STEP_DEG}).all()
    return [(row.at, int(row.steps)) for row in rows]


def workers_in(database: Database, prefix: str, number: int) -> list[str]:
    statement = text("SELECT code FROM worker WHERE starts_with(grid_code, :prefix) ORDER BY id DESC LIMIT :number")
    with database.engine.connect() as connection:
        return list(connection.scalars(statement, {"prefix": prefix, "number": number}))


@dataclass(slots=True)
class Told:
    """One worker by brute force: each fix looked at by itself, in the order in which it came."""

    is_on_duty: bool
    at: datetime | None = None
    marked: int = 0
    until: datetime | None = None
    kept: dict[datetime, int] = field(default_factory=dict)

    def take(self, at: datetime, steps: int) -> None:
        if self.at is not None and at <= self.at:
            return
        has_moved = self.at is None or abs(steps - self.marked) * 10 >= 25
        self.at = at
        if has_moved:
            self.marked = steps
        if self.is_on_duty and (
            self.until is None or (at >= self.until and (has_moved or at - self.until >= timedelta(minutes=1)))
        ):
            self.kept.setdefault(at, steps)
            self.until = at

    def change(self, now: datetime, *, is_on_duty: bool) -> None:
        if is_on_duty != self.is_on_duty:
            self.is_on_duty, self.at, self.until = is_on_duty, None, now


@pytest.mark.parametrize("seed", range(4))
def test_what_is_kept_is_what_one_by_one_would_keep(county: Database, now: datetime, seed: int):
    """Batches that come late, twice, jumbled and with many fixes of one worker, between changes of duty."""
    rng = random.Random(seed)
    codes = workers_in(county, "", 5)
    positions.set_duty(county, DISPATCHER, dict.fromkeys(codes, True), now=now - timedelta(hours=1))
    with county.engine.begin() as connection:
        connection.execute(text("DELETE FROM track_point"))
        connection.execute(
            text(
                """UPDATE responder SET on_duty = true, positioned_at = NULL, latest = NULL, tracked_until = NULL
                FROM worker AS w WHERE w.id = worker_id AND w.code = ANY (:codes)"""
            ),
            {"codes": codes},
        )
    told = {code: Told(is_on_duty=True) for code in codes}
    clock = now
    sent: list[list[Fix]] = []
    steps = dict.fromkeys(codes, 0)
    for _ in range(40):
        clock += rng.choice((5, 20, 45, 90)) * S
        if rng.random() < 0.15:
            code, duty = rng.choice(codes), rng.random() < 0.5
            positions.set_duty(county, DISPATCHER, {code: duty}, now=clock)
            told[code].change(clock, is_on_duty=duty)
            continue
        if sent and rng.random() < 0.2:
            batch = rng.choice(sent)
        else:
            batch = []
            for code in rng.choices(codes, k=rng.randint(1, 8)):
                steps[code] += rng.choice((-3, -1, 0, 0, 1, 2, 4))
                batch.append(fix(code, clock - rng.randint(0, 120) * S, steps[code]))
            sent.append(batch)
        positions.record(county, DISPATCHER, batch, now=clock)
        for one in sorted(batch, key=lambda each: each.at):
            told[one.worker].take(one.at, round((one.lat - LAT) / STEP_DEG))
    for code in codes:
        assert kept(county, code) == sorted(told[code].kept.items()), code
    assert sum(len(each.kept) for each in told.values()) > 20


def test_what_a_phone_kept_is_told_whole(county: Database, now: datetime):
    """A batch with many fixes of one worker, jumbled, leaves each of them on the track; sent again, nothing more."""
    (code,) = workers_in(county, RUSONG, 1)
    positions.set_duty(county, DISPATCHER, {code: True}, now=now - timedelta(hours=1))
    before = kept(county, code)
    batch = [fix(code, now - n * 20 * S, 3 * n) for n in (2, 0, 4, 1, 3)]
    assert positions.record(county, DISPATCHER, batch, now=now).accepted == 5
    assert positions.record(county, DISPATCHER, batch, now=now).accepted == 0
    assert kept(county, code)[len(before) :] == [(now - n * 20 * S, 3 * n) for n in (4, 3, 2, 1, 0)]


def test_nothing_of_the_time_off_duty_is_kept(county: Database, now: datetime):
    """Neither what comes while somebody is off duty, nor what their phone took before and sends when they are on."""
    (code,) = workers_in(county, RUSONG, 1)
    positions.set_duty(county, DISPATCHER, {code: True}, now=now)
    positions.set_duty(county, DISPATCHER, {code: False}, now=now)
    before = kept(county, code)
    positions.record(county, DISPATCHER, [fix(code, now + 30 * S, 0)], now=now + 30 * S)
    positions.set_duty(county, DISPATCHER, {code: True}, now=now + 60 * S)
    later = [fix(code, now + 40 * S, 5), fix(code, now + 50 * S, 10), fix(code, now + 70 * S, 15)]
    positions.record(county, DISPATCHER, later, now=now + 70 * S)
    assert kept(county, code)[len(before) :] == [(now + 70 * S, 15)]


def walk(database: Database, code: str, until: datetime, *, number: int, apart: timedelta) -> None:
    """A straight track of so many positions, by the owner's hand."""
    statement = text(
        """INSERT INTO track_point (worker_id, at, point)
        SELECT w.id, CAST(:until AS timestamptz) - (n * CAST(:apart AS interval)),
            ST_SetSRID(ST_MakePoint(:lon + (n * 7 % 13) * 1e-3, :lat + n % 3 * 1e-3), 4490)
        FROM worker AS w, generate_series(0, :last) AS n WHERE w.code = :code ON CONFLICT DO NOTHING"""
    )
    given = {"until": until, "apart": apart, "lon": LON, "lat": LAT, "last": number - 1, "code": code}
    with database.engine.begin() as connection:
        connection.execute(statement, given)


def test_a_track_is_masked_thinned_and_broken_at_silences(county: Database, now: datetime):
    """At most 500 of 2,000 positions come, in lines between silences of more than ten minutes, each in order."""
    (code,) = workers_in(county, RUSONG, 1)
    with county.engine.begin() as connection:
        connection.execute(text("DELETE FROM track_point"))
        name = connection.scalar(text("SELECT full_name FROM worker WHERE code = :code"), {"code": code})
    walk(county, code, now, number=1000, apart=30 * S)
    walk(county, code, now - timedelta(days=2), number=1000, apart=30 * S)
    span = {"since": now - timedelta(days=7), "until": now}
    with county.session(DISPATCHER) as session:
        (track,) = tracks.tracks(session, [code], **span)
        assert tracks.tracked_in(session, RUSONG, **span) == [code]
    assert (track.worker, track.name) == (code, mask_name(name))
    assert len(track.lines) == 2
    assert 400 < sum(len(line) for line in track.lines) <= tracks.MOST_POINTS
    for line, last in zip(track.lines, (now - timedelta(days=2), now), strict=True):
        assert [at for _, _, at in line] == sorted({at for _, _, at in line})
        assert line[-1][2] == last.timestamp()
        assert line[0][2] == (last - 999 * 30 * S).timestamp()


@pytest.mark.parametrize(
    ("given", "field"),
    [({"since": 0}, "until"), ({"since": -9 * 86400}, "until"), ({"workers": 21}, "workers")],
    ids=["no span", "too long a span", "too many workers"],
)
def test_a_question_that_makes_no_sense_is_refused(
    shared_county: Database, now: datetime, given: dict[str, int], field: str
):
    """Spans and numbers have bounds."""
    codes = workers_in(shared_county, "", given.get("workers", 1))
    since = now + given.get("since", -3600) * S
    with pytest.raises(InvalidInput) as refused, shared_county.session(DISPATCHER) as session:
        tracks.tracks(session, codes, since=since, until=now)
    assert refused.value.field == field


def test_too_many_in_a_grid_are_counted(county: Database, now: datetime):
    """More than can be told at once is a refusal with their number, not the first few."""
    for code in workers_in(county, RUSONG, 21):
        walk(county, code, now, number=2, apart=30 * S)
    with pytest.raises(InvalidInput, match=r"^\d+ workers") as refused, county.session(DISPATCHER) as session:
        tracks.tracked_in(session, RUSONG, since=now - timedelta(hours=1), until=now)
    assert refused.value.field == "grid"


@pytest.mark.parametrize("principal", [VIEWER, PLANNER], ids=["viewer", "planner"])
def test_who_reads_no_names_reads_no_tracks(shared_county: Database, now: datetime, principal: Principal):
    """The database itself hides every position from the wall and the planners."""
    with shared_county.engine.connect() as connection:
        there = list(
            connection.scalars(
                text("SELECT DISTINCT w.code FROM track_point AS p JOIN worker AS w ON w.id = p.worker_id LIMIT 20")
            )
        )
    assert there
    with shared_county.session(principal) as session:
        assert session.scalar(text("SELECT count(*) FROM track_point")) == 0
        assert tracks.tracks(session, there, since=now - timedelta(days=3), until=now) == []


def test_an_officer_reads_tracks_of_their_own_street_only(shared_county: Database, now: datetime):
    """Positions of workers posted elsewhere aren't there, and asking for one is asking for nobody."""
    owned = text(
        """SELECT count(*) FILTER (WHERE starts_with(w.grid_code, :prefix)) AS own, count(*) AS every
        FROM track_point AS p JOIN worker AS w ON w.id = p.worker_id"""
    )
    with shared_county.engine.connect() as connection:
        there = connection.execute(owned, {"prefix": RUSONG}).one()
    assert 0 < there.own < there.every
    (stranger,) = workers_in(shared_county, "220723001", 1)
    with shared_county.session(OFFICER) as session:
        assert session.scalar(text("SELECT count(*) FROM track_point")) == there.own
        with pytest.raises(UnknownCode) as refused:
            tracks.tracks(session, [stranger], since=now - timedelta(days=3), until=now)
    assert refused.value.field == "workers"


@pytest.mark.parametrize(
    ("principal", "statement", "said"),
    [
        (VIEWER, "INSERT INTO track_point SELECT 1, now(), ST_SetSRID(ST_MakePoint(124, 45), 4490)", "row-level"),
        (OFFICER, "INSERT INTO track_point SELECT 1, now(), ST_SetSRID(ST_MakePoint(124, 45), 4490)", "row-level"),
        (DISPATCHER, "UPDATE track_point SET at = now()", "permission denied"),
        (DISPATCHER, "DELETE FROM track_point", "permission denied"),
    ],
    ids=["viewer adds", "officer adds", "dispatcher changes", "dispatcher deletes"],
)
def test_tracks_only_grow_by_what_is_fed(shared_county: Database, principal: Principal, statement: str, said: str):
    """Raw SQL under the product's role neither forges nor takes back a position."""
    with pytest.raises(ProgrammingError, match=said), shared_county.session(principal) as session:
        session.execute(text(statement))


def test_old_positions_go_and_the_others_stay(county: Database, now: datetime):
    """Beyond the days that are kept every position of everybody is deleted, also of whom the files no longer know."""
    first, second = workers_in(county, "", 2)
    with county.engine.begin() as connection:
        connection.execute(text("DELETE FROM track_point"))
        connection.execute(
            text("INSERT INTO track_point SELECT 999999, :at, ST_SetSRID(ST_MakePoint(124, 45), 4490)"),
            {"at": now - timedelta(days=40)},
        )
    walk(county, first, now - timedelta(days=30, seconds=1), number=1200, apart=30 * S)
    walk(county, second, now - timedelta(days=29, hours=23), number=240, apart=60 * S)
    assert tracks.prune(county, now=now, days=30) == 1200 + 1 + 179
    assert tracks.prune(county, now=now, days=30) == 0
    assert kept(county, first) == []
    assert len(kept(county, second)) == 61

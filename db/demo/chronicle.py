"""The half year of incidents written into the database: incidents, their steps, their assignments."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import count
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
from numpy.random import Generator

from db.calendar import Clockwork
from db.demo.copying import copy_rows, ewkb
from db.demo.courses import Course, Storyteller
from db.demo.history import Chronicler, Occurrence
from db.demo.matters import Matters
from db.demo.people import Shift
from db.demo.roster import Place, Roster
from db.demo.town import Town
from governance.incident import Status
from governance.profile import Profile
from governance.worktime import WorkCalendar

_REPORTER_NAMES = 240
_INSTANTS = ("accepted_at", "dispatched_at", "acknowledged_at", "arrived_at", "resolved_at", "closed_at")


def live_through(
    town: Town, shifts: Sequence[Shift], *, profile: Profile, now: datetime, rng: Generator
) -> tuple[list[Course], Roster]:
    """Every incident of the half year before `now` in the order of its report, and the roster with today's loads."""
    reporters = town.names.people(rng, count=_REPORTER_NAMES)
    chronicler = Chronicler(
        layout=town.layout,
        territory=town.territory,
        matters=Matters.of(profile, reporters=reporters, rng=rng),
        timezone=ZoneInfo(profile.timezone),
        frame=town.frame,
        pace=town.pace,
        rng=rng,
    )
    stands = [shift.position or worker.home for worker, shift in zip(town.workers, shifts, strict=True)]
    roster = Roster(
        workers=town.workers,
        shifts=shifts,
        points=np.array([point.coords[0] for point in town.frame.in_metres(stands)]),
        cap=profile.policy.cap,
    )
    overrides = {day.day: day.kind for day in profile.calendar}
    storyteller = Storyteller(
        roster=roster,
        clocks=Clockwork(calendar=WorkCalendar(timezone=profile.timezone, overrides=overrides), stages=profile.stages),
        limits={c.code: c.limit for c in profile.classes},
        departments=[d.code for d in profile.departments],
        rng=rng,
    )
    past = chronicler.occurrences(chronicler.instants(now))
    courses = [
        storyteller.settled(occurrence, xy, now=now) for occurrence, xy in zip(past, _places(town, past), strict=True)
    ]
    pending = chronicler.occurrences([now] * town.pace.still_open)
    courses += storyteller.still_open(pending, _places(town, pending), now=now)
    return sorted(courses, key=lambda course: course.occurrence.at), roster


def file_courses(cursor: psycopg.Cursor[Any], town: Town, courses: Sequence[Course], *, profile: Profile) -> None:
    """Incidents, steps in the order in which they were taken, and assignments."""
    points = town.frame.on_ground([course.occurrence.point for course in courses])
    copy_rows(
        cursor,
        "incident",
        (
            *("id", "no", "title", "description", "class_code", "severity", "status", "is_open", "source"),
            *("is_sensitive", "is_supervised", "geom", "raw_x", "raw_y", "raw_crs", "address", "grid_code"),
            *("is_outside_grid", "reporter_name", "reporter_phone", "reported_at", *_INSTANTS),
            *("due_at", "settle_by", "version", "stage_since", "warn_at", "very_late_at"),
            *(
                "limit_amount",
                "limit_clock",
                "remaining_s",
                "resume_by",
                "department_code",
                "merged_into",
                "suspensions",
                "extensions",
                "reworks",
                "is_exempt",
            ),
        ),
        [
            (
                *(i, no, o.title, o.description, m.kind.code, m.severity, course.status.value, True, m.source.value),
                *(m.kind.is_sensitive, False, geom, point.x, point.y, "cgcs2000", o.address, o.grid_code),
                *(o.is_outside_grid, m.reporter_name, m.reporter_phone, o.at),
                *(course.instants.get(name) for name in _INSTANTS),
                *(course.due_at, course.settle_by, len(course.steps), course.stage_since),
                *course.marks,
                *(m.kind.limit.amount, m.kind.limit.clock.value, course.remaining_s, course.resume_by),
                *(course.department, original, course.suspensions, 0, course.reworks, False),
            )
            for i, no, course, original, point, geom in zip(
                *(count(1), _numbers(courses, profile), courses, _originals(courses), points, ewkb(points)),
                strict=False,
            )
            for o, m in ((course.occurrence, course.occurrence.matter),)
        ],
    )
    steps = sorted(
        ((step.at, i, place, step) for i, course in enumerate(courses, 1) for place, step in enumerate(course.steps)),
        key=lambda entry: entry[:3],
    )
    copy_rows(
        cursor,
        "incident_step",
        ("incident_id", "action", "from_status", "to_status", "actor", "actor_name", "at", "opinion"),
        [(i, s.action, s.from_status, s.to_status, s.actor, s.actor_name, s.at, s.opinion) for _, i, _, s in steps],
    )
    copy_rows(
        cursor,
        "assignment",
        (
            *("incident_id", "worker_id", "status", "is_override", "reason", "distance_m", "dispatched_by"),
            *("dispatched_at", "acknowledged_at", "arrived_at", "ended_at", "slot", "end_reason"),
        ),
        [
            (
                *(i, s.worker + 1, s.status.value, False, "", round(s.distance_m, 1), "dispatcher"),
                *(s.dispatched_at, s.acknowledged_at, s.arrived_at, s.ended_at, 1, ""),
            )
            for i, course in enumerate(courses, start=1)
            for s in course.sendings
        ],
    )


def _originals(courses: Sequence[Course]) -> Iterator[int | None]:
    """For each duplicate the id of what it repeats: the last one of its class before it, else the first of all."""
    first = next(i for i, course in enumerate(courses, start=1) if course.status is not Status.MERGED)
    last: dict[str, int] = {}
    for i, course in enumerate(courses, start=1):
        code = course.occurrence.matter.kind.code
        if course.status is Status.MERGED:
            yield last.get(code, first)
        else:
            last[code] = i
            yield None


def _numbers(courses: Sequence[Course], profile: Profile) -> Iterator[str]:
    """Each incident's number: prefix, local day, serial of the day."""
    zone = ZoneInfo(profile.timezone)
    serial: Counter[str] = Counter()
    for course in courses:
        day = f"{course.occurrence.at.astimezone(zone):%Y%m%d}"
        serial[day] += 1
        yield f"{profile.number_prefix}{day}-{serial[day]:04d}"


def _places(town: Town, occurrences: Sequence[Occurrence]) -> list[Place]:
    points = town.frame.in_metres([occurrence.point for occurrence in occurrences])
    return [(point.x, point.y) for point in points]

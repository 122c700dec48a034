"""The calendar and the stage limits in force, ready to reckon deadlines with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from db.models import CalendarDay, Incident, StageLimit, WorkSpell
from db.territory import county
from governance import deadlines
from governance.deadlines import Clock, Limit, StageLimits
from governance.incident import Status
from governance.worktime import WorkCalendar

_WARNED_BEFORE = timedelta(days=60)
"""Longer than nearly every open deadline reaches, and time enough to get the next year's table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clockwork:
    """Everything that a deadline depends on but the incident."""

    calendar: WorkCalendar
    stages: StageLimits

    def settle_by(self, start: datetime, limit: Limit) -> datetime:
        """The deadline of the whole matter, when its limit begins to run at `start`."""
        return deadlines.due_at(start, limit, self.calendar)

    def due_at(
        self, status: Status, *, entered_at: datetime, settle_by: datetime, resume_by: datetime | None = None
    ) -> datetime | None:
        """The next deadline of an incident that came to `status` at `entered_at`."""
        return deadlines.deadline_for(
            status,
            entered_at=entered_at,
            settle_by=settle_by,
            stages=self.stages,
            calendar=self.calendar,
            resume_by=resume_by,
        )

    def marks(
        self, status: Status, *, entered_at: datetime, due_at: datetime | None, settle_by: datetime, limit: Limit
    ) -> tuple[datetime | None, datetime | None]:
        """Where the warning of the next deadline begins and where very late does."""
        if status in {Status.DISPATCHED, Status.PROCESSING, Status.TRANSFERRED}:
            return deadlines.marks_of_matter(entered_at, settle_by, limit, self.calendar)
        return deadlines.marks(entered_at, due_at)

    def enter(self, incident: Incident, *, now: datetime) -> None:
        """Sets the next deadline of an incident that has just come to its status, and where it grows late."""
        incident.stage_since = now
        self.set_due(incident)

    def set_due(self, incident: Incident) -> None:
        """Reckons the next deadline anew, from the stage that the incident stands in."""
        incident.due_at = self.due_at(
            Status(incident.status),
            entered_at=incident.stage_since,
            settle_by=incident.settle_by,
            resume_by=incident.resume_by,
        )
        incident.warn_at, incident.very_late_at = self.marks(
            Status(incident.status),
            entered_at=incident.stage_since,
            due_at=incident.due_at,
            settle_by=incident.settle_by,
            limit=limit_of(incident),
        )

    def pause(self, incident: Incident, *, now: datetime) -> None:
        """Stops the clock of the whole matter; one that stands already is left alone."""
        if incident.remaining_s is None:
            incident.remaining_s = deadlines.remaining_s(
                now, incident.settle_by, Clock(incident.limit_clock), self.calendar
            )

    def resume(self, incident: Incident, *, now: datetime) -> None:
        """Lets a stopped clock go on with what was left."""
        if incident.remaining_s is not None:
            incident.settle_by = deadlines.resumed(
                now, incident.remaining_s, incident.settle_by, Clock(incident.limit_clock), self.calendar
            )
            incident.remaining_s = None

    def restart(self, incident: Incident, *, now: datetime) -> None:
        """Gives the matter its whole limit from now on."""
        incident.settle_by = self.settle_by(now, limit_of(incident))
        incident.remaining_s = None

    def extend(self, incident: Incident) -> None:
        """Adds the limit once more, to the deadline and to what is left."""
        limit = limit_of(incident)
        # Of a stopped clock too: one that ran over stays at its deadline, and that one is later now.
        incident.settle_by = self.settle_by(incident.settle_by, limit)
        if incident.remaining_s is not None:
            incident.remaining_s += deadlines.length_s(limit, self.calendar)


def limit_of(incident: Incident) -> Limit:
    """The limit that the incident got when it was reported."""
    return Limit(amount=incident.limit_amount, clock=Clock(incident.limit_clock))


def clockwork(session: Session) -> Clockwork:
    """The deployment's time zone, hours and exceptional days, and its stage limits (the default where none is set)."""
    days = session.execute(select(CalendarDay.day, CalendarDay.kind)).all()
    spells = session.execute(select(WorkSpell.opens, WorkSpell.closes).order_by(WorkSpell.opens)).all()
    limits = {
        row.stage: Limit(amount=row.limit_amount, clock=Clock(row.limit_clock))
        for row in session.scalars(select(StageLimit))
    }
    return Clockwork(
        calendar=WorkCalendar(
            timezone=county(session).timezone,
            spells=tuple((row.opens, row.closes) for row in spells),
            overrides={row.day: row.kind for row in days},
        ),
        stages=StageLimits(**limits),
    )


def holidays_end(session: Session, *, now: datetime) -> date | None:
    """The last day that the table of holidays knows of, once it is less than 60 days away; None before.

    Beyond it holidays are reckoned as ordinary days. The State Council gives out a year's days together, so that a year
    is known as soon as the table has one of its days. None, too, where a county keeps no holidays.
    """
    newest = session.scalar(select(func.max(CalendarDay.day)))
    if newest is None:
        return None
    end = date(newest.year, 12, 31)
    today = now.astimezone(ZoneInfo(county(session).timezone)).date()
    return end if end - today < _WARNED_BEFORE else None

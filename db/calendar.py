"""The calendar and the stage limits in force, ready to reckon deadlines with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import CalendarDay, StageLimit
from db.territory import county
from governance import deadlines
from governance.deadlines import Clock, Limit, StageLimits
from governance.incident import Status
from governance.worktime import WorkCalendar


@dataclass(frozen=True, slots=True, kw_only=True)
class Clockwork:
    """Everything that a deadline depends on but the incident."""

    calendar: WorkCalendar
    stages: StageLimits

    def settle_by(self, reported_at: datetime, amount: Decimal, clock: str) -> datetime:
        """The deadline of the whole matter, from the limit of its class."""
        return deadlines.due_at(reported_at, Limit(amount=amount, clock=Clock(clock)), self.calendar)

    def due_at(self, status: Status, *, entered_at: datetime, settle_by: datetime) -> datetime | None:
        """The next deadline of an incident that came to `status` at `entered_at`."""
        return deadlines.deadline_for(
            status, entered_at=entered_at, settle_by=settle_by, stages=self.stages, calendar=self.calendar
        )


def clockwork(session: Session) -> Clockwork:
    """The deployment's time zone, its exceptional days and its stage limits (the default where none is set)."""
    days = session.execute(select(CalendarDay.day, CalendarDay.kind)).all()
    limits = {
        row.stage: Limit(amount=row.limit_amount, clock=Clock(row.limit_clock))
        for row in session.scalars(select(StageLimit))
    }
    return Clockwork(
        calendar=WorkCalendar(timezone=county(session).timezone, overrides={row.day: row.kind for row in days}),
        stages=StageLimits(**limits),
    )

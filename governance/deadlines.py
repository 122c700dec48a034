"""By when: limits on four clocks, and the next deadline of an incident at each stage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from geo.errors import InvalidInput
from governance.incident import Status
from governance.worktime import WorkCalendar, add_working_time, in_utc


class Clock(StrEnum):
    """How a limit runs: round the clock, in working hours, in working days of the calendar's length, in days."""

    URGENT_HOUR = "urgent_hour"
    WORK_HOUR = "work_hour"
    WORK_DAY = "work_day"
    CALENDAR_DAY = "calendar_day"


class Lateness(StrEnum):
    """How an incident stands to its deadline; very late is past three times the limit (Signalen's factor)."""

    ON_TIME = "on_time"
    WARNING = "warning"
    OVERDUE = "overdue"
    VERY_OVERDUE = "very_overdue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """An amount on a clock: 2 urgent hours, 3 working days."""

    amount: Decimal
    clock: Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class StageLimits:
    """What the command centre has for accepting, dispatching and verifying; one city's 15, 15 and 30 minutes."""

    accept: Limit = Limit(amount=Decimal("0.25"), clock=Clock.URGENT_HOUR)
    dispatch: Limit = Limit(amount=Decimal("0.25"), clock=Clock.URGENT_HOUR)
    verify: Limit = Limit(amount=Decimal("0.5"), clock=Clock.URGENT_HOUR)


_UNITS = {
    "紧急工作时": Clock.URGENT_HOUR,
    "工作时": Clock.WORK_HOUR,
    "工作日": Clock.WORK_DAY,
    "自然日": Clock.CALENDAR_DAY,
}
_LIMIT = re.compile(r"([0-9]{1,4}(?:\.[0-9]{1,2})?)\s*(紧急工作时|工作时|工作日|自然日)")
_LATE_FACTOR = 3
_WARNING_SHARE = 0.2
"""Of the limit: what is left when the warning begins."""


def parse_limit(text: str, *, row: int) -> Limit:
    """Reads "2紧急工作时", "4工作时", "3工作日" or "1自然日".

    Raises `InvalidInput` with the row for anything else: real tables hold "2紧急工作日" and "1紧急工作时制止", and a
    guess would become somebody's deadline.
    """
    found = _LIMIT.fullmatch(text.strip())
    if found is None or Decimal(found[1]) == 0:
        raise InvalidInput(f"the limit {text!r} can't be read", field="limit", row=row)
    return Limit(amount=Decimal(found[1]), clock=_UNITS[found[2]])


def due_at(start: datetime, limit: Limit, calendar: WorkCalendar) -> datetime:
    """The instant (UTC) at which `limit` has run out since `start` (aware). A natural day (自然日) has 24 hours."""
    amount = float(limit.amount)
    match limit.clock:
        case Clock.URGENT_HOUR:
            return in_utc(start) + timedelta(hours=amount)
        case Clock.CALENDAR_DAY:
            return in_utc(start) + timedelta(days=amount)
        case Clock.WORK_HOUR:
            return add_working_time(start, timedelta(hours=amount), calendar)
        case Clock.WORK_DAY:
            return add_working_time(start, calendar.day_length * amount, calendar)


def deadline_for(
    status: Status, *, entered_at: datetime, settle_by: datetime, stages: StageLimits, calendar: WorkCalendar
) -> datetime | None:
    """The next deadline of an incident that came to `status` at `entered_at`; None where nothing is due.

    While somebody is on the way or at work, the deadline is that of the whole matter.
    """
    match status:
        case Status.REPORTED:
            return due_at(entered_at, stages.accept, calendar)
        case Status.ACCEPTED | Status.RETURNED:
            return due_at(entered_at, stages.dispatch, calendar)
        case Status.DISPATCHED | Status.PROCESSING | Status.TRANSFERRED:
            return settle_by
        case Status.RESOLVED:
            return due_at(entered_at, stages.verify, calendar)
        case Status.CLOSED | Status.REJECTED | Status.MERGED | Status.SUSPENDED:
            return None


def lateness(entered_at: datetime, due: datetime | None, now: datetime) -> Lateness:
    """How `now` stands to the deadline `due` of a limit that began at `entered_at`; the deadline itself is in time.

    A stage that was entered after its deadline is overdue, and not very: it had no time of its own to be measured by.
    """
    if due is None:
        return Lateness.ON_TIME
    limit = max(due - entered_at, timedelta())
    if now <= due:
        return Lateness.WARNING if due - now <= _WARNING_SHARE * limit else Lateness.ON_TIME
    return Lateness.VERY_OVERDUE if limit and now > entered_at + _LATE_FACTOR * limit else Lateness.OVERDUE

"""By when: limits on four clocks, and the next deadline of an incident at each stage."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from geo.errors import InvalidInput
from governance.incident import Status
from governance.worktime import WorkCalendar, add_working_time, in_utc, working_time_between


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
_LONGEST_DAYS = 366
_MOST = {
    Clock.URGENT_HOUR: 24 * _LONGEST_DAYS,
    Clock.WORK_HOUR: 24 * _LONGEST_DAYS,
    Clock.WORK_DAY: _LONGEST_DAYS,
    Clock.CALENDAR_DAY: _LONGEST_DAYS,
}
"""Of a limit on each clock: a year, taken as days and hours of it."""
LATE_FACTOR = 3
MOST_EXTENSIONS = 2
MOST_SUSPENSIONS = 1
LONGEST_SUSPENSION = timedelta(days=365)
"""A matter may be put off once, for at most a year, and given its limit again at most twice."""
_WARNING_SHARE = 0.2
"""Of the limit: what is left when the warning begins."""


def parse_limit(text: str, *, row: int) -> Limit:
    """Reads "2紧急工作时", "4工作时", "3工作日" or "1自然日".

    Raises `InvalidInput` with the row for anything else, and for more than a year: real tables hold "2紧急工作日" and
    "1紧急工作时制止", and a guess or a slip of the pen would become somebody's deadline.
    """
    found = _LIMIT.fullmatch(text.strip())
    if found is None or Decimal(found[1]) == 0:
        raise InvalidInput(f"the limit {text[:50]!r} can't be read", field="limit", row=row)
    limit = Limit(amount=Decimal(found[1]), clock=_UNITS[found[2]])
    if limit.amount > _MOST[limit.clock]:
        detail = f"时限最长一年 the limit {text!r} exceeds a year ({_MOST[limit.clock]})"
        raise InvalidInput(detail, field="limit", row=row)
    return limit


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
    status: Status,
    *,
    entered_at: datetime,
    settle_by: datetime,
    stages: StageLimits,
    calendar: WorkCalendar,
    resume_by: datetime | None = None,
) -> datetime | None:
    """The next deadline of an incident that came to `status` at `entered_at`; None where nothing is due.

    While somebody is on the way or at work, the deadline is that of the whole matter; while it is put off, `resume_by`.
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
        case Status.SUSPENDED:
            return resume_by
        case Status.CLOSED | Status.REJECTED | Status.MERGED:
            return None


def remaining_s(now: datetime, settle_by: datetime, clock: Clock, calendar: WorkCalendar) -> float:
    """What is left of a limit at `now`, in seconds on its own clock; below zero by what it is overdue.

    On a working clock a night takes nothing away, so a pause over night gives nothing back.
    """
    if clock in {Clock.URGENT_HOUR, Clock.CALENDAR_DAY}:
        return (in_utc(settle_by) - in_utc(now)).total_seconds()
    if settle_by >= now:
        return working_time_between(now, settle_by, calendar).total_seconds()
    return -working_time_between(settle_by, now, calendar).total_seconds()


def resumed(now: datetime, left_s: float, settle_by: datetime, clock: Clock, calendar: WorkCalendar) -> datetime:
    """The deadline of a limit that goes on at `now` with `left_s` left; an overdue one stays as overdue as it was."""
    if left_s <= 0:
        return settle_by
    left = timedelta(seconds=left_s)
    return (
        in_utc(now) + left
        if clock in {Clock.URGENT_HOUR, Clock.CALENDAR_DAY}
        else add_working_time(now, left, calendar)
    )


def length_s(limit: Limit, calendar: WorkCalendar) -> float:
    """The whole of a limit in seconds on its own clock."""
    match limit.clock:
        case Clock.URGENT_HOUR | Clock.WORK_HOUR:
            hours = float(limit.amount)
        case Clock.CALENDAR_DAY:
            hours = 24 * float(limit.amount)
        case Clock.WORK_DAY:
            hours = float(limit.amount) * calendar.day_length / timedelta(hours=1)
    return hours * 3600


def marks(entered_at: datetime, due: datetime | None) -> tuple[datetime | None, datetime | None]:
    """Where the warning begins and where very late does, so that a query tells `lateness` by comparing instants.

    A stage without time of its own is warned of at its deadline and is never very late.
    """
    if due is None:
        return None, None
    limit = due - entered_at
    if limit <= timedelta():
        return due, None
    return due - _WARNING_SHARE * limit, entered_at + LATE_FACTOR * limit


def marks_of_matter(
    entered_at: datetime, settle_by: datetime, limit: Limit, calendar: WorkCalendar
) -> tuple[datetime, datetime]:
    """Where the warning and the very late begin for a whole matter, whose stage began at `entered_at`.

    Both stand on the limit's own clock: the last fifth of the limit, and three times the limit. So neither moves when
    somebody arrives, and a night makes nobody very late.
    """
    whole_s = length_s(limit, calendar)
    before_s = remaining_s(entered_at, settle_by, limit.clock, calendar) - _WARNING_SHARE * whole_s
    warn_at = resumed(entered_at, before_s, min(entered_at, settle_by), limit.clock, calendar)
    return warn_at, resumed(settle_by, (LATE_FACTOR - 1) * whole_s, settle_by, limit.clock, calendar)


def lateness(entered_at: datetime, due: datetime | None, now: datetime) -> Lateness:
    """How `now` stands to the deadline `due` of a limit that began at `entered_at`; the deadline itself is in time.

    A stage that was entered after its deadline is overdue, and not very: it had no time of its own to be measured by.
    """
    if due is None:
        return Lateness.ON_TIME
    limit = max(due - entered_at, timedelta())
    if now <= due:
        return Lateness.WARNING if due - now <= _WARNING_SHARE * limit else Lateness.ON_TIME
    return Lateness.VERY_OVERDUE if limit and now > entered_at + LATE_FACTOR * limit else Lateness.OVERDUE

"""Working time: hours, weekends, working weekends (调休) and legal holidays, and the sum of it between two instants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise
from types import MappingProxyType
from zoneinfo import ZoneInfo

from geo.errors import InvalidInput

_LONGEST_SEARCH_DAYS = 366 * 3
"""A calendar without a working day in three years is a mistake, and is said to be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCalendar:
    """When people work. `overrides` names the days that differ from their weekday: "holiday" or "workday".

    `spells` are local times, in order and apart; the default is the guidance's 08–12 and 14–18. `weekend` counts from
    Monday as 0. Raises `InvalidInput` for spells or overrides that can't be reckoned with.
    """

    timezone: str
    spells: tuple[tuple[time, time], ...] = ((time(8), time(12)), (time(14), time(18)))
    weekend: frozenset[int] = frozenset({5, 6})
    overrides: Mapping[date, str] = field(default_factory=lambda: MappingProxyType({}))

    def __post_init__(self) -> None:
        times = [at for spell in self.spells for at in spell]
        if not times or any(earlier >= later for earlier, later in pairwise(times)):
            raise InvalidInput("working spells follow one another", field="spells")
        if not set(self.overrides.values()) <= {"holiday", "workday"}:
            raise InvalidInput("a day is a holiday or a workday", field="calendar")

    @property
    def day_length(self) -> timedelta:
        """Working time of one working day."""
        day = date(2000, 1, 1)
        return sum(
            (datetime.combine(day, end) - datetime.combine(day, start) for start, end in self.spells), timedelta()
        )

    def is_workday(self, day: date) -> bool:
        """Whether people work on `day`."""
        kind = self.overrides.get(day)
        return kind == "workday" if kind is not None else day.weekday() not in self.weekend

    def spells_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Working spells as instants in UTC from `start` (aware) on, the first one cut to what is left of it.

        Raises `InvalidInput` when no working day comes in three years, or when `start` says no time zone.
        """
        zone = ZoneInfo(self.timezone)
        start = in_utc(start)
        day = start.astimezone(zone).date()
        barren = 0
        while barren <= _LONGEST_SEARCH_DAYS:
            barren += 1
            if self.is_workday(day):
                for opens, closes in self.spells:
                    begin = max(start, datetime.combine(day, opens, zone).astimezone(UTC))
                    end = datetime.combine(day, closes, zone).astimezone(UTC)
                    if begin < end:
                        barren = 0
                        yield begin, end
            day += timedelta(days=1)
        raise InvalidInput("the calendar has no working day in three years", field="calendar")


def in_utc(instant: datetime) -> datetime:
    """The instant in UTC, where sums are true across a change to summer time. Raises `InvalidInput` without a zone."""
    if instant.tzinfo is None:
        raise InvalidInput("an instant needs a time zone", field="at")
    return instant.astimezone(UTC)


def add_working_time(start: datetime, span: timedelta, calendar: WorkCalendar) -> datetime:
    """The instant at which `span` of working time has passed since `start`."""
    left = span
    for begin, end in calendar.spells_from(start):
        if left <= end - begin:
            return begin + left
        left -= end - begin
    raise AssertionError("spells_from ends by raising only")


def working_time_between(start: datetime, end: datetime, calendar: WorkCalendar) -> timedelta:
    """Working time from `start` to `end`; nothing when `end` comes first."""
    total = timedelta()
    if in_utc(end) <= in_utc(start):
        return total
    for begin, finish in calendar.spells_from(start):
        if begin >= end:
            break
        total += min(finish, end) - begin
    return total

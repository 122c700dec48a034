"""Working time: hours, weekends, working weekends (调休) and legal holidays, and the sum of it between two instants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from geo.errors import InvalidInput

_SATURDAY = 5
_LONGEST_SEARCH_DAYS = 366 * 3
"""A calendar without a working day in three years is a mistake, and is said to be one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkCalendar:
    """When people work. `overrides` names the days that differ from their weekday: "holiday" or "workday".

    `spells` are local times, in order and apart; the default is the guidance's 08–12 and 14–18.
    """

    timezone: str
    spells: tuple[tuple[time, time], ...] = ((time(8), time(12)), (time(14), time(18)))
    overrides: Mapping[date, str] = field(default_factory=lambda: MappingProxyType({}))

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
        return kind == "workday" if kind is not None else day.weekday() < _SATURDAY

    def spells_from(self, start: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Working spells as aware instants from `start` on, the first one cut to what is left of it.

        Raises `InvalidInput` when no working day comes in three years.
        """
        zone = ZoneInfo(self.timezone)
        day = start.astimezone(zone).date()
        barren = 0
        while barren <= _LONGEST_SEARCH_DAYS:
            barren += 1
            if self.is_workday(day):
                for opens, closes in self.spells:
                    begin = max(start, datetime.combine(day, opens, zone))
                    end = datetime.combine(day, closes, zone)
                    if begin < end:
                        barren = 0
                        yield begin, end
            day += timedelta(days=1)
        raise InvalidInput("the calendar has no working day in three years", field="calendar")


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
    if end <= start:
        return total
    for begin, finish in calendar.spells_from(start):
        if begin >= end:
            break
        total += min(finish, end) - begin
    return total

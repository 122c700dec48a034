from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.profiles import read_profile
from geo.errors import InvalidInput
from governance.worktime import WorkCalendar, add_working_time, working_time_between

SHANGHAI = ZoneInfo("Asia/Shanghai")
MINUTE = timedelta(minutes=1)
OVERRIDES = {
    **dict.fromkeys((date(2026, 2, day) for day in range(15, 24)), "holiday"),  # Spring Festival, a week from Sunday
    date(2026, 2, 14): "workday",  # the Saturday before, worked in its stead
    date(2026, 2, 28): "workday",
}
CALENDAR = WorkCalendar(timezone="Asia/Shanghai", overrides=OVERRIDES)


def at(month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=SHANGHAI)


def is_working_minute(instant: datetime) -> bool:
    """The oracle: whether the minute that begins at `instant` is worked, asked of the clock on the wall."""
    local = instant.astimezone(SHANGHAI)
    kind = OVERRIDES.get(local.date(), "workday" if local.isoweekday() <= 5 else "holiday")
    return kind == "workday" and local.hour in {8, 9, 10, 11, 14, 15, 16, 17}


def simulated_due(start: datetime, minutes: int) -> datetime:
    """The oracle: minute by minute until enough of them were worked."""
    now, left = start, minutes
    while left:
        left -= is_working_minute(now)
        now += MINUTE
    return now


minutes_of_february = st.integers(0, 28 * 24 * 60).map(lambda n: at(2, 1) + n * MINUTE)


@settings(max_examples=30)
@given(start=minutes_of_february, minutes=st.integers(1, 3 * 8 * 60))
def test_added_working_time_equals_a_minute_by_minute_simulation(start: datetime, minutes: int):
    """Over weekends, worked Saturdays and Spring Festival, the instant found is the one that counting minutes finds."""
    assert add_working_time(start, minutes * MINUTE, CALENDAR) == simulated_due(start, minutes)


@settings(max_examples=30)
@given(start=minutes_of_february, minutes=st.integers(-60, 6 * 24 * 60))
def test_working_time_between_equals_the_count_of_worked_minutes(start: datetime, minutes: int):
    """Working time between two instants is the number of minutes worked; backwards there is none."""
    worked = sum(is_working_minute(start + n * MINUTE) for n in range(minutes))
    assert working_time_between(start, start + minutes * MINUTE, CALENDAR) == worked * MINUTE


@given(start=minutes_of_february, seconds=st.integers(1, 10 * 8 * 3600))
def test_what_is_added_is_what_lies_between(start: datetime, seconds: int):
    """Adding a span and measuring it are inverse to each other, to the second."""
    span = timedelta(seconds=seconds)
    assert working_time_between(start, add_working_time(start, span, CALENDAR), CALENDAR) == span


@pytest.mark.parametrize(
    ("start", "hours", "due"),
    [
        (at(3, 2, 8), 4, at(3, 2, 12)),  # the whole morning ends at noon, not after lunch
        (at(3, 2, 11, 30), 1, at(3, 2, 14, 30)),  # over lunch
        (at(3, 2, 13), 1, at(3, 2, 15)),  # begun at lunch
        (at(3, 2, 20), 1, at(3, 3, 9)),  # begun at night
        (at(3, 6, 17), 2, at(3, 9, 9)),  # over a weekend
        (at(2, 13, 17), 2, at(2, 14, 9)),  # into a worked Saturday
        (at(2, 14, 17), 2, at(2, 24, 9)),  # over Spring Festival
    ],
)
def test_known_cases_come_out_as_on_paper(start: datetime, hours: int, due: datetime):
    """Lunch, night, weekend, worked Saturday and Spring Festival are each passed over as people would."""
    assert add_working_time(start, timedelta(hours=hours), CALENDAR) == due


def test_the_frame_of_an_instant_does_not_matter():
    """The same instant in UTC and in local time leads to the same deadline."""
    start = at(3, 2, 11, 30)
    span = timedelta(hours=9)
    assert add_working_time(start, span, CALENDAR) == add_working_time(start.astimezone(UTC), span, CALENDAR)


def test_a_change_to_summer_time_adds_no_working_time():
    """Where clocks change on a Sunday, a spell that spans the change counts the hours that passed, not those shown."""
    nights = WorkCalendar(timezone="Europe/Helsinki", spells=((time(0), time(6)),), weekend=frozenset())
    changed = datetime(2026, 3, 29, tzinfo=ZoneInfo("Europe/Helsinki"))
    assert working_time_between(changed, changed + timedelta(days=1), nights) == timedelta(hours=5)
    before = changed.astimezone(UTC) - timedelta(hours=1)
    assert add_working_time(before, timedelta(hours=4), nights) == before + timedelta(hours=5)


def test_a_weekend_is_the_calendar_s_own():
    """Where Friday and Saturday are free, Sunday is worked."""
    calendar = WorkCalendar(timezone="Asia/Riyadh", weekend=frozenset({4, 5}))
    assert [calendar.is_workday(date(2026, 3, day)) for day in (5, 6, 7, 8)] == [True, False, False, True]


def test_a_calendar_without_a_working_day_is_said_to_be_one():
    """A calendar in which nobody ever works is refused, not searched for ever."""
    idle = WorkCalendar(timezone="Asia/Shanghai", weekend=frozenset(range(7)))
    with pytest.raises(InvalidInput) as refusal:
        add_working_time(at(3, 2), timedelta(hours=1), idle)
    assert refusal.value.field == "calendar"


def test_an_instant_without_a_zone_is_refused():
    """An instant that names no time zone is not taken for the server's own."""
    with pytest.raises(InvalidInput):
        add_working_time(datetime(2026, 3, 2, 8), timedelta(hours=1), CALENDAR)  # noqa: DTZ001  that is the point


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"spells": ()}, "spells"),
        ({"spells": ((time(12), time(8)),)}, "spells"),
        ({"spells": ((time(8), time(12)), (time(11), time(18)))}, "spells"),
        ({"overrides": {date(2026, 2, 14): "half_day"}}, "calendar"),
    ],
)
def test_a_calendar_that_cannot_be_reckoned_with_is_refused(facts: dict[str, object], field: str):
    """Spells that are missing, backwards or overlapping and days of an unknown kind are refused at once."""
    with pytest.raises(InvalidInput) as refusal:
        WorkCalendar(timezone="Asia/Shanghai", **facts)
    assert refusal.value.field == field


COUNTY = WorkCalendar(
    timezone="Asia/Shanghai", overrides={spec.day: spec.kind for spec in read_profile("qianan").calendar}
)
FIRST = date(2025, 1, 1)
DAYS = [FIRST + timedelta(days=n) for n in range((date(2026, 12, 31) - FIRST).days + 1)]
NOON_AND_NIGHT_OFF = np.isin(np.arange(24 * 60) // 60, [8, 9, 10, 11, 14, 15, 16, 17])
DAY_IS_WORKED = [
    COUNTY.overrides.get(day, "holiday" if day.isoweekday() > 5 else "workday") == "workday" for day in DAYS
]
WORKED = np.flatnonzero(np.concatenate([NOON_AND_NIGHT_OFF & worked for worked in DAY_IS_WORKED]))
"""The oracle for two whole years of the county: every worked minute, counted from the first midnight."""

minutes_of_two_years = st.integers(0, len(DAYS) * 24 * 60 - 120 * 24 * 60) | st.integers(0, 12 * 24 * 60).flatmap(
    lambda n: st.sampled_from([date(2025, 1, 25), date(2025, 9, 27), date(2026, 2, 13), date(2026, 9, 19)]).map(
        lambda day: (day - FIRST).days * 24 * 60 + n
    )
)
"""Any minute that leaves room for the longest span, and often one around Spring Festival or National Day."""


@given(start=minutes_of_two_years, minutes=st.integers(1, 30 * 8 * 60))
def test_deadlines_over_two_official_years_equal_the_count_of_minutes(start: int, minutes: int):
    """Over every holiday and worked weekend of 2025 and 2026, a deadline falls at the end of its last worked minute."""
    midnight = datetime(2025, 1, 1, tzinfo=SHANGHAI)
    last = WORKED[np.searchsorted(WORKED, start) + minutes - 1]
    due = add_working_time(midnight + start * MINUTE, minutes * MINUTE, COUNTY)
    assert due == midnight + (int(last) + 1) * MINUTE


@given(
    start=minutes_of_two_years,
    pause=st.integers(0, 14 * 24 * 60),
    before=st.integers(1, 480),
    after=st.integers(1, 480),
)
def test_a_pause_costs_the_working_time_that_it_takes(start: int, pause: int, before: int, after: int):
    """Stopped by night or over a holiday and gone on with later, a limit takes as many worked minutes as without."""
    begin = datetime(2025, 1, 1, tzinfo=SHANGHAI) + start * MINUTE
    stopped = add_working_time(begin, before * MINUTE, COUNTY)
    resumed = stopped + pause * MINUTE
    due = add_working_time(resumed, after * MINUTE, COUNTY)
    lost = working_time_between(stopped, resumed, COUNTY)
    assert working_time_between(begin, due, COUNTY) - lost == (before + after) * MINUTE
    assert due == add_working_time(begin, (before + after) * MINUTE + lost, COUNTY)


def test_national_day_stops_the_clock_of_the_county():
    """From the last working evening before National Day 2025 the next working hours are eight days later."""
    start = datetime(2025, 9, 30, 17, tzinfo=SHANGHAI)
    assert add_working_time(start, timedelta(hours=2), COUNTY) == datetime(2025, 10, 9, 9, tzinfo=SHANGHAI)
    saturday = datetime(2025, 10, 11, 8, tzinfo=SHANGHAI)  # worked in the holiday's stead
    assert add_working_time(saturday, timedelta(hours=8), COUNTY) == datetime(2025, 10, 11, 18, tzinfo=SHANGHAI)

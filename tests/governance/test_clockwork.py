"""The clock of a whole matter against a simulation that walks minute by minute and knows the official days itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import chinese_calendar
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from db.calendar import Clockwork
from db.models import Incident
from db.profiles import read_profile
from governance.deadlines import Clock, Limit, StageLimits, length_s, marks_of_matter
from governance.incident import Status
from governance.worktime import WorkCalendar
from tests.walks import Walk

MINUTE = timedelta(minutes=1)
DAY = 24 * 60
CLOCKS = Clockwork(
    calendar=WorkCalendar(
        timezone="Asia/Shanghai", overrides={spec.day: spec.kind for spec in read_profile("qianan").calendar}
    ),
    stages=StageLimits(),
)
"""What the product reckons with: the county's profile."""

DAWN = datetime(2024, 12, 31, 16, tzinfo=UTC)
"""Midnight in the county as 2025 begins; China has no summer time, so the minutes since then are its clock."""
WORKED = [
    chinese_calendar.is_workday(date(2025, 1, 1) + timedelta(days=n)) and (8 <= hour < 12 or 14 <= hour < 18)
    for n in range(730)
    for hour in range(24)
]
"""The simulation's own calendar: for each hour of the two years whether it is worked."""
WHOLE_MIN = {Clock.URGENT_HOUR: 60, Clock.WORK_HOUR: 60, Clock.WORK_DAY: 8 * 60, Clock.CALENDAR_DAY: DAY}


def is_worked(minute: int) -> bool:
    return WORKED[minute // 60]


def at(minute: int) -> datetime:
    return DAWN + minute * MINUTE


FEASTS = [date(2025, 1, 25), date(2025, 9, 27), date(2026, 2, 12), date(2026, 4, 30), date(2026, 9, 19)]
"""Days from which a fortnight holds a holiday and the weekends that are worked in its stead."""
starts = st.integers(0, 560 * DAY) | st.builds(
    lambda day, minute: (day - date(2025, 1, 1)).days * DAY + minute, st.sampled_from(FEASTS), st.integers(0, 12 * DAY)
)
limits = st.builds(
    Limit,
    amount=st.integers(1, 20).map(lambda quarters: Decimal(quarters) / 4),
    clock=st.sampled_from(Clock),
)
waits = st.integers(0, 9 * 60) | st.integers(0, 4 * DAY) | st.just(0) | st.just(15 * 60)
"""Some hours, a night, over a weekend, no time at all."""
deeds = st.tuples(waits, st.sampled_from(["stop", "go on", "go on", "begin anew", "extend"]))


def incident(start: datetime, limit: Limit) -> Incident:
    return Incident(
        status=Status.PROCESSING,
        limit_amount=limit.amount,
        limit_clock=limit.clock,
        stage_since=start,
        settle_by=CLOCKS.settle_by(start, limit),
    )


@settings(max_examples=250)
@given(start=starts, limit=limits, life=st.lists(deeds, max_size=7))
def test_a_deadline_is_where_walking_minute_by_minute_ends(start: int, limit: Limit, life: list[tuple[int, str]]):
    """Stopped, gone on with, begun anew and twice extended, over nights and feasts: product and simulation agree."""
    whole = int(limit.amount * WHOLE_MIN[limit.clock])
    made, extensions = incident(at(start), limit), 0
    walk = Walk(worked=is_worked, clock=limit.clock, whole=whole, now=start)
    for wait, deed in life:
        walk.wait(wait)
        now = at(walk.now)
        match deed:
            case "stop":
                walk.stop()
                CLOCKS.pause(made, now=now)
            case "go on":
                walk.go_on()
                CLOCKS.resume(made, now=now)
            case "begin anew":
                walk.begin()
                CLOCKS.restart(made, now=now)
            case "extend" if extensions < 2:
                extensions += 1
                walk.budget += whole
                CLOCKS.extend(made)
        if walk.stopped_at is None:
            assert made.remaining_s is None
            assert made.settle_by == at(walk.deadline())
        elif walk.left > 0:
            assert made.remaining_s == pytest.approx(walk.left * 60, abs=1e-6)
        else:
            assert made.remaining_s <= 0
            assert made.settle_by == at(walk.deadline())


@given(limit=limits)
def test_a_limit_is_as_long_as_its_clock_says(limit: Limit):
    """The whole limit in seconds: a working day has its eight hours, a natural day twenty-four."""
    assert length_s(limit, CLOCKS.calendar) == float(limit.amount) * WHOLE_MIN[limit.clock] * 60


@settings(max_examples=100)
@given(start=starts, limit=limits, entered=waits)
def test_warning_and_very_late_stand_on_the_limit_s_own_clock(start: int, limit: Limit, entered: int):
    """The last fifth of the limit and three times the limit, whenever somebody set out or arrived."""
    whole = int(limit.amount * WHOLE_MIN[limit.clock])

    def end_of(budget: int) -> datetime:
        walk = Walk(worked=is_worked, clock=limit.clock, whole=budget, now=start)
        return at(walk.deadline())

    settle_by = CLOCKS.settle_by(at(start), limit)
    warn_at, very_late_at = marks_of_matter(at(start + entered), settle_by, limit, CLOCKS.calendar)
    assert very_late_at == end_of(3 * whole)
    if at(start + entered) <= end_of(whole * 4 // 5):
        assert warn_at == end_of(whole * 4 // 5)
    else:
        assert warn_at == min(at(start + entered), settle_by)


def test_setting_out_and_arriving_move_no_warning():
    """Sent after ten minutes, there after five hours, handed on after six: the warning stays where it is."""
    limit = Limit(amount=Decimal(8), clock=Clock.URGENT_HOUR)
    made = incident(SATURDAY, limit)
    warned = []
    for status, minutes in ((Status.DISPATCHED, 10), (Status.PROCESSING, 300), (Status.TRANSFERRED, 380)):
        made.status = status
        CLOCKS.enter(made, now=SATURDAY + minutes * MINUTE)
        warned.append((made.warn_at, made.very_late_at))
    assert warned == [(SATURDAY + timedelta(hours=6.4), SATURDAY + timedelta(hours=24))] * 3


SATURDAY = datetime(2026, 2, 14, 1, tzinfo=UTC)
"""Nine in the morning of the Saturday that was worked for the Spring Festival of 2026, which ended on the 23rd."""


@pytest.mark.parametrize(
    ("clock", "due"),
    [
        (Clock.URGENT_HOUR, SATURDAY + timedelta(hours=8)),
        (Clock.WORK_HOUR, datetime(2026, 2, 24, 1, tzinfo=UTC)),
        (Clock.WORK_DAY, datetime(2026, 3, 4, 1, tzinfo=UTC)),
        (Clock.CALENDAR_DAY, SATURDAY + timedelta(days=8)),
    ],
)
def test_the_spring_festival_of_2026_as_on_paper(clock: Clock, due: datetime):
    """Eight of each from the worked Saturday on: working time skips nine days and takes in the Saturday after."""
    assert CLOCKS.settle_by(SATURDAY, Limit(amount=Decimal(8), clock=clock)) == due


def test_a_pause_over_the_festival_gives_no_working_time_back():
    """Put off and resumed in the festival, a deadline in working hours is what it was; one in days moves."""
    holiday, later = datetime(2026, 2, 17, 4, tzinfo=UTC), datetime(2026, 2, 20, 4, tzinfo=UTC)
    in_hours = incident(SATURDAY, Limit(amount=Decimal(12), clock=Clock.WORK_HOUR))
    in_days = incident(SATURDAY, Limit(amount=Decimal(12), clock=Clock.CALENDAR_DAY))
    before = (in_hours.settle_by, in_days.settle_by)
    for made in (in_hours, in_days):
        CLOCKS.pause(made, now=holiday)
        CLOCKS.resume(made, now=later)
    assert (in_hours.settle_by, in_days.settle_by) == (before[0], before[1] + timedelta(days=3))


def test_an_extension_of_a_stopped_clock_that_ran_over():
    """A matter put off ten hours late, and given its eight again, is two hours late, not ten and a pause."""
    start = datetime(2026, 3, 2, tzinfo=UTC)
    made = incident(start, Limit(amount=Decimal(8), clock=Clock.URGENT_HOUR))
    CLOCKS.pause(made, now=start + timedelta(hours=18))
    CLOCKS.extend(made)
    CLOCKS.resume(made, now=start + timedelta(hours=19))
    assert made.settle_by == start + timedelta(hours=16)

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidInput
from governance.deadlines import (
    Clock,
    Lateness,
    Limit,
    StageLimits,
    deadline_for,
    due_at,
    lateness,
    marks,
    parse_limit,
)
from governance.incident import Status
from governance.worktime import WorkCalendar, add_working_time

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = WorkCalendar(timezone="Asia/Shanghai", overrides={date(2026, 10, 10): "workday"})
FRIDAY_EVENING = datetime(2026, 3, 6, 17, tzinfo=SHANGHAI)
STAGES = StageLimits()
SETTLE_BY = FRIDAY_EVENING + timedelta(days=3)


@pytest.mark.parametrize(
    ("text", "amount", "clock"),
    [
        ("2紧急工作时", "2", Clock.URGENT_HOUR),
        ("0.25紧急工作时", "0.25", Clock.URGENT_HOUR),
        ("4工作时", "4", Clock.WORK_HOUR),
        ("3工作日", "3", Clock.WORK_DAY),
        (" 1 自然日 ", "1", Clock.CALENDAR_DAY),
    ],
)
def test_limits_are_read_as_they_are_printed(text: str, amount: str, clock: Clock):
    """The four clocks are read by their printed names."""
    assert parse_limit(text, row=7) == Limit(amount=Decimal(amount), clock=clock)


@pytest.mark.parametrize(
    "text",
    [
        *("", "工作时", "3", "3天", "2紧急工作日", "1紧急工作时制止", "-1工作日", "0工作时", "0.00工作日"),
        *("1e3工作时", "三工作日", "２工作时", "1,5工作时", "1.工作时", "12345工作日", "1-2工作日", "NaN工作日"),
        "1工作时\n2工作时",
        *("9999工作日", "366.01工作日", "367自然日", "8784.01工作时", "8785紧急工作时"),
    ],
)
def test_a_limit_that_cannot_be_read_is_refused_with_its_row(text: str):
    """Anything but a positive amount of at most a year on a known clock is refused, naming row and field."""
    with pytest.raises(InvalidInput) as refusal:
        parse_limit(text, row=7)
    assert (refusal.value.field, refusal.value.row) == ("limit", 7)


@given(
    hundredths=st.integers(1, 36_600),
    word=st.sampled_from([("紧急工作时", 0, 24), ("工作时", 1, 24), ("工作日", 2, 1), ("自然日", 3, 1)]),
)
def test_every_amount_of_two_decimals_is_read_exactly(hundredths: int, word: tuple[str, int, int]):
    """What is written is what is read, without a rounding in between, up to a year of days or hours."""
    amount = Decimal(hundredths) * word[2] / 100
    assert parse_limit(f"{amount:f}{word[0]}", row=2) == Limit(amount=amount, clock=list(Clock)[word[1]])


@pytest.mark.parametrize(
    ("clock", "due"),
    [
        (Clock.URGENT_HOUR, datetime(2026, 3, 6, 19, tzinfo=SHANGHAI)),
        (Clock.WORK_HOUR, datetime(2026, 3, 9, 9, tzinfo=SHANGHAI)),
        (Clock.WORK_DAY, datetime(2026, 3, 10, 17, tzinfo=SHANGHAI)),
        (Clock.CALENDAR_DAY, datetime(2026, 3, 8, 17, tzinfo=SHANGHAI)),
    ],
)
def test_two_of_each_clock_from_a_friday_evening(clock: Clock, due: datetime):
    """Urgent hours and natural days run through the weekend; working hours and days stand still over it."""
    assert due_at(FRIDAY_EVENING, Limit(amount=Decimal(2), clock=clock), CALENDAR) == due


@given(
    minute=st.integers(0, 60 * 24 * 40),
    amount=st.integers(1, 40).map(lambda quarters: Decimal(quarters) / 4),
)
def test_a_working_day_is_eight_working_hours(minute: int, amount: Decimal):
    """A limit in working days equals eight times as many working hours."""
    start = FRIDAY_EVENING + timedelta(minutes=minute)
    days = due_at(start, Limit(amount=amount, clock=Clock.WORK_DAY), CALENDAR)
    assert days == due_at(start, Limit(amount=amount * 8, clock=Clock.WORK_HOUR), CALENDAR)
    assert days == add_working_time(start, timedelta(hours=float(amount * 8)), CALENDAR)


def test_urgent_hours_are_hours_that_pass():
    """Across a change to summer time two urgent hours are two hours, whatever the clock on the wall shows."""
    helsinki = ZoneInfo("Europe/Helsinki")
    start = datetime(2026, 3, 29, 2, 30, tzinfo=helsinki)
    due = due_at(start, Limit(amount=Decimal(2), clock=Clock.URGENT_HOUR), WorkCalendar(timezone="Europe/Helsinki"))
    assert due - start.astimezone(UTC) == timedelta(hours=2)


@pytest.mark.parametrize(
    ("status", "due"),
    [
        (Status.REPORTED, FRIDAY_EVENING + timedelta(minutes=15)),
        (Status.ACCEPTED, FRIDAY_EVENING + timedelta(minutes=15)),
        (Status.RETURNED, FRIDAY_EVENING + timedelta(minutes=15)),
        (Status.DISPATCHED, SETTLE_BY),
        (Status.PROCESSING, SETTLE_BY),
        (Status.TRANSFERRED, SETTLE_BY),
        (Status.RESOLVED, FRIDAY_EVENING + timedelta(minutes=30)),
        (Status.SUSPENDED, None),
        (Status.CLOSED, None),
        (Status.REJECTED, None),
        (Status.MERGED, None),
    ],
)
def test_each_status_has_its_next_deadline(status: Status, due: datetime | None):
    """The stage's own limit, the whole matter's while somebody is at it, and none where nothing is due."""
    found = deadline_for(status, entered_at=FRIDAY_EVENING, settle_by=SETTLE_BY, stages=STAGES, calendar=CALENDAR)
    assert found == due


def test_what_is_put_off_is_due_on_its_date():
    """While a matter is put off, nothing is due but the day on which it is to go on."""
    date_given = FRIDAY_EVENING + timedelta(days=30)
    given = {"entered_at": FRIDAY_EVENING, "settle_by": SETTLE_BY, "stages": STAGES, "calendar": CALENDAR}
    assert deadline_for(Status.SUSPENDED, **given, resume_by=date_given) == date_given
    assert deadline_for(Status.PROCESSING, **given, resume_by=date_given) == SETTLE_BY


@given(limit=st.integers(-600, 6000), minute=st.integers(0, 30_000))
def test_a_query_tells_lateness_by_two_instants(limit: int, minute: int):
    """Comparing with the marks of a stage says the same as asking, minute by minute."""
    due, now = FRIDAY_EVENING + timedelta(minutes=limit), FRIDAY_EVENING + timedelta(minutes=minute)
    warn_at, very_late_at = marks(FRIDAY_EVENING, due)
    assert warn_at is not None
    told = Lateness.ON_TIME if now < warn_at else Lateness.WARNING
    if now > due:
        told = Lateness.VERY_OVERDUE if very_late_at is not None and now > very_late_at else Lateness.OVERDUE
    assert told is lateness(FRIDAY_EVENING, due, now)


def test_without_a_deadline_there_is_nothing_to_mark():
    """Where nothing is due, nobody is warned."""
    assert marks(FRIDAY_EVENING, None) == (None, None)


def test_a_stage_may_run_on_working_time():
    """A command centre that isn't staffed at night checks on the next working day."""
    stages = StageLimits(verify=Limit(amount=Decimal(2), clock=Clock.WORK_HOUR))
    due = deadline_for(
        Status.RESOLVED, entered_at=FRIDAY_EVENING, settle_by=SETTLE_BY, stages=stages, calendar=CALENDAR
    )
    assert due == datetime(2026, 3, 9, 9, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("minutes", "expected"),
    [
        (0, Lateness.ON_TIME),
        (79, Lateness.ON_TIME),
        (80, Lateness.WARNING),
        (100, Lateness.WARNING),
        (101, Lateness.OVERDUE),
        (300, Lateness.OVERDUE),
        (301, Lateness.VERY_OVERDUE),
    ],
)
def test_lateness_of_a_limit_of_a_hundred_minutes(minutes: int, expected: Lateness):
    """A warning comes with the last fifth, the deadline itself is in time, and three times the limit is very late."""
    start = FRIDAY_EVENING
    assert lateness(start, start + timedelta(minutes=100), start + timedelta(minutes=minutes)) is expected


def test_a_stage_entered_after_its_deadline_is_overdue_at_once():
    """Somebody sent after the matter's deadline is late, but not very late from the first minute."""
    due = FRIDAY_EVENING - timedelta(hours=1)
    assert lateness(FRIDAY_EVENING, due, FRIDAY_EVENING) is Lateness.OVERDUE


def test_without_a_deadline_nobody_is_late():
    """A suspended or finished incident is on time."""
    assert lateness(FRIDAY_EVENING, None, FRIDAY_EVENING + timedelta(days=900)) is Lateness.ON_TIME


@given(minutes=st.lists(st.integers(0, 1000), min_size=2, max_size=2))
def test_lateness_never_gets_better_by_waiting(minutes: list[int]):
    """The later it is, the later one is."""
    earlier, later = sorted(minutes)
    order = list(Lateness)
    due = FRIDAY_EVENING + timedelta(minutes=100)
    first, second = (lateness(FRIDAY_EVENING, due, FRIDAY_EVENING + timedelta(minutes=m)) for m in (earlier, later))
    assert order.index(first) <= order.index(second)

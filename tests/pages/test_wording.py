from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pages.ui import wording

NOW = datetime(2026, 11, 23, 6, 5, 7, tzinfo=UTC)  # 14:05:07 in the county


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (12 * 60 + 59, "剩 12 分钟"),
        (59, "剩不到 1 分钟"),
        (0, "剩不到 1 分钟"),
        (-1, "刚超期"),
        (-2 * 3600, "超 2 小时"),
        (-2.6 * 3600, "超 2.5 小时"),
        (3 * 86400, "剩 3 天"),
    ],
)
def test_remaining_says_what_is_left_or_how_late_it_is(seconds: float, said: str) -> None:
    """A deadline is said as what is left of it, and as how long it is over."""
    assert wording.remaining(NOW + timedelta(seconds=seconds), NOW) == said


def test_no_deadline_is_said_so() -> None:
    """Without a limit nothing is made up."""
    assert wording.remaining(None, NOW) == "无时限"
    assert not wording.is_overdue(None, NOW)


@given(st.floats(min_value=60, max_value=1e8))
def test_remaining_never_promises_more_time_than_there_is(seconds: float) -> None:
    """What is said to be left is at most what is left."""
    amount, unit = wording.remaining(NOW + timedelta(seconds=seconds), NOW).removeprefix("剩 ").split(" ")
    assert float(amount) * {"分钟": 60, "小时": 3600, "天": 86400}[unit] <= seconds + 1e-3


@pytest.mark.parametrize(
    ("metres", "said"),
    [
        (3.4, "3 m"),
        (318, "320 m"),
        (994, "990 m"),
        (996, "1.0 km"),
        (1412, "1.4 km"),
        (250_000, "250 km"),
        (None, "位置未知"),
    ],
)
def test_distance_is_in_metres_below_a_kilometre(metres: float | None, said: str) -> None:
    """Tens of metres nearby, tenths of a kilometre farther off."""
    assert wording.distance(metres) == said


@pytest.mark.parametrize(
    ("at", "said"),
    [
        (datetime(2026, 11, 23, 6, 5, tzinfo=UTC), "今天 14:05"),
        (datetime(2026, 11, 22, 16, 0, tzinfo=UTC), "今天 00:00"),
        (datetime(2026, 11, 22, 15, 59, tzinfo=UTC), "昨天 23:59"),
        (datetime(2026, 11, 24, 0, 0, tzinfo=UTC), "明天 08:00"),
        (datetime(2026, 11, 20, 9, 0, tzinfo=UTC), "11-20 17:00"),
        (datetime(2025, 11, 20, 9, 0, tzinfo=UTC), "2025-11-20 17:00"),
        (None, "—"),
    ],
)
def test_instant_names_the_day_as_the_county_counts_it(at: datetime | None, said: str) -> None:
    """Today begins at the county's midnight, not at that of UTC."""
    assert wording.instant(at, NOW) == said


def test_instant_follows_another_countys_clock() -> None:
    """A deployment elsewhere shows its own time."""
    assert wording.instant(NOW, NOW, zone="Europe/Helsinki") == "今天 08:05"


@pytest.mark.parametrize(
    ("before", "said"),
    [
        (timedelta(hours=14), ("00:05", "")),
        (timedelta(hours=14, minutes=6), ("23:59", "11-22")),
        (timedelta(days=365), ("14:05", "11-23")),
        (None, ("—", "")),
    ],
)
def test_a_stage_has_its_date_where_it_is_not_todays(before: timedelta | None, said: tuple[str, str]) -> None:
    """Days are the county's, and are written alike in every language."""
    assert wording.time_and_day(None if before is None else NOW - before, NOW) == said


def test_ago_never_speaks_of_the_future() -> None:
    """A clock that runs a little ahead doesn't show a negative age."""
    assert wording.ago(NOW + timedelta(seconds=5), NOW) == "刚刚"
    assert wording.ago(NOW - timedelta(minutes=5), NOW) == "5 分钟前"
    assert wording.ago(None, NOW) == "从未"


def test_walk_is_at_least_a_minute() -> None:
    """Nobody is there at once."""
    assert (wording.walk(5), wording.walk(240), wording.walk(None)) == ("约 1 分钟", "约 4 分钟", "")


def test_day_and_clock_are_local() -> None:
    """The header of a wall shows the county's date, weekday and time."""
    assert (wording.day(NOW), wording.clock(NOW)) == ("2026-11-23 星期一", "14:05:07")


def test_figures_of_nothing_are_a_dash() -> None:
    """A rate of nothing isn't zero."""
    assert (wording.share(None), wording.count(None)) == ("—", "—")
    assert (wording.share(0.9636), wording.count(2730)) == ("96.4%", "2,730")


def test_day_starts_at_the_countys_midnight() -> None:
    """Figures of today count from the county's midnight."""
    assert wording.start_of_day(NOW) == datetime(2026, 11, 22, 16, tzinfo=UTC)
    assert wording.start_of_day(NOW, days_back=6) == datetime(2026, 11, 16, 16, tzinfo=UTC)


@pytest.mark.parametrize(
    ("square_metres", "said"), [(480, "480 m²"), (9_999, "9,999 m²"), (23_500, "2.35 公顷"), (1_240_000, "1.24 km²")]
)
def test_an_area_is_said_in_the_unit_that_people_use(square_metres: float, said: str):
    """Square metres for a yard, hectares for a block, square kilometres for a street's territory."""
    assert wording.area(square_metres) == said


@pytest.mark.parametrize(("metres", "said"), [(86.4, "86 m"), (1240.4, "1,240 m"), (12_345, "12.35 km")])
def test_a_measured_length_is_not_rounded_away(metres: float, said: str):
    """To the metre, where a distance to somebody who is sent is said to ten."""
    assert wording.length(metres) == said

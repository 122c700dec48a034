from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from governance.alarms import Reading, reading

T = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)


def at(minutes: int) -> datetime:
    return T + timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("said", "is_clear", "last", "cleared", "finished", "meant"),
    [
        (0, False, None, None, None, Reading.OPENED),
        (0, True, None, None, None, Reading.IGNORED),  # nothing was on
        (5, False, 0, None, None, Reading.REPEATED),
        (0, False, 0, None, None, Reading.IGNORED),  # delivered twice
        (-5, False, 0, None, None, Reading.IGNORED),  # overtaken on the way
        (5, True, 0, None, None, Reading.CLEARED),
        (0, True, 0, None, None, Reading.CLEARED),
        (-5, True, 0, None, None, Reading.IGNORED),  # an end from before the last alarm
        (5, True, 0, 5, None, Reading.IGNORED),
        (5, False, 0, 5, None, Reading.IGNORED),
        (6, False, 0, 5, None, Reading.OPENED),
        (6, False, 0, None, 5, Reading.OPENED),  # its incident is finished, and it came again
        (4, False, 0, None, 5, Reading.REPEATED),  # raised before that, told later
        (6, True, 0, None, 5, Reading.CLEARED),
    ],
)
def test_an_alarm_is_read_after_those_before_it(
    said: int, *, is_clear: bool, last: int | None, cleared: int | None, finished: int | None, meant: Reading
):
    """A first alarm opens a group, a newer one repeats it, its end clears it, and old news changes nothing."""
    known = {"last_at": last, "cleared_at": cleared, "finished_at": finished}
    instants = {name: None if minutes is None else at(minutes) for name, minutes in known.items()}
    assert reading(at(said), is_clear=is_clear, **instants) is meant


@given(st.lists(st.tuples(st.integers(0, 20), st.booleans()), max_size=12))
def test_a_batch_that_is_delivered_twice_changes_nothing(news: list[tuple[int, bool]]):
    """Whatever was taken once, in the order of its instants, is ignored when it comes again."""
    last = cleared = None

    def take(minutes: int, *, is_clear: bool) -> Reading:
        nonlocal last, cleared
        meant = reading(at(minutes), is_clear=is_clear, last_at=last, cleared_at=cleared)
        if meant is Reading.CLEARED:
            cleared = at(minutes)
        elif meant is not Reading.IGNORED:
            last, cleared = at(minutes), None
        return meant

    ordered = sorted(news)
    for minutes, is_clear in ordered:
        take(minutes, is_clear=is_clear)
    before = (last, cleared)
    for minutes, is_clear in ordered:
        take(minutes, is_clear=is_clear)
    assert (last, cleared) == before

from __future__ import annotations

from datetime import timedelta
from statistics import quantiles

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidInput
from governance.figures import Rates, Tally, mean_duration, percentile, rates

spans = st.lists(st.integers(0, 10**6).map(lambda s: timedelta(seconds=s)), min_size=2, max_size=60)


def test_rates_of_a_week():
    """Each rate divides by those that came as far as the step it speaks of."""
    tally = Tally(reported=200, accepted=160, resolved=100, closed=80, on_time=60, reworked=5)
    assert rates(tally) == Rates(acceptance=0.8, closure=0.5, on_time=0.75, rework=0.05)


def test_nothing_has_no_rate():
    """A quiet week has no rates, rather than rates of nought or of one."""
    empty = Tally(reported=0, accepted=0, resolved=0, closed=0, on_time=0, reworked=0)
    assert rates(empty) == Rates(acceptance=None, closure=None, on_time=None, rework=None)


@pytest.mark.parametrize("field", ["accepted", "resolved", "closed", "on_time", "reworked"])
@pytest.mark.parametrize("number", [-1, 11])
def test_a_tally_that_contradicts_itself_is_refused(field: str, number: int):
    """More closed than reported, or fewer than none, is a mistake in the counting and is named."""
    even = dict.fromkeys(("reported", "accepted", "resolved", "closed", "on_time", "reworked"), 10)
    with pytest.raises(InvalidInput) as refusal:
        Tally(**{**even, field: number})
    assert refusal.value.field in {field, "resolved", "closed", "on_time", "reworked"}


@given(spans=spans, tenths=st.integers(1, 9))
def test_percentiles_equal_those_of_the_statistics_module(spans: list[timedelta], tenths: int):
    """A percentile lies between two spans in proportion, as `statistics.quantiles` and `percentile_cont` have it."""
    expected = quantiles([s.total_seconds() for s in spans], n=10, method="inclusive")[tenths - 1]
    found = percentile(spans, tenths / 10)
    assert found is not None
    assert found.total_seconds() == pytest.approx(expected, abs=1e-3)


@given(spans=spans)
def test_the_ends_are_the_shortest_and_the_longest(spans: list[timedelta]):
    """The percentiles of nought and one are the extremes, and the mean lies between."""
    mean = mean_duration(spans)
    assert mean is not None
    assert percentile(spans, 0) == min(spans) <= mean <= max(spans) == percentile(spans, 1)


def test_no_spans_have_no_percentile_and_no_mean():
    """Where nothing was settled there is no duration to show."""
    assert (percentile([], 0.9), mean_duration(iter(()))) == (None, None)


@pytest.mark.parametrize("fraction", [-0.1, 1.1, 90, float("nan")])
def test_a_fraction_outside_of_nought_and_one_is_refused(fraction: float):
    """Ninety means nothing where a tenth is 0.1."""
    with pytest.raises(InvalidInput):
        percentile([timedelta(1)], fraction)

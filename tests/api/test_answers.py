"""Answers kept in memory, and tries counted."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.answers import Answer, AnswerCache
from api.throttle import FAILURES_PER_ADDRESS, FAILURES_PER_PAIR, WINDOW, Throttle

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@given(st.text())
def test_an_answer_unpacks_to_what_it_was(text: str):
    """Compression loses nothing, and equal contents have equal tags."""
    assert Answer.of(text).unpacked() == text.encode()
    assert Answer.of(text) == Answer.of(text)


def test_a_hundred_askers_cost_one_computation():
    """Whoever asks while the answer is being made waits for it."""
    cache, computed, gate = AnswerCache(), [], threading.Event()

    def compute() -> str:
        computed.append(1)
        gate.wait(5)
        return "body"

    with ThreadPoolExecutor(100) as pool:
        asked = [pool.submit(cache.answer, "key", compute) for _ in range(100)]
        gate.set()
        assert {answer.result().unpacked() for answer in asked} == {b"body"}
    assert len(computed) == 1


def test_a_failure_is_not_kept():
    """An error reaches the asker, and the next one tries again."""
    cache = AnswerCache()
    with pytest.raises(ZeroDivisionError):
        cache.answer("key", lambda: str(1 / 0))
    assert cache.answer("key", lambda: "good").unpacked() == b"good"


@given(st.lists(st.integers(0, 20), max_size=60))
def test_the_memory_is_bounded(keys: list[int]):
    """Whatever is asked, no more is held than the bounds allow, and the count of bytes is true."""
    cache = AnswerCache(limit_bytes=300, limit_entries=5)
    for key in keys:
        assert cache.answer(key, lambda key=key: str(key) * key).unpacked() == (str(key) * key).encode()
        assert cache.held_bytes == sum(len(kept.packed) for kept in cache._kept.values()) <= 300
        assert len(cache._kept) <= 5


def test_what_is_kept_again_is_counted_once():
    """Two who computed the same at the same time leave one of it."""
    cache, answer = AnswerCache(), Answer.of("body")
    for _ in range(2):
        cache.keep("key", answer)
    assert cache.held_bytes == answer.nbytes


def test_the_least_recently_used_goes_first():
    """What is asked again and again stays."""
    cache = AnswerCache(limit_entries=2)
    for key in ("a", "b", "a", "c", "a"):
        cache.answer(key, lambda: "x")
    assert list(cache._kept) == ["c", "a"]


def test_an_answer_too_large_is_given_and_not_kept():
    """One huge answer doesn't push everything else out."""
    cache = AnswerCache(limit_bytes=10)
    cache.answer("huge", lambda: "abcdefghij" * 100)
    assert cache.held_bytes == 0


def test_tries_are_counted_by_name_and_address():
    """Another name, and another address, may still try; success forgets."""
    throttle = Throttle()
    for _ in range(FAILURES_PER_PAIR):
        assert throttle.wait_s("wang", "10.0.0.1", now=NOW) == 0
        throttle.failed("wang", "10.0.0.1", now=NOW)
    assert throttle.wait_s("wang", "10.0.0.1", now=NOW) == WINDOW.total_seconds()
    assert throttle.wait_s("li", "10.0.0.1", now=NOW) == 0
    assert throttle.wait_s("wang", "10.0.0.2", now=NOW) == 0
    assert throttle.wait_s("wang", "10.0.0.1", now=NOW + WINDOW) == 0
    throttle.succeeded("wang", "10.0.0.1")
    assert throttle.wait_s("wang", "10.0.0.1", now=NOW) == 0


def test_one_address_cannot_try_every_name():
    """Many names from one address run into the address's own bound."""
    throttle = Throttle()
    for n in range(FAILURES_PER_ADDRESS):
        throttle.failed(f"user{n}", "10.0.0.1", now=NOW + timedelta(seconds=n))
    assert throttle.wait_s("another", "10.0.0.1", now=NOW + timedelta(seconds=60)) > 0


def test_the_memory_of_tries_is_bounded(monkeypatch: pytest.MonkeyPatch):
    """A flood of names doesn't fill the memory."""
    monkeypatch.setattr("api.throttle._REMEMBERED", 10)
    throttle = Throttle()
    for n in range(100):
        throttle.failed(f"user{n}", f"10.0.0.{n}", now=NOW)
    assert len(throttle._failures) == 10

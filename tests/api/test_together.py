"""Answers asked for at the same moment: computed in rounds, shared by equal askers, and never lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.answers import Answer, AnswerCache
from api.together import MOST_AT_ONCE, ROUNDS_AT_ONCE, Together
from tests.loop import run_apart


@dataclass
class Kitchen:
    """Answers with each part's name, one round at a time where `gate` is shut."""

    rounds: list[Sequence[int]] = field(default_factory=list)
    gate: threading.Event = field(default_factory=threading.Event)
    fails_at: int | None = None

    def compute(self, parts: Sequence[int]) -> list[bytes]:
        self.rounds.append(parts)
        self.gate.wait(10)
        if self.fails_at in parts:
            raise ZeroDivisionError
        return [str(part).encode() for part in parts]


async def _until(kitchen: Kitchen, rounds: int) -> None:
    async with asyncio.timeout(10):
        while len(kitchen.rounds) < rounds:  # noqa: ASYNC110  rounds begin in threads
            await asyncio.sleep(0.001)


async def _asked_at_once(
    kitchen: Kitchen, together: Together[int], parts: Sequence[int]
) -> list[bytes | BaseException]:
    asked = [asyncio.create_task(together.answer("about", part, kitchen.compute)) for part in parts]
    await _until(kitchen, 1)
    kitchen.gate.set()
    found = await asyncio.gather(*asked, return_exceptions=True)
    return [answer.unpacked() if isinstance(answer, Answer) else answer for answer in found]


@given(st.lists(st.integers(0, 60), min_size=1, max_size=60))
def test_everybody_gets_what_they_asked_for(parts: list[int]):
    """Each part is computed once however many ask for it, in rounds no larger than they may be."""
    kitchen, together = Kitchen(), Together[int](AnswerCache())
    found = run_apart(_asked_at_once(kitchen, together, parts))
    assert found == [str(part).encode() for part in parts]
    computed = [part for round_ in kitchen.rounds for part in round_]
    assert sorted(computed) == sorted(set(parts))
    assert max(map(len, kitchen.rounds)) <= MOST_AT_ONCE
    assert (together._waiting, together._coming, together._rounds, together._reading) == ({}, {}, {}, {})


def test_who_comes_meanwhile_is_served_together():
    """While the first rounds are read the others gather, and the next ones take them all."""
    kitchen, together = Kitchen(), Together[int](AnswerCache())

    async def ask() -> None:
        asked = []
        for part in range(ROUNDS_AT_ONCE):
            asked.append(asyncio.create_task(together.answer("about", part, kitchen.compute)))
            await _until(kitchen, part + 1)
        others = range(ROUNDS_AT_ONCE, ROUNDS_AT_ONCE + 8)
        asked += [asyncio.create_task(together.answer("about", part, kitchen.compute)) for part in others]
        await asyncio.sleep(0.01)
        kitchen.gate.set()
        await asyncio.gather(*asked)

    run_apart(ask())
    first, later = kitchen.rounds[:ROUNDS_AT_ONCE], kitchen.rounds[ROUNDS_AT_ONCE:]
    assert [len(parts) for parts in first] == [1] * ROUNDS_AT_ONCE
    assert sum(map(len, later)) == 8
    assert len(later) <= ROUNDS_AT_ONCE


def test_who_comes_at_once_is_divided_among_the_rounds():
    """The rounds that may be read at the same time are, and none waits for one that has everybody in it."""
    kitchen, together = Kitchen(), Together[int](AnswerCache())

    async def ask() -> None:
        asked = [asyncio.create_task(together.answer("about", part, kitchen.compute)) for part in range(6)]
        await _until(kitchen, ROUNDS_AT_ONCE)
        kitchen.gate.set()
        await asyncio.gather(*asked)

    run_apart(ask())
    assert sorted(map(len, kitchen.rounds)) == [6 // ROUNDS_AT_ONCE] * ROUNDS_AT_ONCE


def test_what_is_known_costs_nothing():
    """Who asks again has the kept answer; another subject's is another answer."""
    kitchen, together = Kitchen(), Together[int](AnswerCache())
    kitchen.gate.set()

    async def twice() -> None:
        for about in ("one", "one", "other"):
            await together.answer(about, 1, kitchen.compute)

    run_apart(twice())
    assert kitchen.rounds == [[1], [1]]


def test_a_failure_fails_its_round_and_nothing_after():
    """An error reaches all who waited for that round; the next asker is served."""
    kitchen, together = Kitchen(fails_at=1), Together[int](AnswerCache())
    failed = run_apart(_asked_at_once(kitchen, together, [1]))
    assert isinstance(failed[0], ZeroDivisionError)
    kitchen.fails_at = None
    assert run_apart(_asked_at_once(kitchen, together, [1])) == [b"1"]


def test_who_goes_away_takes_nothing_along():
    """A client that hangs up leaves the answer to whoever else waits for it."""
    kitchen, together = Kitchen(), Together[int](AnswerCache())

    async def go_away() -> bytes:
        leaving, staying = (asyncio.create_task(together.answer("about", 1, kitchen.compute)) for _ in range(2))
        await _until(kitchen, 1)
        leaving.cancel()
        with suppress(asyncio.CancelledError):
            await leaving
        kitchen.gate.set()
        return (await staying).unpacked()

    assert run_apart(go_away()) == b"1"


def test_a_short_answer_is_noticed():
    """Whoever computes fewer answers than parts is a fault, not a tile in another's place."""

    async def ask() -> None:
        await Together[int](AnswerCache()).answer("about", 1, lambda _: [])

    with pytest.raises(ValueError, match="zip"):
        run_apart(ask())

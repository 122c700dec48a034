"""Answers asked for at the same moment, computed together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from math import ceil
from typing import Generic, TypeVar

from api.answers import Answer, AnswerCache

MOST_AT_ONCE = 16
"""More would keep the first of them waiting for the last."""
THREADS = 8
"""Of all subjects' rounds. Each holds a connection to the database while it reads."""
ROUNDS_AT_ONCE = 2
"""One would leave the server idle while the database works; each more makes rounds smaller."""

Part = TypeVar("Part", bound=Hashable)
Compute = Callable[[Sequence[Part]], Sequence[bytes]]


@dataclass(slots=True)
class Together(Generic[Part]):
    """Whoever asks while others are served is served next, along with all who came meanwhile.

    For one event loop. Equal askers share an answer; a failed computation fails all who wait for it.
    """

    answers: AnswerCache
    _waiting: dict[Hashable, list[Part]] = field(default_factory=dict)
    _coming: dict[Hashable, asyncio.Future[Answer]] = field(default_factory=dict)
    _rounds: Counter[Hashable] = field(default_factory=Counter)
    _reading: Counter[Hashable] = field(default_factory=Counter)
    _threads: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(THREADS, "together"))
    _serving: set[asyncio.Task[None]] = field(default_factory=set)

    async def answer(self, about: Hashable, part: Part, compute: Compute[Part]) -> Answer:
        """The answer to a part, kept under `(about, part)`; `compute` makes those of several parts about the same."""
        key = (about, part)
        kept = self.answers.known(key)
        if kept is not None:
            return kept
        coming = self._coming.get(key)
        if coming is None:
            coming = self._coming[key] = asyncio.get_running_loop().create_future()
            self._wait(about, part, compute)
        # An asker who goes away takes nothing from the others.
        return await asyncio.shield(coming)

    def _wait(self, about: Hashable, part: Part, compute: Compute[Part]) -> None:
        self._waiting.setdefault(about, []).append(part)
        if self._rounds[about] < ROUNDS_AT_ONCE:
            self._rounds[about] += 1
            task = asyncio.create_task(self._serve(about, compute))
            self._serving.add(task)
            task.add_done_callback(self._serving.discard)

    async def _serve(self, about: Hashable, compute: Compute[Part]) -> None:
        """Serves those who wait until nobody does."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(0)  # whose request has come already is served along
            waiting = self._waiting[about]
            if not waiting:
                break
            # Whose answers come at the same moment ask again at the same moment: one round would take them all.
            share = min(MOST_AT_ONCE, ceil(len(waiting) / (ROUNDS_AT_ONCE - self._reading[about])))
            parts, waiting[:share] = waiting[:share], []
            keys = [(about, part) for part in parts]
            self._reading[about] += 1
            try:
                made = await loop.run_in_executor(self._threads, self._made, keys, compute, parts)
            except Exception as error:  # noqa: BLE001  it is for those who asked
                for key in keys:
                    self._coming.pop(key).set_exception(error)
            else:
                for key, answer in zip(keys, made, strict=True):
                    self._coming.pop(key).set_result(answer)
            self._reading[about] -= 1
        self._rounds[about] -= 1
        if not self._rounds[about]:
            del self._rounds[about], self._reading[about], self._waiting[about]

    def _made(self, keys: Sequence[Hashable], compute: Compute[Part], parts: Sequence[Part]) -> list[Answer]:
        made = [Answer.of(body) for body in compute(parts)]
        for key, answer in zip(keys, made, strict=True):
            self.answers.keep(key, answer)
        return made

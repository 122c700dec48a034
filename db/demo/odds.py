"""Things and how often each comes up."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Generic, TypeVar

from numpy.random import Generator

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Odds(Generic[T]):
    """Draws things by their weights, one at a time and much faster than numpy's `choice` does."""

    things: tuple[T, ...]
    steps: tuple[float, ...]

    @classmethod
    def of(cls, weights: Mapping[T, float]) -> Odds[T]:
        """The odds of things by weight; the weights needn't sum to one."""
        return cls(tuple(weights), tuple(accumulate(weights.values())))

    def draw(self, rng: Generator) -> T:
        """One of the things."""
        return self.things[min(bisect(self.steps, rng.random() * self.steps[-1]), len(self.things) - 1)]

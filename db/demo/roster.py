"""Whom the demo's own desk sends: somebody near who can do it, and who holds how many open tasks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from db.demo.people import PlannedWorker, Shift

Place = tuple[float, float]
"""Easting and northing in the metric SRID."""
_NEAREST = 6


@dataclass(slots=True, kw_only=True)
class Roster:
    """Workers as the desk sees them; `points` holds their places in the metric SRID, in the same order."""

    workers: Sequence[PlannedWorker]
    shifts: Sequence[Shift]
    points: NDArray[np.float64]
    cap: int
    load: list[int] = field(default_factory=list)
    _trees: dict[tuple[frozenset[str], bool], tuple[NDArray[np.int64], cKDTree]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.load = [0] * len(self.workers)

    def send(self, place: Place, skills: Sequence[str], *, is_history: bool, rng: Generator) -> tuple[int, float]:
        """The place in the list of a full-time worker near the incident who has one of the skills, and the distance.

        For an open incident the worker is on duty and below the cap, and the task counts towards their load.
        """
        own, tree = self._tree(frozenset(skills), on_duty=not is_history)
        distances, found = tree.query(place, k=min(_NEAREST * (1 if is_history else 8), len(own)))
        choices = [
            (float(distance), int(own[i]))
            for distance, i in zip(np.atleast_1d(distances), np.atleast_1d(found), strict=True)
            if is_history or self.load[own[i]] < self.cap
        ]
        distance_m, worker = choices[min(int(rng.geometric(0.55)) - 1, len(choices) - 1)]
        if not is_history:
            self.load[worker] += 1
        return worker, distance_m

    def release(self, worker: int) -> None:
        """One task less."""
        self.load[worker] -= 1

    def resume(self, worker: int) -> None:
        """One task more, without asking anew."""
        self.load[worker] += 1

    def actor(self, worker: int) -> tuple[str, str]:
        """The worker as the one who took a step: code, and a name that may be shown to anyone."""
        return self.workers[worker].code, f"网格员{self.workers[worker].full_name[0]}*"

    def _tree(self, skills: frozenset[str], *, on_duty: bool) -> tuple[NDArray[np.int64], cKDTree]:
        key = (skills, on_duty)
        if key not in self._trees:
            fitting = [
                i
                for i, (worker, shift) in enumerate(zip(self.workers, self.shifts, strict=True))
                if worker.employment == "full_time"
                and (shift.on_duty or not on_duty)
                and (not skills or skills & set(worker.skills))
            ]
            # A small town may have nobody on duty who can do it: then its desk sends whoever is there.
            everybody = [i for i, shift in enumerate(self.shifts) if shift.on_duty]
            own = np.array(fitting or everybody, dtype=np.int64)
            self._trees[key] = (own, cKDTree(self.points[own]))
        return self._trees[key]

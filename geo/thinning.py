"""Tracks made short: the positions that tell the most of where something was, and when."""

from __future__ import annotations

import heapq

import numpy as np
from numpy.typing import ArrayLike, NDArray

from geo.errors import InvalidInput

Floats = NDArray[np.float64]


def breaks(at_s: ArrayLike, *, longest_s: float) -> list[tuple[int, int]]:
    """The stretches (first row, last row) of a track between gaps of more than `longest_s` seconds."""
    at = np.asarray(at_s, dtype=np.float64)
    if at.size == 0:
        return []
    ends = np.flatnonzero(np.diff(at) > longest_s)
    firsts, lasts = [0, *(ends + 1).tolist()], [*ends.tolist(), at.size - 1]
    return list(zip(firsts, lasts, strict=True))


def telling(
    at_s: ArrayLike, xy: ArrayLike, stretches: list[tuple[int, int]], *, most: int, least_m: float = 1.0
) -> list[int]:
    """The rows to keep: both ends of each stretch, and up to `most` in all of those that are farthest from expected.

    Expected is, at each instant, the place that an even pace between the kept neighbours gives; when no row is off by
    more than `least_m`, the rest are left out. `at_s` rises, `xy` (N, 2) is metric. Distances in time and place at once
    keep a rest on the way, which a line simplified by its shape alone loses. Raises `InvalidInput` naming `xy` where
    the columns differ in length.
    """
    at, places = np.asarray(at_s, dtype=np.float64), np.asarray(xy, dtype=np.float64).reshape(-1, 2)
    if at.size != len(places):
        raise InvalidInput("each instant has its place", field="xy")
    kept = {row for stretch in stretches for row in stretch}
    heap: list[tuple[float, int, int, int]] = []

    def look(first: int, last: int) -> None:
        if last - first > 1:
            off_m, row = _farthest(at, places, first, last)
            if off_m > least_m:
                heapq.heappush(heap, (-off_m, row, first, last))

    for first, last in stretches:
        look(first, last)
    while heap and len(kept) < most:
        _, row, first, last = heapq.heappop(heap)
        kept.add(row)
        look(first, row)
        look(row, last)
    return sorted(kept)


def _farthest(at: Floats, places: Floats, first: int, last: int) -> tuple[float, int]:
    """How far off the row lies that is farthest from an even pace between the two, and which it is."""
    share = (at[first + 1 : last] - at[first]) / (at[last] - at[first])
    expected = places[first] + share[:, None] * (places[last] - places[first])
    off_m = np.hypot(*(places[first + 1 : last] - expected).T)
    row = int(off_m.argmax())
    return float(off_m[row]), first + 1 + row

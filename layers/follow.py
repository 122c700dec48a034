"""What the wall's map looks at: it follows the open incidents until somebody touches it, and comes back by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import inf

import pydeck as pdk

from layers import deck

Bounds = tuple[float, float, float, float]
"""West, south, east, north in degrees."""

RETURNS_AFTER = timedelta(minutes=5)
"""How long a view that somebody chose is kept after the last touch."""

_BELOW = {"": "street", "street": "community", "community": "quarter", "quarter": "building", "building": "building"}

_CLOSEST = 18.0
_MARGIN = 0.035


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow:
    """The view as it stands. `mark` is that of the incidents it was made for; None: it has to be made anew.

    `grid` is what was drilled to, "" the county. `touched_at` is None while the map follows. `moves` counts the times
    that the camera was sent somewhere. `held` is where a hand had left the camera of a view that is taken up again:
    WGS 84 longitude and latitude and the zoom, None where `bounds` say it.
    """

    grid: str = ""
    mark: str | None = None
    bounds: Bounds | None = None
    touched_at: datetime | None = None
    moves: int = 0
    held: tuple[float, float, float] | None = None

    @property
    def is_locked(self) -> bool:
        """Whether the view belongs to whoever touched it."""
        return self.touched_at is not None


def left_s(view: Follow, now: datetime) -> float:
    """Seconds until a view that somebody touched follows again; for ever where it follows already."""
    return inf if view.touched_at is None else (view.touched_at + RETURNS_AFTER - now).total_seconds()


def advance(view: Follow, *, mark: str, incidents: Bounds | None, least: Bounds, now: datetime) -> Follow:
    """The view after a look at the open incidents: another one only when their set (`mark`) changed and it follows.

    It shows `least` and all `incidents`. A view that nobody touched for `RETURNS_AFTER` follows again.
    """
    if view.touched_at is not None:
        if now - view.touched_at < RETURNS_AFTER:
            return view
        view = release(view)
    if view.mark == mark:
        return view
    bounds = least if incidents is None else _around(least, incidents)
    is_due = view.mark is None or bounds != view.bounds
    return replace(view, mark=mark, bounds=bounds, moves=view.moves + is_due)


def touch(view: Follow, now: datetime) -> Follow:
    """Somebody moved the map or clicked: it stays where it is."""
    return replace(view, touched_at=now)


def drill(view: Follow, grid: str, bounds: Bounds, now: datetime) -> Follow:
    """Somebody went to a grid ("" the county): the map shows it whole."""
    return replace(view, grid=grid, bounds=bounds, touched_at=now, moves=view.moves + 1, held=None)


def release(view: Follow) -> Follow:
    """Back to the county, to follow what happens."""
    return replace(view, grid="", mark=None, touched_at=None, held=None)


def level_below(level: str) -> str:
    """The level that a grid of `level` is divided into; "" is the county. A building has none and is its own."""
    return _BELOW[level]


def next_grid(at: str, at_level: str, clicked: Sequence[tuple[str, str]]) -> str:
    """Where a click leads, one level at a time; `clicked` is its chain of (code, level), finest first.

    From a grid around the clicked place to the one below it, from elsewhere to the one of the same level there.
    """
    codes = [code for code, _ in clicked]
    if not codes:
        return at
    if not at:
        return codes[-1]
    if at in codes:
        return codes[max(0, codes.index(at) - 1)]
    return next((code for code, level in clicked if level == at_level), codes[0])


def camera(view: Follow, *, width_px: float, height_px: float, head_px: float = 0, foot_px: float = 0) -> pdk.ViewState:
    """The view for a map of that size, ready to be gone to; its topmost `head_px` and lowest `foot_px` are covered.

    The browser compares with what it was told last, value by value, and knows nothing of what a hand did since: so
    every value changes a little with each move, by less than can be seen.
    """
    if view.bounds is None:
        raise AssertionError("a view is advanced or drilled before it is shown")
    odd = view.moves % 2
    made = deck.initial_view(
        view.bounds, width_px=width_px, height_px=height_px, margin=_MARGIN, head_px=head_px, foot_px=foot_px
    )
    if view.held is not None:
        made.longitude, made.latitude, made.zoom = view.held
    else:
        made.longitude += odd * 1e-7
        made.latitude += odd * 1e-7
        made.zoom = min(made.zoom, _CLOSEST) + odd * 1e-4
    made.transition_duration = -odd  # none, whatever a key or a wheel left behind
    return made


def _around(one: Bounds, other: Bounds) -> Bounds:
    return (min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3]))

"""Half a year of reports: when and where, with the rhythms of day, week and winter.

Each one is lived through to its end by `db.demo.courses`; about sixty of the last days are still open.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from numpy.random import Generator
from shapely import Point, Polygon

from db.demo.addresses import Addresses
from db.demo.frame import Frame
from db.demo.grids import Territory
from db.demo.layout import Layout
from db.demo.matters import Matter, Matters, in_heating_season
from db.demo.places import random_point
from db.demo.plan import lines_of

DAYS = 183
OPEN = 60
_PER_DAY = 33.0
_FEWEST, _MOST = 25 / _PER_DAY, 45 / _PER_DAY
"""Of an ordinary day's number."""
_HEATING_FACTOR = 1.18
_BY_WEEKDAY = (1.12, 1.06, 1.04, 1.05, 1.08, 0.86, 0.79)
"""Monday first: weekends are quieter, Mondays catch up."""
_BY_HOUR = (2, 1, 1, 1, 1, 3, 8, 16, 27, 30, 27, 22, 14, 14, 22, 26, 25, 23, 20, 18, 15, 11, 7, 4)
_OUTSIDE = 0.006
"""The share that lies in the county but in no grid."""
_FAR_M = (40.0, 9_000.0)
_OFF_BORDER_M = 3.0
_BESIDE_M = (70.0, 240.0)
_USE_SHARE = {"residential": 1.0, "business": 1.3, "public": 0.6, "industrial": 0.35, "park": 0.25, "farm": 0.03}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How much comes up: reports on an ordinary day, how many are still open, the share outside of all grids."""

    per_day: float = _PER_DAY
    still_open: int = OPEN
    outside: float = _OUTSIDE


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """What came to be reported, in plan metres."""

    matter: Matter
    at: datetime
    point: Point
    grid_code: str
    is_outside_grid: bool
    address: str
    title: str
    description: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chronicler:
    """Makes up occurrences anywhere in the county; the same generator gives the same ones."""

    layout: Layout
    territory: Territory
    matters: Matters
    timezone: ZoneInfo
    frame: Frame
    pace: Pace
    rng: Generator

    def instants(self, now: datetime) -> list[datetime]:
        """When things were reported in the half year up to `now`, in order."""
        today = now.astimezone(self.timezone).date()
        hours = np.array(_BY_HOUR, dtype=float)
        found = []
        for back in range(DAYS, -1, -1):
            day = today - timedelta(days=back)
            expected = (
                self.pace.per_day * _BY_WEEKDAY[day.weekday()] * (_HEATING_FACTOR if in_heating_season(day) else 1.0)
            )
            count = int(np.clip(self.rng.poisson(expected), *np.round(self.pace.per_day * np.array([_FEWEST, _MOST]))))
            start = datetime.combine(day, datetime.min.time(), self.timezone)
            of_day = self.rng.choice(24, size=count, p=hours / hours.sum()) + self.rng.random(count)
            found += [start + timedelta(hours=hour) for hour in of_day.tolist()]
        return sorted(at for at in found if at < now)

    def occurrences(self, instants: Sequence[datetime]) -> list[Occurrence]:
        """Something for each instant."""
        points, codes, outside = self._places(len(instants))
        addresses = Addresses(self.layout).at(points)
        names = {grid.code: grid.name for grid in self.territory.grids}
        made = []
        for at, point, code, is_outside, address in zip(instants, points, codes, outside, addresses, strict=True):
            matter = self.matters.draw(at.astimezone(self.timezone).date())
            made.append(
                Occurrence(
                    matter=matter,
                    at=at,
                    point=point,
                    grid_code=code,
                    is_outside_grid=is_outside,
                    address=address,
                    title=f"{names[code]}{'外' if is_outside else ''}{matter.kind.name}",
                    description=matter.told(f"{names[code]}{'附近' if is_outside else ''}{address}"),
                )
            )
        return made

    def _places(self, count: int) -> tuple[list[Point], list[str], list[bool]]:
        """Points, the finest grids that hold them (outside of all, the nearest community), and whether none does."""
        lots = self.layout.lots
        finest = {lot: grid.code for grid in self.territory.grids for lot in grid.lots}
        weights = np.array(
            [lot.face.area * _USE_SHARE[use] for lot, use in zip(lots, self.territory.uses, strict=True)]
        )
        chosen = self.rng.choice(len(lots), size=count, p=weights / weights.sum()).tolist()
        land = {lot: _off_border(lots[lot].face) for lot in sorted(set(chosen))}
        points = [random_point(land[lot], self.rng) for lot in chosen]
        codes = [finest[lot] for lot in chosen]
        outside = (self.rng.random(count) < self.pace.outside).tolist()
        for i in [i for i, is_outside in enumerate(outside) if is_outside]:
            points[i], codes[i] = self._out_of_town()
        return points, codes, outside

    def _out_of_town(self) -> tuple[Point, str]:
        """A place beside a road out of town, and the community nearest to it."""
        network = self.layout.network
        trunks = [edge.line for edge in network.edges if network.roads[edge.road].road_class == "trunk"]
        town = self.layout.rim
        while True:
            trunk = trunks[int(self.rng.integers(len(trunks)))]
            aside = shapely.offset_curve(trunk, float(self.rng.choice([-1, 1]) * self.rng.uniform(*_BESIDE_M)))
            point = shapely.line_interpolate_point(lines_of(aside)[0], float(self.rng.random()), normalized=True)
            if _FAR_M[0] < point.distance(town) < _FAR_M[1]:
                break
        communities = self.territory.level("community")
        (place,) = self.frame.in_metres([point])
        shapes = self.frame.in_metres([community.shape for community in communities])
        distances = [shape.distance(place) for shape in shapes]
        return point, communities[int(np.argmin(distances))].code


def _off_border(face: Polygon) -> Polygon:
    """The land without a strip along its border; all of it where it is a mere strip itself."""
    inner = face.buffer(-_OFF_BORDER_M)
    return face if inner.is_empty else inner

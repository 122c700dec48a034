"""Half a year of incidents: when, where and what, with the rhythms of day, week and winter.

Each one is lived through to its end by `db.demo.courses`; about sixty of the last days are still open.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import shapely
from numpy.random import Generator
from shapely import Point, Polygon

from db.demo.addresses import Addresses
from db.demo.frame import Frame
from db.demo.grids import Territory
from db.demo.layout import Layout
from db.demo.places import random_points
from db.demo.plan import lines_of
from governance.incident import Severity, Source

DAYS = 183
OPEN = 60
_PER_DAY = 33.0
_BY_WEEKDAY = (1.12, 1.06, 1.04, 1.05, 1.08, 0.86, 0.79)
"""Monday first: weekends are quieter, Mondays catch up."""
_BY_HOUR = (2, 1, 1, 1, 1, 3, 8, 16, 27, 30, 27, 22, 14, 14, 22, 26, 25, 23, 20, 18, 15, 11, 7, 4)
_HEATING = ((10, 25), (4, 10))
"""First and last day of the heating season in this province, month and day."""
_WINTER_WORDS = ("暖", "供热", "积雪")
_HEATING_FACTOR = {True: 6.0, False: 0.04}
_BY_MAJOR: Mapping[str, float] = {
    "市容环境": 1.7,
    "公用设施": 1.6,
    "安全隐患": 1.0,
    "矛盾纠纷": 0.45,
    "民生诉求": 1.0,
    "治安": 0.35,
    "物业服务": 1.1,
    "交通停车": 1.2,
    "设备报警": 0.4,
    "咨询求助": 0.9,
}
_SOURCES: Mapping[str, float] = {
    Source.PATROL: 0.43,
    Source.SNAPSHOT: 0.21,
    Source.HOTLINE: 0.16,
    Source.VISIT: 0.10,
    Source.DELIBERATION: 0.04,
    Source.DEPARTMENT: 0.06,
}
_BY_SEVERITY = {1: 0.22, 2: 0.5, 3: 1.0, 4: 1.15}
"""How much rarer the grave classes are than the others of their major."""
_ALARM_MAJOR = "设备报警"
_OUTSIDE = 0.006
"""The share that lies in the county but in no grid."""
_FAR_M = (40.0, 9_000.0)
_USE_SHARE = {"residential": 1.0, "business": 1.3, "public": 0.6, "industrial": 0.35, "park": 0.25}
_SEVERITY_SHIFT = {-1: 0.04, 0: 0.86, 1: 0.10}
_FOUND = {
    Source.PATROL: "网格员巡查发现：{what}。",
    Source.SNAPSHOT: "居民随手拍上报：{what}，请核查处理。",
    Source.HOTLINE: "12345热线转来：市民反映{what}，希望尽快处理。",
    Source.DEVICE: "智能设备自动报警：{what}。",
    Source.VISIT: "入户走访了解到：{what}。",
    Source.DELIBERATION: "议事会上居民提出：{what}。",
    Source.DEPARTMENT: "部门转办：{what}，请属地核实。",
}
_NAMED = {Source.SNAPSHOT, Source.HOTLINE}


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A class of incidents as far as its history needs it."""

    code: str
    major_name: str
    name: str
    skills: tuple[str, ...]
    default_severity: int
    is_sensitive: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """What came to be reported, in plan metres."""

    kind: Kind
    at: datetime
    point: Point
    grid_code: str
    is_outside_grid: bool
    address: str
    title: str
    description: str
    severity: int
    source: Source
    reporter_name: str
    reporter_phone: str


@dataclass(slots=True)
class Chronicler:
    """Makes up occurrences anywhere in the county; the same generator gives the same ones."""

    layout: Layout
    territory: Territory
    kinds: Sequence[Kind]
    reporters: Sequence[str]
    timezone: ZoneInfo
    frame: Frame
    rng: Generator

    _known_shares: dict[bool, list[float]] = field(default_factory=dict)

    def instants(self, now: datetime) -> list[datetime]:
        """When things were reported in the half year up to `now`, in order."""
        today = now.astimezone(self.timezone).date()
        hours = np.array(_BY_HOUR, dtype=float)
        found = []
        for back in range(DAYS, -1, -1):
            day = today - timedelta(days=back)
            expected = _PER_DAY * _BY_WEEKDAY[day.weekday()] * (1.18 if in_heating_season(day) else 1.0)
            count = int(np.clip(self.rng.poisson(expected), 25, 45))
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
            kind = self._kind(at.astimezone(self.timezone).date())
            source = self._source(kind)
            what = f"{names[code]}{'附近' if is_outside else ''}{address}{kind.name}"
            is_named = source in _NAMED
            shift = int(self.rng.choice(list(_SEVERITY_SHIFT), p=list(_SEVERITY_SHIFT.values())))
            made.append(
                Occurrence(
                    kind=kind,
                    at=at,
                    point=point,
                    grid_code=code,
                    is_outside_grid=is_outside,
                    address=address,
                    title=f"{names[code]}{kind.name}",
                    description=_FOUND[source].format(what=what),
                    severity=int(np.clip(kind.default_severity + shift, Severity.I, Severity.IV)),
                    source=source,
                    reporter_name=str(self.rng.choice(list(self.reporters))) if is_named else "",
                    reporter_phone=f"1441{int(self.rng.integers(10**7)):07d}" if is_named else "",
                )
            )
        return made

    def _kind(self, day: date) -> Kind:
        shares = self._shares(is_heated=in_heating_season(day))
        return self.kinds[int(self.rng.choice(len(self.kinds), p=shares))]

    def _shares(self, *, is_heated: bool) -> list[float]:
        """How often each class comes up, in the order of the classes; they sum to one."""
        if is_heated not in self._known_shares:
            minors = Counter(kind.major_name for kind in self.kinds)
            weights = [
                _BY_MAJOR.get(kind.major_name, 0.8) / minors[kind.major_name] * _BY_SEVERITY[kind.default_severity]
                for kind in self.kinds
            ]
            for i, kind in enumerate(self.kinds):
                if any(word in kind.name for word in _WINTER_WORDS):
                    weights[i] *= _HEATING_FACTOR[is_heated]
            self._known_shares[is_heated] = [weight / sum(weights) for weight in weights]
        return self._known_shares[is_heated]

    def _source(self, kind: Kind) -> Source:
        if kind.major_name == _ALARM_MAJOR:
            return Source.DEVICE
        return Source(str(self.rng.choice(list(_SOURCES), p=list(_SOURCES.values()))))

    def _places(self, count: int) -> tuple[list[Point], list[str], list[bool]]:
        """Points, the finest grids that hold them (outside of all, the nearest community), and whether none does."""
        lots = self.layout.lots
        finest = {lot: grid.code for grid in self.territory.grids for lot in grid.lots}
        weights = np.array(
            [lot.face.area * _USE_SHARE[use] for lot, use in zip(lots, self.territory.uses, strict=True)]
        )
        points, codes = [], []
        for lot in self.rng.choice(len(lots), size=count, p=weights / weights.sum()).tolist():
            land = lots[lot].face.buffer(-3)
            (point,) = random_points(land if isinstance(land, Polygon) else lots[lot].face, self.rng, count=1)
            points.append(point)
            codes.append(finest[lot])
        outside = (self.rng.random(count) < _OUTSIDE).tolist()
        for i in [i for i, is_outside in enumerate(outside) if is_outside]:
            points[i], codes[i] = self._out_of_town()
        return points, codes, outside

    def _out_of_town(self) -> tuple[Point, str]:
        """A place beside a road out of town, and the community nearest to it."""
        network = self.layout.network
        trunks = [edge.line for edge in network.edges if network.roads[edge.road].road_class == "trunk"]
        town = self.layout.plan.town
        while True:
            trunk = trunks[int(self.rng.integers(len(trunks)))]
            aside = shapely.offset_curve(trunk, float(self.rng.choice([-1, 1]) * self.rng.uniform(70, 240)))
            point = shapely.line_interpolate_point(lines_of(aside)[0], float(self.rng.random()), normalized=True)
            if _FAR_M[0] < point.distance(town) < _FAR_M[1]:
                break
        communities = self.territory.level("community")
        (place,) = self.frame.in_metres([point])
        shapes = self.frame.in_metres([community.shape for community in communities])
        distances = [shape.distance(place) for shape in shapes]
        return point, communities[int(np.argmin(distances))].code


def in_heating_season(day: date) -> bool:
    """Whether homes are heated on that day."""
    return (day.month, day.day) >= _HEATING[0] or (day.month, day.day) <= _HEATING[1]

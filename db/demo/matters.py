"""What comes up in a county and how it is told: classes by season, sources, severity."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from numpy.random import Generator

from db.demo.odds import Odds
from db.demo.people import phones
from governance.deadlines import Limit
from governance.incident import Severity, Source
from governance.profile import Profile

_HEATING = ((10, 25), (4, 10))
"""First and last day of the heating season in this province, month and day."""
_WINTER_WORDS = ("暖", "供热", "积雪")
_WINTER_FACTOR = {True: 6.0, False: 0.04}
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
_OTHER_MAJOR = 0.8
_BY_SEVERITY = {1: 0.22, 2: 0.5, 3: 1.0, 4: 1.15}
"""How much rarer the grave classes are than the others of their major."""
_ALARM_MAJOR = "设备报警"
_SOURCES = Odds.of(
    {
        Source.PATROL: 0.43,
        Source.SNAPSHOT: 0.21,
        Source.HOTLINE: 0.16,
        Source.VISIT: 0.10,
        Source.DELIBERATION: 0.04,
        Source.DEPARTMENT: 0.06,
    }
)
_SEVERITY_SHIFT = Odds.of({-1: 0.04, 0: 0.86, 1: 0.10})
_TOLD = {
    Source.PATROL: "网格员巡查发现：{}。",
    Source.SNAPSHOT: "居民随手拍上报：{}，请核查处理。",
    Source.HOTLINE: "12345热线转来：市民反映{}，希望尽快处理。",
    Source.DEVICE: "智能设备自动报警：{}。",
    Source.VISIT: "入户走访了解到：{}。",
    Source.DELIBERATION: "议事会上居民提出：{}。",
    Source.DEPARTMENT: "部门转办：{}，请属地核实。",
}
_NAMED = {Source.SNAPSHOT, Source.HOTLINE}
_REPORTER_PHONES = 5_000_000
_MOST_PHONES = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A class of incidents as far as its history needs it; `skills` are keys."""

    code: str
    major_name: str
    name: str
    skills: tuple[str, ...]
    default_severity: int
    is_sensitive: bool
    limit: Limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """Something that comes up: what it is, how it came in, who told."""

    kind: Kind
    severity: int
    source: Source
    reporter_name: str
    reporter_phone: str

    def told(self, where: str) -> str:
        """The description, given the place in words."""
        return _TOLD[self.source].format(where + self.kind.name)


@dataclass(slots=True)
class Matters:
    """Draws matters as often as they come up; the same generator draws the same ones."""

    kinds: Sequence[Kind]
    reporters: Sequence[str]
    rng: Generator
    _odds: dict[bool, Odds[Kind]] = field(default_factory=dict)

    @classmethod
    def of(cls, profile: Profile, *, reporters: Sequence[str], rng: Generator) -> Matters:
        """The matters of a profile's classes."""
        keys = {skill.id: skill.key for skill in profile.skills}
        kinds = [
            Kind(
                code=c.code,
                major_name=c.major_name,
                name=c.name,
                skills=tuple(keys[skill] for skill in c.skills),
                default_severity=c.default_severity,
                is_sensitive=c.is_sensitive,
                limit=c.limit,
            )
            for c in profile.classes
        ]
        return cls(kinds=kinds, reporters=reporters, rng=rng)

    def draw(self, day: date) -> Matter:
        """What comes up on that day."""
        kind = self._odds_in(is_winter=in_heating_season(day)).draw(self.rng)
        source = Source.DEVICE if kind.major_name == _ALARM_MAJOR else _SOURCES.draw(self.rng)
        severity = kind.default_severity + _SEVERITY_SHIFT.draw(self.rng)
        is_named = source in _NAMED
        number = _REPORTER_PHONES + int(self.rng.integers(_MOST_PHONES))
        return Matter(
            kind=kind,
            severity=min(max(severity, Severity.I), Severity.IV),
            source=source,
            reporter_name=self.reporters[int(self.rng.integers(len(self.reporters)))] if is_named else "",
            reporter_phone=phones(number, 1)[0] if is_named else "",
        )

    def _odds_in(self, *, is_winter: bool) -> Odds[Kind]:
        """How often each class comes up."""
        if is_winter not in self._odds:
            minors = Counter(kind.major_name for kind in self.kinds)
            weights = {
                kind: _BY_MAJOR.get(kind.major_name, _OTHER_MAJOR)
                / minors[kind.major_name]
                * _BY_SEVERITY[kind.default_severity]
                * (_WINTER_FACTOR[is_winter] if any(word in kind.name for word in _WINTER_WORDS) else 1.0)
                for kind in self.kinds
            }
            self._odds[is_winter] = Odds.of(weights)
        return self._odds[is_winter]


def in_heating_season(day: date) -> bool:
    """Whether homes are heated on that day."""
    return (day.month, day.day) >= _HEATING[0] or (day.month, day.day) <= _HEATING[1]

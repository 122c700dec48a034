"""A county as data: what a folder under `profiles/` says about it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from governance.deadlines import Limit, StageLimits
from governance.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class SkillSpec:
    """A skill that a class may ask for."""

    id: int
    key: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassSpec:
    """A minor class of incidents; `skills` are ids, any one of which qualifies."""

    code: str
    major_code: str
    major_name: str
    name: str
    domain: str
    skills: tuple[int, ...]
    default_severity: int
    limit: Limit
    is_sensitive: bool
    needs_check: bool = False
    needs_photo: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartmentSpec:
    """Who takes over what grid workers can't settle."""

    code: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CalendarSpec:
    """A day that differs from its weekday: kind "holiday" or "workday"."""

    day: date
    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureSpec:
    """A number that the county published."""

    key: str
    section: str
    name: str
    value: Decimal
    unit: str
    qualifier: str
    note: str
    as_of: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmSpec:
    """An alarm that devices of some kinds raise, and the class and severity of the incident it becomes."""

    code: str
    name: str
    class_code: str
    severity: int
    device_kinds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Everything that makes one county differ from another. `town_bounds`: west, south, east, north in degrees.

    `ground` is "drawn" where the demo draws the town and "osm" where an extract brings it; `tables_from` is the folder
    whose classes, skills, alarms and made-up names it uses.
    """

    key: str
    county_code: str
    name: str
    title: str
    number_prefix: str
    metric_srid: int
    code_lengths: tuple[int, int, int, int]
    timezone: str
    source_note: str
    town_bounds: tuple[float, float, float, float]
    classes: tuple[ClassSpec, ...]
    skills: tuple[SkillSpec, ...]
    departments: tuple[DepartmentSpec, ...]
    alarms: tuple[AlarmSpec, ...]
    stages: StageLimits
    policy: Policy
    calendar: tuple[CalendarSpec, ...]
    figures: tuple[FigureSpec, ...]
    ground: str
    tables_from: str

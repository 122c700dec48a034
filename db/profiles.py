"""Reads a county's folder under `profiles/`; a row that can't be read is named, never guessed."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TypeVar

import chinese_calendar

from db.csv_files import once, rows
from db.settings import ROOT
from geo.errors import InvalidInput, UnknownCode
from governance import labels
from governance.deadlines import StageLimits, parse_limit
from governance.incident import Severity
from governance.policy import Card, Policy, Requirement, check_policy
from governance.profile import AlarmSpec, CalendarSpec, ClassSpec, DepartmentSpec, FigureSpec, Profile, SkillSpec

T = TypeVar("T")

PROFILES = ROOT / "profiles"
_HOLIDAYS_FROM = date(2025, 1, 1)
_LEVELS = 4
_KEY = re.compile(r"[a-z0-9_-]+")
_CLASS_COLUMNS = ("code", "major", "name", "domain", "skills", "severity", "limit", "is_sensitive")
_FLAGS = ("is_sensitive", "needs_check", "needs_photo")
_CARD_COLUMNS = ("class", "people", "posts", "origins", "skills")
_CLASS_CODE = re.compile(r"[0-9]{4}")
_CLASS_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,50}")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_YEARS = range(2000, 2101)
_ALARM_CODE = re.compile(r"[a-z][a-z0-9_]{0,39}")
_ALARM_NAME = re.compile(r".{1,40}")
_ALARM_COLUMNS = ("code", "name", "class", "severity", "devices")
_FIGURE_COLUMNS = ("key", "section", "name", "value", "unit", "qualifier", "note", "as_of")


def read_profile(key: str, *, root: Path = PROFILES) -> Profile:
    """The profile `key`: profile.toml, and the tables beside it (figures.csv and calendar.csv where there are any).

    `tables_from` in profile.toml names the folder whose classes, skills, departments, alarms and run cards count.
    Raises `UnknownCode` when there is no such folder, `InvalidInput` with the field, and the row where it is a table's.
    """
    folder = root / key
    if not _KEY.fullmatch(key) or not (folder / "profile.toml").is_file():
        raise UnknownCode(f"there is no profile {key}", field="profile")
    facts = _toml(folder / "profile.toml")
    tables = _tables(root, facts, key)
    skills = once(rows(root / tables / "skills.csv", ("id", "key", "name"), _skill), "id", "key")
    ids = {skill.key: skill.id for _, skill in skills}
    classes = read_classes(root / tables / "classes.csv", ids)
    departments = rows(root / tables / "departments.csv", ("code", "name"), _department)
    cards = _cards(root / tables / "run_cards.csv", ids, {spec.code for spec in classes})
    figures = folder / "figures.csv"
    return Profile(
        key=key,
        county_code=_fact(facts, "county_code", str),
        name=_fact(facts, "name", str),
        title=_fact(facts, "title", str),
        number_prefix=_fact(facts, "number_prefix", str),
        metric_srid=_fact(facts, "metric_srid", int),
        code_lengths=_code_lengths(facts),
        timezone=_fact(facts, "timezone", str),
        source_note=_fact(facts, "source_note", str),
        town_bounds=_town_bounds(facts),
        classes=classes,
        skills=tuple(spec for _, spec in skills),
        departments=tuple(spec for _, spec in once(departments, "code", "name")),
        alarms=_alarms(root / tables / "alarms.csv", {spec.code for spec in classes}),
        stages=_stages(_fact(facts, "stages", dict)),
        policy=_policy(_fact(facts, "policy", dict), cards),
        calendar=tuple(_calendar(folder, _fact(facts, "holidays", str))),
        figures=tuple(spec for _, spec in once(rows(figures, _FIGURE_COLUMNS, _figure), "key"))
        if figures.is_file()
        else (),
        ground=_ground(facts),
        tables_from=tables,
    )


def read_classes(path: Path, skills: Mapping[str, int]) -> tuple[ClassSpec, ...]:
    """The classes of a table, `skills` being ids by key. Raises `InvalidInput` with row and field."""
    read = rows(path, _CLASS_COLUMNS, lambda row, number: _class(row, number, skills))
    return tuple(spec for _, spec in once(read, "code"))


def _toml(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput(f"{path.name} can't be read: {error}", field="profile") from error


def _tables(root: Path, facts: Mapping[str, object], key: str) -> str:
    tables = facts.get("tables_from", key)
    if not isinstance(tables, str) or not _KEY.fullmatch(tables) or not (root / tables).is_dir():
        raise InvalidInput(f"there is no folder {tables} to take tables from", field="tables_from")
    return tables


def _ground(facts: Mapping[str, object]) -> str:
    ground = facts.get("ground", "drawn")
    if ground not in {"drawn", "osm"}:
        raise InvalidInput("ground is drawn or osm", field="ground")
    return str(ground)


def _fact(facts: Mapping[str, object], name: str, kind: type[T]) -> T:
    value = facts.get(name)
    if not isinstance(value, kind):
        raise InvalidInput(f"{name} is missing or of the wrong type", field=name)
    return value


def _code_lengths(facts: Mapping[str, object]) -> tuple[int, int, int, int]:
    lengths = _fact(facts, "code_lengths", list)
    if len(lengths) != _LEVELS or not all(isinstance(n, int) and n > 0 for n in lengths):
        raise InvalidInput("code_lengths has one length for each of the four levels", field="code_lengths")
    return (lengths[0], lengths[1], lengths[2], lengths[3])


def _town_bounds(facts: Mapping[str, object]) -> tuple[float, float, float, float]:
    bounds = _fact(facts, "town_bounds", list)
    if len(bounds) != 4 or not all(isinstance(v, int | float) for v in bounds):  # noqa: PLR2004  west, south, east, north
        raise InvalidInput("town_bounds takes west, south, east, north", field="town_bounds")
    west, south, east, north = (float(v) for v in bounds)
    if not (west < east and south < north):
        raise InvalidInput("town_bounds takes west, south, east, north, in this order", field="town_bounds")
    return (west, south, east, north)


def _stages(facts: Mapping[str, object]) -> StageLimits:
    limits = {}
    for stage in ("accept", "dispatch", "verify"):
        try:
            limits[stage] = parse_limit(_fact(facts, stage, str), row=0)
        except InvalidInput as error:
            raise InvalidInput(error.detail, field=f"stages.{stage}") from error
    return StageLimits(**limits)


def _skill(row: dict[str, str], number: int) -> SkillSpec:
    return SkillSpec(id=_integer(row, "id", number), key=row["key"], name=row["name"])


def _class(row: dict[str, str], number: int, skills: Mapping[str, int]) -> ClassSpec:
    if not _CLASS_CODE.fullmatch(row["code"]):
        raise InvalidInput(
            f"{row['code']!r} has not two digits for the major and two for the minor class", field="code", row=number
        )
    if row["domain"] not in labels.DOMAIN:
        raise InvalidInput(f"there is no line of work {row['domain']!r}", field="domain", row=number)
    wanted = row["skills"].split()
    for key in wanted:
        if key not in skills:
            raise InvalidInput(f"there is no skill {key}", field="skills", row=number)
    for flag in _FLAGS:
        if row.get(flag, "") not in {"", "1"}:
            raise InvalidInput(f"{flag} is 1 or empty", field=flag, row=number)
    return ClassSpec(
        code=row["code"],
        major_code=row["code"][:2],
        major_name=_class_name(row, "major", number),
        name=_class_name(row, "name", number),
        domain=row["domain"],
        skills=tuple(skills[key] for key in wanted),
        default_severity=_severity(row, number),
        limit=parse_limit(row["limit"], row=number),
        **{flag: row.get(flag) == "1" for flag in _FLAGS},
    )


def _class_name(row: dict[str, str], column: str, number: int) -> str:
    name = row[column].strip()
    if not _CLASS_NAME.fullmatch(name):
        raise InvalidInput("名称须为 1 至 50 个字 a name has 1 to 50 characters", field=column, row=number)
    return name


def _department(row: dict[str, str], number: int) -> DepartmentSpec:
    if not row["code"] or not row["name"]:
        raise InvalidInput("a department has code and name", field="code" if not row["code"] else "name", row=number)
    return DepartmentSpec(code=row["code"], name=row["name"])


def _cards(path: Path, skills: Mapping[str, int], classes: set[str]) -> Mapping[str, Card]:
    """Run cards by class; the lines of a class in the order of the table. None where there is no such table."""
    cards: dict[str, Card] = {}
    if not path.is_file():
        return cards
    for number, (code, line) in rows(path, _CARD_COLUMNS, lambda row, number: _card_line(row, number, skills)):
        if code not in classes:
            raise InvalidInput(f"there is no class {code}", field="class", row=number)
        cards[code] = (*cards.get(code, ()), line)
    return cards


def _card_line(row: dict[str, str], number: int, skills: Mapping[str, int]) -> tuple[str, Requirement]:
    """A line: an empty cell of posts or origins means anybody, one of skills those that the class asks for."""
    known = {"posts": labels.POST, "origins": labels.ORIGIN, "skills": skills}
    chosen = {name: row[name].split() for name in known}
    for name, values in chosen.items():
        for value in values:
            if value not in known[name]:
                raise InvalidInput(f"{name} has no {value!r}", field=name, row=number)
    return row["class"], Requirement(
        people=_integer(row, "people", number),
        posts=frozenset(chosen["posts"]),
        origins=frozenset(chosen["origins"]),
        skills=frozenset(skills[key] for key in chosen["skills"]) if chosen["skills"] else None,
    )


def _alarms(path: Path, classes: Collection[str]) -> tuple[AlarmSpec, ...]:
    if not path.is_file():
        return ()
    read = rows(path, _ALARM_COLUMNS, lambda row, number: _alarm(row, number, classes))
    return tuple(spec for _, spec in once(read, "code"))


def _alarm(row: dict[str, str], number: int, classes: Collection[str]) -> AlarmSpec:
    for name, pattern in (("code", _ALARM_CODE), ("name", _ALARM_NAME)):
        if not pattern.fullmatch(row[name]):
            raise InvalidInput(f"{row[name]!r} can't be an alarm's {name}", field=name, row=number)
    if row["class"] not in classes:
        raise InvalidInput(f"there is no class {row['class']}", field="class", row=number)
    kinds = row["devices"].split()
    if not kinds:
        raise InvalidInput("an alarm names the kinds of devices that raise it", field="devices", row=number)
    for kind in kinds:
        if kind not in labels.DEVICE_KIND:
            raise InvalidInput(f"there is no kind of device {kind!r}", field="devices", row=number)
    return AlarmSpec(
        code=row["code"],
        name=row["name"],
        class_code=row["class"],
        severity=_severity(row, number),
        device_kinds=tuple(kinds),
    )


def _severity(row: dict[str, str], number: int) -> int:
    severity = _integer(row, "severity", number)
    if severity not in {level.value for level in Severity}:
        raise InvalidInput("severity is 1 to 4", field="severity", row=number)
    return severity


def _figure(row: dict[str, str], number: int) -> FigureSpec:
    try:
        value = Decimal(row["value"])
    except InvalidOperation as error:
        raise InvalidInput(f"{row['value']!r} is no number", field="value", row=number) from error
    if not value.is_finite():
        raise InvalidInput(f"{row['value']!r} is no number", field="value", row=number)
    return FigureSpec(
        key=row["key"],
        section=row["section"],
        name=row["name"],
        value=value,
        unit=row["unit"],
        qualifier=row["qualifier"],
        note=row["note"],
        as_of=_day(row["as_of"], "as_of", number) if row["as_of"] else None,
    )


def _policy(facts: Mapping[str, object], cards: Mapping[str, Card]) -> Policy:
    pools = _fact(facts, "pools", list)
    for pool in pools:
        if pool not in labels.EMPLOYMENT:
            raise InvalidInput(f"there is no pool {pool!r}", field="policy.pools")
    numbers = {name: _fact(facts, name, int) for name in ("cap", "freshness_s", "max_distance_m", "shortlist")}
    policy = Policy(
        id=0,
        pools=frozenset(pools),
        cap=numbers["cap"],
        freshness_s=numbers["freshness_s"],
        max_distance_m=numbers["max_distance_m"],
        shortlist=numbers["shortlist"],
        acknowledge_s=_fact(facts, "acknowledge_s", int),
        mode=_fact(facts, "mode", str),
        cards=cards,
    )
    try:
        check_policy(policy)
    except InvalidInput as error:
        raise InvalidInput(error.detail, field=f"policy.{error.field}") from error
    return policy


def _calendar(folder: Path, holidays: str) -> Iterator[CalendarSpec]:
    """The official days of the chosen country, those of the profile's own calendar.csv in their place."""
    if holidays not in {"china", "none"}:
        raise InvalidInput("holidays is china or none", field="holidays")
    days = {spec.day: spec for spec in _official()} if holidays == "china" else {}
    own = folder / "calendar.csv"
    if own.is_file():
        days |= {spec.day: spec for spec in read_days(own)}
    yield from (days[day] for day in sorted(days))


def read_days(path: Path) -> list[CalendarSpec]:
    """The days of a table that differ from their weekday. Raises `InvalidInput` with row and field."""
    return [spec for _, spec in once(rows(path, ("day", "kind", "name"), _own_day), "day")]


def _official() -> Iterator[CalendarSpec]:
    """The State Council's holidays and working weekends, as far as `chinesecalendar` carries them."""
    day = _HOLIDAYS_FROM
    # A working weekend may follow the year's last holiday.
    last = max(*chinese_calendar.constants.holidays, *chinese_calendar.constants.workdays)
    while day <= last:
        is_off, holiday = chinese_calendar.get_holiday_detail(day)
        is_weekend = day.weekday() in {5, 6}
        if is_off and holiday is not None:
            name = chinese_calendar.Holiday(holiday).chinese
            yield CalendarSpec(day=day, kind="holiday", name=name)
        elif not is_off and is_weekend:
            yield CalendarSpec(day=day, kind="workday", name="调休上班")
        day += timedelta(days=1)


def _own_day(row: dict[str, str], number: int) -> CalendarSpec:
    if row["kind"] not in {"holiday", "workday"}:
        raise InvalidInput("kind is holiday or workday", field="kind", row=number)
    return CalendarSpec(day=_day(row["day"], "day", number), kind=row["kind"], name=row["name"])


def _integer(row: Mapping[str, str], name: str, number: int) -> int:
    if not row[name].isdecimal():
        raise InvalidInput(f"{row[name]!r} is no whole number", field=name, row=number)
    return int(row[name])


def _day(text: str, name: str, number: int) -> date:
    # Python reads "20261001" and "2026-W40-4" too; whoever wrote that may have meant something else.
    try:
        day = date.fromisoformat(text) if _DAY.fullmatch(text) else None
    except ValueError:
        day = None
    if day is None or day.year not in _YEARS:
        detail = f"{text[:50]!r} 不是日期 is no date (YYYY-MM-DD, {_YEARS[0]} to {_YEARS[-1]})"
        raise InvalidInput(detail, field=name, row=number)
    return day

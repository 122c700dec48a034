"""Reads a county's folder under `profiles/`; a row that can't be read is named, never guessed."""

from __future__ import annotations

import csv
import tomllib
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import chinese_calendar

from db.settings import ROOT
from geo.errors import InvalidInput, UnknownCode
from governance.deadlines import StageLimits, parse_limit
from governance.dispatch import Policy
from governance.profile import CalendarSpec, ClassSpec, FigureSpec, Profile, SkillSpec

T = TypeVar("T")

PROFILES = ROOT / "profiles"
_HOLIDAYS_FROM = date(2025, 1, 1)
_LEVELS = 4


def read_profile(key: str, *, root: Path = PROFILES) -> Profile:
    """The profile `key`. Raises `UnknownCode` when there is no such folder, `InvalidInput` with row and field."""
    folder = root / key
    if not (folder / "profile.toml").is_file():
        raise UnknownCode(f"there is no profile {key}", field="profile")
    facts = tomllib.loads((folder / "profile.toml").read_text(encoding="utf-8"))
    skills = tuple(_rows(folder / "skills.csv", _skill))
    ids = {skill.key: skill.id for skill in skills}
    lengths = tuple(int(n) for n in facts["code_lengths"])
    west, south, east, north = (float(v) for v in facts["town_bounds"])
    if len(lengths) != _LEVELS:
        raise InvalidInput("code_lengths has one length for each of the four levels", field="code_lengths")
    return Profile(
        key=key,
        county_code=facts["county_code"],
        name=facts["name"],
        title=facts["title"],
        number_prefix=facts["number_prefix"],
        metric_srid=facts["metric_srid"],
        code_lengths=(lengths[0], lengths[1], lengths[2], lengths[3]),
        timezone=facts["timezone"],
        source_note=facts["source_note"],
        town_bounds=(west, south, east, north),
        classes=tuple(_rows(folder / "classes.csv", lambda row, number: _class(row, number, ids))),
        skills=skills,
        stages=StageLimits(**{stage: parse_limit(text, row=0) for stage, text in facts["stages"].items()}),
        policy=_policy(facts["policy"]),
        calendar=tuple(_calendar(folder, facts["holidays"])),
        figures=tuple(_rows(folder / "figures.csv", _figure)),
    )


def _rows(path: Path, read: Callable[[dict[str, str], int], T]) -> Iterator[T]:
    """What `read` makes of each row; row numbers are the file's lines, the heading being 1."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", newline="") as file:
        for number, row in enumerate(csv.DictReader(file), start=2):
            for name, value in row.items():
                if value is None or name is None:
                    raise InvalidInput(
                        f"{path.name} line {number} has too few or too many columns", field="", row=number
                    )
            yield read(row, number)


def _skill(row: dict[str, str], number: int) -> SkillSpec:
    return SkillSpec(id=_integer(row, "id", number), key=row["key"], name=row["name"])


def _class(row: dict[str, str], number: int, skills: Mapping[str, int]) -> ClassSpec:
    wanted = row["skills"].split()
    for key in wanted:
        if key not in skills:
            raise InvalidInput(f"there is no skill {key}", field="skills", row=number)
    if row["is_sensitive"] not in {"", "1"}:
        raise InvalidInput("is_sensitive is 1 or empty", field="is_sensitive", row=number)
    return ClassSpec(
        code=row["code"],
        major_code=row["code"][:2],
        major_name=row["major"],
        name=row["name"],
        domain=row["domain"],
        skills=tuple(skills[key] for key in wanted),
        default_severity=_integer(row, "severity", number),
        limit=parse_limit(row["limit"], row=number),
        is_sensitive=row["is_sensitive"] == "1",
    )


def _figure(row: dict[str, str], number: int) -> FigureSpec:
    try:
        value = Decimal(row["value"])
    except InvalidOperation as error:
        raise InvalidInput(f"{row['value']!r} is no number", field="value", row=number) from error
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


def _policy(facts: Mapping[str, Any]) -> Policy:
    return Policy(
        id=0,
        pools=frozenset(facts["pools"]),
        cap=facts["cap"],
        freshness_s=facts["freshness_s"],
        max_distance_m=facts["max_distance_m"],
        shortlist=facts["shortlist"],
    )


def _calendar(folder: Path, holidays: str) -> Iterator[CalendarSpec]:
    """The official days of the chosen country, those of the profile's own calendar.csv in their place."""
    if holidays not in {"china", "none"}:
        raise InvalidInput("holidays is china or none", field="holidays")
    days = {spec.day: spec for spec in _official()} if holidays == "china" else {}
    days |= {spec.day: spec for spec in _rows(folder / "calendar.csv", _own_day)}
    yield from (days[day] for day in sorted(days))


def _official() -> Iterator[CalendarSpec]:
    """The State Council's holidays and working weekends, as far as `chinesecalendar` carries them."""
    day = _HOLIDAYS_FROM
    last = max(chinese_calendar.constants.holidays)
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
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise InvalidInput(f"{text!r} is no date (YYYY-MM-DD)", field=name, row=number) from error

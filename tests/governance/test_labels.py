from __future__ import annotations

import re
from collections.abc import Iterator
from enum import Enum, IntEnum

import pytest
from sqlalchemy import CheckConstraint

from db.models import Place, Record
from geo.crs import Crs
from geo.errors import GridCommandError
from geo.features import FEATURE_TYPES
from geo.gridcode import Level
from governance import labels
from governance.access import Permission, Role
from governance.deadlines import Clock, Lateness
from governance.dispatch import Exclusion, PositionKind, Ring, Shortfall
from governance.incident import AssignmentStatus, Severity, Source, Status
from governance.labels import Label, Labels
from governance.lifecycle import Action, Hindrance
from governance.organisation import OrganisationLevel
from governance.photo import Fault, Phase
from governance.visit import NeedStatus, Urgency, VisitOutcome

ENUMS: list[tuple[type[Enum], Labels]] = [
    (Status, labels.STATUS),
    (Source, labels.SOURCE),
    (AssignmentStatus, labels.ASSIGNMENT),
    (Role, labels.ROLE),
    (Permission, labels.PERMISSION),
    (Level, labels.GRID_LEVEL),
    (PositionKind, labels.POSITION_SOURCE),
    (Exclusion, labels.EXCLUSION),
    (Shortfall, labels.SHORTFALL),
    (Clock, labels.CLOCK),
    (Lateness, labels.LATENESS),
    (Hindrance, labels.HINDRANCE),
    (Crs, labels.CRS),
    (OrganisationLevel, labels.ORGANISATION_LEVEL),
    (Phase, labels.PHOTO_PHASE),
    (Fault, labels.PHOTO_FAULT),
    (VisitOutcome, labels.VISIT_OUTCOME),
    (NeedStatus, labels.NEED_STATUS),
    (Urgency, labels.URGENCY),
]

CHECKED: dict[str, Labels] = {
    "account.role": labels.ROLE,
    "api_token.role": labels.ROLE,
    "assignment.status": labels.ASSIGNMENT,
    "block.use": labels.BLOCK_USE,
    "building.usage": labels.BUILDING_USAGE,
    "calendar_day.kind": labels.CALENDAR_DAY,
    "device.kind": labels.DEVICE_KIND,
    "device.status": labels.DEVICE_STATUS,
    "dispatch_policy.mode": labels.TRAVEL_MODE,
    "grid.kind": labels.GRID_KIND,
    "grid.level": labels.GRID_LEVEL,
    "incident.source": labels.SOURCE,
    "incident.status": labels.STATUS,
    "incident_class.limit_clock": labels.CLOCK,
    "need.status": labels.NEED_STATUS,
    "need.urgency": labels.URGENCY,
    "organisation.level": labels.ORGANISATION_LEVEL,
    "photo.phase": labels.PHOTO_PHASE,
    "place.category": labels.PLACE_CATEGORY,
    "responder.pool": labels.EMPLOYMENT,
    "road.class": labels.ROAD_CLASS,
    "stage_limit.limit_clock": labels.CLOCK,
    "stage_limit.stage": labels.STAGE,
    "visit.outcome": labels.VISIT_OUTCOME,
    "worker.employment": labels.EMPLOYMENT,
    "worker.origin": labels.ORIGIN,
    "worker.post": labels.POST,
}
"""Columns that hold one of some codes, and the group of labels that names them."""

GROUPS = {name: group for name, group in vars(labels).items() if name.isupper()}


def lists_of_codes() -> Iterator[tuple[str, set[str]]]:
    """Every column that a CHECK limits to a list of codes, with the codes."""
    for table in Record.metadata.tables.values():
        for check in table.constraints:
            if isinstance(check, CheckConstraint):
                found = re.fullmatch(r"(\w+) IN \(([^()]*)\)", str(check.sqltext))
                if found:
                    yield f"{table.name}.{found[1]}", set(re.findall("'([^']*)'", found[2]))


def errors(root: type[GridCommandError] = GridCommandError) -> Iterator[type[GridCommandError]]:
    """The tree of errors that callers can act on. `api` keeps the words of its own."""
    yield root
    for error in root.__subclasses__():
        if error.__module__ == "geo.errors":
            yield from errors(error)


@pytest.mark.parametrize(("codes", "group"), ENUMS, ids=lambda value: getattr(value, "__name__", ""))
def test_every_code_has_its_words_and_no_other_has(codes: type[Enum], group: Labels):
    """A group of labels has exactly the codes of its enumeration, in the same order."""
    assert list(group) == [member.value for member in codes]


def test_what_is_done_has_words_and_so_has_reporting():
    """Every action of the lifecycle has words, and so has the step that opens an incident."""
    assert list(labels.ACTION) == ["report", *(action.value for action in Action)]


def test_severities_have_words():
    """Severities I to IV have a text that names the statute's colour."""
    assert list(labels.SEVERITY) == [level.value for level in Severity]
    for level, colour in zip(Severity, "红橙黄蓝", strict=True):
        assert f"（{colour}）" in labels.SEVERITY[level].zh


def test_rings_have_words():
    """Every ring of responsibility is named, by the name of its member."""
    assert issubclass(Ring, IntEnum)
    assert list(labels.RING) == [ring.name.lower() for ring in Ring]


def test_every_list_of_codes_in_the_database_has_words():
    """A column that holds one of some codes has a word for each; a new such column is missed here."""
    found = dict(lists_of_codes())
    assert set(found) == set(CHECKED)
    assert not {f"{column}: {code}" for column, codes in found.items() for code in codes - set(CHECKED[column])}


def test_every_kind_of_place_has_words():
    """A place's category and kind, which one CHECK ties together, both have words."""
    checks = [str(c.sqltext) for c in Place.__table__.constraints if isinstance(c, CheckConstraint)]
    pairs = [pair for check in checks for pair in re.findall(r"\('(\w+)', '(\w+)'\)", check)]
    assert {category for category, _ in pairs} == set(labels.PLACE_CATEGORY)
    assert {kind for _, kind in pairs} == set(labels.PLACE_KIND)


def test_every_layer_and_property_has_words():
    """A layer's key and each property of a feature have words."""
    assert list(labels.LAYERS) == list(FEATURE_TYPES)
    assert {p.name for kind in FEATURE_TYPES.values() for p in kind.properties} == set(labels.PROPERTIES)


def test_every_error_has_words():
    """Every error of the tree has a text, and no text stands for an error that is gone."""
    assert {error.code for error in errors()} == set(labels.ERRORS)


@pytest.mark.parametrize("name", GROUPS)
def test_words_are_chinese_and_english_and_tell_codes_apart(name: str):
    """Both texts are there, each in its language, and no two codes of a group read alike."""
    group = GROUPS[name]
    for label in group.values():
        assert isinstance(label, Label)
        assert re.search(r"[\u4e00-\u9fff]", label.zh)
        assert label.group == name.lower()
        assert label.said("en").isascii() or "²" in label.said("en")
        assert label.zh == label.zh.strip()
        assert not re.search(r"[,;:()!?]", label.zh), "Chinese text has full-width punctuation"
    assert len({label.zh for label in group.values()}) == len(group)
    assert len({label.said("en") for label in group.values()}) == len(group)


def test_an_unknown_action_or_shortfall_still_says_something():
    """History outlives the code: an action that is gone stands as written, and a shortfall has a general text."""
    assert labels.action_text("return") == "退回"
    assert labels.action_text("teleport") == "teleport"
    assert labels.shortfall_text("nobody_on_duty") == "没有在岗的派遣人员"
    assert labels.shortfall_text("full_moon") == "没有可派的人员"

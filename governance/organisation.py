"""The party organisation: five levels, each below the one before, and what each of them sits on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from geo.errors import InvalidInput
from geo.gridcode import Level


class OrganisationLevel(StrEnum):
    """The five levels, from the top down."""

    STREET_COMMITTEE = "street_committee"
    COMMUNITY_GENERAL_BRANCH = "community_general_branch"
    GRID_BRANCH = "grid_branch"
    BUILDING_GROUP = "building_group"
    MEMBER_HOUSEHOLD = "member_household"


class Seat(StrEnum):
    """What an organisation sits on."""

    GRID = "grid"
    BUILDING = "building"
    HOUSEHOLD = "household"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Where organisations of a level stand: the level above, their seat, and the levels of the grid they belong to.

    One that sits on a building or a household belongs to the finest grid there: a quarter, or a building grid in it.
    """

    parent: OrganisationLevel | None
    seat: Seat
    grid_levels: frozenset[Level]


_FINEST = frozenset({Level.QUARTER, Level.BUILDING})

RULES: Mapping[OrganisationLevel, Rule] = MappingProxyType(
    {
        OrganisationLevel.STREET_COMMITTEE: Rule(parent=None, seat=Seat.GRID, grid_levels=frozenset({Level.STREET})),
        OrganisationLevel.COMMUNITY_GENERAL_BRANCH: Rule(
            parent=OrganisationLevel.STREET_COMMITTEE, seat=Seat.GRID, grid_levels=frozenset({Level.COMMUNITY})
        ),
        OrganisationLevel.GRID_BRANCH: Rule(
            parent=OrganisationLevel.COMMUNITY_GENERAL_BRANCH, seat=Seat.GRID, grid_levels=frozenset({Level.QUARTER})
        ),
        OrganisationLevel.BUILDING_GROUP: Rule(
            parent=OrganisationLevel.GRID_BRANCH, seat=Seat.BUILDING, grid_levels=_FINEST
        ),
        OrganisationLevel.MEMBER_HOUSEHOLD: Rule(
            parent=OrganisationLevel.BUILDING_GROUP, seat=Seat.HOUSEHOLD, grid_levels=_FINEST
        ),
    }
)
"""The whole of the organisation, as one table."""


def check_placement(
    level: OrganisationLevel, *, parent: OrganisationLevel | None, seat: Seat, grid_level: Level
) -> None:
    """Raises `InvalidInput` naming the field when an organisation of `level` can't stand there."""
    rule = RULES[level]
    if parent is not rule.parent:
        raise InvalidInput(f"a {level} stands below a {rule.parent}", field="parent_code")
    if seat is not rule.seat:
        raise InvalidInput(f"a {level} sits on a {rule.seat}", field=f"{rule.seat}_id")
    if grid_level not in rule.grid_levels:
        raise InvalidInput(f"a {level} belongs to no {grid_level} grid", field="grid_code")

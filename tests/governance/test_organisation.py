from __future__ import annotations

from itertools import product

import pytest
from sqlalchemy import text

from db.session import Database
from geo.errors import InvalidInput
from geo.gridcode import Level
from governance.organisation import RULES, OrganisationLevel, Seat, check_placement

L = OrganisationLevel
PLACES = {
    L.STREET_COMMITTEE: (None, Seat.GRID, {Level.STREET}),
    L.COMMUNITY_GENERAL_BRANCH: (L.STREET_COMMITTEE, Seat.GRID, {Level.COMMUNITY}),
    L.GRID_BRANCH: (L.COMMUNITY_GENERAL_BRANCH, Seat.GRID, {Level.QUARTER}),
    L.BUILDING_GROUP: (L.GRID_BRANCH, Seat.BUILDING, {Level.QUARTER, Level.BUILDING}),
    L.MEMBER_HOUSEHOLD: (L.BUILDING_GROUP, Seat.HOUSEHOLD, {Level.QUARTER, Level.BUILDING}),
}


@pytest.mark.parametrize("level", L)
def test_an_organisation_stands_where_the_county_says_and_nowhere_else(level: OrganisationLevel):
    """Of every combination of parent, seat and grid level, exactly the county's own are accepted."""
    accepted = set()
    for parent in (None, *L):
        for seat in Seat:
            for grid_level in Level:
                try:
                    check_placement(level, parent=parent, seat=seat, grid_level=grid_level)
                except InvalidInput:
                    continue
                accepted.add((parent, seat, grid_level))
    parent, seat, grid_levels = PLACES[level]
    assert accepted == {(parent, seat, grid_level) for grid_level in grid_levels}


def test_each_level_stands_below_the_one_before():
    """The five levels are one line from the street committee down."""
    assert [rule.parent for rule in RULES.values()] == [None, *list(L)[:-1]]


def test_a_refusal_names_what_is_wrong():
    """A group on a quarter is told that it needs a building."""
    with pytest.raises(InvalidInput) as refusal:
        check_placement(L.BUILDING_GROUP, parent=L.GRID_BRANCH, seat=Seat.GRID, grid_level=Level.QUARTER)
    assert refusal.value.field == "building_id"


CHECKS = text(
    """SELECT string_agg(pg_get_expr(conbin, conrelid), ' AND ' ORDER BY conname)
    FROM pg_constraint WHERE conrelid = 'organisation'::regclass AND contype = 'c'"""
)


@pytest.mark.parametrize("level", [*L, "village_branch"])
def test_the_database_asks_for_the_same_level_seat_and_parent(database: Database, level: str):
    """Of rows of a level with or without parent, building and household, the database takes what the rules allow."""
    taken = set()
    with database.engine.connect() as connection:
        checks = connection.execute(CHECKS).scalar_one()
        row = text(
            f"""SELECT {checks} FROM (SELECT CAST(:level AS text) AS level, CAST(:parent AS text) AS parent_code,
            CAST(:building AS int) AS building_id, CAST(:household AS int) AS household_id) AS organisation"""
        )
        for parent, building, household in product((None, "1"), (None, 1), (None, 1)):
            facts = {"level": level, "parent": parent, "building": building, "household": household}
            if connection.execute(row, facts).scalar_one():
                taken.add((parent is not None, building is not None, household is not None))
    rule = RULES.get(level)
    allowed = rule and (rule.parent is not None, rule.seat is Seat.BUILDING, rule.seat is Seat.HOUSEHOLD)
    assert taken == ({allowed} if allowed else set())

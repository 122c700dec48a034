from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import NamedTuple

import pytest
from sqlalchemy import text

from db import cases, features, incidents
from db.session import Database
from geo.features import FEATURE_TYPES, FeatureFilter
from governance.access import Permission, Principal
from governance.privacy import mask_name, mask_phone
from tests.casebook import facts
from tests.people import DISPATCHER, OFFICER, PLANNER, RUSONG, VIEWER

PEOPLE = text(
    """SELECT full_name, full_phone FROM worker
    UNION SELECT head_name, phone FROM household
    UNION SELECT reporter_name, reporter_phone FROM incident"""
)


class Somebody(NamedTuple):
    code: str
    name: str
    phone: str


@pytest.fixture(scope="module")
def people(shared_county: Database) -> tuple[frozenset[str], frozenset[str]]:
    """Every full name and every full phone number that the county keeps."""
    with shared_county.engine.connect() as connection:
        rows = connection.execute(PEOPLE).all()
    return frozenset(name for name, _ in rows if name), frozenset(phone for _, phone in rows if phone)


def words_of(county: Database, principal: Principal, key: str, *, personal: bool) -> list[str]:
    """Every text that the layer's items hold for `principal`."""
    with county.session(principal) as session:
        collection = json.loads(features.items(session, key, FeatureFilter(), personal=personal))
    values = [value for feature in collection["features"] for value in feature["properties"].values()]
    lists = [word for value in values if isinstance(value, list) for word in value]
    return [value for value in (*values, *lists) if isinstance(value, str)]


@pytest.mark.parametrize("asks", [False, True], ids=["as it should", "for more than it may"])
@pytest.mark.parametrize("key", FEATURE_TYPES)
@pytest.mark.parametrize("principal", [VIEWER, PLANNER], ids=["viewer", "planner"])
def test_no_full_name_or_phone_reaches_who_may_not_read_it(
    shared_county: Database,
    people: tuple[frozenset[str], frozenset[str]],
    principal: Principal,
    key: str,
    asks: bool,  # noqa: FBT001  a case
):
    """No item of any layer holds anybody's name or phone, even when a door's mistake asks for personal data."""
    names, phones = people
    assert len(names) > 1000
    assert len(phones) > 1000
    words = set(words_of(shared_county, principal, key, personal=asks))
    assert not words & (names | phones)
    content = "\n".join(words)
    assert not {phone for phone in phones if phone in content}
    # A name of two characters may be part of a road's; longer ones are nobody else's.
    assert not {name for name in names if len(name) > 2 and name in content}


def test_who_dispatches_reads_names_in_full(shared_county: Database, people: tuple[frozenset[str], frozenset[str]]):
    """The masking is by role: a dispatcher who asks gets what a viewer doesn't, and the masked name beside it."""
    names, phones = people
    words = set(words_of(shared_county, DISPATCHER, "workers", personal=True))
    assert words & names
    assert words & phones
    assert not set(words_of(shared_county, DISPATCHER, "workers", personal=False)) & (names | phones)


def test_items_are_masked_by_the_rule(shared_county: Database):
    """The masked properties of a worker are the rule's masks of the full ones beside them."""
    with shared_county.session(DISPATCHER) as session:
        collection = json.loads(features.items(session, "workers", FeatureFilter(), personal=True))
    seen = [feature["properties"] for feature in collection["features"]]
    assert len(seen) > 1000
    assert [p["name"] for p in seen] == [mask_name(p["full_name"]) for p in seen]
    assert [p["phone"] for p in seen] == [mask_phone(p["full_phone"]) for p in seen]


def test_an_officer_reads_names_of_their_own_street_only(shared_county: Database):
    """Personal data end at the border of the officer's grids."""
    with shared_county.session(OFFICER) as session:
        collection = json.loads(features.items(session, "workers", FeatureFilter(), personal=True))
    codes = {feature["properties"]["grid_code"] for feature in collection["features"]}
    assert codes
    assert all(code.startswith(RUSONG) for code in codes)


@pytest.mark.parametrize("principal", [VIEWER, PLANNER, OFFICER, DISPATCHER], ids=lambda p: p.role.value)
def test_households_and_disputes_are_seen_by_right_alone(shared_county: Database, principal: Principal):
    """Without the right to sensitive data there is no household and no dispute; with it they end at one's grids."""
    with shared_county.session(principal) as session:
        households = set(session.scalars(text("SELECT grid_code FROM household")))
        disputes = set(session.scalars(text("SELECT grid_code FROM incident WHERE is_sensitive")))
    may = principal.may(Permission.READ_SENSITIVE)
    assert (bool(households), bool(disputes)) == (may, may)
    assert all(code.startswith(principal.grid_prefix) for code in households | disputes)


@pytest.fixture
def somebody(shared_county: Database) -> Somebody:
    """A worker of the officer's street whose name is longer than its mask gives away."""
    with shared_county.engine.connect() as connection:
        row = connection.execute(
            text(
                """SELECT code, full_name, full_phone FROM worker
                WHERE length(full_name) > 2 AND starts_with(grid_code, :street) ORDER BY id LIMIT 1"""
            ),
            {"street": RUSONG},
        ).one()
    return Somebody(*row)


@pytest.mark.parametrize("principal", [VIEWER, PLANNER], ids=lambda p: p.role.value)
def test_nobody_is_found_by_a_full_name_or_phone(shared_county: Database, somebody: Somebody, principal: Principal):
    """Without the right to personal data neither leads to anybody in any layer: masks can't be read by asking."""
    hidden = (somebody.name, somebody.name[1:], somebody.phone, somebody.phone[2:9])
    with shared_county.session(principal) as session:
        for asked in hidden:
            found = features.items(session, "workers", FeatureFilter(q=asked), personal=True)
            assert json.loads(found)["features"] == []
            assert features.count(session, "workers", FeatureFilter(q=asked)) == 0
            assert features.tally(session, "workers", FeatureFilter(q=asked), by=("availability",)).shown == 0


@pytest.mark.parametrize("principal", [OFFICER, DISPATCHER], ids=lambda p: p.role.value)
def test_who_reads_names_finds_people_by_them(shared_county: Database, somebody: Somebody, principal: Principal):
    """Who may read a worker's name and phone on the card finds the worker by either; count, tree and list agree."""
    with shared_county.session(principal) as session:
        for asked in (somebody.name, somebody.phone, somebody.phone[2:9]):
            flt = FeatureFilter(q=asked)
            found = json.loads(features.items(session, "workers", flt, personal=False))["features"]
            assert somebody.code in {feature["id"] for feature in found}
            assert features.count(session, "workers", flt) == len(found)
            assert features.tally(session, "workers", flt, by=("availability",)).shown == len(found)


def test_an_officer_finds_nobody_of_another_street(shared_county: Database, somebody: Somebody):
    """A name leads nowhere beyond the officer's grids."""
    elsewhere = Principal(account="officer", role=OFFICER.role, grid_prefix="220723001")
    with shared_county.session(elsewhere) as session:
        assert features.count(session, "workers", FeatureFilter(q=somebody.phone)) == 0


def test_numbers_in_free_text_stay_with_whom_they_concern(county: Database):
    """A phone in a title or an address is masked in every list and map; the case itself shows it to who may read it."""
    told, where = "井盖破损 联系李13912345678", "建设路5号 0438-8236789"
    report = facts(title=told, address=where, description=told)
    no = incidents.report(county, DISPATCHER, report, now=datetime.now(UTC)).no
    for principal in (VIEWER, PLANNER, DISPATCHER):
        with county.session(principal) as session:
            case = cases.get(session, no)
            lists = [row.title for row in incidents.queue(session, limit=2_000)]
            lists += [row.title for row in incidents.latest_steps(session, limit=5)]
            item = features.items(session, "incidents", FeatureFilter(q=no), personal=False)
        assert told not in lists
        assert lists.count("井盖破损 联系李139****5678") == 2
        may = principal.may(Permission.READ_PERSONAL)
        shown = (case.title, case.description, case.address)
        assert shown == (told, told, where) if may else not {"13912345678", "8236789"} & set("".join(shown).split())
        assert ("13912345678" in item, "8236789" in item) == (may, may)

"""What the database itself refuses, whoever writes: even the owner of its tables."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

from db import models
from db.session import Database
from governance.access import SYSTEM
from governance.incident import FINISHED, Status
from governance.lifecycle import PAIRS
from tests.toy import (
    CLASS,
    COMMUNITY,
    DEPLOYMENT,
    GRIDS,
    NEW_QUARTER,
    NOW,
    OTHER_STREET,
    QUARTER,
    STREET,
    TOWER,
    box,
    grid,
    incident,
)


@pytest.fixture
def ground(database: Database) -> Database:
    """A county of four grids and one class of incidents."""
    with database.engine.begin() as connection:
        connection.execute(insert(models.Deployment), DEPLOYMENT)
        connection.execute(insert(models.Grid), GRIDS)
        connection.execute(insert(models.IncidentClass), CLASS)
    return database


@contextmanager
def refused(saying: str) -> Iterator[None]:
    """The database answers with a broken constraint whose text says why."""
    with pytest.raises(IntegrityError) as refusal:
        yield
    assert saying in str(refusal.value.orig)


def add(database: Database, *rows: dict[str, object]) -> None:
    with database.engine.begin() as connection:
        connection.execute(insert(models.Grid), list(rows))


# The tree of grids


def test_grids_that_follow_the_rules_are_taken(ground: Database):
    """A quarter beside the other one, sharing its border, and a building grid inside it are both taken."""
    add(
        ground,
        grid(NEW_QUARTER, "quarter", COMMUNITY, box(10, 0, 20, 20)),
        grid(TOWER, "building", NEW_QUARTER, box(12, 5, 14, 7)),
    )


def test_a_tree_may_be_loaded_in_any_order(ground: Database):
    """The guard asks at the end of the transaction, so that borders may be redrawn on both sides."""
    with ground.engine.begin() as connection:
        connection.execute(
            insert(models.Grid), [grid(NEW_QUARTER, "quarter", COMMUNITY, box(8, 0, 20, 20))]
        )  # reaches into its sibling until the next statement
        connection.execute(
            text("UPDATE grid SET geom = ST_GeomFromEWKT(:geom) WHERE code = :code"),
            {"geom": box(0, 0, 8, 20), "code": QUARTER},
        )


EAST = box(10, 0, 20, 20)
BOW_TIE = "SRID=4490;MULTIPOLYGON(((124.012 45, 124.018 45.02, 124.018 45, 124.012 45.02, 124.012 45)))"


@pytest.mark.parametrize(
    ("row", "saying"),
    [
        (grid(NEW_QUARTER, "quarter", STREET, EAST), "needs a parent of level community"),
        (grid(NEW_QUARTER, "quarter", QUARTER, EAST), "needs a parent of level community"),
        (grid(TOWER, "building", COMMUNITY, EAST), "needs a parent of level quarter"),
        (grid("220723001009", "community", QUARTER, EAST), "needs a parent of level street"),
        (grid("2207230010010", "quarter", COMMUNITY, EAST), "does not follow the rule"),
        (grid("220723001002", "quarter", COMMUNITY, EAST), "does not follow the rule"),
        (grid("220724001001002", "quarter", COMMUNITY, EAST), "does not follow the rule"),
        (grid("220723002001002", "quarter", COMMUNITY, EAST), f"does not continue {COMMUNITY}"),
        (grid("220723002002901", "building", QUARTER, box(2, 2, 4, 4)), f"does not continue {COMMUNITY}"),
        (grid(NEW_QUARTER, "quarter", COMMUNITY, box(10, 0, 21, 20)), f"leaves its parent {COMMUNITY}"),
        (grid(NEW_QUARTER, "quarter", COMMUNITY, box(22, 0, 30, 20)), f"leaves its parent {COMMUNITY}"),
        (grid(TOWER, "building", QUARTER, box(9, 2, 11, 4)), f"leaves its parent {QUARTER}"),
        (grid(NEW_QUARTER, "quarter", COMMUNITY, box(9, 0, 20, 20)), f"overlaps {QUARTER}"),
        (grid(NEW_QUARTER, "quarter", COMMUNITY, box(2, 2, 4, 4)), f"overlaps {QUARTER}"),
        (grid("220723003", "street", None, box(39, 0, 50, 20)), f"overlaps {OTHER_STREET}"),
        (grid(NEW_QUARTER, "quarter", COMMUNITY, BOW_TIE), "is not a valid polygon"),
    ],
)
def test_a_grid_out_of_place_is_refused(ground: Database, row: dict[str, object], saying: str):
    """A parent on the wrong level, a code against the rule, a stray, an overlap and a bow tie are each refused."""
    with refused(saying):
        add(ground, row)


@pytest.mark.parametrize(
    ("change", "constraint"),
    [
        ({"parent_code": None}, "ck_grid_parent"),
        ({"parent_code": "220723009009"}, "fk_grid_parent_code"),
        ({"kind": "exclusive"}, "ck_grid_exclusive"),
        ({"level": "district"}, "ck_grid_level"),
        ({"code": "22072300100100A"}, "ck_grid_code_digits"),
        ({"code": QUARTER}, "uq_grid_code"),
    ],
)
def test_a_grid_s_own_row_is_checked(ground: Database, change: dict[str, object], constraint: str):
    """A quarter without a parent, of an unknown level, exclusive, lettered or there already is refused by name."""
    with refused(constraint):
        add(ground, {**grid(NEW_QUARTER, "quarter", COMMUNITY, EAST), **change})


def test_a_sliver_below_a_square_metre_is_rounding(ground: Database):
    """Neighbours drawn by two hands may differ by less than one square metre."""
    add(ground, grid(NEW_QUARTER, "quarter", COMMUNITY, box(9.999999, 0, 20, 20)))  # 0.1 mm by 2.2 km


@pytest.mark.parametrize(
    ("code", "outline", "reason"),
    [(QUARTER, box(0, 0, 10, 21), f"leaves its parent {COMMUNITY}"), (COMMUNITY, box(0, 0, 9, 20), "leaves its child")],
)
def test_a_grid_that_is_moved_is_asked_again(ground: Database, code: str, outline: str, reason: str):
    """What holds for a new grid holds for a changed one, and a parent may not shrink away from its children."""
    change = text("UPDATE grid SET geom = ST_GeomFromEWKT(:geom) WHERE code = :code")
    with refused(reason), ground.engine.begin() as connection:
        connection.execute(change, {"geom": outline, "code": code})


def test_a_grid_needs_a_county(database: Database):
    """Before the deployment says how codes look, no grid can be judged."""
    with refused("needs a deployment"):
        add(database, GRIDS[0])


# The lifecycle


def test_the_database_has_the_lifecycle_of_the_rules(database: Database):
    """The table that the guard asks and the rules' own are the same pairs of statuses."""
    with database.engine.connect() as connection:
        rows = connection.execute(text("SELECT from_status, to_status FROM lifecycle_transition"))
        assert {(Status(row.from_status), Status(row.to_status)) for row in rows} == PAIRS


def status_of(connection: Connection, no: str) -> str:
    return connection.execute(text("SELECT status FROM incident WHERE no = :no"), {"no": no}).scalar_one()


MOVE = text("UPDATE incident SET status = :status WHERE no = :no")


@pytest.mark.parametrize("here", Status)
def test_an_incident_moves_along_the_lifecycle_only(ground: Database, here: Status):
    """From each status, exactly the rules' moves pass; the others are refused and leave the incident where it was."""
    with ground.engine.begin() as connection:
        connection.execute(insert(models.Incident), [incident(f"{here}-{to}", here) for to in Status])
    for to in Status:
        no = f"{here}-{to}"
        if to == here or (here, to) in PAIRS:
            with ground.engine.begin() as connection:
                connection.execute(MOVE, {"status": to, "no": no})
                assert status_of(connection, no) == to
            continue
        with refused(f"the lifecycle has no step from {here} to {to}"), ground.engine.begin() as connection:
            connection.execute(MOVE, {"status": to, "no": no})
        with ground.engine.connect() as connection:
            assert status_of(connection, no) == here


def test_whether_an_incident_is_open_follows_its_status(ground: Database):
    """`is_open` can't be told wrong: the database derives it from the status."""
    with ground.engine.begin() as connection:
        connection.execute(insert(models.Incident), [{**incident(s, s), "is_open": s in FINISHED} for s in Status])
        rows = connection.execute(text("SELECT status, is_open FROM incident")).all()
    assert {row.status for row in rows if not row.is_open} == FINISHED


def test_every_change_raises_the_version(ground: Database):
    """Whoever holds an old copy of an incident can tell, whatever they say the version is."""
    with ground.engine.begin() as connection:
        connection.execute(insert(models.Incident), incident("A"))
        for title in ("一", "二"):
            connection.execute(text("UPDATE incident SET title = :title, version = 1"), {"title": title})
        assert connection.execute(text("SELECT version FROM incident")).scalar_one() == 3


def test_an_incident_begins_as_reported(ground: Database):
    """Sessions of the product open incidents as reported; only the loader of history, as owner, may begin later."""
    row = incident("A", "accepted")
    with refused("an incident begins as reported"), ground.session(SYSTEM) as session:
        session.execute(insert(models.Incident), row)


# History


def step(connection: Connection, number: int, action: str, here: str | None, to: str) -> None:
    connection.execute(
        insert(models.IncidentStep).inline(),
        {
            "incident_id": number,
            "action": action,
            "from_status": here,
            "to_status": to,
            "actor": "dispatcher",
            "actor_name": "指挥调度员",
            "at": NOW + timedelta(seconds=1, microseconds=500),
            "opinion": "情况属实",
            "hash": b"forged",
            "previous_hash": b"forged",
        },
    )


@pytest.fixture
def history(ground: Database) -> Database:
    """Two incidents whose steps were written in turn: three of the first, two of the second."""
    with ground.engine.begin() as connection:
        connection.execute(insert(models.Incident), [incident("A"), incident("B")])
        first, second = connection.execute(text("SELECT id FROM incident ORDER BY no")).scalars()
        for number, action, here, to in (
            (first, "report", None, "reported"),
            (second, "report", None, "reported"),
            (first, "accept", "reported", "accepted"),
            (second, "reject", "reported", "rejected"),
            (first, "dispatch", "accepted", "dispatched"),
        ):
            step(connection, number, action, here, to)
    return ground


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE incident_step SET opinion = '无'",
        "UPDATE incident_step SET opinion = opinion",
        "DELETE FROM incident_step WHERE action = 'dispatch'",
        "TRUNCATE incident_step",
    ],
)
def test_history_only_grows(history: Database, statement: str):
    """No step is changed or removed, not even by the owner of the table."""
    with refused("incident_step only grows"), history.engine.begin() as connection:
        connection.execute(text(statement))
    with history.engine.connect() as connection:
        assert connection.execute(text("SELECT count(*) FROM incident_step")).scalar_one() == 5


def test_the_product_may_not_even_try(history: Database):
    """Sessions of the product hold no right to change history, whoever asks."""
    with pytest.raises(ProgrammingError, match="permission denied"), history.session(SYSTEM) as session:
        session.execute(text("UPDATE incident_step SET opinion = '无'"))


BROKEN = text(
    """SELECT id
    FROM (
        SELECT s.id, s.hash, s.previous_hash,
            lag(s.hash) OVER chain AS before,
            incident_step_hash(lag(s.hash) OVER chain, CAST(s AS incident_step)) AS expected
        FROM incident_step AS s
        WINDOW chain AS (PARTITION BY s.incident_id ORDER BY s.id)
    ) AS checked
    WHERE hash <> expected OR previous_hash IS DISTINCT FROM before
    ORDER BY id"""
)
"""Steps that don't carry the hash of the step before and of themselves."""


def test_steps_are_chained_by_incident(history: Database):
    """Each incident's steps form a chain of their own, whatever hash the writer brought along."""
    with history.engine.connect() as connection:
        assert connection.execute(BROKEN).all() == []
        rows = connection.execute(text("SELECT previous_hash, hash FROM incident_step ORDER BY id")).all()
    assert [row.previous_hash is None for row in rows] == [True, True, False, False, False]
    assert len({row.hash for row in rows}) == 5


def test_a_hash_can_be_reckoned_outside_of_the_database(history: Database):
    """The first step's hash is SHA-256 of a JSON array of its facts, as anybody can check from a copy."""
    at = f"{(NOW + timedelta(seconds=1)).timestamp():.0f}.000500"
    with history.engine.connect() as connection:
        row = connection.execute(text("SELECT incident_id, hash FROM incident_step ORDER BY id LIMIT 1")).one()
    facts = f'[{row.incident_id}, "report", null, "reported", "dispatcher", "指挥调度员", {at}, "情况属实"]'
    assert row.hash == hashlib.sha256(facts.encode()).digest()


@pytest.mark.parametrize(
    "tampering",
    [
        "UPDATE incident_step SET opinion = '无' WHERE id = :id",
        "UPDATE incident_step SET actor = 'somebody' WHERE id = :id",
        "UPDATE incident_step SET at = at - interval '1 hour' WHERE id = :id",
        "UPDATE incident_step SET to_status = 'rejected' WHERE id = :id",
        "DELETE FROM incident_step WHERE id = :id",
    ],
)
def test_tampering_shows(history: Database, tampering: str):
    """Whoever switches the guards off and changes or removes a step breaks the chain from there on."""
    with history.engine.begin() as connection:
        changed = connection.execute(text("SELECT id FROM incident_step WHERE action = 'accept'")).scalar_one()
        connection.execute(text("SET LOCAL session_replication_role = replica"))
        connection.execute(text(tampering), {"id": changed})
    with history.engine.connect() as connection:
        assert connection.execute(BROKEN).all() != []

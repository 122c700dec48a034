"""Who asks and what is asked sent together, and connections that end while nobody looks."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import text

from db import session as sessions
from db.session import Database, Statement
from geo.errors import Unavailable
from governance.access import Principal
from tests.people import DISPATCHER, OFFICER, VIEWER

_COUNT = text("SELECT count(*) FROM layer.workers")
_ACTS_AS = text("SELECT current_user || ':' || coalesce(current_setting('app.role', true), '')")


@pytest.mark.parametrize("principal", [DISPATCHER, OFFICER, VIEWER])
def test_one_message_sees_what_a_session_sees(shared_county: Database, principal: Principal):
    """The same rows by the same policies, for the same role."""
    with shared_county.session(principal) as session:
        expected = [session.scalars(asked).all() for asked in (_COUNT, _ACTS_AS)]
    assert [shared_county.column(principal, Statement.of(asked), {}) for asked in (_COUNT, _ACTS_AS)] == expected


@pytest.mark.parametrize("asked", ["SELECT 1", "SELECT 1 / 0", "SELECT no_such_thing"])
def test_one_message_leaves_no_rights_behind(county: Database, asked: str):
    """Whoever has the connection next is nobody, and what they undo is undone, also after an error."""
    with suppress(psycopg.Error):
        county.column(DISPATCHER, Statement.of(text(asked)), {})
    with county.engine.connect() as connection:
        assert connection.scalar(_ACTS_AS) == f"{connection.engine.url.username}:"
    with county.engine.connect() as connection, connection.begin() as begun:
        connection.execute(text("UPDATE device SET name = 'undone'"))
        begun.rollback()
    with county.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM device WHERE name = 'undone'")) == 0


def test_one_message_changes_nothing_of_its_parameters(county: Database):
    """Values are values, whatever they hold."""
    said = "'; DROP TABLE device; -- % %(x)s \\ \x27"
    assert county.column(VIEWER, Statement.of(text("SELECT CAST(:said AS text)")), {"said": said}) == [said]


_KEPT = replace(Statement.of(_COUNT), is_kept=True)


def test_a_kept_statement_goes_by_who_asks_and_by_what_is_asked(shared_county: Database):
    """One connection keeps it for everybody: its plan serves other rights and other values than those of the first."""
    own = Database.open(shared_county.url, pool_size=1)
    twice = replace(Statement.of(text("SELECT CAST(:n AS integer) * 2")), is_kept=True)
    people = (DISPATCHER, OFFICER, VIEWER) * 3
    for principal in people:
        with own.session(principal) as session:
            expected = session.scalars(_COUNT).all()
        assert own.column(principal, _KEPT, {}) == expected
    assert [own.column(VIEWER, twice, {"n": n}) for n in range(9)] == [[2 * n] for n in range(9)]
    kept = own.column(VIEWER, Statement.of(text("SELECT count(*) FROM pg_prepared_statements")), {})
    own.dispose()
    assert kept == [3]  # who acts, and both of them


def test_nothing_is_kept_behind_a_pooler(shared_county: Database, monkeypatch: pytest.MonkeyPatch):
    """Where another session answers than greeted, a name may mean somebody else's statement."""
    expected = shared_county.column(VIEWER, _KEPT, {})
    monkeypatch.setattr(psycopg.ConnectionInfo, "backend_pid", 0)
    own = Database.open(shared_county.url, pool_size=1)
    assert [own.column(VIEWER, _KEPT, {}) for _ in range(3)] == [expected] * 3
    kept = own.column(VIEWER, Statement.of(text("SELECT count(*) FROM pg_prepared_statements")), {})
    own.dispose()
    assert kept == [0]


def _end_all(database: Database) -> None:
    other = Database.open(database.url)
    with other.engine.connect() as connection:
        connection.execute(
            text(
                """SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()"""
            )
        )
    other.dispose()


def test_a_connection_that_ended_is_noticed(county: Database, monkeypatch: pytest.MonkeyPatch):
    """After a pause nobody feels it; at once, who has it hears that the database is away, and nobody after them."""
    with county.session(VIEWER) as session:
        session.execute(text("SELECT 1"))
    monkeypatch.setattr(sessions, "_TRUSTED_S", 0.0)
    _end_all(county)
    assert county.column(VIEWER, Statement.of(text("SELECT 1")), {}) == [1]
    monkeypatch.setattr(sessions, "_TRUSTED_S", 60.0)
    for ask in (lambda: county.column(VIEWER, Statement.of(text("SELECT 1")), {})[0], lambda: _selected(county)):
        _end_all(county)
        with pytest.raises(Unavailable):
            ask()
        assert ask() == 1


def _selected(database: Database) -> int:
    with database.session(VIEWER) as session:
        return session.scalars(text("SELECT 1")).one()

"""From settings to a ready database, and what is said where that can't be."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine, make_url, text

from db import accounts, session
from db.boot import Boot, check
from db.settings import Settings
from geo.errors import Unavailable
from governance.access import SYSTEM
from tests.conftest import Server


@pytest.fixture
def blank(make_database: Callable[[str], str]) -> str:
    """The address of a database without anything in it."""
    return make_database("gc_blank")


def test_a_given_database_is_migrated_and_filled_once(blank: str):
    """DATABASE_URL's database gets schema, demo county and accounts; a second start changes nothing."""
    said: list[str] = []
    for _ in range(2):
        boot = Boot(Settings(database_url=blank))
        boot.start(said.append)
        with boot.database.session(SYSTEM) as opened:
            assert opened.scalar(text("SELECT count(*) FROM grid")) == 160
            assert len(accounts.accounts(opened)) == 5
        boot.stop()
    assert len([line for line in said if "demo county" in line]) == 1


def test_an_embedded_database_that_ended_is_started_again(
    tmp_path: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
):
    """What was killed comes back under the pool that stood on it; a second call finds it running."""
    monkeypatch.setattr(session, "_TRUSTED_S", 0.0)
    boot = Boot(Settings(data_dir=tmp_path, demo=False))
    request.addfinalizer(lambda: boot.stop(everything=True))
    boot.start(lambda _: None)
    assert boot.cluster is not None
    pid_file = boot.cluster.folder / "data" / "postmaster.pid"
    os.kill(int(pid_file.read_text().split()[0]), signal.SIGKILL)
    boot.revive()
    again = pid_file.read_text()
    boot.revive()
    assert pid_file.read_text() == again
    with boot.database.session(SYSTEM) as now:
        assert now.scalar(text("SELECT count(*) FROM grid")) == 0


def test_a_login_without_rights_is_told_the_sql(server: Server, blank: str):
    """A login that may not make extensions and schemas reads the statements that an administrator has to run."""
    server.execute("DROP ROLE IF EXISTS gc_humble")
    server.execute("CREATE ROLE gc_humble LOGIN PASSWORD 'x'")
    humble = make_url(blank).set(username="gc_humble", password="x").render_as_string(hide_password=False)
    with pytest.raises(Unavailable) as refused:
        check(humble)
    assert "CREATE EXTENSION postgis" in refused.value.detail
    assert "GRANT CREATE ON DATABASE" in refused.value.detail
    engine = create_engine(blank)
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT to_regclass('grid')")) is None
    engine.dispose()


@pytest.mark.parametrize("url", ["sqlite:///x.db", "postgresql+psycopg://u:secret@127.0.0.1:1/none"])
def test_an_address_that_leads_nowhere_is_named_without_its_password(url: str):
    """The wrong driver and an unreachable server are told, and the password is not."""
    with pytest.raises(Unavailable) as refused:
        check(url)
    assert "secret" not in refused.value.detail

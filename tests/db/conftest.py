from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import text

from db.session import Database
from tests.casebook import Case
from tests.people import DISPATCHER


@pytest.fixture(scope="module")
def ours(server: Any, county_template: str) -> Iterator[Database]:
    """The demo county as of `NOW`, one for a whole file of tests that each have an incident of their own."""
    with server.clone(county_template) as database:
        yield database


@pytest.fixture
def make(ours: Database, now: datetime) -> Callable[..., Case]:
    """Reports an incident."""
    return lambda **given: Case(ours, now, **given)


@pytest.fixture
def case(make: Callable[..., Case]) -> Case:
    return make()


@pytest.fixture
def departments(ours: Database) -> list[str]:
    with ours.session(DISPATCHER) as session:
        return list(session.scalars(text("SELECT code FROM department ORDER BY code")))


@pytest.fixture
def checked_class(ours: Database) -> str:
    """A class whose incidents are confirmed on the spot before they are accepted."""
    with ours.engine.begin() as connection:
        connection.execute(text("UPDATE incident_class SET needs_check = true WHERE code = '0105'"))
    return "0105"

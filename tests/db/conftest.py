from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from db.session import Database


@pytest.fixture(scope="module")
def ours(server: Any, county_template: str) -> Iterator[Database]:
    """The demo county as of `NOW`, one for a whole file of tests that each have an incident of their own."""
    with server.clone(county_template) as database:
        yield database

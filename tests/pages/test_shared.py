from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from db.session import Database
from geo.errors import Unavailable
from pages.ui import context, shared
from tests.people import DISPATCHER, OFFICER


@pytest.fixture(autouse=True)
def _deployed(provided: Database) -> None:
    """Something to stand on; what is made here asks no database."""


def test_what_many_want_at_once_is_made_once():
    """Twenty screens that come while it is being made get the one answer; about something else it is made anew."""
    made: list[Any] = []
    all_there = threading.Barrier(20)

    def make() -> object:
        made.append(threading.get_ident())
        return object()

    def come(_: int) -> object:
        all_there.wait()
        return shared.made("crowd", 1, make)

    with ThreadPoolExecutor(20) as crowd:
        answers = set(crowd.map(come, range(20)))
    assert (len(made), len(answers)) == (1, 1)
    assert shared.made("crowd", 2, make) not in answers


def test_a_failure_is_not_kept():
    """Whoever comes after it tries anew."""

    def fail() -> None:
        raise Unavailable("away")

    with pytest.raises(Unavailable):
        shared.made("failing", 1, fail)
    assert shared.made("failing", 1, lambda: "back") == "back"


def test_what_was_read_is_kept_from_another_scope(monkeypatch: pytest.MonkeyPatch):
    """Another role, or another grid, is asked for by itself."""
    asked = []
    elsewhere = replace(OFFICER, grid_prefix="220723001")
    for person in (DISPATCHER, OFFICER, elsewhere, DISPATCHER):
        monkeypatch.setattr(context, "principal", lambda person=person: person)
        shared.read("scoped", 1, lambda _, person=person: asked.append(person))
    assert asked == [DISPATCHER, OFFICER, elsewhere]

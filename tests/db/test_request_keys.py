"""The key of a request: once is once, and it is one request's own."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import pytest

from db import assignments, cases, handling, replacements
from db.session import Database
from geo.errors import AlreadyDispatched, Conflict
from governance.incident import Status
from governance.lifecycle import Action
from tests.db.test_assignments import kept, loads, nothing_changed, report, shortlist
from tests.people import ADMIN, DISPATCHER


def test_the_same_request_again_answers_what_the_first_made(county: Database, now: datetime):
    """A key that was used for the incident makes nothing more, not even after a withdrawal; another key is refused."""
    no, other = report(county, now), report(county, now)
    sent = assignments.dispatch(county, DISPATCHER, no, now=now, request_key="k1")
    with nothing_changed(county, no):
        assert assignments.dispatch(county, DISPATCHER, no, now=now, request_key="k1") == sent
        for key in ("k2", None):
            with pytest.raises(AlreadyDispatched):
                assignments.dispatch(county, DISPATCHER, no, now=now, request_key=key)
    assert assignments.dispatch(county, DISPATCHER, other, now=now, request_key="k1").status is Status.DISPATCHED
    handling.advance(county, DISPATCHER, no, Action.WITHDRAW, now=now)
    assert assignments.dispatch(county, DISPATCHER, no, now=now, request_key="k1").status is Status.ACCEPTED
    assert assignments.dispatch(county, DISPATCHER, no, now=now, request_key="k2").status is Status.DISPATCHED


def test_a_key_is_one_requests_own(county: Database, now: datetime):
    """Under a used key another account, another name or none, or another reason is refused, for good."""
    no, named = report(county, now), report(county, now)
    first, second, *_ = (entry.candidate.code for entry in shortlist(county, no, now))
    assignments.dispatch(county, DISPATCHER, no, now=now, request_key="k1")
    asked = {"worker": second, "reason": "熟悉情况", "request_key": "k1"}
    sent = assignments.dispatch(county, DISPATCHER, named, now=now, **asked)

    def refuses_all_but_the_same() -> None:
        with nothing_changed(county, no), nothing_changed(county, named):
            for where, by, other in (
                (no, ADMIN, {"request_key": "k1"}),
                (no, DISPATCHER, {"worker": first, "reason": "熟悉情况", "request_key": "k1"}),
                (named, ADMIN, asked),
                (named, DISPATCHER, {"request_key": "k1"}),
                (named, DISPATCHER, asked | {"worker": first}),
                (named, DISPATCHER, asked | {"reason": "就在现场"}),
            ):
                with pytest.raises(Conflict) as refused:
                    assignments.dispatch(county, by, where, now=now, **other)
                assert (refused.value.code, refused.value.facts["reason"]) == ("conflict", "other_request")

    refuses_all_but_the_same()
    assert assignments.dispatch(county, DISPATCHER, named, now=now, **asked) == sent
    for where in (no, named):
        replacements.refuse(county, DISPATCHER, where, reason="走不开", now=now)
    refuses_all_but_the_same()
    again = assignments.dispatch(county, DISPATCHER, named, now=now, **asked).assignment
    assert again is not None
    assert again.worker_code != second


@pytest.mark.parametrize("class_code", ["0201", "0301"])
def test_eight_of_the_same_request_at_once_make_one_dispatch(county: Database, now: datetime, class_code: str):
    """A request that a bad line repeats eight times at once sends one crew, and all eight answers are the same."""
    no = report(county, now, class_code=class_code)
    before = loads(county)
    gate = threading.Barrier(8)

    def press(_: int) -> cases.Incident:
        gate.wait()
        return assignments.dispatch(county, DISPATCHER, no, now=now, request_key="once")

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(press, range(8)))
    assert all(answer == answers[0] for answer in answers)
    crew = Counter(sent.worker_code for sent in answers[0].crew)
    assert set(crew.values()) == {1}
    assert Counter(loads(county)) == Counter(before) + crew
    assert len(kept(county, no)) == 1

"""Parts and duplicates beside the incidents that they belong to: none is left behind, and none hides another's end."""

from __future__ import annotations

from collections.abc import Callable

from db import cases, handling
from db.cases import Incident
from geo.errors import Conflict
from governance.incident import Status
from governance.lifecycle import Action
from tests.casebook import AT_WORK, Case, facts
from tests.people import DISPATCHER


def split(case: Case) -> str:
    made = handling.split(case.database, DISPATCHER, case.no, [facts(title="护栏损坏")], opinion="另一处", now=case.now)
    return made.part_nos[-1]


def take(case: Case, no: str, action: Action) -> Incident:
    return handling.advance(case.database, DISPATCHER, no, action, now=case.now, opinion="已核")


def test_an_open_matter_isn_t_merged_into_a_finished_one(make: Callable[..., Case]):
    """Merged into what was rejected or closed, it would end with nobody's handling it."""
    rejected = make()
    rejected.take(Action.REJECT)
    closed = make().walk(*AT_WORK, Action.RESOLVE, Action.VERIFY)
    double = make()
    for original in (rejected, closed):
        refusal = double.refuses(Conflict, lambda no=original.no: double.take(Action.MERGE, original=no))
        assert refusal.facts["reason"] == "original_finished"


def test_a_whole_isn_t_merged_into_its_own_part(make: Callable[..., Case]):
    """A part may turn out to repeat its whole, but not the other way round."""
    whole = make().walk(Action.ACCEPT)
    part = split(whole)
    assert whole.refuses(Conflict, lambda: whole.take(Action.MERGE, original=part)).facts["reason"] == "own_part"


def test_a_part_isn_t_reopened_before_its_closed_whole(make: Callable[..., Case]):
    """Else a closed incident would have an open part; with the whole reopened the part can be too."""
    whole = make().walk(*AT_WORK)
    part = split(whole)
    take(whole, part, Action.REJECT)
    whole.walk(Action.RESOLVE, Action.VERIFY)
    assert whole.refuses(Conflict, lambda: take(whole, part, Action.REOPEN)).facts["reason"] == "whole_closed"
    with whole.database.session(DISPATCHER) as session:
        assert Action.REOPEN not in cases.get(session, part).actions
    whole.take(Action.REOPEN)
    assert take(whole, part, Action.REOPEN).status is Status.REPORTED

from __future__ import annotations

import pytest

from db.models import Incident
from geo.errors import TransitionRefused
from governance.access import PERMISSIONS, Permission, Role
from governance.incident import FINISHED, Status
from governance.lifecycle import INSTANT, PAIRS, TRANSITIONS, Action, actions_from, step

S, A = Status, Action

LEADS_TO: dict[Status, dict[Action, Status]] = {
    S.REPORTED: {A.ACCEPT: S.ACCEPTED, A.REJECT: S.REJECTED, A.MERGE: S.MERGED},
    S.ACCEPTED: {
        A.REJECT: S.REJECTED,
        A.DISPATCH: S.DISPATCHED,
        A.TRANSFER: S.TRANSFERRED,
        A.SUSPEND: S.SUSPENDED,
        A.MERGE: S.MERGED,
    },
    S.DISPATCHED: {
        A.ACKNOWLEDGE: S.DISPATCHED,
        A.ARRIVE: S.PROCESSING,
        A.RETURN: S.RETURNED,
        A.WITHDRAW: S.ACCEPTED,
    },
    S.PROCESSING: {A.RESOLVE: S.RESOLVED, A.RETURN: S.RETURNED, A.SUSPEND: S.SUSPENDED},
    S.RESOLVED: {A.VERIFY: S.CLOSED, A.REWORK: S.PROCESSING},
    S.CLOSED: {A.REOPEN: S.ACCEPTED},
    S.REJECTED: {},
    S.RETURNED: {A.DISPATCH: S.DISPATCHED, A.TRANSFER: S.TRANSFERRED, A.SUSPEND: S.SUSPENDED},
    S.TRANSFERRED: {A.RESOLVE: S.RESOLVED, A.RETURN: S.RETURNED},
    S.SUSPENDED: {A.RESUME: S.ACCEPTED},
    S.MERGED: {},
}
"""Written out by hand from the domain, beside the table of the product: where each action leads from each status."""

EVERY_PAIR = [(status, action) for status in Status for action in Action]
NEEDS_OPINION = {A.REJECT, A.RESOLVE, A.REWORK, A.RETURN, A.TRANSFER, A.SUSPEND, A.MERGE, A.REOPEN}


@pytest.mark.parametrize(("status", "action"), EVERY_PAIR)
def test_each_action_leads_where_it_should_or_is_refused(status: Status, action: Action):
    """Of all pairs of status and action, those of the table lead where it says; the others say what is allowed."""
    expected = LEADS_TO[status].get(action)
    if expected is not None:
        taken = step(status, action)
        assert (taken.action, taken.from_status, taken.to_status) == (action, status, expected)
        return
    with pytest.raises(TransitionRefused) as refusal:
        step(status, action)
    assert refusal.value.facts == {
        "current": status.value,
        "requested": action.value,
        "allowed": [allowed.value for allowed in Action if allowed in LEADS_TO[status]],
    }


@pytest.mark.parametrize("status", Status)
def test_the_actions_offered_are_the_ones_that_pass(status: Status):
    """What a screen offers at a status is what the lifecycle lets pass there, in one order everywhere."""
    assert actions_from(status) == tuple(action for action in Action if action in LEADS_TO[status])


def test_the_pairs_for_the_database_are_the_moves_of_the_table():
    """The database's guard gets every pair of statuses that some action joins, and no step that stays in place."""
    assert {(here, to) for here, leads in LEADS_TO.items() for to in leads.values() if here != to} == PAIRS


def test_no_step_stands_twice():
    """From one status an action leads to one place."""
    assert len({(t.from_status, t.action) for t in TRANSITIONS}) == len(TRANSITIONS)


def test_every_status_can_be_reached_and_every_open_one_can_be_left():
    """Nothing gets stuck: from every unfinished status there is a way to `closed`, and every status is come to."""
    reached = {S.REPORTED}
    while more := {to for here, to in PAIRS if here in reached} - reached:
        reached |= more
    assert reached == set(Status)
    ends = {S.CLOSED}
    while more := {here for here, to in PAIRS if to in ends} - ends:
        ends |= more
    assert ends >= set(Status) - FINISHED


def test_whoever_turns_a_matter_from_its_way_says_why():
    """An opinion is asked for when an incident is refused, handed on, put off, sent back or reported as done."""
    assert {t.action for t in TRANSITIONS if t.needs_opinion} == NEEDS_OPINION
    assert not {t.action for t in TRANSITIONS if not t.needs_opinion} & NEEDS_OPINION


def test_sending_and_calling_back_take_the_right_to_dispatch():
    """Dispatch and its undo need the permission to dispatch; every other step the one to advance."""
    for transition in TRANSITIONS:
        sends = transition.action in {A.DISPATCH, A.WITHDRAW}
        assert transition.permission is (Permission.DISPATCH if sends else Permission.ADVANCE_INCIDENT)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PLANNER])
def test_those_who_only_look_take_no_step(role: Role):
    """No step of the lifecycle is open to a viewer or a planner."""
    assert not {transition.permission for transition in TRANSITIONS} & PERMISSIONS[role]


def test_the_main_line_stamps_each_instant_once():
    """From report to closure each reported instant is stamped by one action, in the order of the line."""
    line = [A.ACCEPT, A.DISPATCH, A.ACKNOWLEDGE, A.ARRIVE, A.RESOLVE, A.VERIFY]
    status, stamped = S.REPORTED, []
    for action in line:
        status = step(status, action).to_status
        stamped.append(INSTANT[action])
    assert status is S.CLOSED
    assert stamped == ["accepted_at", "dispatched_at", "acknowledged_at", "arrived_at", "resolved_at", "closed_at"]
    assert list(INSTANT) == line


def test_every_instant_stands_on_the_incident():
    """Each instant that an action stamps is a column of the incident, empty until then."""
    columns = Incident.__table__.columns
    assert [name for name in INSTANT.values() if name not in columns or not columns[name].nullable] == []

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from db.models import Incident
from db.stepping import Asked
from geo.errors import TransitionRefused
from governance.access import PERMISSIONS, Permission, Role
from governance.incident import FINISHED, Status
from governance.lifecycle import (
    COMMANDED,
    HINDERED,
    INSTANT,
    PAIRS,
    TRANSITIONS,
    Action,
    Given,
    Hindrance,
    Standing,
    actions_from,
    hindrance,
    step,
)
from tests.lifecycle import LEADS_TO, MAY, NEEDS

S, A, G, H, P = Status, Action, Given, Hindrance, Permission

EVERY_PAIR = [(status, action) for status in Status for action in Action]

PLAIN = Standing(
    is_supervised=False,
    needs_check=False,
    is_confirmed=False,
    has_open_part=False,
    is_part_of_closed=False,
    suspensions=0,
    extensions=0,
    is_extension_asked=False,
    is_departments=False,
    has_duplicates=False,
    was_late=False,
    has_appeal=False,
    is_appeal_open=False,
)
"""An incident of which nothing in particular is to be said."""

CASES: list[tuple[Action, dict[str, object], Hindrance | None]] = [
    (A.CONFIRM, {}, None),
    (A.CONFIRM, {"is_confirmed": True}, H.CONFIRMED_ALREADY),
    (A.ACCEPT, {"needs_check": True}, H.NOT_CONFIRMED),
    (A.ACCEPT, {"needs_check": True, "is_confirmed": True}, None),
    (A.VERIFY, {"has_open_part": True}, H.PART_OPEN),
    (A.RESOLVE, {"has_open_part": True}, None),
    (A.REOPEN, {}, None),
    (A.REOPEN, {"is_part_of_closed": True}, H.WHOLE_CLOSED),
    (A.REWORK, {"is_departments": True}, H.DEPARTMENTS_WORK),
    (A.TRANSFER, {"is_departments": True}, None),
    (A.MERGE, {"has_duplicates": True}, H.HAS_DUPLICATES),
    (A.SUSPEND, {"suspensions": 1}, H.SUSPENDED_BEFORE),
    (A.RESUME, {"suspensions": 1}, None),
    (A.SUPERVISE, {"is_supervised": True}, H.SUPERVISED_ALREADY),
    (A.RELEASE, {"is_supervised": True}, None),
    (A.RELEASE, {}, H.NOT_SUPERVISED),
    (A.EXTEND, {"extensions": 1}, None),
    (A.EXTEND, {"extensions": 2}, H.EXTENDED_TWICE),
    (A.EXTEND, {"is_extension_asked": True}, H.EXTENSION_ASKED),
    (A.EXTEND, {"extensions": 2, "is_extension_asked": True}, H.EXTENDED_TWICE),
    (A.GRANT, {}, H.NO_EXTENSION_ASKED),
    (A.GRANT, {"is_extension_asked": True}, None),
    (A.DENY, {}, H.NO_EXTENSION_ASKED),
    (A.DENY, {"is_extension_asked": True}, None),
    (A.APPEAL, {}, H.NOT_LATE),
    (A.APPEAL, {"was_late": True}, None),
    (A.APPEAL, {"was_late": True, "has_appeal": True}, H.APPEALED_ALREADY),
    (A.REVIEW, {"was_late": True}, H.NO_APPEAL),
    (A.REVIEW, {"was_late": True, "has_appeal": True, "is_appeal_open": True}, None),
]
"""Facts of an incident, an action, and what of them keeps it from being taken: each limit and its neighbour."""


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


@pytest.mark.parametrize("action", Action)
def test_each_action_is_given_what_it_needs(action: Action):
    """Whoever turns a matter from its way says why, and names department, original, parts or date."""
    asked = [transition.needs for transition in TRANSITIONS if transition.action is action]
    assert asked
    assert all(needs == NEEDS[action] for needs in asked)
    assert [t.needs_opinion for t in TRANSITIONS if t.action is action] == [G.OPINION in NEEDS[action]] * len(asked)


def test_what_is_given_has_a_place_in_the_request():
    """Each thing that an action may need is a field of the request for a step."""
    assert {given.value for given in Given} <= {field.name for field in fields(Asked)}


@pytest.mark.parametrize("action", Action)
def test_each_action_takes_one_right(action: Action):
    """Sending takes the right to dispatch, supervision its own, more time that to decide; the rest is advancing."""
    right = next((right for right, actions in MAY.items() if action in actions), P.ADVANCE_INCIDENT)
    assert {t.permission for t in TRANSITIONS if t.action is action} == {right}


@pytest.mark.parametrize(("action", "given", "expected"), CASES)
def test_the_incident_s_own_facts_hinder(action: Action, given: dict[str, object], expected: Hindrance | None):
    """Once put off, twice extended, unconfirmed, split, supervised, appealed: each fact stops its own action only."""
    assert hindrance(action, replace(PLAIN, **given)) is expected


def test_nothing_hinders_an_action_without_a_rule():
    """Actions that no fact may stop pass whatever the facts are."""
    free = set(Action) - {action for action, _, _ in CASES} | {A.RESOLVE, A.TRANSFER, A.RESUME}
    worst = Standing(**{f.name: 9 if f.name in {"suspensions", "extensions"} else True for f in fields(Standing)})
    assert {action for action in free if hindrance(action, worst) or hindrance(action, PLAIN)} == set()


def test_the_actions_that_are_asked_for_hindrances_are_those_that_have_some():
    """A step that skips the question has no rule, and one that asks it has."""
    assert {action for action, _, reason in CASES if reason is not None} == HINDERED


def test_every_hindrance_comes_up():
    """The hand-written cases know every hindrance that the product has."""
    assert {reason for _, _, reason in CASES if reason is not None} == set(Hindrance)


def test_actions_with_a_command_of_their_own():
    """What claims people, makes incidents or is decided by others has its own command; the rest are plain steps."""
    assert {
        *(A.DISPATCH, A.REFUSE, A.TIME_OUT, A.REINFORCE, A.REASSIGN, A.HAND_OVER, A.SPLIT),
        *(A.EXTEND, A.GRANT, A.DENY, A.APPEAL, A.REVIEW),
    } == COMMANDED


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PLANNER])
def test_those_who_only_look_take_no_step(role: Role):
    """No step of the lifecycle is open to a viewer or a planner."""
    assert not {transition.permission for transition in TRANSITIONS} & PERMISSIONS[role]


def test_the_main_line_stamps_each_instant_once():
    """From report to closure each reported instant is stamped by one action, in the order of the line."""
    line = [A.CONFIRM, A.ACCEPT, A.DISPATCH, A.ACKNOWLEDGE, A.ARRIVE, A.RESOLVE, A.VERIFY]
    status, stamped = S.REPORTED, []
    for action in line:
        status = step(status, action).to_status
        stamped.append(INSTANT[action])
    assert status is S.CLOSED
    line_at = ["accepted_at", "dispatched_at", "acknowledged_at", "arrived_at", "resolved_at", "closed_at"]
    assert stamped == ["confirmed_at", *line_at]
    assert list(INSTANT) == line


def test_every_instant_stands_on_the_incident():
    """Each instant that an action stamps is a column of the incident, empty until then."""
    columns = Incident.__table__.columns
    assert [name for name in INSTANT.values() if name not in columns or not columns[name].nullable] == []

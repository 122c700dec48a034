"""When those who were sent don't come: somebody else goes in the same transaction, and everybody's load stays true."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event, text

from db import assignments, candidates, cases, handling, incidents, positions, replacements
from db.cases import Incident
from db.incidents import Report
from db.session import Database
from geo.errors import (
    AlreadyDispatched,
    InvalidInput,
    NobodyEligible,
    NotPermitted,
    TransitionRefused,
    UnknownCode,
)
from governance.incident import Status
from governance.lifecycle import Action
from tests.db.balance import require_balance, until_waiting
from tests.images import endings, image, only_recommended, shortfalls
from tests.people import DISPATCHER, VIEWER

LON, LAT = 124.018, 45.005
GAS = "0301"
"""A class whose run card sends two: a grid chief leads, and somebody who knows fire safety comes along."""
MINUTE = timedelta(minutes=1)
PATIENCE = timedelta(seconds=300)
"""For how long the demo county's policy waits for an answer."""


@pytest.fixture
def town(county: Database) -> Iterator[Database]:
    """The demo county; when a scenario is over, everybody's load equals what they have to do."""
    yield county
    require_balance(county)


@pytest.fixture
def report(town: Database, now: datetime) -> Callable[..., str]:
    """Reports an incident in the town."""

    def reported(**facts: Any) -> str:
        given = {"title": "暴露垃圾", "class_code": "0101", "lon": LON, "lat": LAT, "crs": "wgs84", **facts}
        return incidents.report(town, DISPATCHER, Report(**given), now=now).no

    return reported


def staff(database: Database, people: int) -> list[str]:
    """Leaves so many free responders on duty, the nearest to the place; their codes in the order of their ids."""
    with database.engine.begin() as connection:
        connection.execute(
            text(
                """UPDATE responder SET on_duty = worker_id IN (
                    SELECT worker_id FROM responder WHERE pool = 'full_time' AND on_duty AND load = 0
                    ORDER BY point <-> ST_Transform(ST_SetSRID(ST_MakePoint(:lon, :lat), 4490), 4550), worker_id
                    LIMIT :people)"""
            ),
            {"people": people, "lon": LON, "lat": LAT},
        )
        codes = "SELECT code FROM worker WHERE id IN (SELECT worker_id FROM responder WHERE on_duty) ORDER BY id"
        return list(connection.scalars(text(codes)))


def get(database: Database, no: str) -> Incident:
    with database.session(DISPATCHER) as session:
        return cases.get(session, no)


def lead(incident: Incident) -> str:
    assert incident.assignment is not None
    return incident.assignment.worker_code


def crew(incident: Incident) -> dict[int, str]:
    return {sent.slot: sent.worker_code for sent in incident.crew}


# Refused


def test_a_refusal_sends_the_next_in_the_same_transaction(town: Database, report: Callable[..., str], now: datetime):
    """Between the refusal and the next one's being sent there is no commit: nobody sees the incident without a lead."""
    no = report()
    with town.session(DISPATCHER) as session:
        ranked = candidates.recommend(session, no, principal=DISPATCHER, now=now).ranking.ranked
    assignments.dispatch(town, DISPATCHER, no, now=now)
    handling.advance(town, DISPATCHER, no, Action.ACKNOWLEDGE, now=now + MINUTE)
    commits: list[object] = []
    event.listen(town.engine, "commit", commits.append)
    after = replacements.refuse(town, DISPATCHER, no, reason="车辆故障", now=now + 2 * MINUTE)
    assert len(commits) == 1
    assert lead(after) == ranked[1].candidate.code
    assert (after.status, after.acknowledged_at) == (Status.DISPATCHED, None)
    assert [step.action for step in after.steps[2:]] == ["dispatch", "acknowledge", "refuse", "dispatch"]
    assert endings(town, no) == [(1, ranked[0].candidate.code, "refused")]


def test_when_everybody_refused_the_desk_decides(town: Database, report: Callable[..., str], now: datetime):
    """Nobody is asked twice; the last refusal brings the incident back, and sending again says that all declined."""
    people, no = staff(town, 4), report()
    asked = [lead(assignments.dispatch(town, DISPATCHER, no, now=now))]
    asked += [
        lead(replacements.refuse(town, DISPATCHER, no, reason="在忙", now=now + minutes * MINUTE))
        for minutes in range(1, 4)
    ]
    after = replacements.refuse(town, DISPATCHER, no, reason="在忙", now=now + 4 * MINUTE)
    assert (after.status, after.crew) == (Status.RETURNED, ())
    assert sorted(asked) == sorted(people)
    assert [ending for _, _, ending in endings(town, no)] == ["refused"] * 4
    before = image(town, no)
    with pytest.raises(NobodyEligible) as refused:
        assignments.dispatch(town, DISPATCHER, no, now=now + 5 * MINUTE)
    assert refused.value.facts["shortfall"] == "all_declined"
    assert only_recommended(before, image(town, no))
    assert shortfalls(town, no) == ["all_declined"] * 2


def test_who_comes_along_refuses_for_themselves(town: Database, report: Callable[..., str], now: datetime):
    """Of a crew of two the second is replaced by somebody new; the lead's assignment isn't touched."""
    no = report(class_code=GAS)
    sent = assignments.dispatch(town, DISPATCHER, no, now=now)
    after = replacements.refuse(town, DISPATCHER, no, reason="在忙", now=now + MINUTE, worker=crew(sent)[2])
    assert after.crew[0] == sent.crew[0]
    assert sorted(crew(after)) == [1, 2]
    assert crew(after)[2] not in crew(sent).values()
    assert after.status is Status.DISPATCHED
    assert endings(town, no) == [(2, crew(sent)[2], "refused")]
    again = replacements.refuse(town, DISPATCHER, no, reason="在忙", now=now + MINUTE, worker=crew(after)[2])
    assert crew(again)[2] not in {*crew(sent).values(), *crew(after).values()}


def test_where_nobody_else_can_come_along_the_lead_goes_alone(
    town: Database, report: Callable[..., str], now: datetime
):
    """The second of two refuses and there is no third: the slot stays empty, and the incident isn't returned."""
    no, (first, second) = report(), staff(town, 2)
    assignments.dispatch(town, DISPATCHER, no, now=now, worker=first, reason="熟悉情况")
    assignments.reinforce(town, DISPATCHER, no, now=now)
    after = replacements.refuse(town, DISPATCHER, no, reason="在忙", now=now + MINUTE, worker=second)
    assert (after.status, crew(after)) == (Status.DISPATCHED, {1: first})
    assert shortfalls(town, no) == ["all_declined"]


def test_without_a_lead_the_others_are_called_back(town: Database, report: Callable[..., str], now: datetime):
    """The lead of two refuses and there is no third: nobody is on the way any more."""
    no, (first, second) = report(), staff(town, 2)
    assignments.dispatch(town, DISPATCHER, no, now=now, worker=second, reason="熟悉情况")
    assignments.reinforce(town, DISPATCHER, no, now=now)
    after = replacements.refuse(town, DISPATCHER, no, reason="在忙", now=now + MINUTE)
    assert (after.status, after.crew) == (Status.RETURNED, ())
    assert endings(town, no) == [(1, second, "refused"), (2, first, "withdrawn")]


def test_who_may_refuse_what(town: Database, report: Callable[..., str], now: datetime):
    """A refusal has a reason, comes from one who was sent and hasn't arrived, and leaves no trace otherwise."""
    no = report(class_code=GAS)
    second = crew(assignments.dispatch(town, DISPATCHER, no, now=now))[2]

    def refuse(reason: str = "在忙", worker: str | None = None, by: Any = DISPATCHER) -> Incident:
        return replacements.refuse(town, by, no, reason=reason, now=now, worker=worker)

    before = image(town, no)
    with pytest.raises(InvalidInput):
        refuse(reason=" ")
    with pytest.raises(UnknownCode):
        refuse(worker="W99999")
    with pytest.raises(NotPermitted):
        refuse(by=VIEWER)
    assert image(town, no) == before
    handling.advance(town, DISPATCHER, no, Action.ARRIVE, now=now)
    before = image(town, no)
    for worker in (None, second):
        with pytest.raises(TransitionRefused):
            refuse(worker=worker)
    assert image(town, no) == before


# No answer


def test_without_an_answer_in_time_the_next_is_sent(town: Database, report: Callable[..., str], now: datetime):
    """Up to the agreed instant nothing happens; past it the next is sent, with the whole time to answer."""
    no = report()
    first = assignments.dispatch(town, DISPATCHER, no, now=now)
    assert replacements.time_out(town, now=now + PATIENCE) == []
    late = now + PATIENCE + timedelta(seconds=1)
    assert no in replacements.time_out(town, now=late)
    after = get(town, no)
    assert after.status is Status.DISPATCHED
    assert lead(after) != lead(first)
    assert endings(town, no) == [(1, lead(first), "timed_out")]
    assert after.assignment is not None
    assert after.assignment.acknowledge_by == late + PATIENCE
    assert replacements.time_out(town, now=late) == []


def test_who_acknowledged_isn_t_passed_over(town: Database, report: Callable[..., str], now: datetime):
    """An answer in time holds for good."""
    no = report()
    assignments.dispatch(town, DISPATCHER, no, now=now)
    handling.advance(town, DISPATCHER, no, Action.ACKNOWLEDGE, now=now + MINUTE)
    assert no not in replacements.time_out(town, now=now + timedelta(days=1))


def test_where_nobody_else_is_there_the_silent_keep_it(town: Database, report: Callable[..., str], now: datetime):
    """Who didn't answer is better than nobody: they get the same time again, and the history tells so."""
    people, no = staff(town, 2), report()
    assignments.dispatch(town, DISPATCHER, no, now=now)
    before = crew(assignments.reinforce(town, DISPATCHER, no, now=now))
    for turn in (1, 2):
        late = now + turn * (PATIENCE + MINUTE)
        assert no in replacements.time_out(town, now=late)
        after = get(town, no)
        assert (after.status, crew(after)) == (Status.DISPATCHED, before)
        assert [sent.acknowledge_by for sent in after.crew] == [late + PATIENCE] * 2
        assert [step.action for step in after.steps].count("time_out") == 2 * turn
        assert len(shortfalls(town, no)) == 2 * turn
    assert sorted(before.values()) == people


def test_the_silent_keep_it_while_the_only_other_is_held(town: Database, report: Callable[..., str], now: datetime):
    """The only other responder is being claimed by somebody else just now: nobody is called back for nobody."""
    no = report()
    *_, other = staff(town, 3)
    with town.engine.begin() as connection:
        off = "UPDATE responder SET on_duty = (w.code <> :c) FROM worker AS w WHERE w.id = worker_id AND on_duty"
        connection.execute(text(off), {"c": other})
    assignments.dispatch(town, DISPATCHER, no, now=now)
    before = crew(assignments.reinforce(town, DISPATCHER, no, now=now))
    positions.set_duty(town, DISPATCHER, {other: True}, now=now)
    with town.engine.begin() as elsewhere:
        held = "SELECT FROM responder WHERE worker_id = (SELECT id FROM worker WHERE code = :c) FOR NO KEY UPDATE"
        elsewhere.execute(text(held), {"c": other})
        assert no in replacements.time_out(town, now=now + PATIENCE + MINUTE)
    assert (get(town, no).status, crew(get(town, no))) == (Status.DISPATCHED, before)
    assert endings(town, no) == []


def test_nobody_waits_for_those_who_join_the_work(town: Database, report: Callable[..., str], now: datetime):
    """An incident at work can't be acknowledged, so whoever joins there is never passed over for not answering."""
    no = report()
    assignments.dispatch(town, DISPATCHER, no, now=now)
    handling.advance(town, DISPATCHER, no, Action.ARRIVE, now=now + MINUTE)
    joined = assignments.reinforce(town, DISPATCHER, no, now=now + MINUTE)
    assert no not in replacements.time_out(town, now=now + timedelta(hours=1))
    assert crew(get(town, no)) == crew(joined)
    replaced = replacements.refuse(town, DISPATCHER, no, reason="在忙", now=now + MINUTE, worker=crew(joined)[2])
    assert crew(replaced)[2] != crew(joined)[2]
    assert replaced.crew[1].acknowledge_by is None


@pytest.mark.parametrize("first", ["acknowledge", "time_out"])
def test_of_an_answer_and_its_deadline_the_first_counts(
    town: Database, report: Callable[..., str], now: datetime, first: str
):
    """Both wait for the incident on connections of their own: the second sees what the first did."""
    no, late = report(), now + PATIENCE + MINUTE
    sent = lead(assignments.dispatch(town, DISPATCHER, no, now=now))
    commands = {
        "acknowledge": lambda: handling.advance(town, DISPATCHER, no, Action.ACKNOWLEDGE, now=late),
        "time_out": lambda: replacements.time_out(town, now=late),
    }
    with ThreadPoolExecutor(2) as pool, town.engine.connect() as holder:
        holder.execute(text("SELECT FROM incident WHERE no = :no FOR UPDATE"), {"no": no})
        done = []
        for waiting, name in enumerate(sorted(commands, key=lambda name: name != first), start=1):
            done.append(pool.submit(commands[name]))
            until_waiting(town, waiting)
        holder.rollback()
        [command.result(timeout=20) for command in done]
    after = get(town, no)
    assert after.assignment is not None
    assert (lead(after) == sent) == (first == "acknowledge")
    assert after.assignment.status == "acknowledged"
    assert len(endings(town, no)) == (first == "time_out")


def test_answers_race_with_deadlines(town: Database, report: Callable[..., str], now: datetime):
    """Two rounds and a crowd of answers at once: each incident keeps one lead and is passed on once at most."""
    numbers = [report(lon=LON + place * 1e-3) for place in range(16)]
    for no in numbers:
        assignments.dispatch(town, DISPATCHER, no, now=now)
    late, gate = now + PATIENCE + MINUTE, threading.Barrier(4)

    def round_of_deadlines() -> object:
        gate.wait()
        return replacements.time_out(town, now=late)

    def answers(own: list[str]) -> object:
        gate.wait()
        return [handling.advance(town, DISPATCHER, no, Action.ACKNOWLEDGE, now=late) for no in own]

    with ThreadPoolExecutor(4) as pool:
        done = [pool.submit(round_of_deadlines) for _ in range(2)]
        done += [pool.submit(answers, numbers[::-2]), pool.submit(answers, numbers[-2::-2])]
        [command.result(timeout=60) for command in done]
    for no in numbers:
        after = get(town, no)
        assert list(crew(after)) == [1]
        assert after.crew[0].status == "acknowledged"
        actions = [step.action for step in after.steps]
        assert actions.count("time_out") == len(endings(town, no)) <= 1
        assert "time_out" not in actions[actions.index("acknowledge") :]


# Reassigned, reinforced, handed over


def test_reassigning_at_work_begins_the_way_again(town: Database, report: Callable[..., str], now: datetime):
    """All who were sent are called back, others are on the way, and the instants of the first are forgotten."""
    no = report(class_code=GAS)
    assignments.dispatch(town, DISPATCHER, no, now=now)
    first = handling.advance(town, DISPATCHER, no, Action.ARRIVE, now=now + MINUTE)
    after = replacements.reassign(town, DISPATCHER, no, reason="需专业人员", now=now + 2 * MINUTE)
    assert (after.status, after.acknowledged_at, after.arrived_at) == (Status.DISPATCHED, None, None)
    assert not set(crew(after).values()) & set(crew(first).values())
    assert {ending for _, _, ending in endings(town, no)} == {"handed_over"}
    assert [(sent.status, sent.acknowledged_at) for sent in after.crew] == [("sent", None)] * len(after.crew)


def test_reassigning_to_somebody_named(town: Database, report: Callable[..., str], now: datetime):
    """The named one comes as an override with the reason; where nobody can come, those who were sent stay."""
    no, people = report(), staff(town, 2)
    sent = lead(assignments.dispatch(town, DISPATCHER, no, now=now))
    other = next(code for code in people if code != sent)
    after = replacements.reassign(town, DISPATCHER, no, reason="熟悉情况", now=now, worker=other)
    assert after.assignment is not None
    assert (lead(after), after.assignment.is_override, after.assignment.reason) == (other, True, "熟悉情况")
    before = image(town, no)
    with pytest.raises(NobodyEligible):
        replacements.reassign(town, DISPATCHER, no, reason="换人", now=now)
    assert only_recommended(before, image(town, no))
    before = image(town, no)
    with pytest.raises(InvalidInput):
        replacements.reassign(town, DISPATCHER, no, reason="", now=now)
    assert image(town, no) == before


def test_reinforcing_adds_a_slot(town: Database, report: Callable[..., str], now: datetime):
    """Each call sends one more beside those who are on the way, and nobody a second time."""
    no = report()
    first = assignments.dispatch(town, DISPATCHER, no, now=now)
    assignments.reinforce(town, DISPATCHER, no, now=now)
    after = assignments.reinforce(town, DISPATCHER, no, now=now)
    assert sorted(crew(after)) == [1, 2, 3]
    assert len(set(crew(after).values())) == 3
    assert after.crew[0] == first.crew[0]
    before = image(town, no)
    with pytest.raises(AlreadyDispatched):
        assignments.reinforce(town, DISPATCHER, no, now=now, worker=crew(after)[2], reason="再派")
    assert image(town, no) == before


def test_a_shift_s_end_passes_on_what_can_be(town: Database, report: Callable[..., str], now: datetime):
    """One task goes to the other on duty; the one that they refused before stays, as it was, and is told."""
    passed, kept = report(), report(lon=LON + 1e-4)
    going, staying = staff(town, 2)
    assignments.dispatch(town, DISPATCHER, kept, now=now, worker=staying, reason="熟悉情况")
    replacements.refuse(town, DISPATCHER, kept, reason="在忙", now=now)
    assignments.dispatch(town, DISPATCHER, passed, now=now, worker=going, reason="熟悉情况")
    handling.advance(town, DISPATCHER, passed, Action.ARRIVE, now=now)
    before = get(town, kept)
    done = replacements.hand_over(town, DISPATCHER, going, now=now + MINUTE)
    assert (done.passed_on, done.kept) == ((passed,), (kept,))
    after = get(town, passed)
    assert (after.status, lead(after), after.arrived_at) == (Status.DISPATCHED, staying, None)
    assert endings(town, passed) == [(1, going, "handed_over")]
    assert get(town, kept) == before
    assert shortfalls(town, kept)[-1] == "all_declined"
    with pytest.raises(UnknownCode):
        replacements.hand_over(town, DISPATCHER, "W99999", now=now)


def test_a_shift_s_end_leaves_the_rest_of_a_crew(town: Database, report: Callable[..., str], now: datetime):
    """Who came along goes home and another comes; the lead stays at work."""
    no = report(class_code=GAS)
    assignments.dispatch(town, DISPATCHER, no, now=now)
    sent = handling.advance(town, DISPATCHER, no, Action.ARRIVE, now=now)
    replacements.hand_over(town, DISPATCHER, crew(sent)[2], now=now + MINUTE)
    after = get(town, no)
    assert (after.status, after.crew[0]) == (Status.PROCESSING, sent.crew[0])
    assert crew(after)[2] not in crew(sent).values()

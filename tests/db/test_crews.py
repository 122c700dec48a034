"""Run cards in the sending: a lead and who comes along, places that stay empty, and a named lead."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import text

from db import assignments, candidates, handling, policies, replacements
from db.session import Database
from geo.errors import Conflict, NobodyEligible
from governance.lifecycle import Action
from governance.policy import Requirement
from tests.db.test_assignments import change, free, kept, loads, only_a_recommendation_kept, people, report
from tests.images import image
from tests.people import ADMIN, DISPATCHER

PATROL, FIRE_SAFETY = 1, 5


def gas(county: Database, now: datetime) -> str:
    """Class 0301: a grid chief of the patrol leads, and one more comes along who knows fire safety."""
    return report(county, now, title="燃气异味", class_code="0301")


def sent_to(county: Database, now: datetime, no: str, **asked: Any) -> list[Any]:
    """Dispatches; the people sent, in the order of their slots, as they are on file."""
    on_file = {p.code: p for p in people(county)}
    crew = assignments.dispatch(county, DISPATCHER, no, now=now, **asked).crew
    assert [sent.slot for sent in crew] == sorted({sent.slot for sent in crew})
    return [on_file[sent.worker_code] for sent in crew]


def put_in_force(county: Database, now: datetime, *card: Requirement, **changes: Any) -> None:
    """A policy that sends the crew of `card` to class 0102, which asks for no skill, and else is the demo's."""
    with county.session(ADMIN) as session:
        policy = policies.policy_in_force(session)
    policies.save(county, ADMIN, replace(policy, cards={"0102": card}, **changes), note="", now=now)


@contextmanager
def loads_rise_by_one_for(county: Database, *crews: list[Any]) -> Iterator[None]:
    """Afterwards each of the crews (filled inside) has one task more, and nobody else any."""
    before = loads(county)
    yield
    codes = [p.code for crew in crews for p in crew]
    assert len(set(codes)) == len(codes)
    assert loads(county) == before | {code: before[code] + 1 for code in codes}


def test_a_gas_smell_sends_a_grid_chief_and_someone_who_knows_fire(county: Database, now: datetime):
    """Two are sent, each by their own line's rules: the first of the lead's list, and the first left of the second."""
    no = gas(county, now)
    with county.session(DISPATCHER) as session:
        lines = candidates.recommend(session, no, principal=DISPATCHER, now=now).lines
    first, second = ([entry.candidate.code for entry in line.ranking.ranked] for line in lines)
    crew: list[Any] = []
    with loads_rise_by_one_for(county, crew):
        crew += sent_to(county, now, no)
    lead, other = crew
    assert (lead.post, PATROL in lead.skills, FIRE_SAFETY in other.skills) == ("grid_chief", True, True)
    assert [lead.code, other.code] == [first[0], next(code for code in second if code != first[0])]
    (stored,) = kept(county, no)
    assert [(entry["line"], entry["rank"], entry["worker"]) for entry in stored.candidates] == [
        (line, rank, code) for line, listed in ((1, first), (2, second)) for rank, code in enumerate(listed, start=1)
    ]
    assert (stored.shortfall, stored.shortfalls) == (None, [])


def test_the_lead_goes_though_nobody_comes_along(county: Database, now: datetime):
    """Where nobody knows fire safety the lead goes alone, and the recommendation keeps what is missing, and why."""
    change(county, "UPDATE responder SET skills = skills - :skill", skill=FIRE_SAFETY)
    no = gas(county, now)
    crew: list[Any] = []
    with loads_rise_by_one_for(county, crew):
        crew += sent_to(county, now, no)
    assert [p.post for p in crew] == ["grid_chief"]
    (stored,) = kept(county, no)
    (missing,) = stored.shortfalls
    assert (missing["line"], missing["missing"], missing["shortfall"]) == (2, 1, "nobody_with_skill")
    assert sum(missing["excluded"].values()) == len(people(county))
    assert stored.shortfall is None


def test_without_a_lead_nobody_goes(county: Database, now: datetime):
    """Where no grid chief is on duty nobody is sent, though somebody could come along; the lead's want is on record."""
    change(county, "UPDATE responder SET on_duty = false WHERE post = 'grid_chief'")
    no = gas(county, now)
    with county.session(DISPATCHER) as session:
        lines = candidates.recommend(session, no, principal=DISPATCHER, now=now).lines
    assert [bool(line.ranking.ranked) for line in lines] == [False, True]
    with only_a_recommendation_kept(county, no, "nobody_of_role"), pytest.raises(NobodyEligible) as refused:
        assignments.dispatch(county, DISPATCHER, no, now=now)
    assert refused.value.facts["shortfall"] == "nobody_of_role"
    (stored,) = kept(county, no)
    assert (stored.candidates, stored.shortfalls[0]["line"], stored.shortfalls[0]["missing"]) == ([], 1, 1)


def test_the_lead_doesnt_come_along_with_themselves(county: Database, now: datetime):
    """Whoever leads fills no second place: when they alone know fire safety, it stays empty for want of the skill."""
    no = gas(county, now)
    with county.session(DISPATCHER) as session:
        lead = candidates.recommend(session, no, principal=DISPATCHER, now=now).ranking.ranked[0].candidate
    change(county, "UPDATE responder SET skills = skills - :skill", skill=FIRE_SAFETY)
    change(county, "UPDATE responder SET skills = '{1,5}' WHERE worker_id = :id", id=lead.worker_id)
    assert [p.code for p in sent_to(county, now, no)] == [lead.code]
    (missing,) = kept(county, no)[0].shortfalls
    assert (missing["line"], missing["shortfall"]) == (2, "nobody_with_skill")


def test_a_line_of_three_sends_the_first_three(county: Database, now: datetime):
    """A line may ask for several, and they are the first of its list."""
    put_in_force(county, now, Requirement(people=3))
    no = report(county, now, class_code="0102")
    with county.session(DISPATCHER) as session:
        ranked = candidates.recommend(session, no, principal=DISPATCHER, now=now).ranking.ranked
    crew: list[Any] = []
    with loads_rise_by_one_for(county, crew):
        crew += sent_to(county, now, no)
    assert [p.code for p in crew] == [entry.candidate.code for entry in ranked[:3]]


def test_who_is_left_goes_and_the_rest_is_told(county: Database, now: datetime):
    """With two on duty for a line of four both go; two are missing because nobody else is on duty, not taken."""
    put_in_force(county, now, Requirement(people=4))
    pair = [p.id for p in people(county) if p.pool == "full_time" and p.on_duty and p.load == 0][:2]
    change(county, "UPDATE responder SET on_duty = (worker_id = ANY (:pair))", pair=pair)
    no = report(county, now, class_code="0102")
    assert {p.id for p in sent_to(county, now, no)} == set(pair)
    (missing,) = kept(county, no)[0].shortfalls
    assert (missing["line"], missing["missing"], missing["shortfall"]) == (1, 2, "nobody_on_duty")


def test_a_place_that_others_hold_is_told_as_taken(county: Database, now: datetime):
    """When another transaction holds all who could come along, the lead goes and the rest is told as at their cap."""
    no = gas(county, now)
    with county.session(DISPATCHER) as session:
        first, second = candidates.recommend(session, no, principal=DISPATCHER, now=now).lines
    lead = first.ranking.ranked[0].candidate
    held = [entry.candidate.worker_id for entry in second.ranking.ranked if entry.candidate.code != lead.code]
    with county.engine.begin() as other:
        other.execute(text("SELECT FROM responder WHERE worker_id = ANY (:held) FOR NO KEY UPDATE"), {"held": held})
        assert [p.code for p in sent_to(county, now, no)] == [lead.code]
    (missing,) = kept(county, no)[0].shortfalls
    assert (missing["line"], missing["shortfall"]) == (2, "all_at_cap")


def test_a_short_list_leaves_no_place_empty(county: Database, now: datetime):
    """With one proposed at a time two lines that would take the same person still send two."""
    put_in_force(county, now, Requirement(), Requirement(), shortlist=1)
    no = report(county, now, class_code="0102")
    assert len(sent_to(county, now, no)) == 2
    assert kept(county, no)[0].shortfalls == []


def test_a_named_lead_takes_the_others_along(county: Database, now: datetime):
    """Naming somebody, chief or not, replaces the lead alone: who comes along is the rules', and no override."""
    no = gas(county, now)
    named = free(county)
    crew = assignments.dispatch(county, DISPATCHER, no, now=now, worker=named.code, reason="就在现场").crew
    lead, other = crew
    assert (lead.worker_code, lead.is_override, lead.reason) == (named.code, True, "就在现场")
    assert (other.slot, other.is_override, other.reason) == (2, False, "")
    assert FIRE_SAFETY in next(p.skills for p in people(county) if p.code == other.worker_code)


def test_a_named_lead_of_three_takes_two_along(county: Database, now: datetime):
    """Where the lead's own line asks for three, two more of that line go with whoever was named, and each once."""
    put_in_force(county, now, Requirement(people=3))
    no = report(county, now, class_code="0102")
    with county.session(DISPATCHER) as session:
        ranked = candidates.recommend(session, no, principal=DISPATCHER, now=now).ranking.ranked
    first, second, third = (entry.candidate.code for entry in ranked[:3])
    assert [p.code for p in sent_to(county, now, no, worker=second, reason="熟悉情况")] == [second, first, third]


def test_a_companion_who_refuses_is_replaced_by_the_line_s_own_rules(county: Database, now: datetime):
    """Who comes in the place of the one who knows fire safety knows it too; the lead stays."""
    no = gas(county, now)
    lead, companion = assignments.dispatch(county, DISPATCHER, no, now=now).crew
    after = replacements.refuse(county, DISPATCHER, no, reason="走不开", now=now, worker=companion.worker_code)
    assert [sent.slot for sent in after.crew] == [1, 2]
    assert after.crew[0].worker_code == lead.worker_code
    assert after.crew[1].worker_code != companion.worker_code
    with county.engine.connect() as connection:
        knows = text("""SELECT s.key FROM worker AS w JOIN skill AS s ON s.id = ANY (w.skills) WHERE w.code = :code""")
        assert "fire_safety" in connection.execute(knows, {"code": after.crew[1].worker_code}).scalars().all()


def test_a_late_answer_is_not_the_successors(county: Database, now: datetime):
    """Who answers by name after somebody else went instead is told so, and the successor still owes an answer."""
    no = report(county, now)
    first = assignments.dispatch(county, DISPATCHER, no, now=now).crew[0].worker_code
    late = now + timedelta(minutes=10)
    replacements.time_out(county, now=late)
    before = image(county, no)
    for action in (Action.ACKNOWLEDGE, Action.ARRIVE):
        with pytest.raises(Conflict) as refused:
            handling.advance(county, DISPATCHER, no, action, now=late, worker=first)
        assert refused.value.facts["reason"] == "not_sent"
    assert image(county, no) == before


def test_one_of_a_crew_answers_for_themselves(county: Database, now: datetime):
    """A companion's answer by name leaves the lead's due."""
    no = gas(county, now)
    companion = assignments.dispatch(county, DISPATCHER, no, now=now).crew[1].worker_code
    after = handling.advance(county, DISPATCHER, no, Action.ACKNOWLEDGE, now=now, worker=companion)
    assert {sent.slot: sent.acknowledged_at for sent in after.crew} == {1: None, 2: now}

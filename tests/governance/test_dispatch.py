from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.travel import SPEED_M_S
from governance.dispatch import (
    DETOUR,
    PESSIMISTIC_M_S,
    Candidate,
    Exclusion,
    PositionKind,
    Ranked,
    Ring,
    Shortfall,
    explain,
    rank,
    ring_of,
    shortfall_of,
)
from governance.policy import Rules
from tests.crowd import COMMUNITY, NEED, NOW, PARENT, QUARTER, RULES, STREET, TOWER, candidate, chain


def first(one: Candidate, *, rules: Rules = RULES) -> Ranked:
    (ranked,) = rank([one], NEED, rules, NOW).ranked
    return ranked


STRICT = replace(
    RULES,
    posts=frozenset({"grid_chief"}),
    origins=frozenset({"community_staff", "police"}),
    skills=frozenset({1, 2}),
    excludes_stale=True,
    rest_s=600,
)
"""Rules that ask for everything that can be asked for."""

RINGS_OF_QUARTER = {
    QUARTER: Ring.OWN,
    TOWER: Ring.OWN,
    "001001002": Ring.SIBLING,
    "001001902": Ring.SIBLING,
    COMMUNITY: Ring.COMMUNITY,
    "001002": Ring.STREET,
    "001002001": Ring.STREET,
    STREET: Ring.STREET,
    "002": Ring.ANYONE,
    "002001": Ring.ANYONE,
    "002001001": Ring.ANYONE,
}


@pytest.mark.parametrize("post", PARENT)
@pytest.mark.parametrize("finest", [QUARTER, TOWER])
def test_rings_around_a_quarter(finest: str, post: str):
    """Own quarter with its towers, other quarters of the community, the community, the street, and everybody else."""
    assert ring_of(chain(post), chain(finest)) is RINGS_OF_QUARTER[post]


@pytest.mark.parametrize("post", PARENT)
def test_rings_outside_of_all_grids(post: str):
    """An incident in no quarter belongs to its community: all posts in it are its own, then the street, then anyone."""
    expected = Ring.OWN if COMMUNITY in chain(post) else Ring.STREET if STREET in chain(post) else Ring.ANYONE
    assert ring_of(chain(post), (COMMUNITY, STREET)) is expected


def test_rings_hold_for_more_levels_than_four():
    """A county that divides its towers further still asks its quarter's people first."""
    floor = ("floor", *chain(TOWER))
    assert ring_of(floor, floor) is Ring.OWN
    assert ring_of(chain(QUARTER), floor) is Ring.OWN
    assert ring_of(("other floor", *chain("001001902")), floor) is Ring.SIBLING


def test_rings_hold_for_a_street_alone():
    """Where a street has no communities, its own people come first and everybody else second."""
    assert ring_of((STREET,), (STREET,)) is Ring.OWN
    assert ring_of(("002",), (STREET,)) is Ring.ANYONE


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        ({"at": QUARTER, "distance_m": 900.0}, {"at": "001001002", "distance_m": 10.0}),
        ({"at": "001001002", "distance_m": 900.0}, {"at": COMMUNITY, "distance_m": 10.0}),
        ({"at": COMMUNITY, "distance_m": 900.0}, {"at": "001002001", "distance_m": 10.0}),
        ({"at": STREET, "distance_m": 900.0}, {"at": "002001001", "distance_m": 10.0}),
        ({"travel_s": 60.0, "distance_m": 900.0}, {"travel_s": 61.0, "distance_m": 10.0}),
        ({"travel_s": 60.0, "load": 2}, {"travel_s": 61.0, "load": 0}),
        ({"distance_m": 10.0, "load": 2}, {"distance_m": 11.0, "load": 0}),
        ({"load": 0, "idle_since": NOW}, {"load": 1, "idle_since": NOW - timedelta(days=1)}),
        ({"idle_since": NOW - timedelta(hours=2)}, {"idle_since": NOW - timedelta(hours=1)}),
    ],
)
def test_each_key_of_the_order_decides_before_the_next(better: dict[str, object], worse: dict[str, object]):
    """Ring, then travel time, then open tasks, then the longest idle, whatever the keys after it and the code say."""
    ranked = rank([candidate("W1", **worse), candidate("W2", **better)], NEED, RULES, NOW).ranked
    assert [entry.candidate.code for entry in ranked] == ["W2", "W1"]


def test_a_full_tie_goes_by_code():
    """Two who are equal in everything come in the order of their codes, at every asking."""
    tied = [candidate(code) for code in ("W3", "W1", "W2")]
    assert [entry.candidate.code for entry in rank(tied, NEED, RULES, NOW).ranked] == ["W1", "W2", "W3"]


@pytest.mark.parametrize(
    ("facts", "reason", "shortfall"),
    [
        ({"post": "unit_chief"}, Exclusion.OTHER_ROLE, Shortfall.NOBODY_OF_ROLE),
        ({"origin": "volunteer"}, Exclusion.OTHER_ROLE, Shortfall.NOBODY_OF_ROLE),
        ({"worker_id": 66}, Exclusion.DECLINED, Shortfall.ALL_DECLINED),
        ({"worker_id": 77}, Exclusion.SENT, Shortfall.ALL_SENT),
        ({"worker_id": 77, "load": 3}, Exclusion.SENT, Shortfall.ALL_SENT),
        ({"finished_at": NOW - timedelta(seconds=599)}, Exclusion.RESTING, Shortfall.ALL_RESTING),
        ({"positioned_at": NOW - timedelta(seconds=1801)}, Exclusion.STALE, Shortfall.ALL_STALE),
        ({"on_duty": False}, Exclusion.OFF_DUTY, Shortfall.NOBODY_ON_DUTY),
        ({"pool": "part_time"}, Exclusion.OTHER_POOL, Shortfall.NOBODY_ON_DUTY),
        ({"skills": frozenset({7})}, Exclusion.NO_SKILL, Shortfall.NOBODY_WITH_SKILL),
        ({"skills": frozenset()}, Exclusion.NO_SKILL, Shortfall.NOBODY_WITH_SKILL),
        ({"load": 3}, Exclusion.AT_CAP, Shortfall.ALL_AT_CAP),
        ({"load": 1, "cap": 1}, Exclusion.AT_CAP, Shortfall.ALL_AT_CAP),
        ({"load": 3, "cap": 9}, Exclusion.AT_CAP, Shortfall.ALL_AT_CAP),
        ({"distance_m": 20_000.1}, Exclusion.TOO_FAR, Shortfall.ALL_TOO_FAR),
    ],
)
def test_each_rule_keeps_out_whom_it_should(facts: dict[str, object], reason: Exclusion, shortfall: Shortfall):
    """Each rule alone keeps somebody out who passes all the others, and the shortfall says so."""
    away = {"declined": frozenset({66}), "sent": frozenset({77})}
    result = rank([candidate(**facts)], NEED, STRICT, NOW, **away)
    assert rank([candidate()], NEED, STRICT, NOW, **away).ranked
    assert (result.ranked, result.excluded, result.shortfall) == ((), {reason: 1}, shortfall)


def test_any_one_of_the_skills_asked_for_qualifies():
    """A class that asks for mediation or law takes whoever has either, and one that asks for none takes anyone."""
    both = replace(RULES, skills=frozenset({2, 3}))
    assert rank([candidate(skills=frozenset({3, 9}))], NEED, both, NOW).ranked
    assert rank([candidate(skills=frozenset())], NEED, RULES, NOW).ranked


def test_a_distance_at_the_limit_is_in():
    """The furthest distance allowed is allowed."""
    assert rank([candidate(distance_m=20_000.0)], NEED, RULES, NOW).ranked


def test_nobody_at_all_is_nobody_on_duty():
    """An empty county says that nobody is on duty."""
    result = rank([], NEED, RULES, NOW)
    assert (result.ranked, dict(result.excluded), result.shortfall) == ((), {}, Shortfall.NOBODY_ON_DUTY)


@given(reasons=st.dictionaries(st.sampled_from(Exclusion), st.integers(0, 5)))
def test_the_shortfall_is_the_rule_that_the_most_fitting_fell_at(reasons: dict[Exclusion, int]):
    """Of all the rules that kept somebody out, the one asked last names the shortfall."""
    asked = [reason for reason in Exclusion if reason is not Exclusion.OTHER_POOL]
    fell = [place for place, reason in enumerate(asked) if reasons.get(reason)]
    assert shortfall_of(reasons) is list(Shortfall)[max(fell, default=0)]


@pytest.mark.parametrize(
    ("age", "position", "age_s"),
    [
        (timedelta(0), PositionKind.FRESH, 0),
        (timedelta(seconds=1800), PositionKind.FRESH, 1800),
        (timedelta(seconds=1801), PositionKind.STALE, 1801),
        (timedelta(seconds=-30), PositionKind.FRESH, 0),
        (None, PositionKind.POST, None),
    ],
)
def test_a_position_is_told_as_what_it_is(age: timedelta | None, position: PositionKind, age_s: int | None):
    """Fresh to the policy's limit, stale beyond it, the post where there is none; a fast clock makes no age below 0."""
    ranked = first(candidate(positioned_at=None if age is None else NOW - age))
    assert (ranked.position, ranked.age_s) == (position, age_s)


def test_somebody_whose_way_is_unknown_is_thought_slow():
    """Without a way the straight line counts, with its detour, at less than the speed of those whose way is known."""
    for mode, speed_m_s in SPEED_M_S.items():
        rules = replace(RULES, mode=mode.value)
        ranked = first(candidate(distance_m=1000.0), rules=rules)
        assert (ranked.eta_s, ranked.is_estimated) == (round(1000 * DETOUR / PESSIMISTIC_M_S[mode.value]), True)
        assert PESSIMISTIC_M_S[mode.value] < speed_m_s
    assert (first(candidate(travel_s=61.4)).eta_s, first(candidate(travel_s=61.4)).is_estimated) == (61, False)


def test_a_near_one_is_not_passed_over_for_an_unknown_way():
    """The nearest, whose way nobody knows, stands before those who are farther away and whose way is known."""
    crowd = [
        candidate("W1", distance_m=100.0),
        candidate("W2", distance_m=101.0, travel_s=80.0),
        candidate("W3", distance_m=99.0, travel_s=70.0),
    ]
    assert [entry.candidate.code for entry in rank(crowd, NEED, RULES, NOW).ranked] == ["W3", "W1", "W2"]


def test_a_stale_position_still_counts():
    """A stale position is no reason to be passed over: the nearer one is first, and its age is shown."""
    stale = candidate("W2", positioned_at=NOW - timedelta(hours=5), distance_m=100.0)
    ranked = rank([candidate("W1"), stale], NEED, RULES, NOW).ranked
    assert [entry.candidate.code for entry in ranked] == ["W2", "W1"]


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"travel_s": 360.0}, "本网格责任人，距 320 m，步行约 6 分钟，手头 1 件"),
        ({"travel_s": 3.0, "load": 0, "distance_m": 4.2}, "本网格责任人，距 4 m，步行约 1 分钟，手头无任务"),
        (
            {"travel_s": 1020.0, "at": "001001002", "distance_m": 999.4},
            "同社区相邻网格，距 999 m，步行约 17 分钟，手头 1 件",
        ),
        (
            {"travel_s": 1020.0, "at": COMMUNITY, "distance_m": 999.6},
            "本社区责任人，距 1.0 km，步行约 17 分钟，手头 1 件",
        ),
        ({"travel_s": 1500.0, "at": STREET, "distance_m": 1449.0}, "本街道支援，距 1.4 km，步行约 25 分钟，手头 1 件"),
        (
            {"travel_s": 360.0, "at": "002", "positioned_at": NOW - timedelta(minutes=42, seconds=50)},
            "跨街道支援，距 320 m，步行约 6 分钟，手头 1 件，位置为 42 分钟前",
        ),
        ({}, "本网格责任人，距 320 m，步行约 7 分钟（无路网，按直线估），手头 1 件"),
        (
            {"travel_s": 360.0, "positioned_at": None},
            "本网格责任人，距 320 m，步行约 6 分钟，手头 1 件，无实时位置，按岗位网格计",
        ),
    ],
)
def test_the_reason_is_a_sentence(facts: dict[str, object], sentence: str):
    """Ring, distance, minutes, load and what the position is stand in one sentence for the dispatcher."""
    assert explain(first(candidate(**facts))) == sentence
    assert explain(first(candidate(**facts)), "ebike") == sentence.replace("步行", "骑行")

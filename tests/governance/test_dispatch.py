from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cmp_to_key

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo import travel
from governance.dispatch import (
    WALK_M_S,
    Candidate,
    Exclusion,
    Need,
    Policy,
    PositionKind,
    Ranked,
    Ring,
    Shortfall,
    explain,
    rank,
    ring_of,
    shortfall_of,
)

NOW = datetime(2026, 11, 23, 6, 5, tzinfo=UTC)
STREET, COMMUNITY, QUARTER, TOWER = "001", "001001", "001001001", "001001901"
PARENT = {
    TOWER: QUARTER,
    QUARTER: COMMUNITY,
    "001001002": COMMUNITY,
    "001001902": "001001002",
    COMMUNITY: STREET,
    "001002": STREET,
    "001002001": "001002",
    STREET: None,
    "002": None,
    "002001": "002",
    "002001001": "002001",
}
"""Two streets; the incident's quarter has a tower, and so has its sibling."""

POLICY = Policy(id=1, pools=frozenset({"full_time"}), cap=3, freshness_s=1800, max_distance_m=20_000, shortlist=8)
NEED = Need(grid_chain=(QUARTER, COMMUNITY, STREET), skills=frozenset())


def chain(code: str) -> tuple[str, ...]:
    codes = [code]
    while (parent := PARENT[codes[-1]]) is not None:
        codes.append(parent)
    return tuple(codes)


def candidate(code: str = "W1", post: str = QUARTER, **facts: object) -> Candidate:
    given = {
        "worker_id": int(code[1:]),
        "code": code,
        "name": "王*",
        "post": "grid_chief",
        "grid_code": post,
        "grid_chain": chain(post),
        "distance_m": 320.0,
        "load": 1,
        "cap": 3,
        "skills": frozenset({1}),
        "pool": "full_time",
        "on_duty": True,
        "positioned_at": NOW - timedelta(minutes=1),
        "idle_since": NOW - timedelta(hours=1),
        "lon": 124.018,
        "lat": 45.005,
    }
    return Candidate(**{**given, **facts})


def first(one: Candidate, *, need: Need = NEED, policy: Policy = POLICY) -> Ranked:
    (ranked,) = rank([one], need, policy, NOW).ranked
    return ranked


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
        ({"post": QUARTER, "distance_m": 900.0}, {"post": "001001002", "distance_m": 10.0}),
        ({"post": "001001002", "distance_m": 900.0}, {"post": COMMUNITY, "distance_m": 10.0}),
        ({"post": COMMUNITY, "distance_m": 900.0}, {"post": "001002001", "distance_m": 10.0}),
        ({"post": STREET, "distance_m": 900.0}, {"post": "002001001", "distance_m": 10.0}),
        ({"distance_m": 10.0, "load": 2}, {"distance_m": 10.5, "load": 0}),
        ({"load": 0, "idle_since": NOW}, {"load": 1, "idle_since": NOW - timedelta(days=1)}),
        ({"idle_since": NOW - timedelta(hours=2)}, {"idle_since": NOW - timedelta(hours=1)}),
    ],
)
def test_each_key_of_the_order_decides_before_the_next(better: dict[str, object], worse: dict[str, object]):
    """Ring, then distance, then open tasks, then the longest idle, whatever the keys after it and the code say."""
    ranked = rank([candidate("W1", **worse), candidate("W2", **better)], NEED, POLICY, NOW).ranked
    assert [entry.candidate.code for entry in ranked] == ["W2", "W1"]


def test_a_full_tie_goes_by_code():
    """Two who are equal in everything come in the order of their codes, at every asking."""
    tied = [candidate(code) for code in ("W3", "W1", "W2")]
    assert [entry.candidate.code for entry in rank(tied, NEED, POLICY, NOW).ranked] == ["W1", "W2", "W3"]


@pytest.mark.parametrize(
    ("facts", "reason", "shortfall"),
    [
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
    """Duty, pool, skill, cap (the worker's and the policy's) and distance each exclude, and the shortfall says so."""
    result = rank([candidate(**facts)], replace(NEED, skills=frozenset({1, 2})), POLICY, NOW)
    assert (result.ranked, result.excluded, result.shortfall) == ((), {reason: 1}, shortfall)


def test_any_one_of_the_skills_asked_for_qualifies():
    """A class that asks for mediation or law takes whoever has either, and one that asks for none takes anyone."""
    both = replace(NEED, skills=frozenset({2, 3}))
    assert rank([candidate(skills=frozenset({3, 9}))], both, POLICY, NOW).ranked
    assert rank([candidate(skills=frozenset())], NEED, POLICY, NOW).ranked


def test_a_distance_at_the_limit_is_in():
    """The furthest distance allowed is allowed."""
    assert rank([candidate(distance_m=20_000.0)], NEED, POLICY, NOW).ranked


def test_nobody_at_all_is_nobody_on_duty():
    """An empty county says that nobody is on duty."""
    result = rank([], NEED, POLICY, NOW)
    assert (result.ranked, dict(result.excluded), result.shortfall) == ((), {}, Shortfall.NOBODY_ON_DUTY)


@given(reasons=st.dictionaries(st.sampled_from(Exclusion), st.integers(0, 5)))
def test_the_shortfall_is_the_rule_that_the_most_fitting_fell_at(reasons: dict[Exclusion, int]):
    """Of all the rules that kept somebody out, the one asked last names the shortfall."""
    asked = [Exclusion.OFF_DUTY, Exclusion.NO_SKILL, Exclusion.AT_CAP, Exclusion.TOO_FAR]
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


def test_a_walker_is_as_fast_here_as_on_the_road_network():
    """The estimate before the road network is asked uses the same walking speed."""
    assert travel.WALK_M_S == WALK_M_S
    assert first(candidate(distance_m=1250.0)).eta_s == 1300


def test_a_stale_position_still_counts():
    """A stale position is no reason to be passed over: the nearer one is first, and its age is shown."""
    stale = candidate("W2", positioned_at=NOW - timedelta(hours=5), distance_m=100.0)
    ranked = rank([candidate("W1"), stale], NEED, POLICY, NOW).ranked
    assert [entry.candidate.code for entry in ranked] == ["W2", "W1"]


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({}, "本网格责任人，距 320 m，步行约 6 分钟，手头 1 件"),
        ({"load": 0, "distance_m": 4.2}, "本网格责任人，距 4 m，步行约 1 分钟，手头无任务"),
        ({"post": "001001002", "distance_m": 999.4}, "同社区相邻网格，距 999 m，步行约 17 分钟，手头 1 件"),
        ({"post": COMMUNITY, "distance_m": 999.6}, "本社区责任人，距 1.0 km，步行约 17 分钟，手头 1 件"),
        ({"post": STREET, "distance_m": 1449.0}, "本街道支援，距 1.4 km，步行约 25 分钟，手头 1 件"),
        (
            {"post": "002", "positioned_at": NOW - timedelta(minutes=42, seconds=50)},
            "跨街道支援，距 320 m，步行约 6 分钟，手头 1 件，位置为 42 分钟前",
        ),
        ({"positioned_at": None}, "本网格责任人，距 320 m，步行约 6 分钟，手头 1 件，无实时位置，按岗位网格计"),
    ],
)
def test_the_reason_is_a_sentence(facts: dict[str, object], sentence: str):
    """Ring, distance, minutes, load and what the position is stand in one sentence for the dispatcher."""
    assert explain(first(candidate(**facts))) == sentence


SKILLS = st.frozensets(st.integers(1, 3))
CROWDS = st.lists(
    st.builds(
        candidate,
        post=st.sampled_from(list(PARENT)),
        distance_m=st.sampled_from([0.0, 10.0, 320.0, 19_999.0, 20_001.0]),
        load=st.integers(0, 3),
        cap=st.integers(1, 4),
        skills=SKILLS,
        pool=st.sampled_from(["full_time", "part_time"]),
        on_duty=st.booleans(),
        positioned_at=st.none() | st.integers(0, 4000).map(lambda s: NOW - timedelta(seconds=s)),
        idle_since=st.integers(0, 2).map(lambda h: NOW - timedelta(hours=h)),
    ),
    max_size=25,
).map(lambda crowd: [replace(one, code=f"W{n:03}", worker_id=n) for n, one in enumerate(crowd)])
NEEDS = st.builds(Need, grid_chain=st.sampled_from([chain(TOWER), chain(QUARTER), chain(COMMUNITY)]), skills=SKILLS)
POLICIES = st.builds(
    Policy,
    id=st.just(1),
    pools=st.sampled_from([frozenset({"full_time"}), frozenset({"full_time", "part_time"})]),
    cap=st.integers(1, 4),
    freshness_s=st.just(1800),
    max_distance_m=st.just(20_000),
    shortlist=st.integers(1, 30),
)


def oracle_ring(one: Candidate, need: Need) -> int:
    """Asked of the tree rather than of the chains: climb from the post until a grid of the incident's is met."""
    quarter = next((code for code in need.grid_chain if len(code) == 9 and code < "001001900"), None)
    code: str | None = one.grid_code
    while code is not None and code not in need.grid_chain:
        code = PARENT[code]
    if code is None:
        return 5
    if quarter is None:
        return 1 if code == COMMUNITY else 4
    if code in {quarter, TOWER}:
        return 1
    if code == COMMUNITY:
        return 3 if one.grid_code == COMMUNITY else 2
    return 4


def beats(a: Candidate, b: Candidate, need: Need) -> int:
    """-1 when `a` comes before `b`, key by key as the rules state them."""
    for less, more in (
        (oracle_ring(a, need), oracle_ring(b, need)),
        (a.distance_m, b.distance_m),
        (a.load, b.load),
        (b.idle_since - a.idle_since, timedelta()),
        (a.code, b.code),
    ):
        if less != more:
            if isinstance(less, timedelta):
                return 1 if less < timedelta() else -1
            return -1 if less < more else 1
    return 0


@given(crowd=CROWDS, need=NEEDS, policy=POLICIES)
def test_the_ranking_equals_brute_force(crowd: list[Candidate], need: Need, policy: Policy):
    """Whoever passes all the rules comes in the stated order, cut to the shortlist; everybody else is counted once."""
    fitting = [
        one
        for one in crowd
        if one.on_duty
        and one.pool in policy.pools
        and (not need.skills or any(skill in one.skills for skill in need.skills))
        and one.load < one.cap
        and one.load < policy.cap
        and one.distance_m <= policy.max_distance_m
    ]
    expected = sorted(fitting, key=cmp_to_key(lambda a, b: beats(a, b, need)))[: policy.shortlist]
    result = rank(crowd, need, policy, NOW)
    assert [entry.candidate for entry in result.ranked] == expected
    assert [entry.rank for entry in result.ranked] == list(range(1, len(expected) + 1))
    assert [int(entry.ring) for entry in result.ranked] == [oracle_ring(one, need) for one in expected]
    assert sum(result.excluded.values()) == len(crowd) - len(fitting)
    assert (result.shortfall is None) == bool(fitting)


@given(crowd=CROWDS, need=NEEDS, policy=POLICIES, seed=st.integers())
def test_the_order_of_asking_changes_nothing(crowd: list[Candidate], need: Need, policy: Policy, seed: int):
    """The ranking is a function of who there is, not of the order in which the database found them."""
    shuffled = random.Random(seed).sample(crowd, len(crowd))
    assert rank(shuffled, need, policy, NOW) == rank(crowd, need, policy, NOW)


@given(crowd=CROWDS, need=NEEDS, policy=POLICIES)
def test_leaving_out_the_excluded_changes_no_place(crowd: list[Candidate], need: Need, policy: Policy):
    """Those who can't be sent have no say in the order of those who can."""
    wide = replace(policy, shortlist=len(crowd) + 1)
    ranked = rank(crowd, need, wide, NOW).ranked
    again = rank([entry.candidate for entry in ranked], need, wide, NOW)
    assert again.ranked == ranked
    assert Counter(again.excluded) == Counter()

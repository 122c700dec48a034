"""The ranking against an oracle of its own, and what holds whatever the crowd: for `governance.dispatch.rank`."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta
from functools import cmp_to_key
from itertools import groupby, pairwise, permutations
from math import floor

from hypothesis import given
from hypothesis import strategies as st

from governance.dispatch import Candidate, rank
from governance.policy import Rules
from tests.governance.test_dispatch import COMMUNITY, NOW, PARENT, QUARTER, RULES, TOWER, candidate, chain

SKILLS = st.frozensets(st.integers(1, 3))
INSTANTS = st.integers(0, 4000).map(lambda s: NOW - timedelta(seconds=s))
CROWDS = st.lists(
    st.builds(
        candidate,
        at=st.sampled_from(list(PARENT)),
        post=st.sampled_from(["grid_chief", "unit_chief"]),
        origin=st.sampled_from(["community_staff", "police"]),
        distance_m=st.sampled_from([0.0, 10.0, 320.0, 330.0, 19_999.0, 20_001.0]),
        travel_s=st.sampled_from([None, None, 0.0, 59.6, 60.4, 100.0, 416.0, 18_000.0]),
        load=st.integers(0, 2),
        cap=st.integers(1, 4),
        skills=SKILLS,
        pool=st.sampled_from(["full_time", "full_time", "part_time"]),
        on_duty=st.sampled_from([True, True, False]),
        positioned_at=st.none() | INSTANTS,
        idle_since=st.integers(0, 2).map(lambda h: NOW - timedelta(hours=h)),
        finished_at=st.none() | INSTANTS,
    ),
    max_size=25,
).map(lambda crowd: [replace(one, code=f"W{n:03}", worker_id=n) for n, one in enumerate(crowd)])
NEEDS = st.sampled_from([chain(TOWER), chain(QUARTER), chain(COMMUNITY)])
RULESETS = st.builds(
    replace,
    st.just(RULES),
    pools=st.sampled_from([frozenset({"full_time"}), frozenset({"full_time", "part_time"})]),
    posts=st.sampled_from([frozenset(), frozenset({"grid_chief"})]),
    origins=st.sampled_from([frozenset(), frozenset({"police"}), frozenset({"police", "community_staff"})]),
    skills=st.just(frozenset()) | SKILLS,
    cap=st.integers(1, 4),
    rest_s=st.sampled_from([0, 1200]),
    excludes_stale=st.booleans(),
    mode=st.sampled_from(["walk", "ebike", "car"]),
    shortlist=st.integers(1, 30),
)
DECLINED = st.frozensets(st.integers(0, 25), max_size=4)
OFF_ROAD_S_PER_M = {"walk": 1.3, "ebike": 1.3 / 3, "car": 1.3 / 5}


def oracle_ring(one: Candidate, need: tuple[str, ...]) -> int:
    """Asked of the tree rather than of the chains: climb from the post until a grid of the incident's is met."""
    quarter = next((code for code in need if len(code) == 9 and code < "001001900"), None)
    code: str | None = one.grid_code
    while code is not None and code not in need:
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


def oracle_s(one: Candidate, rules: Rules) -> int:
    """The seconds that count: half a second up is a second more (no case lies on the half)."""
    way_s = one.distance_m * OFF_ROAD_S_PER_M[rules.mode] if one.travel_s is None else one.travel_s
    return floor(way_s + 0.5)


def fits(one: Candidate, rules: Rules, declined: frozenset[int]) -> bool:
    """Every rule asked, as the policy states it to people."""
    is_old = one.positioned_at is not None and (NOW - one.positioned_at).total_seconds() > rules.freshness_s
    is_tired = one.finished_at is not None and (NOW - one.finished_at).total_seconds() < rules.rest_s
    return all(
        (
            one.on_duty,
            one.pool in rules.pools,
            one.post in rules.posts or not rules.posts,
            one.origin in rules.origins or not rules.origins,
            not rules.skills or any(skill in one.skills for skill in rules.skills),
            one.load < one.cap,
            one.load < rules.cap,
            one.worker_id not in declined,
            not is_tired,
            not (rules.excludes_stale and is_old),
            one.distance_m <= rules.max_distance_m,
        )
    )


def oracle_order(ring: list[Candidate], rules: Rules) -> list[Candidate]:
    """One ring, merged by hand: before those who take some time by road come those whose time isn't known.

    But only who wouldn't take longer than that, or isn't farther away than one of those who take it.
    """

    def beats(a: Candidate, b: Candidate) -> int:
        a_s, b_s = oracle_s(a, rules), oracle_s(b, rules)
        if a_s != b_s:
            return a_s - b_s
        if a.load != b.load:
            return a.load - b.load
        if a.idle_since != b.idle_since:
            return -1 if a.idle_since < b.idle_since else 1
        return -1 if a.code < b.code else 1

    timed = sorted((one for one in ring if one.travel_s is not None), key=cmp_to_key(beats))
    unknown = sorted((one for one in ring if one.travel_s is None), key=cmp_to_key(beats))
    order: list[Candidate] = []
    for time_s, group in groupby(timed, key=lambda one: oracle_s(one, rules)):
        same = list(group)
        before = [
            one
            for one in unknown
            if oracle_s(one, rules) <= time_s or any(one.distance_m <= other.distance_m for other in same)
        ]
        unknown = [one for one in unknown if one not in before]
        order += before + same
    return order + unknown


@given(crowd=CROWDS, need=NEEDS, rules=RULESETS, declined=DECLINED)
def test_the_ranking_equals_brute_force(
    crowd: list[Candidate], need: tuple[str, ...], rules: Rules, declined: frozenset[int]
):
    """Whoever passes all the rules comes in the stated order, cut to the shortlist; everybody else is counted once."""
    fitting = [one for one in crowd if fits(one, rules, declined)]
    everybody: list[Candidate] = []
    for ring in range(1, 6):
        everybody += oracle_order([one for one in fitting if oracle_ring(one, need) == ring], rules)
    expected = everybody[: rules.shortlist]
    result = rank(crowd, need, rules, NOW, declined=declined)
    assert [entry.candidate for entry in result.ranked] == expected
    assert [entry.rank for entry in result.ranked] == list(range(1, len(expected) + 1))
    assert [int(entry.ring) for entry in result.ranked] == [oracle_ring(one, need) for one in expected]
    assert [entry.eta_s for entry in result.ranked] == [oracle_s(one, rules) for one in expected]
    assert [entry.is_estimated for entry in result.ranked] == [one.travel_s is None for one in expected]
    assert sum(result.excluded.values()) == len(crowd) - len(fitting)
    assert (result.shortfall is None) == bool(fitting)


@given(crowd=CROWDS, need=NEEDS, rules=RULESETS)
def test_nobody_untimed_is_behind_a_timed_one_of_the_ring_who_is_as_far(
    crowd: list[Candidate], need: tuple[str, ...], rules: Rules
):
    """For every A without a time and B with one, of one ring and B no nearer than A, A comes before B."""
    ranked = rank(crowd, need, replace(rules, shortlist=50), NOW).ranked
    for a, b in permutations(ranked, 2):
        if a.ring is b.ring and a.is_estimated and not b.is_estimated:
            assert b.candidate.distance_m < a.candidate.distance_m or a.rank < b.rank


@given(crowd=CROWDS, need=NEEDS, rules=RULESETS)
def test_those_of_known_and_those_of_unknown_time_each_keep_their_order(
    crowd: list[Candidate], need: tuple[str, ...], rules: Rules
):
    """Within a ring neither those with a time nor those without one ever stand before somebody of theirs faster."""
    ranked = rank(crowd, need, replace(rules, shortlist=50), NOW).ranked
    for earlier, later in pairwise(ranked):
        assert earlier.ring <= later.ring
    for is_estimated in (False, True):
        keys = [(entry.ring, entry.eta_s) for entry in ranked if entry.is_estimated is is_estimated]
        assert keys == sorted(keys)


@given(crowd=CROWDS, need=NEEDS, rules=RULESETS, seed=st.integers())
def test_the_order_of_asking_changes_nothing(crowd: list[Candidate], need: tuple[str, ...], rules: Rules, seed: int):
    """The ranking is a function of who there is, not of the order in which the database found them."""
    shuffled = random.Random(seed).sample(crowd, len(crowd))
    assert rank(shuffled, need, rules, NOW) == rank(crowd, need, rules, NOW)


@given(crowd=CROWDS, need=NEEDS, rules=RULESETS)
def test_leaving_out_the_excluded_changes_no_place(crowd: list[Candidate], need: tuple[str, ...], rules: Rules):
    """Those who can't be sent have no say in the order of those who can."""
    wide = replace(rules, shortlist=50)
    ranked = rank(crowd, need, wide, NOW).ranked
    again = rank([entry.candidate for entry in ranked], need, wide, NOW)
    assert (again.ranked, again.excluded) == (ranked, {})


@given(crowd=CROWDS, need=NEEDS, rules=RULESETS)
def test_a_shorter_list_is_the_beginning_of_the_longer(crowd: list[Candidate], need: tuple[str, ...], rules: Rules):
    """How many are proposed changes neither who is first nor how many each rule kept out."""
    long, short = (rank(crowd, need, replace(rules, shortlist=n), NOW) for n in (50, rules.shortlist))
    assert short.ranked == long.ranked[: rules.shortlist]
    assert short.excluded == long.excluded

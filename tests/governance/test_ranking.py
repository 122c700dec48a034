"""The ranking against an oracle of its own, over crowds drawn at random."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from governance.dispatch import PESSIMISTIC_M_S, Candidate, rank
from governance.policy import Rules
from tests.crowd import COMMUNITY, NOW, PARENT, QUARTER, TOWER, candidate, chain
from tests.oracle import oracle_order

SKILLS = st.frozensets(st.integers(1, 3))
CROWDS = st.lists(
    st.builds(
        candidate,
        at=st.sampled_from(list(PARENT)),
        distance_m=st.sampled_from([0.0, 10.0, 11.0, 320.0, 19_999.0, 20_001.0]),
        travel_s=st.none() | st.sampled_from([0.0, 9.6, 10.4, 14.0, 400.0]),
        post=st.sampled_from(["grid_chief", "unit_chief"]),
        origin=st.sampled_from(["community_staff", "police"]),
        finished_at=st.none() | st.sampled_from([0, 599, 600]).map(lambda s: NOW - timedelta(seconds=s)),
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
NEEDS = st.sampled_from([chain(TOWER), chain(QUARTER), chain(COMMUNITY)])
RULE_SETS = st.builds(
    Rules,
    people=st.just(1),
    posts=st.sampled_from([frozenset(), frozenset({"grid_chief"})]),
    origins=st.sampled_from([frozenset(), frozenset({"police"})]),
    skills=st.just(frozenset()) | SKILLS,
    excludes_stale=st.booleans(),
    rest_s=st.sampled_from([0, 600]),
    mode=st.sampled_from(sorted(PESSIMISTIC_M_S)),
    pools=st.sampled_from([frozenset({"full_time"}), frozenset({"full_time", "part_time"})]),
    cap=st.integers(1, 4),
    freshness_s=st.just(1800),
    max_distance_m=st.just(20_000),
    shortlist=st.integers(1, 30),
)


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


def passes(one: Candidate, rules: Rules, declined: frozenset[int], sent: frozenset[int]) -> bool:
    is_stale = one.positioned_at is not None and (NOW - one.positioned_at).total_seconds() > 1800
    return (
        one.on_duty
        and one.pool in rules.pools
        and (not rules.posts or one.post in rules.posts)
        and (not rules.origins or one.origin in rules.origins)
        and (not rules.skills or any(skill in one.skills for skill in rules.skills))
        and one.load < one.cap
        and one.load < rules.cap
        and one.worker_id not in declined | sent
        and not (one.finished_at and (NOW - one.finished_at).total_seconds() < rules.rest_s)
        and not (rules.excludes_stale and is_stale)
        and one.distance_m <= rules.max_distance_m
    )


DECLINED = st.frozensets(st.integers(0, 5), max_size=2)


@given(crowd=CROWDS, need=NEEDS, rules=RULE_SETS, declined=DECLINED, sent=DECLINED)
def test_the_ranking_equals_brute_force(
    crowd: list[Candidate], need: tuple[str, ...], rules: Rules, declined: frozenset[int], sent: frozenset[int]
):
    """Whoever passes all the rules comes in the stated order, cut to the shortlist; everybody else is counted once."""
    fitting = [one for one in crowd if passes(one, rules, declined, sent)]
    rings = {one.code: oracle_ring(one, need) for one in fitting}
    expected = [
        one for ring in range(1, 6) for one in oracle_order([c for c in fitting if rings[c.code] == ring], rules.mode)
    ][: rules.shortlist]
    result = rank(crowd, need, rules, NOW, declined=declined, sent=sent)
    assert [entry.candidate.code for entry in result.ranked] == [one.code for one in expected]
    assert [entry.rank for entry in result.ranked] == list(range(1, len(expected) + 1))
    assert [int(entry.ring) for entry in result.ranked] == [rings[one.code] for one in expected]
    assert sum(result.excluded.values()) == len(crowd) - len(fitting)
    assert (result.shortfall is None) == bool(fitting)


@given(crowd=CROWDS, need=NEEDS, rules=RULE_SETS)
def test_nobody_stands_behind_a_farther_one_for_an_unknown_way(
    crowd: list[Candidate], need: tuple[str, ...], rules: Rules
):
    """Within a ring, whoever's way is unknown stands before everybody whose way is known and who is no nearer."""
    ranked = rank(crowd, need, replace(rules, shortlist=len(crowd) + 1), NOW).ranked
    for place, entry in enumerate(ranked):
        if entry.candidate.travel_s is None:
            for before in ranked[:place]:
                if before.ring is entry.ring and before.candidate.travel_s is not None:
                    assert before.candidate.distance_m < entry.candidate.distance_m


@given(crowd=CROWDS, need=NEEDS, rules=RULE_SETS, seed=st.integers())
def test_the_order_of_asking_changes_nothing(crowd: list[Candidate], need: tuple[str, ...], rules: Rules, seed: int):
    """The ranking is a function of who there is, not of the order in which the database found them."""
    shuffled = random.Random(seed).sample(crowd, len(crowd))
    assert rank(shuffled, need, rules, NOW) == rank(crowd, need, rules, NOW)


@given(crowd=CROWDS, need=NEEDS, rules=RULE_SETS)
def test_leaving_out_the_excluded_changes_no_place(crowd: list[Candidate], need: tuple[str, ...], rules: Rules):
    """Those who can't be sent have no say in the order of those who can."""
    wide = replace(rules, shortlist=len(crowd) + 1)
    ranked = rank(crowd, need, wide, NOW).ranked
    again = rank([entry.candidate for entry in ranked], need, wide, NOW)
    assert again.ranked == ranked
    assert Counter(again.excluded) == Counter()

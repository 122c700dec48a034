from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo import travel
from governance.dispatch import (
    PESSIMISTIC_M_S,
    Candidate,
    Exclusion,
    PositionKind,
    Ranked,
    Ranking,
    Ring,
    Shortfall,
    explain,
    rank,
    ring_of,
    shortfall_of,
)
from governance.policy import Policy, Rules, rules_for

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
(RULES,) = rules_for(POLICY, "0102", frozenset())
NEED = (QUARTER, COMMUNITY, STREET)


def chain(code: str) -> tuple[str, ...]:
    codes = [code]
    while (parent := PARENT[codes[-1]]) is not None:
        codes.append(parent)
    return tuple(codes)


def candidate(code: str = "W1", at: str = QUARTER, **facts: object) -> Candidate:
    given = {
        "worker_id": int(code[1:]),
        "code": code,
        "name": "王*",
        "post": "grid_chief",
        "origin": "community_staff",
        "grid_code": at,
        "grid_chain": chain(at),
        "distance_m": 320.0,
        "travel_s": 360.0,
        "load": 1,
        "cap": 3,
        "skills": frozenset({1}),
        "pool": "full_time",
        "on_duty": True,
        "positioned_at": NOW - timedelta(minutes=1),
        "idle_since": NOW - timedelta(hours=1),
        "finished_at": None,
        "lon": 124.018,
        "lat": 45.005,
    }
    return Candidate(**{**given, **facts})


def first(one: Candidate, rules: Rules = RULES) -> Ranked:
    (ranked,) = rank([one], NEED, rules, NOW).ranked
    return ranked


def codes(ranking: Ranking) -> list[str]:
    return [entry.candidate.code for entry in ranking.ranked]


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
        ({"at": QUARTER, "travel_s": 900.0}, {"at": "001001002", "travel_s": 10.0}),
        ({"at": "001001002", "travel_s": 900.0}, {"at": COMMUNITY, "travel_s": 10.0}),
        ({"at": COMMUNITY, "travel_s": 900.0}, {"at": "001002001", "travel_s": 10.0}),
        ({"at": STREET, "travel_s": 900.0}, {"at": "002001001", "travel_s": 10.0}),
        ({"at": QUARTER, "travel_s": None, "distance_m": 9000.0}, {"at": "001001002", "travel_s": 10.0}),
        ({"travel_s": 300.0, "load": 2, "distance_m": 900.0}, {"travel_s": 301.0, "load": 0, "distance_m": 10.0}),
        ({"load": 0, "idle_since": NOW}, {"load": 1, "idle_since": NOW - timedelta(days=1)}),
        ({"load": 0, "travel_s": 300.4}, {"load": 1, "travel_s": 299.6}),
        ({"idle_since": NOW - timedelta(hours=2)}, {"idle_since": NOW - timedelta(hours=1)}),
    ],
)
def test_each_key_of_the_order_decides_before_the_next(better: dict[str, object], worse: dict[str, object]):
    """Ring, then travel time in whole seconds, open tasks, the longest idle, whatever the later keys and codes say."""
    assert codes(rank([candidate("W1", **worse), candidate("W2", **better)], NEED, RULES, NOW)) == ["W2", "W1"]


def test_a_full_tie_goes_by_code():
    """Two who are equal in everything come in the order of their codes, at every asking."""
    tied = [candidate(code) for code in ("W3", "W1", "W2")]
    assert codes(rank(tied, NEED, RULES, NOW)) == ["W1", "W2", "W3"]


@pytest.mark.parametrize(("mode", "eta_s"), [("walk", 416), ("ebike", 139), ("car", 83)])
def test_a_time_that_cant_be_had_is_estimated_slowly(mode: str, eta_s: int):
    """Off the network the straight line counts, with a detour, below the speed on the network; it is told as such."""
    estimated = first(candidate(travel_s=None), replace(RULES, mode=mode))
    assert (estimated.eta_s, estimated.is_estimated) == (eta_s, True)
    assert not first(candidate(travel_s=416.0)).is_estimated
    assert PESSIMISTIC_M_S[mode] < travel.SPEED_M_S[travel.TravelMode(mode)]


def test_there_is_a_pessimistic_speed_for_each_way_to_travel():
    """Whatever mode a policy names, somebody without a known way can be counted."""
    assert set(PESSIMISTIC_M_S) == {mode.value for mode in travel.TravelMode}


@pytest.mark.parametrize(
    ("other", "order"),
    [
        ({"distance_m": 320.0, "travel_s": 60.0}, ["W2", "W1"]),
        ({"distance_m": 319.9, "travel_s": 60.0}, ["W1", "W2"]),
        ({"distance_m": 319.9, "travel_s": 416.0}, ["W2", "W1"]),
        ({"distance_m": 319.9, "travel_s": 415.0}, ["W1", "W2"]),
        ({"distance_m": 900.0, "travel_s": 60.0, "at": TOWER}, ["W2", "W1"]),
        ({"distance_m": 900.0, "travel_s": 60.0, "at": STREET}, ["W2", "W1"]),
        ({"distance_m": 900.0, "travel_s": 60.0, "load": 3}, ["W2"]),
    ],
)
def test_not_knowing_the_way_puts_nobody_behind_someone_farther(other: dict[str, object], order: list[str]):
    """Who is nearer by time unknown comes before who is as far or farther, and behind the nearer and faster."""
    untimed = candidate("W2", travel_s=None, distance_m=320.0, load=2)
    assert codes(rank([candidate("W1", **other), untimed], NEED, RULES, NOW)) == order


def test_of_two_whose_way_isnt_known_the_nearer_is_first():
    """Also where both come before somebody farther and faster: their own estimates decide, before open tasks."""
    near = candidate("W3", travel_s=None, distance_m=100.0, load=2)
    far = candidate("W2", travel_s=None, distance_m=200.0, load=0)
    fast = candidate("W1", travel_s=60.0, distance_m=900.0)
    assert codes(rank([fast, far, near], NEED, RULES, NOW)) == ["W3", "W2", "W1"]


FAILING = {
    Exclusion.OTHER_POOL: {"pool": "part_time"},
    Exclusion.OFF_DUTY: {"on_duty": False},
    Exclusion.OTHER_ROLE: {"post": "unit_chief"},
    Exclusion.NO_SKILL: {"skills": frozenset({7})},
    Exclusion.AT_CAP: {"load": 3},
    Exclusion.DECLINED: {"worker_id": 99},
    Exclusion.RESTING: {"finished_at": NOW - timedelta(seconds=599)},
    Exclusion.STALE: {"positioned_at": NOW - timedelta(seconds=1800, microseconds=1)},
    Exclusion.TOO_FAR: {"distance_m": 20_000.1},
}
"""What fails each rule of `STRICT`, in the order in which the rules are asked."""
STRICT = replace(
    RULES,
    posts=frozenset({"grid_chief", "building_chief"}),
    origins=frozenset({"community_staff", "police"}),
    skills=frozenset({1, 2}),
    rest_s=600,
    excludes_stale=True,
)
SHORTFALL = dict(zip(FAILING, [Shortfall.NOBODY_ON_DUTY, *Shortfall], strict=True))


@pytest.mark.parametrize("reason", Exclusion)
def test_each_rule_keeps_out_whom_it_should(reason: Exclusion):
    """Each rule excludes who fails it alone, and the shortfall says at which rule the last ones fell."""
    result = rank([candidate(**FAILING[reason])], NEED, STRICT, NOW, declined=frozenset({99}))
    assert (result.ranked, result.excluded, result.shortfall) == ((), {reason: 1}, SHORTFALL[reason])


@pytest.mark.parametrize("reason", Exclusion)
def test_who_fails_many_rules_is_counted_by_the_first(reason: Exclusion):
    """The rules are asked in one order, and the first that fails is told."""
    asked = list(FAILING)
    facts = {name: value for later in asked[asked.index(reason) :] for name, value in FAILING[later].items()}
    assert rank([candidate(**facts)], NEED, STRICT, NOW, declined=frozenset({99})).excluded == {reason: 1}


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"skills": frozenset()}, Exclusion.NO_SKILL),
        ({"origin": "lawyer"}, Exclusion.OTHER_ROLE),
        ({"post": "", "origin": ""}, Exclusion.OTHER_ROLE),
        ({"load": 1, "cap": 1}, Exclusion.AT_CAP),
        ({"load": 3, "cap": 9}, Exclusion.AT_CAP),
        ({"finished_at": NOW}, Exclusion.RESTING),
    ],
)
def test_the_rules_in_their_further_shapes(facts: dict[str, object], reason: Exclusion):
    """No skill at all, either of post and origin, the own cap and the policy's, and a task just ended each count."""
    assert rank([candidate(**facts)], NEED, STRICT, NOW).excluded == {reason: 1}


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"post": "building_chief", "origin": "police", "skills": frozenset({2, 9})},
        {"distance_m": 20_000.0},
        {"load": 2},
        {"finished_at": NOW - timedelta(seconds=600)},
        {"positioned_at": NOW - timedelta(seconds=1800)},
        {"positioned_at": None},
        {"worker_id": 98},
    ],
)
def test_the_borders_are_in(facts: dict[str, object]):
    """Any one of the posts, origins and skills does, a limit reached is kept, and a post is no stale position."""
    assert rank([candidate(**facts)], NEED, STRICT, NOW, declined=frozenset({99})).ranked


def test_what_isnt_asked_for_keeps_nobody_out():
    """Rules without posts, origins, skills, rest and freshness take anyone on duty, near and free."""
    anyone = candidate(
        post="unit_chief", origin="lawyer", skills=frozenset(), finished_at=NOW, positioned_at=NOW - timedelta(days=9)
    )
    assert rank([anyone], NEED, RULES, NOW).ranked


def test_nobody_at_all_is_nobody_on_duty():
    """An empty county says that nobody is on duty."""
    result = rank([], NEED, RULES, NOW)
    assert (result.ranked, dict(result.excluded), result.shortfall) == ((), {}, Shortfall.NOBODY_ON_DUTY)


@given(reasons=st.dictionaries(st.sampled_from(Exclusion), st.integers(0, 5)))
def test_the_shortfall_is_the_rule_that_the_most_fitting_fell_at(reasons: dict[Exclusion, int]):
    """Of all the rules that kept somebody out, the one asked last names the shortfall."""
    fell = [SHORTFALL[reason] for reason in FAILING if reasons.get(reason)]
    assert shortfall_of(reasons) is [Shortfall.NOBODY_ON_DUTY, *fell][-1]


@pytest.mark.parametrize(
    ("age", "position", "age_s"),
    [
        (timedelta(0), PositionKind.FRESH, 0),
        (timedelta(seconds=1800), PositionKind.FRESH, 1800),
        (timedelta(seconds=1800, microseconds=1), PositionKind.STALE, 1800),
        (timedelta(seconds=1801), PositionKind.STALE, 1801),
        (timedelta(seconds=-30), PositionKind.FRESH, 0),
        (None, PositionKind.POST, None),
    ],
)
def test_a_position_is_told_as_what_it_is(age: timedelta | None, position: PositionKind, age_s: int | None):
    """Fresh to the policy's limit, stale beyond it, the post where there is none; a fast clock makes no age below 0."""
    ranked = first(candidate(positioned_at=None if age is None else NOW - age))
    assert (ranked.position, ranked.age_s) == (position, age_s)


def test_a_stale_position_still_counts():
    """Unless the policy says so, a stale position is no reason to be passed over: the faster one is first."""
    stale = candidate("W2", positioned_at=NOW - timedelta(hours=5), travel_s=100.0)
    assert codes(rank([candidate("W1"), stale], NEED, RULES, NOW)) == ["W2", "W1"]


@pytest.mark.parametrize(
    ("facts", "mode", "sentence"),
    [
        ({}, "walk", "本网格责任人，距 320 m，步行约 6 分钟，手头 1 件"),
        ({"load": 0, "distance_m": 4.2, "travel_s": 3.4}, "walk", "本网格责任人，距 4 m，步行约 1 分钟，手头无任务"),
        ({"at": "001001002", "distance_m": 999.4}, "ebike", "同社区相邻网格，距 999 m，骑行约 6 分钟，手头 1 件"),
        ({"at": COMMUNITY, "distance_m": 999.6}, "car", "本社区责任人，距 1.0 km，驾车约 6 分钟，手头 1 件"),
        (
            {"at": STREET, "distance_m": 1449.0, "travel_s": None},
            "walk",
            "本街道支援，距 1.4 km，步行约 31 分钟（无路网，按直线估），手头 1 件",
        ),
        (
            {"at": "002", "positioned_at": NOW - timedelta(minutes=42, seconds=50)},
            "walk",
            "跨街道支援，距 320 m，步行约 6 分钟，手头 1 件，位置为 42 分钟前",
        ),
        ({"positioned_at": None}, "walk", "本网格责任人，距 320 m，步行约 6 分钟，手头 1 件，无实时位置，按岗位网格计"),
    ],
)
def test_the_reason_is_a_sentence(facts: dict[str, object], mode: str, sentence: str):
    """Ring, distance, minutes, load and what the position is stand in one sentence for the dispatcher."""
    assert explain(first(candidate(**facts), replace(RULES, mode=mode)), mode) == sentence

from __future__ import annotations

from dataclasses import replace

import pytest

from geo.errors import InvalidInput
from geo.travel import TravelMode
from governance.policy import MODES, MOST_PEOPLE, Policy, Requirement, check_policy, rules_for

POLICY = Policy(
    id=7,
    pools=frozenset({"full_time"}),
    cap=3,
    freshness_s=1800,
    max_distance_m=20_000,
    shortlist=8,
    rest_s=60,
    excludes_stale=True,
    mode="ebike",
)
RANGES = {
    "cap": (1, 100),
    "freshness_s": (60, 604_800),
    "max_distance_m": (50, 200_000),
    "shortlist": (1, 50),
    "rest_s": (0, 86_400),
    "acknowledge_s": (30, 86_400),
    "ring_s": (0, 86_400),
}
OF_A_LINE = ("cap", "freshness_s", "max_distance_m", "rest_s")


def with_card(*lines: Requirement) -> Policy:
    return replace(POLICY, cards={"0301": lines})


def test_without_a_card_one_goes_by_the_policy_and_the_class():
    """A class that has no run card is one responder's, with the class's skills and everything else the policy's."""
    (rules,) = rules_for(with_card(Requirement(people=2)), "0102", frozenset({6, 7}))
    assert (rules.people, rules.pools, rules.skills) == (1, frozenset({"full_time"}), frozenset({6, 7}))
    assert (rules.posts, rules.origins) == (frozenset(), frozenset())
    assert (rules.cap, rules.max_distance_m, rules.freshness_s, rules.rest_s) == (3, 20_000, 1800, 60)
    assert (rules.excludes_stale, rules.shortlist, rules.mode) == (True, 8, "ebike")


def test_an_empty_card_is_none():
    """A card without lines asks for what no card asks for."""
    assert rules_for(with_card(), "0301", frozenset({5})) == rules_for(POLICY, "0301", frozenset({5}))


def test_each_line_of_a_card_overrides_what_it_names_and_nothing_else():
    """What a line says holds before the policy and the class; what it leaves open is theirs."""
    own = Requirement(
        people=2,
        posts=frozenset({"grid_chief"}),
        origins=frozenset({"police"}),
        skills=frozenset({1}),
        pools=frozenset({"part_time"}),
        cap=1,
        max_distance_m=900,
        freshness_s=60,
        rest_s=0,
    )
    lead, other = rules_for(with_card(own, Requirement()), "0301", frozenset({5}))
    for name in ("people", "posts", "origins", "skills", "pools", "cap", "max_distance_m", "freshness_s", "rest_s"):
        assert getattr(lead, name) == getattr(own, name)
    assert (lead.excludes_stale, lead.shortlist, lead.mode) == (True, 8, "ebike")
    assert (other,) == rules_for(POLICY, "0301", frozenset({5}))


@pytest.mark.parametrize(
    ("skills", "asked"), [(None, {5}), (frozenset(), set()), (frozenset({1, 2}), {1, 2})], ids=["none", "empty", "own"]
)
def test_no_skills_named_are_the_classs_and_an_empty_set_is_anybody(skills: frozenset[int] | None, asked: set[int]):
    """None leaves the class's skills in place, an empty set takes anybody, and skills of a line are its own."""
    (rules,) = rules_for(with_card(Requirement(skills=skills)), "0301", frozenset({5}))
    assert rules.skills == asked


def test_a_crew_is_proposed_whole():
    """A short list still has a place for everybody whom the card sends, the lead's place in a second line included."""
    short = replace(with_card(Requirement(people=3), Requirement()), shortlist=2)
    assert [rules.shortlist for rules in rules_for(short, "0301", frozenset())] == [4, 4]
    assert [rules.shortlist for rules in rules_for(short, "0102", frozenset())] == [2]


def test_a_policy_in_range_passes():
    """Both ends of each range are allowed, on the policy and on a line, and a line may leave all of them open."""
    for end in (0, 1):
        check_policy(replace(POLICY, **{name: ends[end] for name, ends in RANGES.items()}))
        check_policy(with_card(Requirement(), Requirement(**{name: RANGES[name][end] for name in OF_A_LINE})))


@pytest.mark.parametrize("name", RANGES)
@pytest.mark.parametrize("side", [0, 1])
def test_each_figure_of_the_policy_has_its_range(name: str, side: int):
    """One below the least and one above the most are refused, and the field is named."""
    with pytest.raises(InvalidInput) as refused:
        check_policy(replace(POLICY, **{name: RANGES[name][side] + (-1, 1)[side]}))
    assert (refused.value.field, refused.value.row) == (name, None)


@pytest.mark.parametrize("name", OF_A_LINE)
@pytest.mark.parametrize("side", [0, 1])
def test_each_figure_of_a_line_has_the_same_range(name: str, side: int):
    """A line can't leave the range that the policy is held to: field and line, from 1, are named."""
    line = Requirement(**{name: RANGES[name][side] + (-1, 1)[side]})
    with pytest.raises(InvalidInput) as refused:
        check_policy(with_card(Requirement(), line))
    assert (refused.value.field, refused.value.row) == (name, 2)


@pytest.mark.parametrize("people", [(), (0,), (-1,), (1, 0), (2, -1), (MOST_PEOPLE + 1,), (6, 5)])
def test_a_card_sends_one_to_ten(people: tuple[int, ...]):
    """A card that sends nobody, a line that sends nobody, and a crew of more than ten are refused."""
    with pytest.raises(InvalidInput) as refused:
        check_policy(with_card(*(Requirement(people=number) for number in people)))
    assert refused.value.field == "people"


def test_a_crew_of_ten_is_allowed():
    """The most that a card may send, in one line or in ten."""
    check_policy(with_card(Requirement(people=MOST_PEOPLE)))
    check_policy(with_card(*[Requirement()] * MOST_PEOPLE))


def test_somebody_has_to_be_in_the_pool():
    """A policy without a pool could send nobody; a line without one takes the policy's."""
    with pytest.raises(InvalidInput) as refused:
        check_policy(replace(POLICY, pools=frozenset()))
    assert refused.value.field == "pools"


def test_the_modes_are_those_that_travel_times_are_for():
    """Every mode of the road network may be named, and no other."""
    assert set(MODES) == {mode.value for mode in TravelMode}
    for mode in MODES:
        check_policy(replace(POLICY, mode=mode))
    with pytest.raises(InvalidInput) as refused:
        check_policy(replace(POLICY, mode="boat"))
    assert refused.value.field == "mode"

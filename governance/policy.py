"""The dispatch policy as data: its version, a run card for each class that has one, and the rules that follow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from geo.errors import InvalidInput

MODES = ("walk", "ebike", "car")
"""How responders travel; `geo.travel` has the speeds."""

MOST_PEOPLE = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement:
    """A line of a run card: so many people. Empty sets mean anybody, None what the policy or the class says."""

    people: int = 1
    posts: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    skills: frozenset[int] | None = None
    pools: frozenset[str] = frozenset()
    cap: int | None = None
    max_distance_m: int | None = None
    freshness_s: int | None = None
    rest_s: int | None = None


Card = tuple[Requirement, ...]
"""What an incident of a class needs; the first line leads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A version of the dispatch policy. Times are seconds, distances metres; `shortlist` is how many are proposed.

    `acknowledge_s`: who has not answered by then is passed over. `ring_s`: what being posted one ring further out
    counts for, when many incidents are planned at once. `cards` are by class code.
    """

    id: int
    pools: frozenset[str]
    cap: int
    freshness_s: int
    max_distance_m: int
    shortlist: int
    rest_s: int = 0
    acknowledge_s: int = 300
    excludes_stale: bool = False
    mode: str = "walk"
    ring_s: int = 600
    note: str = ""
    cards: Mapping[str, Card] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What one line asks of a responder, nothing left open. Any one of `skills` qualifies; none asked for, anyone."""

    people: int
    pools: frozenset[str]
    posts: frozenset[str]
    origins: frozenset[str]
    skills: frozenset[int]
    cap: int
    max_distance_m: float
    freshness_s: int
    excludes_stale: bool
    rest_s: int
    shortlist: int
    mode: str


def rules_for(policy: Policy, class_code: str, class_skills: frozenset[int]) -> tuple[Rules, ...]:
    """The rules of each line of the class's run card; without a card, one responder by the policy and the class.

    As many are proposed for each line as the whole card sends, however short the policy's list is.
    """
    card = policy.cards.get(class_code) or (Requirement(),)
    # Whoever is claimed for one line may stand first for another: a shorter list would leave that one empty.
    shortlist = max(policy.shortlist, sum(line.people for line in card))
    return tuple(
        Rules(
            people=line.people,
            pools=line.pools or policy.pools,
            posts=line.posts,
            origins=line.origins,
            skills=class_skills if line.skills is None else line.skills,
            cap=line.cap or policy.cap,
            max_distance_m=line.max_distance_m or policy.max_distance_m,
            freshness_s=line.freshness_s or policy.freshness_s,
            excludes_stale=policy.excludes_stale,
            rest_s=policy.rest_s if line.rest_s is None else line.rest_s,
            shortlist=shortlist,
            mode=policy.mode,
        )
        for line in card
    )


RANGES: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        "cap": (1, 100),
        "freshness_s": (60, 7 * 24 * 3600),
        "max_distance_m": (50, 200_000),
        "shortlist": (1, 50),
        "rest_s": (0, 24 * 3600),
        "acknowledge_s": (30, 24 * 3600),
        "ring_s": (0, 24 * 3600),
    }
)
"""The least and the most of each number, in the policy's own units."""


def check_policy(policy: Policy) -> None:
    """Raises `InvalidInput` naming the field of a policy that nobody could be sent by, or that lies out of range."""
    if not policy.pools:
        raise InvalidInput("somebody has to be in the dispatch pool", field="pools")
    if policy.mode not in MODES:
        raise InvalidInput(f"mode is one of {', '.join(MODES)}", field="mode")
    for name, (least, most) in RANGES.items():
        if not least <= getattr(policy, name) <= most:
            raise InvalidInput(f"{name} is {least} to {most}", field=name)
    for class_code, card in policy.cards.items():
        if not 1 <= sum(line.people for line in card) <= MOST_PEOPLE or any(line.people < 1 for line in card):
            raise InvalidInput(f"the run card of {class_code} asks for 1 to {MOST_PEOPLE} people", field="people")
        for number, line in enumerate(card, start=1):
            for name in ("cap", "freshness_s", "max_distance_m", "rest_s"):
                value = getattr(line, name)
                least, most = RANGES[name]
                if value is not None and not least <= value <= most:
                    raise InvalidInput(f"{name} is {least} to {most}", field=name, row=number)

"""Whom to send: who qualifies, in which order, and why, as a pure function of the facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum, StrEnum

WALK_M_S = 1.25
"""Of a grown-up on foot: `geo.travel`'s figure, which a test holds equal; its road network isn't needed here."""

DETOUR = 1.3
"""Way along streets over the straight line, until the road network tells. Along a right-angled grid a way in any
direction is 4/π ≈ 1.27 times as long on average, and few quarters let one pass everywhere."""


class Ring(IntEnum):
    """How near a responder's post is to the incident in the tree of grids; responsibility comes before distance."""

    OWN = 1
    SIBLING = 2
    COMMUNITY = 3
    STREET = 4
    ANYONE = 5


class PositionKind(StrEnum):
    """What a candidate's place is known from."""

    FRESH = "fresh"
    STALE = "stale"
    POST = "post"


class Exclusion(StrEnum):
    """The first rule that keeps somebody from being sent, in the order in which the rules are asked."""

    OTHER_POOL = "other_pool"
    OFF_DUTY = "off_duty"
    NO_SKILL = "no_skill"
    AT_CAP = "at_cap"
    TOO_FAR = "too_far"


class Shortfall(StrEnum):
    """Why nobody can be sent: the rule at which the last ones fell out."""

    NOBODY_ON_DUTY = "nobody_on_duty"
    NOBODY_WITH_SKILL = "nobody_with_skill"
    ALL_AT_CAP = "all_at_cap"
    ALL_TOO_FAR = "all_too_far"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The dispatch policy in force. Times are seconds, distances metres; `shortlist` is how many are proposed."""

    id: int
    pools: frozenset[str]
    cap: int
    freshness_s: int
    max_distance_m: int
    shortlist: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What an incident asks for.

    `grid_chain`: its finest grid first, the street last; outside of all grids, from the nearest community on. Any one
    of `skills` qualifies; none asked for means that anyone does.
    """

    grid_chain: tuple[str, ...]
    skills: frozenset[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A responder before the rules. `name` is masked; `positioned_at` is None for one who counts at the post."""

    worker_id: int
    code: str
    name: str
    post: str
    grid_code: str
    grid_chain: tuple[str, ...]
    distance_m: float
    load: int
    cap: int
    skills: frozenset[int]
    pool: str
    on_duty: bool
    positioned_at: datetime | None
    idle_since: datetime
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A candidate after the rules, with what decided. `age_s` is that of the position, `eta_s` a walker's estimate."""

    candidate: Candidate
    rank: int
    ring: Ring
    position: PositionKind
    age_s: int | None
    eta_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Who can be sent, best first; how many each rule kept out; and the shortfall when nobody is left."""

    ranked: tuple[Ranked, ...]
    excluded: Mapping[Exclusion, int]
    shortfall: Shortfall | None


def ring_of(post_chain: tuple[str, ...], need_chain: tuple[str, ...]) -> Ring:
    """The ring of a post, by its chain of grids (finest first, street last), around an incident's chain.

    Chains are compared from the street down, so that levels below the quarter may be any number. The incident's own
    grid is its quarter, with the building grids in it, or its community when it lies in no quarter.
    A sibling is posted in another grid of the same community; then comes the community itself, the street, anyone.
    """
    street = need_chain[-1]
    community = need_chain[-2] if len(need_chain) > 1 else street
    own = need_chain[-3] if len(need_chain) > 2 else community  # noqa: PLR2004  quarter, community, street
    if own in post_chain:
        return Ring.OWN
    if community in post_chain:
        return Ring.COMMUNITY if post_chain[0] == community else Ring.SIBLING
    return Ring.STREET if street in post_chain else Ring.ANYONE


def rank(candidates: Iterable[Candidate], need: Need, policy: Policy, now: datetime) -> Ranking:
    """Orders who qualifies: ring, then distance, open tasks, longest idle, worker code. The order is total.

    A stale position and a post count as places like any other, and are told as what they are.
    """
    excluded: Counter[Exclusion] = Counter()
    fitting: list[tuple[Ring, Candidate]] = []
    for candidate in candidates:
        reason = _excluded_by(candidate, need, policy)
        if reason is None:
            fitting.append((ring_of(candidate.grid_chain, need.grid_chain), candidate))
        else:
            excluded[reason] += 1
    fitting.sort(key=lambda entry: (entry[0], *_order(entry[1])))
    ranked = tuple(
        _ranked(candidate, place, ring, policy, now)
        for place, (ring, candidate) in enumerate(fitting[: policy.shortlist], start=1)
    )
    return Ranking(ranked=ranked, excluded=dict(excluded), shortfall=None if ranked else shortfall_of(excluded))


def shortfall_of(excluded: Mapping[Exclusion, int]) -> Shortfall:
    """Why nobody is left, from how many each rule kept out: the rule that the most fitting of them fell at."""
    for exclusion, shortfall in (
        (Exclusion.TOO_FAR, Shortfall.ALL_TOO_FAR),
        (Exclusion.AT_CAP, Shortfall.ALL_AT_CAP),
        (Exclusion.NO_SKILL, Shortfall.NOBODY_WITH_SKILL),
    ):
        if excluded.get(exclusion):
            return shortfall
    return Shortfall.NOBODY_ON_DUTY


def _excluded_by(candidate: Candidate, need: Need, policy: Policy) -> Exclusion | None:
    if candidate.pool not in policy.pools:
        return Exclusion.OTHER_POOL
    if not candidate.on_duty:
        return Exclusion.OFF_DUTY
    if need.skills and not need.skills & candidate.skills:
        return Exclusion.NO_SKILL
    if candidate.load >= min(candidate.cap, policy.cap):
        return Exclusion.AT_CAP
    if candidate.distance_m > policy.max_distance_m:
        return Exclusion.TOO_FAR
    return None


def _order(candidate: Candidate) -> tuple[float, int, datetime, str]:
    return (candidate.distance_m, candidate.load, candidate.idle_since, candidate.code)


def _ranked(candidate: Candidate, place: int, ring: Ring, policy: Policy, now: datetime) -> Ranked:
    if candidate.positioned_at is None:
        position, age_s = PositionKind.POST, None
    else:
        age_s = max(0, int((now - candidate.positioned_at).total_seconds()))
        position = PositionKind.STALE if age_s > policy.freshness_s else PositionKind.FRESH
    return Ranked(
        candidate=candidate,
        rank=place,
        ring=ring,
        position=position,
        age_s=age_s,
        eta_s=round(candidate.distance_m * DETOUR / WALK_M_S),
    )


_RING_WORDS = {
    Ring.OWN: "本网格责任人",
    Ring.SIBLING: "同社区相邻网格",
    Ring.COMMUNITY: "本社区责任人",
    Ring.STREET: "本街道支援",
    Ring.ANYONE: "跨街道支援",
}
_KILOMETRE = 1000


def explain(ranked: Ranked) -> str:
    """Why this one, in a sentence for the desk: "本网格责任人，距 320 m，步行约 4 分钟，手头 1 件"."""
    distance_m = round(ranked.candidate.distance_m)
    shown = f"{distance_m} m" if distance_m < _KILOMETRE else f"{distance_m / _KILOMETRE:.1f} km"
    parts = [
        _RING_WORDS[ranked.ring],
        f"距 {shown}",
        f"步行约 {max(1, round(ranked.eta_s / 60))} 分钟",
        f"手头 {ranked.candidate.load} 件" if ranked.candidate.load else "手头无任务",
    ]
    if ranked.position is PositionKind.POST:
        parts.append("无实时位置，按岗位网格计")
    elif ranked.position is PositionKind.STALE and ranked.age_s is not None:
        parts.append(f"位置为 {ranked.age_s // 60} 分钟前")
    return "，".join(parts)

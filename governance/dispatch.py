"""Whom to send: who qualifies, in which order, and why, as a pure function of the facts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from types import MappingProxyType

from governance.language import N_, _, _n
from governance.policy import Rules

DETOUR = 1.3
"""Way along streets over the straight line, where the road network doesn't tell. Along a right-angled grid a way in any
direction is 4/π ≈ 1.27 times as long on average, and few quarters let one pass everywhere."""

PESSIMISTIC_M_S: Mapping[str, float] = MappingProxyType({"walk": 1.0, "ebike": 3.0, "car": 5.0})
"""Speed for somebody whose travel time can't be had: below the speed of everybody whose time can."""


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
    OTHER_ROLE = "other_role"
    NO_SKILL = "no_skill"
    SENT = "sent"
    AT_CAP = "at_cap"
    DECLINED = "declined"
    RESTING = "resting"
    STALE = "stale"
    TOO_FAR = "too_far"


class Shortfall(StrEnum):
    """Why nobody can be sent: the rule at which the last ones fell out."""

    NOBODY_ON_DUTY = "nobody_on_duty"
    NOBODY_OF_ROLE = "nobody_of_role"
    NOBODY_WITH_SKILL = "nobody_with_skill"
    ALL_SENT = "all_sent"
    ALL_AT_CAP = "all_at_cap"
    ALL_DECLINED = "all_declined"
    ALL_RESTING = "all_resting"
    ALL_STALE = "all_stale"
    ALL_TOO_FAR = "all_too_far"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A responder before the rules. `name` is masked; `positioned_at` is None for one who counts at the post.

    `travel_s` is the time on the road network, None where it can't be had. `finished_at`: when the last task ended.
    """

    worker_id: int
    code: str
    name: str
    post: str
    origin: str
    grid_code: str
    grid_chain: tuple[str, ...]
    distance_m: float
    travel_s: float | None
    load: int
    cap: int
    skills: frozenset[int]
    pool: str
    on_duty: bool
    positioned_at: datetime | None
    idle_since: datetime
    finished_at: datetime | None
    lon: float
    lat: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranked:
    """A candidate after the rules, with what decided. `age_s` is that of the position.

    `is_estimated`: no way on the road network was found, and `eta_s` is the straight line's at a pessimistic speed.
    """

    candidate: Candidate
    rank: int
    ring: Ring
    position: PositionKind
    age_s: int | None
    eta_s: int
    is_estimated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """Who can be sent, best first; how many each rule kept out; and the shortfall when nobody is left."""

    ranked: tuple[Ranked, ...]
    excluded: Mapping[Exclusion, int]
    shortfall: Shortfall | None


def ring_of(post_chain: Sequence[str], need_chain: Sequence[str]) -> Ring:
    """The ring of a post, by its chain of grids (finest first, street last), around an incident's chain.

    Chains are compared from the street down, so that levels below the quarter may be any number. The incident's own
    grid is its quarter, with the building grids in it, or its community when it lies in no quarter.
    A sibling is posted in another grid of the same community; then comes the community itself, the street, anyone.
    """
    own, community, street = responsibility(need_chain)
    if own in post_chain:
        return Ring.OWN
    if community in post_chain:
        return Ring.COMMUNITY if post_chain[0] == community else Ring.SIBLING
    return Ring.STREET if street in post_chain else Ring.ANYONE


def responsibility(need_chain: Sequence[str]) -> tuple[str, str, str]:
    """The grids around an incident that rings are drawn by: its own, its community, its street."""
    street = need_chain[-1]
    community = need_chain[-2] if len(need_chain) > 1 else street
    own = need_chain[-3] if len(need_chain) > 2 else community  # noqa: PLR2004  quarter, community, street
    return own, community, street


def rank(
    candidates: Iterable[Candidate],
    need_chain: Sequence[str],
    rules: Rules,
    now: datetime,
    *,
    declined: frozenset[int] = frozenset(),
    sent: frozenset[int] = frozenset(),
) -> Ranking:
    """Orders who qualifies: ring, then travel time, open tasks, longest idle, worker code. The order is total.

    `need_chain` is the incident's chain of grids, finest first; `declined` are ids of those who refused it, gave no
    answer or handed it over, `sent` of those who are on the way or there. A stale position and a post count as places
    like any other, and are told as what they are.

    Whose travel time can't be had counts by the straight line at a pessimistic speed, but never behind somebody of the
    ring who is farther away: nearness is known, and not knowing the way is nobody's fault.
    """
    excluded: Counter[Exclusion] = Counter()
    rings: dict[Ring, list[Candidate]] = {}
    for candidate in candidates:
        reason = excluded_by(candidate, rules, now, declined=declined, sent=sent)
        if reason is None:
            rings.setdefault(ring_of(candidate.grid_chain, need_chain), []).append(candidate)
        else:
            excluded[reason] += 1
    ordered = [(ring, found) for ring in sorted(rings) for found in _by_time(rings[ring], rules)]
    ranked = tuple(
        _ranked(candidate, place, ring, rules, now)
        for place, (ring, candidate) in enumerate(ordered[: rules.shortlist], start=1)
    )
    return Ranking(ranked=ranked, excluded=dict(excluded), shortfall=None if ranked else shortfall_of(excluded))


def shortfall_of(excluded: Mapping[Exclusion, int]) -> Shortfall:
    """Why nobody is left, from how many each rule kept out: the last rule that anybody fell at."""
    for exclusion, shortfall in _SHORTFALLS:
        if excluded.get(exclusion):
            return shortfall
    return Shortfall.NOBODY_ON_DUTY


_SHORTFALLS = (
    (Exclusion.TOO_FAR, Shortfall.ALL_TOO_FAR),
    (Exclusion.STALE, Shortfall.ALL_STALE),
    (Exclusion.RESTING, Shortfall.ALL_RESTING),
    (Exclusion.DECLINED, Shortfall.ALL_DECLINED),
    (Exclusion.AT_CAP, Shortfall.ALL_AT_CAP),
    (Exclusion.SENT, Shortfall.ALL_SENT),
    (Exclusion.NO_SKILL, Shortfall.NOBODY_WITH_SKILL),
    (Exclusion.OTHER_ROLE, Shortfall.NOBODY_OF_ROLE),
)


def excluded_by(  # noqa: C901, PLR0911  one answer for each rule
    candidate: Candidate,
    rules: Rules,
    now: datetime,
    *,
    declined: frozenset[int] = frozenset(),
    sent: frozenset[int] = frozenset(),
) -> Exclusion | None:
    """The first rule that keeps the candidate from being sent, None when all let pass."""
    if candidate.pool not in rules.pools:
        return Exclusion.OTHER_POOL
    if not candidate.on_duty:
        return Exclusion.OFF_DUTY
    if (rules.posts and candidate.post not in rules.posts) or (rules.origins and candidate.origin not in rules.origins):
        return Exclusion.OTHER_ROLE
    if rules.skills and not rules.skills & candidate.skills:
        return Exclusion.NO_SKILL
    # Before the cap: the task here may be the one that fills it.
    if candidate.worker_id in sent:
        return Exclusion.SENT
    if candidate.load >= min(candidate.cap, rules.cap):
        return Exclusion.AT_CAP
    if candidate.worker_id in declined:
        return Exclusion.DECLINED
    if candidate.finished_at is not None and candidate.finished_at > now - timedelta(seconds=rules.rest_s):
        return Exclusion.RESTING
    if rules.excludes_stale and _position(candidate, rules, now)[0] is PositionKind.STALE:
        return Exclusion.STALE
    if candidate.distance_m > rules.max_distance_m:
        return Exclusion.TOO_FAR
    return None


def eta_s(candidate: Candidate, rules: Rules) -> int:
    """Travel time in whole seconds: by road, or along the straight line at the pessimistic speed."""
    if candidate.travel_s is not None:
        return round(candidate.travel_s)
    return round(candidate.distance_m * DETOUR / PESSIMISTIC_M_S[rules.mode])


def _by_time(ring: list[Candidate], rules: Rules) -> list[Candidate]:
    timed = [(c.distance_m, eta_s(c, rules)) for c in ring if c.travel_s is not None]

    def key(candidate: Candidate) -> tuple[int, bool, int, int, datetime, str]:
        own_s = eta_s(candidate, rules)
        tail = (candidate.load, candidate.idle_since, candidate.code)
        if candidate.travel_s is not None:
            return (own_s, True, 0, *tail)
        farther = (time_s for distance_m, time_s in timed if distance_m >= candidate.distance_m)
        return (min(own_s, *farther, own_s), False, own_s, *tail)

    return sorted(ring, key=key)


def _position(candidate: Candidate, rules: Rules, now: datetime) -> tuple[PositionKind, int | None]:
    if candidate.positioned_at is None:
        return PositionKind.POST, None
    age = now - candidate.positioned_at
    # By the instant and not by whole seconds, so that the database's filter says the same.
    kind = PositionKind.STALE if age > timedelta(seconds=rules.freshness_s) else PositionKind.FRESH
    return kind, max(0, int(age.total_seconds()))


def _ranked(candidate: Candidate, place: int, ring: Ring, rules: Rules, now: datetime) -> Ranked:
    position, age_s = _position(candidate, rules, now)
    return Ranked(
        candidate=candidate,
        rank=place,
        ring=ring,
        position=position,
        age_s=age_s,
        eta_s=eta_s(candidate, rules),
        is_estimated=candidate.travel_s is None,
    )


_RING_WORDS = {
    Ring.OWN: N_("本网格责任人"),
    Ring.SIBLING: N_("同社区相邻网格"),
    Ring.COMMUNITY: N_("本社区责任人"),
    Ring.STREET: N_("本街道支援"),
    Ring.ANYONE: N_("跨街道支援"),
}
_MODE_WORDS = {"walk": N_("步行"), "ebike": N_("骑行"), "car": N_("驾车")}
_KILOMETRE = 1000


def explain(ranked: Ranked, mode: str = "walk") -> str:
    """Why this one, in a sentence for the desk: "本网格责任人，距 320 m，步行约 4 分钟，手头 1 件"."""
    distance_m = round(ranked.candidate.distance_m)
    shown = f"{distance_m} m" if distance_m < _KILOMETRE else f"{distance_m / _KILOMETRE:.1f} km"
    mode, minutes = _(_MODE_WORDS[mode]), max(1, round(ranked.eta_s / 60))
    parts = [
        _(_RING_WORDS[ranked.ring]),
        _("距 {distance}", distance=shown),
        _("{mode}约 {minutes} 分钟（无路网，按直线估）", mode=mode, minutes=minutes)
        if ranked.is_estimated
        else _("{mode}约 {minutes} 分钟", mode=mode, minutes=minutes),
        _n("手头 {n} 件", ranked.candidate.load) if ranked.candidate.load else _("手头无任务"),
    ]
    if ranked.position is PositionKind.POST:
        parts.append(_("无实时位置，按岗位网格计"))
    elif ranked.position is PositionKind.STALE and ranked.age_s is not None:
        parts.append(_("位置为 {minutes} 分钟前", minutes=ranked.age_s // 60))
    return _("，").join(parts)

"""Whom to send: PostGIS finds the nearest of each ring, the road network times them, the rules order them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from math import isfinite
from threading import Lock
from time import monotonic
from typing import Any

import numpy as np
from sqlalchemy import select, text
from sqlalchemy.orm import Session

from db.models import Worker
from db.policies import policy_in_force
from db.roads import road_graph
from db.sql import statement
from db.territory import county
from geo.crs import metric_to_storage, storage_to_metric
from geo.errors import AlreadyDispatched, NotFound, UnknownCode
from geo.travel import SPEED_M_S, RoadGraph, TravelMode
from governance.access import Principal
from governance.dispatch import (
    DETOUR,
    PESSIMISTIC_M_S,
    Candidate,
    Exclusion,
    Ranked,
    Ranking,
    Ring,
    rank,
    responsibility,
    shortfall_of,
)
from governance.policy import Policy, Rules, rules_for

_NEED = text("SELECT * FROM dispatch_need(:no)")
_CANDIDATES = text("SELECT * FROM dispatch_candidates(CAST(:workers AS bigint[]), :lon, :lat, :cap)")

_FETCHED = 3
"""Candidates fetched for each that is wanted: the nearest in a straight line need not be the first to arrive."""
_LEAST_FETCHED = 24
OPTIONS = 30
"""Candidates of each incident that a joint plan may choose from, and send."""
_SHRINK = 0.998
"""A metre in the plane is at least so many on the ground, within the metric zones that deployments use."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the run card: how many people, by which rules, and who could be sent."""

    rules: Rules
    ranking: Ranking


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """Whom the rules propose for an incident, by which policy, and what kept the others out; the first line leads."""

    no: str
    policy: Policy
    lines: tuple[Line, ...]
    made_at: datetime

    @property
    def ranking(self) -> Ranking:
        """Who could lead."""
        return self.lines[0].ranking


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """What an incident asks for: its place in degrees and in the metric SRID, its class, and its grids, finest first.

    `declined` are ids of those who refused it, gave no answer or handed it over, `sent` of those on the way or there.
    """

    id: int
    no: str
    class_code: str
    skills: frozenset[int]
    lon: float
    lat: float
    x: float
    y: float
    srid: int
    codes: tuple[str, ...]
    ids: tuple[int, ...]
    declined: frozenset[int]
    sent: frozenset[int]


def need_of(session: Session, no: str) -> Need:
    """What the incident asks for. Raises `NotFound`."""
    row = session.execute(_NEED, {"no": no}).one_or_none()
    if row is None:
        raise NotFound(f"there is no incident {no}", no=no)
    x, y = storage_to_metric(row.lon, row.lat, row.srid)
    return Need(
        id=row.id,
        no=row.no,
        class_code=row.class_code,
        skills=frozenset(row.skills),
        lon=row.lon,
        lat=row.lat,
        x=x,
        y=y,
        srid=row.srid,
        codes=tuple(row.codes),
        ids=tuple(row.ids),
        declined=frozenset(row.declined),
        sent=frozenset(row.sent),
    )


def recommend(
    session: Session, no: str, *, principal: Principal, now: datetime, shortlist: int | None = None
) -> Recommendation:
    """Who could be sent to the incident, in the order of the rules; nothing is stored or locked.

    `shortlist` overrides how many are proposed. Raises `NotFound`.
    """
    need = need_of(session, no)
    policy = policy_in_force(session)
    policy = policy if shortlist is None else replace(policy, shortlist=shortlist)
    search = _Search(session=session, need=need, scope=principal.grid_prefix, now=now)
    lines = tuple(
        Line(rules=rules, ranking=search.ranking(rules)) for rules in rules_for(policy, need.class_code, need.skills)
    )
    return Recommendation(no=no, policy=policy, lines=lines, made_at=now)


def recommend_named(session: Session, no: str, worker: str, *, principal: Principal, now: datetime) -> Recommendation:
    """The named worker as the only one to lead: bound by duty and cap alone, the rest is the dispatcher's to judge.

    Raises `NotFound`, `UnknownCode` when there is no such worker in scope, `AlreadyDispatched` when they were sent.
    """
    need = need_of(session, no)
    policy = policy_in_force(session)
    first, *others = rules_for(policy, need.class_code, need.skills)
    search = _Search(session=session, need=need, scope=principal.grid_prefix, now=now)
    found = search.candidates(session.scalars(select(Worker.id).where(Worker.code == worker)).all(), first)
    if not found:
        raise UnknownCode(f"there is no worker {worker}", field="worker")
    if found[0].worker_id in need.sent:
        raise AlreadyDispatched(f"{worker} has been sent to {no} already", no=no)
    lenient = replace(
        first,
        people=1,
        pools=frozenset({found[0].pool}),
        posts=frozenset(),
        origins=frozenset(),
        skills=frozenset(),
        max_distance_m=float("inf"),
        excludes_stale=False,
        rest_s=0,
    )
    lines = [Line(rules=lenient, ranking=rank(found, need.codes, lenient, now))]
    if first.people > 1:
        others.insert(0, replace(first, people=first.people - 1))
    lines += [Line(rules=rules, ranking=search.ranking(rules)) for rules in others]
    return Recommendation(no=no, policy=policy, lines=tuple(lines), made_at=now)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """One search around an incident."""

    session: Session
    need: Need
    scope: str
    now: datetime
    graphs: dict[TravelMode, RoadGraph] = field(default_factory=dict)
    times: dict[TravelMode, dict[tuple[float, float], float | None]] = field(default_factory=dict)

    def ranking(self, rules: Rules) -> Ranking:
        """The ranking of everybody by the rules: exact, though only the rings that the shortlist needs are read."""
        asked = self._asked(rules)
        chosen: list[int] = []
        is_full = False
        for _, inside, outside in rings_around(self.need):
            chosen += self._ring(rules, asked | {"inside": inside, "outside": outside}, rules.shortlist - len(chosen))
            is_full = len(chosen) >= rules.shortlist
            if is_full:
                break
        need = self.need
        found = self.candidates(chosen, rules)
        ranking = rank(found, need.codes, rules, self.now, declined=need.declined, sent=need.sent)
        # Who hears that nobody can be sent, hears why as of now.
        counts = _counts(self.session, asked, is_fresh=not ranking.ranked)
        eligible = counts.pop("eligible", 0)
        excluded = {Exclusion(reason): number for reason, number in counts.items()}
        # With a full list nobody asks how many more are too far away; without one, it holds all who are near enough.
        is_short = len(ranking.ranked) < rules.shortlist
        if is_short and eligible > len(ranking.ranked):
            excluded[Exclusion.TOO_FAR] = eligible - len(ranking.ranked)
        shortfall = None if ranking.ranked else shortfall_of(excluded)
        return replace(ranking, excluded=excluded, shortfall=shortfall)

    def candidates(self, workers: Sequence[int], rules: Rules) -> list[Candidate]:
        """The workers (ids) as candidates, each with the travel time on the road network."""
        if not workers:
            return []
        asked = {"workers": list(workers), "lon": self.need.lon, "lat": self.need.lat, "cap": rules.cap}
        rows = self.session.execute(_CANDIDATES, asked).all()
        return [_candidate(row, time) for row, time in zip(rows, self._times(rows, rules), strict=True)]

    def _times(self, rows: Sequence[Any], rules: Rules) -> list[float | None]:
        """Each row's time (`travel_times`), asked of the network once for each place: rings and looks overlap."""
        mode = TravelMode(rules.mode)
        places = [(row.x, row.y) for row in rows]
        known = self.times.setdefault(mode, {})
        if unknown := [place for place in dict.fromkeys(places) if place not in known]:
            if mode not in self.graphs:
                self.graphs[mode] = road_graph(self.session, mode)
            times = travel_times(self.graphs[mode], mode, unknown, (self.need.x, self.need.y))
            known.update(zip(unknown, times, strict=True))
        return [known[place] for place in places]

    def _ring(self, rules: Rules, asked: Mapping[str, Any], wanted: int) -> list[int]:
        """Ids of one ring's responders among whom the `wanted` first surely are.

        A first look at the nearest tells how fast the last of those can be. Whoever could be as fast lies within that
        time's beeline, for no way is shorter: a second look takes them all.
        """
        limit = max(_FETCHED * wanted, _LEAST_FETCHED)
        reach_m = rules.max_distance_m / _SHRINK
        rows = self.session.execute(statement("near"), {**asked, "radius_m": reach_m, "limit": limit}).all()
        times = self._times(rows, rules)
        if len(rows) == limit:
            slowest_s = sorted(map(partial(_bound_s, rules), rows, times))[wanted - 1]
            beeline_m = (slowest_s + 1) * SPEED_M_S[TravelMode(rules.mode)] / _SHRINK
            if beeline_m > rows[-1].plane_m:
                reach_m = min(reach_m, beeline_m)
                rows = self.session.execute(statement("near"), {**asked, "radius_m": reach_m, "limit": None}).all()
                times = self._times(rows, rules)
        return _fastest(rows, times, rules, wanted)

    def _asked(self, rules: Rules) -> dict[str, Any]:
        need = self.need
        return {
            "x": need.x,
            "y": need.y,
            "srid": need.srid,
            "lon": need.lon,
            "lat": need.lat,
            "scope": self.scope,
            "max_distance_m": rules.max_distance_m,
            "surely_m": rules.max_distance_m * _SHRINK,
            "pools": sorted(rules.pools),
            "cap": rules.cap,
            "needs_skill": bool(rules.skills),
            "skills": sorted(rules.skills),
            "needs_post": bool(rules.posts),
            "posts": sorted(rules.posts),
            "needs_origin": bool(rules.origins),
            "origins": sorted(rules.origins),
            "declined": sorted(need.declined),
            "sent": sorted(need.sent),
            "rested": self.now - timedelta(seconds=rules.rest_s),
            "excludes_stale": rules.excludes_stale,
            "fresh_since": self.now - timedelta(seconds=rules.freshness_s),
        }


def _bound_s(rules: Rules, row: Any, time_s: float | None) -> float:
    """No less than the time that the ranking counts with: by road, or by the straight line with its rounding."""
    return time_s if time_s is not None else row.plane_m / _SHRINK * DETOUR / PESSIMISTIC_M_S[rules.mode]


def _fastest(rows: Sequence[Any], times: Sequence[float | None], rules: Rules, wanted: int) -> list[int]:
    """Ids of all who may be among the `wanted` first: no slower than the last of these can be, ties included.

    Whose time can't be had is also among them when farther away there is somebody who is (see `rank`).
    """
    bounds = [_bound_s(rules, row, time_s) for row, time_s in zip(rows, times, strict=True)]
    if len(bounds) <= wanted:
        return [row.worker_id for row in rows]
    slowest_s = sorted(bounds)[wanted - 1] + 1
    reach_m = max(row.plane_m for row, time_s, bound_s in zip(rows, times, bounds, strict=True) if bound_s <= slowest_s)
    return [
        row.worker_id
        for row, time_s, bound_s in zip(rows, times, bounds, strict=True)
        if bound_s <= slowest_s or (time_s is None and row.plane_m * _SHRINK <= reach_m)
    ]


def rings_around(need: Need) -> list[tuple[Ring, list[int], list[int]]]:
    """Each ring as the areas that a post lies inside of and those that it lies outside of; see `near.sql`."""
    ids = dict(zip(need.codes, need.ids, strict=True))
    own, community, street = (ids[code] for code in responsibility(need.codes))
    rings: list[tuple[Ring, list[int], list[int]]] = [(Ring.OWN, [own], [])]
    if own != community:
        rings += [(Ring.SIBLING, [community], [own, -community]), (Ring.COMMUNITY, [-community], [])]
    if community != street:
        rings.append((Ring.STREET, [street], [community]))
    return [*rings, (Ring.ANYONE, [], [street])]


def travel_times(
    graph: RoadGraph, mode: TravelMode, origins: Sequence[tuple[float, float]], destination: tuple[float, float]
) -> list[float | None]:
    """Seconds by road from each origin to the one destination (metric SRID), None where there is no way."""
    if graph.is_empty or not origins:
        return [None] * len(origins)
    times = graph.times_s(np.array(origins), destination, speed_m_s=SPEED_M_S[mode])
    return [float(time) if isfinite(time) else None for time in times]


def routes(
    session: Session, lon: float, lat: float, ranked: Sequence[Ranked], mode: str
) -> dict[int, list[tuple[float, float]]]:
    """The way of each candidate to a place (degrees), by worker id; none for those whom no road leads there."""
    starts = {entry.candidate.worker_id: (entry.candidate.lon, entry.candidate.lat) for entry in ranked}
    return ways(session, lon, lat, starts, mode)


def ways(
    session: Session, lon: float, lat: float, starts: Mapping[int, tuple[float, float]], mode: str
) -> dict[int, list[tuple[float, float]]]:
    """The way by road from each start to a place (degrees), by the starts' keys; none where no road leads there."""
    srid = county(session).metric_srid
    graph = road_graph(session, TravelMode(mode))
    goal = storage_to_metric(lon, lat, srid)
    found = {}
    for key, start in starts.items():
        way = graph.path(storage_to_metric(*start, srid), goal)
        if len(way):
            lons, lats = metric_to_storage(way[:, 0], way[:, 1], srid)
            found[key] = list(zip(lons.tolist(), lats.tolist(), strict=True))
    return found


def _candidate(row: Any, travel_s: float | None) -> Candidate:
    facts = {name: value for name, value in row._asdict().items() if name not in {"x", "y"}}
    facts |= {"grid_chain": tuple(row.grid_chain), "skills": frozenset(row.skills)}
    return Candidate(**facts, travel_s=travel_s)


_COUNT_SHARE = 0.01
_MANY = 50_000
"""Responders from which on counting them all takes a multiple of everything else."""
_MOST_KEPT = 256
_kept: dict[tuple[str, ...], tuple[float, dict[str, int]]] = {}
_keeping = Lock()


def _counts(session: Session, asked: Mapping[str, Any], *, is_fresh: bool) -> dict[str, int]:
    """How many each rule keeps out, counted over everybody.

    Of many responders the counts are kept for a hundred times as long as they took: at most one hundredth of the time
    goes into an explanation that changes slowly.
    """
    ruled = ("scope", "pools", "cap", "skills", "posts", "origins", "declined", "sent", "excludes_stale")
    key = (str(session.connection().engine.url), *(str(asked[name]) for name in ruled))
    began = monotonic()
    with _keeping:
        until, counts = _kept.get(key, (0.0, {}))
    if began < until and not is_fresh:
        return dict(counts)
    counts = {row.reason: int(row.number) for row in session.execute(statement("excluded"), dict(asked))}
    took_s = monotonic() - began
    if sum(counts.values()) >= _MANY:
        with _keeping:
            if len(_kept) >= _MOST_KEPT:
                _kept.clear()
            _kept[key] = (began + took_s / _COUNT_SHARE, dict(counts))
    return counts

"""Whom to send, and the sending: candidates found by PostGIS, ordered by the rules, claimed in that order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db import models
from db.calendar import clockwork
from db.incidents import Incident, get
from db.session import Database
from db.sql import statement
from db.steps import lock, take_step
from db.territory import GridRow, county, grids
from geo.crs import storage_to_metric
from geo.errors import AlreadyDispatched, InvalidInput, NobodyEligible, NotFound, UnknownCode
from governance.access import Permission, Principal
from governance.dispatch import Candidate, Exclusion, Need, Policy, Ranked, Ranking, Ring, rank, ring_of, shortfall_of
from governance.incident import AssignmentStatus, Status
from governance.lifecycle import Action

_MARGIN = 2
"""Candidates fetched per place on the list: the KNN measures in the plane, the ranking on the ellipsoid."""


_ANY_DISTANCE_M = 20_100_000
"""Further than anything on earth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Recommendation:
    """Whom the rules propose for an incident, under which policy, and what kept the others out."""

    no: str
    policy: Policy
    ranking: Ranking
    made_at: datetime


def policy_in_force(session: Session) -> Policy:
    """The newest dispatch policy. Raises `NotFound` while none is loaded."""
    newest = select(models.DispatchPolicy).order_by(models.DispatchPolicy.id.desc()).limit(1)
    row = session.scalars(newest).one_or_none()
    if row is None:
        raise NotFound("no dispatch policy is loaded")
    return Policy(
        id=row.id,
        pools=frozenset(row.pools),
        cap=row.cap,
        freshness_s=row.freshness_s,
        max_distance_m=row.max_distance_m,
        shortlist=row.shortlist,
    )


def candidates(session: Session, no: str, *, principal: Principal, now: datetime) -> Recommendation:
    """Who could be sent to the incident, in the order of the rules; nothing is stored or locked. Raises `NotFound`."""
    return _recommend(session, get(session, no), principal, now=now, only=None)


def dispatch(
    database: Database, principal: Principal, no: str, *, now: datetime, worker: str | None = None, reason: str = ""
) -> Incident:
    """Sends the first candidate who can be claimed, or the `worker` (by code) for a stated `reason`.

    A reported incident is accepted on the way. In one transaction: the incident is locked, the candidates are ranked, a
    responder is claimed, and recommendation, assignment and steps are stored.

    Raises `NotFound`, `NotPermitted`, `AlreadyDispatched`, `TransitionRefused`, `NobodyEligible` (with the shortfall),
    `UnknownCode` (no such worker), `InvalidInput` (an override without a reason).
    """
    principal.require(Permission.DISPATCH)
    if worker is not None and not reason.strip():
        raise InvalidInput("sending somebody else needs a reason", field="reason")
    with database.session(principal) as session:
        incident = lock(session, no)
        if incident.status in {Status.DISPATCHED, Status.PROCESSING}:
            raise AlreadyDispatched(f"somebody has been sent to {no} already", no=no)
        clocks = clockwork(session)
        if incident.status == Status.REPORTED:
            take_step(session, principal, incident, Action.ACCEPT, now=now, opinion="", clocks=clocks)
        take_step(session, principal, incident, Action.DISPATCH, now=now, opinion=reason, clocks=clocks)
        session.flush()
        recommendation = _recommend(session, get(session, no), principal, now=now, only=worker)
        chosen = _claim(session, recommendation, now=now)
        stored = session.scalars(
            insert(models.Recommendation).returning(models.Recommendation.id),
            {
                "incident_id": incident.id,
                "policy_id": recommendation.policy.id,
                "made_at": now,
                "made_for": principal.account,
                "candidates": [_stored(ranked) for ranked in recommendation.ranking.ranked],
                "excluded": {key.value: number for key, number in recommendation.ranking.excluded.items()},
                "shortfall": recommendation.ranking.shortfall,
            },
        ).one()
        session.execute(
            insert(models.Assignment).inline(),
            {
                "incident_id": incident.id,
                "worker_id": chosen.candidate.worker_id,
                "recommendation_id": stored,
                "status": AssignmentStatus.SENT,
                "is_override": worker is not None,
                "reason": reason.strip(),
                "distance_m": chosen.candidate.distance_m,
                "dispatched_by": principal.account,
                "dispatched_at": now,
            },
        )
        return get(session, no)


def _claim(session: Session, recommendation: Recommendation, *, now: datetime) -> Ranked:
    ranked = {entry.candidate.worker_id: entry for entry in recommendation.ranking.ranked}
    claimed = session.scalars(
        statement("claim"), {"workers": list(ranked), "cap": recommendation.policy.cap, "now": now}
    ).one_or_none()
    if claimed is None:
        raise NobodyEligible(
            f"nobody can be sent to {recommendation.no}",
            no=recommendation.no,
            shortfall=recommendation.ranking.shortfall,
            excluded={key.value: number for key, number in recommendation.ranking.excluded.items()},
        )
    return ranked[claimed]


def _recommend(
    session: Session, incident: Incident, principal: Principal, *, now: datetime, only: str | None
) -> Recommendation:
    """An override (`only`) is bound by duty and cap alone; skills, pool and distance are the dispatcher's to judge."""
    policy = policy_in_force(session)
    kind = session.get_one(models.IncidentClass, incident.class_code)
    need = Need(grid_chain=tuple(g.code for g in incident.chain), skills=frozenset(kind.skills))
    srid = county(session).metric_srid
    x, y = storage_to_metric(incident.lon, incident.lat, srid)
    place = {"x": x, "y": y, "srid": srid, "lon": incident.lon, "lat": incident.lat}
    rules: dict[str, Any] = {
        "pools": sorted(policy.pools),
        "cap": policy.cap,
        "skills": sorted(need.skills),
        "needs_skill": bool(need.skills),
        "scope": principal.grid_prefix,
        "max_distance_m": policy.max_distance_m,
    }
    if only is None:
        sought = {"rings": _rings(session, need), "limit": policy.shortlist * _MARGIN}
        rows = session.execute(statement("candidates"), place | rules | sought)
    else:
        rows = session.execute(statement("candidate"), place | {"cap": policy.cap, "worker": only})
    found = [
        Candidate(
            **{
                **row._asdict(),
                "grid_chain": tuple(row.grid_chain),
                "skills": frozenset(row.skills),
            }
        )
        for row in rows
    ]
    if only is not None:
        if not found:
            raise UnknownCode(f"there is no worker {only}", field="worker")
        lenient = replace(policy, pools=frozenset({found[0].pool}), max_distance_m=_ANY_DISTANCE_M)
        ranking = rank(found, replace(need, skills=frozenset()), lenient, now)
    else:
        ranking = rank(found, need, policy, now)
        counted = session.execute(statement("excluded"), place | rules)
        excluded = {Exclusion(row.reason): int(row.number) for row in counted}
        shortfall = None if ranking.ranked else shortfall_of(excluded)
        ranking = replace(ranking, excluded=excluded, shortfall=shortfall)
    return Recommendation(no=incident.no, policy=policy, ranking=ranking, made_at=now)


def _rings(session: Session, need: Need) -> list[str]:
    """The grids of each ring but the last (anyone), as comma-separated codes: what one KNN each is limited to."""
    street = need.grid_chain[-1]
    rows = grids(session, under=street)
    parents: dict[str, GridRow] = {row.code: row for row in rows}
    rings: dict[Ring, list[str]] = {}
    for row in rows:
        above: list[str] = [row.code]
        while (parent := parents[above[-1]].parent_code) is not None:
            above.append(parent)
        rings.setdefault(ring_of(tuple(above), need.grid_chain), []).append(row.code)
    return [",".join(codes) for ring, codes in sorted(rings.items()) if ring is not Ring.ANYONE]


def _stored(ranked: Ranked) -> dict[str, Any]:
    candidate = ranked.candidate
    return {
        "rank": ranked.rank,
        "worker": candidate.code,
        "ring": ranked.ring.name.lower(),
        "distance_m": round(candidate.distance_m, 1),
        "eta_s": ranked.eta_s,
        "load": candidate.load,
        "position": ranked.position,
        "age_s": ranked.age_s,
    }

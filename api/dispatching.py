"""Dispatch beyond one incident: the joint plan, handing over at the end of a shift, and the policy itself."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Path
from pydantic import Field

import db.policies
import db.replacements
import db.surge
from api.bodies import Body, Code, Flag, Line, Whole
from api.guard import Dispatcher, GuardedRoute, PolicyMaker
from governance.policy import Policy, Requirement
from governance.surge import Plan

router = APIRouter(prefix="/api", route_class=GuardedRoute, tags=["dispatch"])


class PairBody(Body):
    """Whom to send where."""

    no: Code
    worker: Code


class SurgeBody(Body):
    """The lines of the plan that are accepted."""

    assignments: Annotated[list[PairBody], Field(min_length=1, max_length=db.surge.MOST_WAITING)]


class RequirementBody(Body):
    """A line of a run card; what is left out is the policy's or the class's."""

    people: Whole = 1
    posts: frozenset[Code] = frozenset()
    origins: frozenset[Code] = frozenset()
    skills: frozenset[Whole] | None = None
    pools: frozenset[Code] = frozenset()
    cap: Whole | None = None
    max_distance_m: Whole | None = None
    freshness_s: Whole | None = None
    rest_s: Whole | None = None


class PolicyBody(Body):
    """The whole policy; `id` is the version that it was made from."""

    id: Whole
    pools: frozenset[Code]
    cap: Whole
    freshness_s: Whole
    max_distance_m: Whole
    shortlist: Whole
    rest_s: Whole
    acknowledge_s: Whole
    excludes_stale: Flag
    mode: Code
    ring_s: Whole
    note: Line = ""
    cards: Mapping[Code, list[RequirementBody]]


@router.get("/surge")
def propose(caller: Dispatcher) -> dict[str, Any]:
    """The joint plan for everything that waits, beside what sending one by one would do. Nothing is stored."""
    with caller.session() as session:
        found = db.surge.propose(session, principal=caller.principal, now=caller.now)
    return {
        "made_at": caller.now,
        "assignments": [
            {
                "no": line.incident.no,
                "worker": line.chosen.candidate.code,
                "worker_name": line.chosen.candidate.name,
                "ring": line.chosen.ring.name.lower(),
                "eta_s": line.chosen.eta_s,
                "alone": None if line.alone is None else line.alone.candidate.code,
                "alone_eta_s": None if line.alone is None else line.alone.eta_s,
            }
            for line in found.lines
        ],
        "unsent": [left.incident.no for left in found.unsent],
        "reasons": {left.incident.no: left.reason or None for left in found.unsent},
        "together": _plan_json(found.together),
        "one_by_one": _plan_json(found.alone),
    }


def _plan_json(plan: Plan) -> dict[str, int]:
    return {"sent": len(plan.sent), "travel_s": plan.travel_s, "cost_s": plan.cost_s}


@router.post("/surge")
def accept(body: SurgeBody, caller: Dispatcher) -> dict[str, Any]:
    """Sends as planned, in whole or in part; a line that the rules wouldn't send as of now is told with its error."""
    chosen = [(pair.no, pair.worker) for pair in body.assignments]
    outcomes = db.surge.accept(caller.context.database, caller.principal, chosen, now=caller.now)
    return {
        "outcomes": [
            {"no": o.no, "is_sent": o.is_sent, "error": o.error or None, "reason": o.reason or None} for o in outcomes
        ]
    }


@router.post("/workers/{code}/hand-over")
def hand_over(code: Annotated[str, Path(max_length=40)], caller: Dispatcher) -> dict[str, Any]:
    """Passes on every open task of the worker, as at the end of a shift; `kept` is what nobody else can take."""
    done = db.replacements.hand_over(caller.context.database, caller.principal, code, now=caller.now)
    return {"passed_on": list(done.passed_on), "kept": list(done.kept)}


@router.get("/policy")
def look_up(caller: Dispatcher, version: int | None = None) -> dict[str, Any]:
    """The dispatch policy in force, or an older version of it."""
    with caller.session() as session:
        if version is None:
            return _policy_json(db.policies.policy_in_force(session))
        return _policy_json(db.policies.policy(session, version))


@router.put("/policy")
def save(body: PolicyBody, caller: PolicyMaker) -> dict[str, Any]:
    """Puts a new version in force. 409 when another was saved since the version that it was made from."""
    facts = body.model_dump(exclude={"cards", "note"})
    cards = {code: tuple(Requirement(**line.model_dump()) for line in card) for code, card in body.cards.items()}
    saved = db.policies.save(
        caller.context.database, caller.principal, Policy(**facts, cards=cards), note=body.note, now=caller.now
    )
    return _policy_json(saved)


def _policy_json(policy: Policy) -> dict[str, Any]:
    return {
        "id": policy.id,
        "pools": sorted(policy.pools),
        "cap": policy.cap,
        "freshness_s": policy.freshness_s,
        "max_distance_m": policy.max_distance_m,
        "shortlist": policy.shortlist,
        "rest_s": policy.rest_s,
        "acknowledge_s": policy.acknowledge_s,
        "excludes_stale": policy.excludes_stale,
        "mode": policy.mode,
        "ring_s": policy.ring_s,
        "note": policy.note,
        "cards": {code: [_line_json(line) for line in card] for code, card in policy.cards.items()},
    }


def _line_json(line: Requirement) -> dict[str, Any]:
    return {
        "people": line.people,
        "posts": sorted(line.posts),
        "origins": sorted(line.origins),
        "skills": None if line.skills is None else sorted(line.skills),
        "pools": sorted(line.pools),
        "cap": line.cap,
        "max_distance_m": line.max_distance_m,
        "freshness_s": line.freshness_s,
        "rest_s": line.rest_s,
    }

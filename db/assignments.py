"""The sending: responders claimed in the order of the rules, and the recommendation kept beside what was made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from time import sleep
from typing import Any

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from db import models
from db.calendar import clockwork
from db.candidates import Line, Recommendation, recommend, recommend_named
from db.cases import Incident, get
from db.session import Database
from db.sql import statement
from db.steps import Particulars, lock, take_step
from geo.errors import AlreadyDispatched, InvalidInput, NobodyEligible
from governance.access import Permission, Principal
from governance.dispatch import Ranked, Shortfall, shortfall_of
from governance.incident import AssignmentStatus, Status
from governance.lifecycle import Action

_PAUSES_S = (0.0, 0.02, 0.05, 0.1, 0.2, 0.4)
"""Before each recommendation until it is said that nobody can be claimed. Others may have taken all of the first, or
hold them for the moment that a batch of positions takes; waiting in line for their rows could end in a deadlock."""


def dispatch(
    database: Database,
    principal: Principal,
    no: str,
    *,
    now: datetime,
    worker: str | None = None,
    reason: str = "",
    request_key: str | None = None,
) -> Incident:
    """Sends the first candidates who can be claimed, as the run card asks, or the `worker` (by code) for a `reason`.

    A reported incident is accepted on the way. In one transaction: the incident is locked, the candidates are ranked,
    responders are claimed, and recommendation, assignments and steps are stored. The same `request_key` again answers
    what the first call made. A line of the run card that can't be filled is kept as a shortfall; without a lead nobody
    is sent.

    Raises `NotFound`, `NotPermitted`, `AlreadyDispatched`, `TransitionRefused`, `NobodyEligible` (with the shortfall),
    `UnknownCode` (no such worker), `InvalidInput` (an override without a reason).
    """
    principal.require(Permission.DISPATCH)
    require_reason(worker, reason)
    with database.session(principal) as session:
        incident = lock(session, no)
        if request_key is not None and _was_made(session, incident.id, request_key):
            return get(session, no)
        if incident.status in {Status.DISPATCHED, Status.PROCESSING}:
            raise AlreadyDispatched(f"somebody has been sent to {no} already", no=no)
        clocks = clockwork(session)
        if incident.status == Status.REPORTED:
            take_step(session, principal, incident, Action.ACCEPT, now=now, clocks=clocks)
        given = Particulars(opinion=reason)
        take_step(session, principal, incident, Action.DISPATCH, now=now, clocks=clocks, given=given)
        send(session, principal, incident, now=now, worker=worker, reason=reason, request_key=request_key)
        return get(session, no)


def reinforce(
    database: Database, principal: Principal, no: str, *, now: datetime, worker: str | None = None, reason: str = ""
) -> Incident:
    """Sends one more to an incident where somebody has been sent: the next candidate, or the `worker` for a `reason`.

    Raises like `dispatch`.
    """
    principal.require(Permission.DISPATCH)
    require_reason(worker, reason)
    with database.session(principal) as session:
        incident = lock(session, no)
        given = Particulars(opinion=reason)
        take_step(session, principal, incident, Action.REINFORCE, now=now, clocks=clockwork(session), given=given)
        taken = select(func.max(models.Assignment.slot)).where(
            models.Assignment.incident_id == incident.id, models.Assignment.ended_at.is_(None)
        )
        slot = (session.scalar(taken) or 0) + 1
        send(session, principal, incident, now=now, worker=worker, reason=reason, slot=slot)
        return get(session, no)


def send(
    session: Session,
    principal: Principal,
    incident: models.Incident,
    *,
    now: datetime,
    worker: str | None = None,
    reason: str = "",
    request_key: str | None = None,
    slot: int | None = None,
) -> None:
    """Claims responders for the incident and stores why: the whole crew, or one `slot` by its line of the run card.

    Inside of a command that has locked the incident. Raises `NobodyEligible` when the lead, or the slot, stays empty.
    """
    first = slot or 1
    session.flush()
    for pause_s in _PAUSES_S:
        sleep(pause_s)
        if worker is None:
            recommendation = recommend(session, incident.no, principal=principal, now=now)
        else:
            recommendation = recommend_named(session, incident.no, worker, principal=principal, now=now)
        line = recommendation.lines[0] if worker else line_of(recommendation, first)
        claimed = dict(_claim(session, [(first, line)] if slot else _places(recommendation), now=now))
        if first in claimed or not line.ranking.ranked:
            break
    if first not in claimed:
        raise nobody(incident.no, line)
    # An incident at work is acknowledged already: whoever joins there has nothing to answer.
    wait = None if incident.status == Status.PROCESSING else timedelta(seconds=recommendation.policy.acknowledge_s)
    stored = _store(session, principal, incident.id, recommendation, claimed if slot is None else None)
    session.execute(
        insert(models.Assignment).inline(),
        [
            {
                "incident_id": incident.id,
                "slot": place,
                "worker_id": chosen.candidate.worker_id,
                "recommendation_id": stored,
                "status": AssignmentStatus.SENT,
                "is_override": worker is not None and place == first,
                "reason": reason.strip() if place == first else "",
                "distance_m": chosen.candidate.distance_m,
                "eta_s": chosen.eta_s,
                "dispatched_by": principal.account,
                "dispatched_at": now,
                "acknowledge_by": None if wait is None else now + wait,
                "end_reason": "",
                "request_key": request_key,
            }
            for place, chosen in claimed.items()
        ],
    )


def require_reason(worker: str | None, reason: str) -> None:
    """Raises `InvalidInput` when somebody is named without a reason."""
    if worker is not None and not reason.strip():
        raise InvalidInput("sending somebody else needs a reason", field="reason")


def nobody(no: str, line: Line) -> NobodyEligible:
    """The error that says why nobody can be sent."""
    return NobodyEligible(
        f"nobody can be sent to {no}",
        no=no,
        shortfall=_shortfall(line),
        excluded={key.value: number for key, number in line.ranking.excluded.items()},
    )


def _shortfall(line: Line, crew: frozenset[int] = frozenset()) -> Shortfall:
    """Why places of the line stay empty though the `crew` (worker ids) goes.

    Where all who were ranked go, it is what kept out the rest; where some of them don't, others were faster.
    """
    if line.ranking.shortfall is not None:
        return line.ranking.shortfall
    if all(entry.candidate.worker_id in crew for entry in line.ranking.ranked):
        return shortfall_of(line.ranking.excluded)
    return Shortfall.ALL_AT_CAP


def _was_made(session: Session, incident_id: int, request_key: str) -> bool:
    made = select(models.Assignment.id).where(
        models.Assignment.incident_id == incident_id, models.Assignment.request_key == request_key
    )
    return session.scalars(made.limit(1)).one_or_none() is not None


def line_of(recommendation: Recommendation, slot: int) -> Line:
    """The line of the run card that a slot belongs to; whoever reinforces beyond the card goes by the lead's."""
    return dict(_places(recommendation)).get(slot, recommendation.lines[0])


def _places(recommendation: Recommendation) -> list[tuple[int, Line]]:
    """The slots of the crew with their lines, the lead first."""
    lines = [line for line in recommendation.lines for _ in range(line.rules.people)]
    return list(enumerate(lines, start=1))


def _claim(session: Session, places: Sequence[tuple[int, Line]], *, now: datetime) -> Iterator[tuple[int, Ranked]]:
    """Claims for each place the first of its line who can be had; yields places with whom they got.

    Without somebody for the first place nobody is claimed.
    """
    taken: set[int] = set()
    for place, line in places:
        ranked = {
            entry.candidate.worker_id: entry for entry in line.ranking.ranked if entry.candidate.worker_id not in taken
        }
        wanted = {"workers": list(ranked), "cap": line.rules.cap, "now": now}
        claimed = session.scalars(statement("claim"), wanted).one_or_none() if ranked else None
        if claimed is not None:
            taken.add(claimed)
            yield place, ranked[claimed]
        elif not taken:
            return


def _store(
    session: Session,
    principal: Principal,
    incident_id: int,
    recommendation: Recommendation,
    claimed: dict[int, Ranked] | None,
) -> int:
    """Keeps the whole recommendation. `claimed` by slot tells which lines stayed short; None: one slot was asked."""
    shortfalls: list[dict[str, Any]] = []
    if claimed is not None:
        crew = frozenset(entry.candidate.worker_id for entry in claimed.values())
        slot = 0
        for number, line in enumerate(recommendation.lines, start=1):
            slots = range(slot + 1, slot + line.rules.people + 1)
            slot += line.rules.people
            missing = sum(place not in claimed for place in slots)
            if missing:
                kept_out = {key.value: count for key, count in line.ranking.excluded.items()}
                reason = _shortfall(line, crew)
                shortfalls.append({"line": number, "missing": missing, "shortfall": reason, "excluded": kept_out})
    return session.scalars(
        insert(models.Recommendation).returning(models.Recommendation.id),
        {
            "incident_id": incident_id,
            "policy_id": recommendation.policy.id,
            "made_at": recommendation.made_at,
            "made_for": principal.account,
            "candidates": [
                stored_candidate(entry, number)
                for number, line in enumerate(recommendation.lines, start=1)
                for entry in line.ranking.ranked
            ],
            "excluded": {key.value: count for key, count in recommendation.ranking.excluded.items()},
            "shortfall": recommendation.ranking.shortfall,
            "shortfalls": shortfalls,
        },
    ).one()


def stored_candidate(ranked: Ranked, line: int) -> dict[str, Any]:
    """A candidate as the recommendation keeps it."""
    candidate = ranked.candidate
    return {
        "line": line,
        "rank": ranked.rank,
        "worker": candidate.code,
        "ring": ranked.ring.name.lower(),
        "distance_m": round(candidate.distance_m, 1),
        "eta_s": ranked.eta_s,
        "is_estimated": ranked.is_estimated,
        "load": candidate.load,
        "position": ranked.position,
        "age_s": ranked.age_s,
    }

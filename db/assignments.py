"""The sending: responders claimed in the order of the rules, and the recommendation kept beside what was made of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from time import sleep

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from db import models
from db.calendar import clockwork
from db.candidates import OPTIONS, Line, Recommendation, recommend, recommend_named
from db.cases import Incident, get
from db.recommendations import Nobody, attempting, keep
from db.session import Database
from db.sql import statement
from db.steps import Particulars, lock, take_step
from geo.errors import AlreadyDispatched, Conflict, InvalidInput
from governance.access import Permission, Principal
from governance.dispatch import Ranked
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
    is_planned: bool = False,
) -> Incident:
    """Sends the first candidates who can be claimed, as the run card asks, or the `worker` (by code) for a `reason`.

    A reported incident is accepted on the way. In one transaction: the incident is locked, the candidates are ranked,
    responders are claimed, and recommendation, assignments and steps are stored. The same request again under its
    `request_key`, which is the incident's own, answers what the first call made. A line of the run card that can't be
    filled is kept as a shortfall; without a lead nobody is sent, and of the attempt the recommendation alone is kept.

    With `is_planned` the worker is the joint plan's and no override: the rules have to let them go as of now.

    Raises `NotFound`, `NotPermitted`, `AlreadyDispatched`, `TransitionRefused`, `NobodyEligible` (with the shortfall),
    `UnknownCode` (no such worker), `InvalidInput` (an override without a reason), `Conflict` (the key was used for
    another request, or the rules don't let the planned worker go).
    """
    principal.require(Permission.DISPATCH)
    require_reason(worker, reason)
    with attempting(database, principal) as session:
        incident = lock(session, no)
        asked = (principal.account, worker, reason.strip())
        if request_key is not None and _was_made(session, incident.id, request_key, asked):
            return get(session, no)
        if incident.status in {Status.DISPATCHED, Status.PROCESSING}:
            raise AlreadyDispatched(f"somebody has been sent to {no} already", no=no)
        clocks = clockwork(session)
        if incident.status == Status.REPORTED:
            take_step(session, principal, incident, Action.ACCEPT, now=now, clocks=clocks)
        given = Particulars(opinion=reason)
        take_step(session, principal, incident, Action.DISPATCH, now=now, clocks=clocks, given=given)
        send(
            session,
            principal,
            incident,
            now=now,
            worker=worker,
            reason=reason,
            request_key=request_key,
            is_planned=is_planned,
        )
        return get(session, no)


def reinforce(
    database: Database, principal: Principal, no: str, *, now: datetime, worker: str | None = None, reason: str = ""
) -> Incident:
    """Sends one more to an incident where somebody has been sent: the next candidate, or the `worker` for a `reason`.

    Raises like `dispatch`.
    """
    principal.require(Permission.DISPATCH)
    require_reason(worker, reason)
    with attempting(database, principal) as session:
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
    is_planned: bool = False,
) -> None:
    """Claims responders for the incident and stores why: the whole crew, or one `slot` by its line of the run card.

    Inside of a command that has locked the incident. Raises `Nobody`, a `NobodyEligible` that carries the
    recommendation, when the lead or the slot stays empty; `Conflict` when the planned worker may not or can't go.
    """
    first = slot or 1
    session.flush()
    for pause_s in _PAUSES_S:
        sleep(pause_s)
        if worker is None or is_planned:
            shortlist = OPTIONS if is_planned else None
            recommendation = recommend(session, incident.no, principal=principal, now=now, shortlist=shortlist)
        else:
            recommendation = recommend_named(session, incident.no, worker, principal=principal, now=now)
        number = 1 if worker else _line_of(recommendation, first)
        line = recommendation.lines[number - 1]
        if worker is not None and is_planned:
            line = _planned(line, worker)
        places = [(first, line)] if slot else [(first, line), *_places(recommendation)[1:]]
        claimed = dict(_claim(session, places, now=now))
        if first in claimed or not line.ranking.ranked:
            break
    if first not in claimed and is_planned:
        raise Conflict(f"{worker} is being sent elsewhere", reason="not_planned")
    if first not in claimed:
        raise Nobody(incident.id, recommendation, number, missing=1 if slot else line.rules.people)
    # An incident at work is acknowledged already: whoever joins there has nothing to answer.
    wait = None if incident.status == Status.PROCESSING else timedelta(seconds=recommendation.policy.acknowledge_s)
    kept = keep(session, principal, incident.id, recommendation, claimed if slot is None else None)
    session.execute(
        insert(models.Assignment).inline(),
        [
            {
                "incident_id": incident.id,
                "slot": place,
                "worker_id": chosen.candidate.worker_id,
                "recommendation_id": kept,
                "status": AssignmentStatus.SENT,
                "is_override": worker is not None and not is_planned and place == first,
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


def _was_made(session: Session, incident_id: int, request_key: str, asked: tuple[str, str | None, str]) -> bool:
    """Whether this request sent somebody before, told by the lead it sent, who may have been replaced since.

    `asked`: who asks, the worker who was named, and the reason. Raises `Conflict` when the key was another request's.
    """
    lead = session.execute(
        select(
            models.Assignment.dispatched_by, models.Assignment.is_override, models.Assignment.reason, models.Worker.code
        )
        .outerjoin(models.Worker, models.Worker.id == models.Assignment.worker_id)
        .where(
            models.Assignment.incident_id == incident_id,
            models.Assignment.request_key == request_key,
            models.Assignment.slot == 1,
        )
    ).one_or_none()
    if lead is None:
        return False
    if asked != (lead.dispatched_by, lead.code if lead.is_override else None, lead.reason):
        raise Conflict("this request key was used for another request", reason="other_request")
    return True


def _planned(line: Line, worker: str) -> Line:
    """The line with the planned worker as its only choice. Raises `Conflict` when the rules don't let them go."""
    ranked = tuple(entry for entry in line.ranking.ranked if entry.candidate.code == worker)
    if not ranked:
        raise Conflict(f"the rules don't let {worker} go any more", reason="not_planned")
    return replace(line, ranking=replace(line.ranking, ranked=ranked))


def _line_of(recommendation: Recommendation, slot: int) -> int:
    """The number of the line that a slot belongs to; whoever reinforces beyond the card goes by the lead's."""
    numbers = [number for number, line in enumerate(recommendation.lines, start=1) for _ in range(line.rules.people)]
    return numbers[slot - 1] if slot <= len(numbers) else 1


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

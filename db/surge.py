"""A joint plan for everything that waits: proposed, shown, and accepted as a whole or in part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from db import assignments, candidates, incidents, models
from db.candidates import OPTIONS
from db.incidents import QueueRow
from db.session import Database
from db.steps import standing_of
from geo.errors import GridCommandError, InvalidInput
from governance.access import Permission, Principal
from governance.dispatch import Ranked
from governance.incident import Severity, Status
from governance.lifecycle import Action, Hindrance, hindrance
from governance.surge import Option, Plan, Waiting, one_by_one, plan

MOST_WAITING = 200
"""Incidents planned at once, the most urgent of them."""
_WAITS = (Status.REPORTED, Status.ACCEPTED, Status.RETURNED)
_REASON = "联合派单方案"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One line of the plan; `alone` is whom sending one by one would have sent, None when nobody."""

    incident: QueueRow
    chosen: Ranked
    alone: Ranked | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsent:
    """An incident to which the plan sends nobody: what keeps it from being dispatched, or why nobody fits.

    `reason` is the code of a `Hindrance` or a `Shortfall`; "" where those who fit are wanted elsewhere.
    """

    incident: QueueRow
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The plan for all that can be dispatched, what one by one would do, and those to whom nobody goes."""

    lines: tuple[Proposed, ...]
    unsent: tuple[Unsent, ...]
    together: Plan
    alone: Plan
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an accepted line: sent, or the error's code and its reason's, "" where it has none."""

    no: str
    is_sent: bool
    error: str
    reason: str


def propose(session: Session, *, principal: Principal, now: datetime) -> Proposal:
    """Who should go where, over all incidents in scope to which nobody has been sent. Nothing is stored or locked.

    Nobody is set aside for an incident that can't be dispatched yet, because it has to be confirmed on the spot first.
    Raises `NotPermitted`.
    """
    principal.require(Permission.DISPATCH)
    rows = incidents.queue(session, statuses=_WAITS, limit=MOST_WAITING)
    # One by one, a dispatcher would take the gravest first, then the most urgent.
    rows.sort(key=lambda row: (row.severity, row.due_at is None, row.due_at, row.no))
    hindered = _hindered(session, rows)
    reasons: dict[str, str] = {no: reason.value for no, reason in hindered.items()}
    ranked: dict[str, dict[int, Ranked]] = {}
    waiting = []
    mode, ring_s = "walk", 0
    for row in rows:
        if row.no in hindered:
            continue
        found = candidates.recommend(session, row.no, principal=principal, now=now, shortlist=OPTIONS)
        mode, ring_s = found.policy.mode, found.policy.ring_s
        reasons[row.no] = found.ranking.shortfall or ""
        ranked[row.no] = {entry.candidate.worker_id: entry for entry in found.ranking.ranked}
        options = tuple(
            Option(worker_id=worker, ring=entry.ring, eta_s=entry.eta_s) for worker, entry in ranked[row.no].items()
        )
        waiting.append(Waiting(no=row.no, severity=Severity(row.severity), options=options))
    together, alone = plan(waiting, ring_s=ring_s), one_by_one(waiting, ring_s=ring_s)
    return Proposal(
        lines=tuple(
            Proposed(
                incident=row,
                chosen=ranked[row.no][together.sent[row.no]],
                alone=ranked[row.no][alone.sent[row.no]] if row.no in alone.sent else None,
            )
            for row in rows
            if row.no in together.sent
        ),
        unsent=tuple(Unsent(incident=row, reason=reasons[row.no]) for row in rows if row.no not in together.sent),
        together=together,
        alone=alone,
        mode=mode,
    )


def _hindered(session: Session, rows: Sequence[QueueRow]) -> dict[str, Hindrance]:
    """What keeps reported incidents, which a dispatch accepts on the way, from being accepted; by number."""
    reported = [row.no for row in rows if row.status == Status.REPORTED]
    ids = session.execute(select(models.Incident.no, models.Incident.id).where(models.Incident.no.in_(reported))).all()
    asked = {no: hindrance(Action.ACCEPT, standing_of(session, incident_id)) for no, incident_id in ids}
    return {no: reason for no, reason in asked.items() if reason is not None}


def accept(
    database: Database, principal: Principal, chosen: Sequence[tuple[str, str]], *, now: datetime
) -> list[Outcome]:
    """Sends as planned: pairs of an incident's number and a worker's code, each a transaction of its own.

    Since the proposal somebody may have been faster, or the worker may have gone off duty, far away or into another
    task: whom the rules wouldn't let go now isn't sent. Such a line is told with its error and the others go on.
    Raises `NotPermitted`, `InvalidInput` when an incident or a worker stands twice.
    """
    principal.require(Permission.DISPATCH)
    if len(chosen) > MOST_WAITING:
        raise InvalidInput(f"at most {MOST_WAITING} incidents at once", field="assignments")
    for field, values in (("no", [no for no, _ in chosen]), ("worker", [worker for _, worker in chosen])):
        if len(set(values)) < len(values):
            raise InvalidInput(f"one {field} stands twice", field=field)
    outcomes = []
    for no, worker in chosen:
        try:
            assignments.dispatch(database, principal, no, now=now, worker=worker, reason=_REASON, is_planned=True)
            outcomes.append(Outcome(no=no, is_sent=True, error="", reason=""))
        except GridCommandError as error:
            reason = str(error.facts.get("reason", ""))
            outcomes.append(Outcome(no=no, is_sent=False, error=error.code, reason=reason))
    return outcomes

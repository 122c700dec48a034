"""A joint plan for everything that waits: proposed, shown, and accepted as a whole or in part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from db import assignments, candidates, incidents
from db.incidents import QueueRow
from db.session import Database
from geo.errors import GridCommandError, InvalidInput
from governance.access import Permission, Principal
from governance.dispatch import Ranked
from governance.incident import Severity, Status
from governance.surge import Option, Plan, Waiting, one_by_one, plan

MOST_WAITING = 200
"""Incidents planned at once, the most urgent of them."""
OPTIONS = 30
"""Candidates of each incident that the plan may choose from."""
_WAITS = (Status.REPORTED, Status.ACCEPTED, Status.RETURNED)
_REASON = "联合派单方案"


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """One line of the plan; `alone` is whom sending one by one would have sent, None when nobody."""

    incident: QueueRow
    chosen: Ranked
    alone: Ranked | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """The plan for all that waits, what one by one would do, and those for whom there is nobody."""

    lines: tuple[Proposed, ...]
    unsent: tuple[QueueRow, ...]
    together: Plan
    alone: Plan
    mode: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of an accepted line: sent, or the error's code."""

    no: str
    is_sent: bool
    error: str


def propose(session: Session, *, principal: Principal, now: datetime) -> Proposal:
    """Who should go where, over all incidents in scope to which nobody has been sent. Nothing is stored or locked.

    Raises `NotPermitted`.
    """
    principal.require(Permission.DISPATCH)
    rows = incidents.queue(session, statuses=_WAITS, limit=MOST_WAITING)
    # One by one, a dispatcher would take the gravest first, then the most urgent.
    rows.sort(key=lambda row: (row.severity, row.due_at is None, row.due_at, row.no))
    ranked: dict[str, dict[int, Ranked]] = {}
    waiting = []
    mode, ring_s = "walk", 0
    for row in rows:
        found = candidates.recommend(session, row.no, principal=principal, now=now, shortlist=OPTIONS)
        mode, ring_s = found.policy.mode, found.policy.ring_s
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
        unsent=tuple(row for row in rows if row.no not in together.sent),
        together=together,
        alone=alone,
        mode=mode,
    )


def accept(
    database: Database, principal: Principal, chosen: Sequence[tuple[str, str]], *, now: datetime
) -> list[Outcome]:
    """Sends as planned: pairs of an incident's number and a worker's code, each a transaction of its own.

    Since the proposal somebody may have been faster: such a line is told with its error and the others go on.
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
            assignments.dispatch(database, principal, no, now=now, worker=worker, reason=_REASON)
            outcomes.append(Outcome(no=no, is_sent=True, error=""))
        except GridCommandError as error:
            outcomes.append(Outcome(no=no, is_sent=False, error=error.code))
    return outcomes

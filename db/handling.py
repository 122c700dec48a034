"""What is done to incidents along their lifecycle, each command one transaction: steps, parts, more time, appeals."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, insert, select
from sqlalchemy.orm import Session

from db import crew, models, photos
from db.calendar import clockwork
from db.cases import Incident, get
from db.incidents import Report, report_within
from db.session import Database
from db.steps import NOTHING, Particulars, lock, take_step
from geo.errors import Conflict, InvalidInput
from governance.access import Principal
from governance.incident import AssignmentStatus, Status
from governance.lifecycle import COMMANDED, Action
from governance.photo import Phase

_AWAY = {Status.DISPATCHED, Status.PROCESSING}
_MOST_PARTS = 10


def advance(
    database: Database,
    principal: Principal,
    no: str,
    action: Action,
    *,
    now: datetime,
    opinion: str = "",
    given: Particulars = NOTHING,
    worker: str | None = None,
) -> Incident:
    """Takes one step of the lifecycle, with what it means for those who were sent and for the deadlines.

    `opinion` may stand for `given` where nothing else is given. `worker` (by code) is who acknowledges or arrives;
    without it everybody who was sent does. Actions of `COMMANDED` have commands of their own.
    Raises `NotFound`, `TransitionRefused`, `NotPermitted`, `InvalidInput` naming what is missing, `UnknownCode`, and
    `Conflict` where the incident's own facts hinder it.
    """
    if action in COMMANDED:
        raise InvalidInput(f"{action} has a command of its own", field="action")
    given = Particulars(opinion=opinion) if given is NOTHING else given
    with database.session(principal) as session:
        incident = lock(session, no)
        take_step(session, principal, incident, action, now=now, clocks=clockwork(session), given=given)
        if action is Action.RESOLVE:
            _require_photo(session, incident)
        if action in {Action.ACKNOWLEDGE, Action.ARRIVE}:
            crew.follow(session, incident.id, action, now=now, worker=worker)
        elif action is Action.REWORK:
            crew.resume(session, incident.id, principal, now=now)
        elif incident.status not in _AWAY:
            ending = AssignmentStatus.DONE if action is Action.RESOLVE else AssignmentStatus.WITHDRAWN
            crew.end(session, incident.id, ending, now=now, reason=given.opinion.strip())
        session.flush()
        return get(session, no)


def split(
    database: Database, principal: Principal, no: str, parts: Sequence[Report], *, opinion: str, now: datetime
) -> Incident:
    """Splits matters of their own off an incident; each goes its own way, and the incident can't be closed before them.

    Raises like `advance` and like `db.incidents.report`, with the row (from 1) of the part.
    """
    if not 1 <= len(parts) <= _MOST_PARTS:
        raise InvalidInput(f"a split makes 1 to {_MOST_PARTS} parts", field="parts")
    with database.session(principal) as session:
        incident = lock(session, no)
        given = Particulars(opinion=opinion)
        take_step(session, principal, incident, Action.SPLIT, now=now, clocks=clockwork(session), given=given)
        for row, part in enumerate(parts, start=1):
            try:
                made = report_within(session, principal, part, now=now)
            except InvalidInput as error:
                raise type(error)(error.detail, field=error.field, row=row, **error.facts) from error
            lock(session, made.no).parent_id = incident.id
        session.flush()
        return get(session, no)


def ask_extension(database: Database, principal: Principal, no: str, *, reason: str, now: datetime) -> Incident:
    """Asks for the limit once more, before it is over.

    Raises like `advance`; `Conflict` after two extensions, while one is asked, and once the incident is overdue: else
    time granted afterwards would hide that it was late, which takes an appeal.
    """
    with database.session(principal) as session:
        incident = lock(session, no)
        if now > incident.settle_by:
            raise Conflict(f"{no} is overdue", reason="overdue")
        given = Particulars(opinion=reason)
        take_step(session, principal, incident, Action.EXTEND, now=now, clocks=clockwork(session), given=given)
        session.execute(
            insert(models.ExtensionRequest).inline(),
            {
                "incident_id": incident.id,
                "asked_by": principal.account,
                "asked_by_name": principal.display_name,
                "asked_at": now,
                "reason": reason.strip(),
                "opinion": "",
            },
        )
        return get(session, no)


def decide_extension(
    database: Database, principal: Principal, no: str, *, is_granted: bool, opinion: str = "", now: datetime
) -> Incident:
    """Grants the extension that was asked for, or denies it with an opinion; nobody decides on their own request.

    Raises like `advance`.
    """
    action = Action.GRANT if is_granted else Action.DENY
    with database.session(principal) as session:
        incident = lock(session, no)
        clocks = clockwork(session)
        given = Particulars(opinion=opinion)
        take_step(session, principal, incident, action, now=now, clocks=clocks, given=given)
        request = session.scalars(
            select(models.ExtensionRequest).where(
                models.ExtensionRequest.incident_id == incident.id, models.ExtensionRequest.decided_by.is_(None)
            )
        ).one()
        _require_other(principal, request.asked_by)
        request.decided_by, request.decided_at = principal.account, now
        request.is_granted, request.opinion = is_granted, opinion.strip()
        if is_granted:
            incident.extensions += 1
            clocks.extend(incident)
            clocks.set_due(incident)
        session.flush()
        return get(session, no)


def appeal(database: Database, principal: Principal, no: str, *, reason: str, now: datetime) -> Incident:
    """Says that a closed incident's lateness was not the handler's fault. Once a case. Raises like `advance`."""
    with database.session(principal) as session:
        incident = lock(session, no)
        given = Particulars(opinion=reason)
        take_step(session, principal, incident, Action.APPEAL, now=now, clocks=clockwork(session), given=given)
        session.execute(
            insert(models.Appeal).inline(),
            {
                "incident_id": incident.id,
                "asked_by": principal.account,
                "asked_by_name": principal.display_name,
                "asked_at": now,
                "reason": reason.strip(),
                "first_opinion": "",
                "second_opinion": "",
            },
        )
        return get(session, no)


def review_appeal(
    database: Database, principal: Principal, no: str, *, is_granted: bool, opinion: str, now: datetime
) -> Incident:
    """Reviews the appeal. Two people have to grant it, neither of them who appealed; one denial ends it.

    Granted twice, the incident is left out of the statistic of lateness; that it was late stays on file.
    Raises like `advance`.
    """
    with database.session(principal) as session:
        incident = lock(session, no)
        given = Particulars(opinion=("同意：" if is_granted else "不同意：") + opinion if opinion.strip() else "")
        take_step(session, principal, incident, Action.REVIEW, now=now, clocks=clockwork(session), given=given)
        found = session.scalars(select(models.Appeal).where(models.Appeal.incident_id == incident.id)).one()
        _require_other(principal, found.asked_by)
        if found.first_by is None:
            found.first_by, found.first_at = principal.account, now
            found.first_granted, found.first_opinion = is_granted, opinion.strip()
        else:
            _require_other(principal, found.first_by)
            found.second_by, found.second_at = principal.account, now
            found.second_granted, found.second_opinion = is_granted, opinion.strip()
            incident.is_exempt = is_granted
        session.flush()
        return get(session, no)


def _require_other(principal: Principal, account: str) -> None:
    if principal.account == account:
        raise Conflict("somebody else has to decide on this", reason="own_request")


def _require_photo(session: Session, incident: models.Incident) -> None:
    """Where the class asks for it, work is done with a photo only, and rework with another. Raises `InvalidInput`."""
    kind = session.get_one(models.IncidentClass, incident.class_code)
    if not kind.needs_photo:
        return
    redone = select(func.max(models.IncidentStep.at)).where(
        models.IncidentStep.incident_id == incident.id, models.IncidentStep.action == Action.REWORK
    )
    if not photos.has(session, incident.id, Phase.AFTER, since=session.scalar(redone)):
        raise InvalidInput("this class is resolved with a photo taken afterwards", field="photo")

"""A model of incidents on their way, written from the domain by hand and kept beside the product."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from governance.access import Permission, Role
from governance.deadlines import Clock
from governance.incident import Status
from governance.lifecycle import Action, Given
from tests.api.conftest import NOW
from tests.lifecycle import LEADS_TO, MAY, NEEDS
from tests.walks import Walk

S, A = Status, Action
MOST_INCIDENTS = 7
MINUTE, DAY_MIN = timedelta(minutes=1), 24 * 60
STAGE_MIN = {S.REPORTED: 15, S.ACCEPTED: 15, S.RETURNED: 15, S.RESOLVED: 30}
AT_IT = {S.DISPATCHED, S.PROCESSING, S.TRANSFERRED}
OVER = {S.CLOSED, S.REJECTED, S.MERGED}
PEOPLE = {"one": Role.DISPATCHER, "two": Role.DISPATCHER, "chief": Role.ADMIN, "street": Role.OFFICER}
PEOPLE |= {"onlooker": Role.VIEWER}
LIMIT_MIN = {"0101": (Clock.WORK_DAY, 2 * 8 * 60), "0102": (Clock.URGENT_HOUR, 4 * 60)}
"""Class, clock and limit; 0102 is confirmed on the spot before it is accepted."""
FORWARD = (A.CONFIRM, A.ACCEPT, A.DISPATCH, A.ARRIVE, A.RESOLVE, A.VERIFY, A.TRANSFER)
FORWARD += (A.EXTEND, A.GRANT, A.APPEAL, A.REVIEW, A.RESUME)
LINES = (
    (),
    (A.ACCEPT, A.DISPATCH, A.ARRIVE, A.EXTEND, None, A.RESOLVE, A.VERIFY, A.APPEAL),
    (A.ACCEPT, A.TRANSFER, A.EXTEND, A.RETURN),
    (A.ACCEPT, A.DISPATCH, A.ARRIVE, A.SUSPEND),
)
"""How the first incident may have come along before a walk begins; None is a week in which nobody did a thing."""
UNPLAIN = {A.DISPATCH, A.TIME_OUT, A.HAND_OVER}
"""Actions that are no steps of the API."""
DEPARTMENTS = ("ZJ", "CG")
FACELESS = {A.DISPATCH, A.REINFORCE, A.REASSIGN, A.REWORK}
"""Whether somebody can be had for these depends on who is free."""

_DAWN = 0
"""The model's minutes begin with `NOW`, a Monday at ten."""


def is_worked(minute: int) -> bool:
    """The town's working time: weekdays, 8 to 12 and 14 to 18. No day of it is out of the ordinary."""
    since_monday = minute + 10 * 60
    hour = since_monday % DAY_MIN // 60
    return since_monday // DAY_MIN % 7 < 5 and (8 <= hour < 12 or 14 <= hour < 18)


def at(minute: int) -> datetime:
    return NOW + minute * MINUTE


@dataclass(slots=True, kw_only=True)
class Tale:
    """What the model knows of one incident."""

    no: str
    class_code: str
    walk: Walk
    status: Status = S.REPORTED
    stage_since: int = 0
    settle_by: int = 0
    resume_by: int | None = None
    department: str | None = None
    returned_by: str | None = None
    is_confirmed: bool = False
    is_supervised: bool = False
    is_exempt: bool = False
    suspensions: int = 0
    extensions: int = 0
    reworks: int = 0
    asked_by: str | None = None
    appealed_by: str | None = None
    reviews: list[tuple[str, bool]] = field(default_factory=list)
    resolved_at: int | None = None
    whole: Tale | None = None
    original: Tale | None = None

    def due(self) -> int | None:
        if self.status in OVER:
            return None
        if self.status in STAGE_MIN:
            return self.stage_since + STAGE_MIN[self.status]
        return self.resume_by if self.status is S.SUSPENDED else self.settle_by

    @property
    def is_appeal_open(self) -> bool:
        return self.appealed_by is not None and len(self.reviews) < 2 and all(granted for _, granted in self.reviews)


class Model:
    """All tales, and by hand what each action asks of the facts and does to them."""

    def __init__(self) -> None:
        self.minute = _DAWN
        self.tales: list[Tale] = []

    def add(self, no: str, class_code: str, whole: Tale | None = None) -> None:
        clock, length = LIMIT_MIN[class_code]
        walk = Walk(worked=is_worked, clock=clock, whole=length, now=self.minute)
        tale = Tale(no=no, class_code=class_code, walk=walk, stage_since=self.minute, whole=whole)
        tale.settle_by = walk.deadline()
        self.tales.append(tale)

    def wait(self, minutes: int) -> None:
        self.minute += minutes
        for tale in self.tales:
            tale.walk.wait(minutes)

    def expects(self, tale: Tale, action: Action, who: str, given: dict[str, Any]) -> bool | None:
        """Whether the step passes; None where it depends on who is free."""
        right = next((right for right, actions in MAY.items() if action in actions), Permission.ADVANCE_INCIDENT)
        role = PEOPLE[who]
        if action in UNPLAIN or role is Role.VIEWER or (role is Role.OFFICER and right is Permission.DECIDE_TIME):
            return False
        if action not in LEADS_TO[tale.status] or not self._is_given(tale, action, given):
            return False
        if not self._is_open(tale, action, who):
            return False
        return None if action in FACELESS else True

    def _is_given(self, tale: Tale, action: Action, given: dict[str, Any]) -> bool:
        needs = NEEDS[action]
        return not (
            (Given.OPINION in needs and not given.get("opinion"))
            or (Given.DEPARTMENT in needs and not given.get("department"))
            or (Given.PARTS in needs and not given.get("parts"))
            or (
                Given.RESUME_BY in needs and not at(self.minute) < given["resume_at"] <= at(self.minute + 365 * DAY_MIN)
            )
            or (Given.ORIGINAL in needs and not self._leads_on(tale, given["to"]))
            or (action is A.REVIEW and given.get("is_granted") is None)
        )

    def _leads_on(self, tale: Tale, to: Tale) -> bool:
        """Whether one may be merged into the other."""
        return to.status not in OVER and all(to is not other for other in (tale, *self.parts(tale)))

    def parts(self, tale: Tale) -> list[Tale]:
        return [other for other in self.tales if other.whole is tale]

    def _is_open(self, tale: Tale, action: Action, who: str) -> bool:
        return {
            A.CONFIRM: not tale.is_confirmed,
            A.ACCEPT: tale.class_code != "0102" or tale.is_confirmed,
            A.MERGE: all(other.original is not tale for other in self.tales),
            A.VERIFY: all(part.status in OVER for part in self.parts(tale)),
            A.REWORK: tale.department is None,
            A.SUSPEND: tale.suspensions == 0,
            A.SUPERVISE: not tale.is_supervised,
            A.RELEASE: tale.is_supervised,
            A.REOPEN: tale.whole is None or tale.whole.status is not S.CLOSED,
            A.EXTEND: tale.extensions < 2 and tale.asked_by is None and self.minute <= tale.settle_by,
            A.GRANT: tale.asked_by not in {None, who},
            A.DENY: tale.asked_by not in {None, who},
            A.APPEAL: tale.appealed_by is None and tale.resolved_at is not None and tale.resolved_at > tale.settle_by,
            A.REVIEW: tale.is_appeal_open and who not in {tale.appealed_by, *(name for name, _ in tale.reviews)},
        }.get(action, True)

    def take(  # noqa: C901, PLR0912, PLR0915  one case for each action
        self, tale: Tale, action: Action, who: str, given: dict[str, Any], to: Status
    ) -> None:
        """The step passed and led to `to`."""
        now, walk = self.minute, tale.walk
        match action:
            case A.CONFIRM:
                tale.is_confirmed = True
            case A.SUSPEND:
                walk.stop()
                tale.suspensions += 1
                tale.resume_by = int((given["resume_at"] - NOW) / MINUTE)
            case A.RESUME:
                walk.go_on()
                tale.department = tale.returned_by = tale.resume_by = None
            case A.DISPATCH:
                walk.go_on()
                tale.returned_by = None
            case A.RETURN if tale.department is not None:
                walk.stop()
                tale.returned_by, tale.department = tale.department, None
            case A.TRANSFER:
                tale.department = given["department"]
                if tale.returned_by in {None, tale.department}:
                    walk.go_on()
                else:
                    walk.begin()
                tale.returned_by = tale.resolved_at = None
            case A.MERGE:
                walk.go_on()
                tale.original, tale.returned_by = given["to"], None
            case A.REWORK:
                tale.reworks += 1
                tale.resolved_at = None
            case A.RESOLVE:
                tale.resolved_at = now
            case A.SUPERVISE | A.RELEASE:
                tale.is_supervised = action is A.SUPERVISE
            case A.EXTEND:
                tale.asked_by = who
            case A.GRANT:
                walk.budget += walk.whole
                tale.extensions += 1
                tale.asked_by = None
            case A.DENY:
                tale.asked_by = None
            case A.APPEAL:
                tale.appealed_by = who
            case A.REVIEW:
                tale.reviews.append((who, given["is_granted"]))
                tale.is_exempt = len(tale.reviews) == 2 and given["is_granted"]
            case A.REOPEN:
                walk.begin()
                tale.extensions, tale.is_exempt = 0, False
                tale.original = tale.department = tale.returned_by = tale.resolved_at = None
            case _:
                pass
        if walk.stopped_at is None or walk.left <= 0:
            tale.settle_by = walk.deadline()
        self.come_to(tale, to)

    def come_to(self, tale: Tale, to: Status, *, again: bool = False) -> None:
        """Another status begins its stage now; `again`, the same one does too."""
        if to is not tale.status or again:
            tale.stage_since = self.minute
        if to in OVER:
            tale.asked_by = None
        tale.status = to


_OF = "incident_id = (SELECT id FROM incident WHERE no = :no)"
_STEP = "INSERT INTO incident_step (incident_id, action, from_status, to_status, actor, actor_name, at, opinion, hash)"
FORGERIES = [
    "UPDATE incident SET status = :status WHERE no = :no",
    """UPDATE incident SET status = :status, resolved_at = now(), closed_at = now(), merged_into = 1, remaining_s = 1,
        resume_by = now(), department_code = 'ZJ' WHERE no = :no""",
    "UPDATE incident SET extensions = 3 WHERE no = :no",
    "UPDATE incident SET is_exempt = true WHERE no = :no",
    "UPDATE incident SET no = 'QA0' WHERE no = :no",
    f"{_STEP} SELECT id, 'by hand', status, :status, 'x', '', now(), '', '' FROM incident WHERE no = :no",
    f"{_STEP} SELECT id, 'by hand', :status, :status, 'x', '', now(), '', '' FROM incident WHERE no = :no",
    f"UPDATE incident_step SET opinion = '' WHERE {_OF}",
    f"DELETE FROM incident_step WHERE {_OF}",
    f"UPDATE assignment SET ended_at = now(), status = 'done' WHERE slot = 1 AND ended_at IS NULL AND {_OF}",
    """INSERT INTO assignment (incident_id, slot, worker_id, status, is_override, reason, distance_m, dispatched_by,
        dispatched_at, end_reason)
    SELECT i.id, 1, r.worker_id, 'sent', false, '', 0, 'x', now(), ''
    FROM incident AS i, (SELECT min(worker_id) AS worker_id FROM responder) AS r WHERE i.no = :no""",
    f"""UPDATE extension_request SET decided_by = asked_by, decided_at = now(), is_granted = true
    WHERE decided_by IS NULL AND {_OF}""",
    f"""UPDATE appeal SET second_by = 'x', second_granted = true, second_at = now()
    WHERE first_granted IS NOT TRUE AND {_OF}""",
]
"""What somebody with the product's role and an SQL prompt would try. None of it may come about."""

"""What became of each incident: its steps, who was sent, and where it stands.

Each step is asked of `governance.lifecycle`, as a command would, so no course can hold one that the product refuses.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import log

from numpy.random import Generator

from db.calendar import Clockwork
from db.demo.history import Occurrence
from db.demo.odds import Odds
from db.demo.roster import Place, Roster
from governance.deadlines import Limit, remaining_s, resumed
from governance.incident import AssignmentStatus, Source, Status
from governance.lifecycle import INSTANT, Action, step

_CENTRE = ("dispatcher", "指挥中心")
"""Account and display name of whoever sat at the desk."""
_OPINIONS = {
    Action.REJECT: ("不属于受理范围，已告知反映人。", "经核实情况不属实。", "信息不全且无法联系反映人。"),
    Action.RESOLVE: (
        "已现场处置完毕。",
        "已协调物业处理完成。",
        "已联系责任单位修复，现场恢复正常。",
        "已劝导整改到位。",
    ),
    Action.VERIFY: ("现场核查通过。", "回访满意。", ""),
    Action.REWORK: ("核查未通过，问题仍存在。", "反映人不满意，请继续处理。"),
    Action.TRANSFER: ("转住建部门办理。", "转城市管理执法部门办理。", "转供热企业办理。"),
    Action.SUSPEND: ("等待备件到货，暂缓处理。", "需天气好转后施工。"),
    Action.RETURN: ("不在本人职责范围，申请另派。",),
    Action.MERGE: ("与已有事件重复，合并处理。",),
}
_MEDIAN_MIN = {
    Action.ACCEPT: 4.5,
    Action.DISPATCH: 4.0,
    Action.ACKNOWLEDGE: 2.2,
    Action.ARRIVE: 9.5,
    Action.VERIFY: 13.0,
    Action.REWORK: 18.0,
    Action.REJECT: 9.0,
    Action.MERGE: 6.0,
    Action.TRANSFER: 8.0,
    Action.SUSPEND: 25.0,
    Action.RESUME: 600.0,
    Action.RETURN: 12.0,
}
_SPREAD = 0.6
_PUT_OFF = timedelta(days=7)
_OVERDUE = 0.055
"""The share that is settled after its deadline."""
_ENDINGS = Odds.of(
    {"settled": 0.885, "rejected": 0.03, "rework": 0.04, "transferred": 0.025, "merged": 0.012, "resumed": 0.008}
)
_WORK = (Action.ACCEPT, Action.DISPATCH, Action.ACKNOWLEDGE, Action.ARRIVE)
_COURSES: dict[str, tuple[Action, ...]] = {
    "settled": (*_WORK, Action.RESOLVE, Action.VERIFY),
    "rejected": (Action.REJECT,),
    "rework": (*_WORK, Action.RESOLVE, Action.REWORK, Action.RESOLVE, Action.VERIFY),
    "transferred": (Action.ACCEPT, Action.TRANSFER, Action.RESOLVE, Action.VERIFY),
    "merged": (Action.MERGE,),
    "resumed": (*_WORK, Action.SUSPEND, Action.RESUME, *_WORK[1:], Action.RESOLVE, Action.VERIFY),
}
_STILL_OPEN: tuple[tuple[int, tuple[Action, ...]], ...] = (
    (4, ()),
    (3, (Action.ACCEPT,)),
    (3, _WORK[:2]),
    (5, _WORK[:3]),
    (33, _WORK),
    (6, (*_WORK, Action.RESOLVE)),
    (2, (*_WORK, Action.SUSPEND)),
    (1, (*_WORK[:3], Action.RETURN)),
    (2, (Action.ACCEPT, Action.TRANSFER)),
    (1, (*_WORK, Action.RESOLVE, Action.REWORK)),
)
"""How many of the open ones stand after which steps."""
_LONG_OPEN = 0.16
"""The share of open ones whose deadline has passed."""
_AGE_MIN = ((0.5, 13.0), (6.0, 22.0), (9.0, 30.0), (12.0, 45.0), (25.0, 4_300.0))
"""How long ago the open ones were reported, by how many steps they have behind them."""
_MOST_TRIES = 14
_ENDS_SENDING = {Action.RESOLVE, Action.SUSPEND, Action.RETURN}
_REPORTERS = {
    Source.SNAPSHOT: ("snapshot", "随手拍"),
    Source.HOTLINE: ("hotline", "12345热线"),
    Source.DEVICE: ("device", "智能设备"),
    Source.DEPARTMENT: ("department", "部门"),
}
_BY_WORKER = {Action.ACKNOWLEDGE, Action.ARRIVE, Action.RESOLVE, Action.SUSPEND, Action.RETURN}


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenStep:
    """One row of an incident's history."""

    action: str
    from_status: Status | None
    to_status: Status
    actor: str
    actor_name: str
    at: datetime
    opinion: str


@dataclass(slots=True, kw_only=True)
class Sending:
    """One assignment; `worker` is the worker's place in the roster."""

    worker: int
    distance_m: float
    dispatched_at: datetime
    status: AssignmentStatus = AssignmentStatus.SENT
    acknowledged_at: datetime | None = None
    arrived_at: datetime | None = None
    ended_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Course:
    """An occurrence and what became of it so far."""

    occurrence: Occurrence
    settle_by: datetime
    stage_since: datetime
    status: Status = Status.REPORTED
    department: str | None = None
    remaining_s: float | None = None
    resume_by: datetime | None = None
    suspensions: int = 0
    reworks: int = 0
    due_at: datetime | None = None
    marks: tuple[datetime | None, datetime | None] = (None, None)
    instants: dict[str, datetime] = field(default_factory=dict)
    steps: list[TakenStep] = field(default_factory=list)
    sendings: list[Sending] = field(default_factory=list)


@dataclass(slots=True, kw_only=True)
class Storyteller:
    """Lives incidents through, on the deployment's clocks and with its workers."""

    roster: Roster
    clocks: Clockwork
    limits: Mapping[str, Limit]
    """By class code."""
    departments: Sequence[str]
    rng: Generator

    def settled(self, occurrence: Occurrence, xy: Place, *, now: datetime) -> Course:
        """A course that came to its end before `now`; `xy` is the place in the metric SRID."""
        actions = _COURSES[_ENDINGS.draw(self.rng)]
        course = self._begin(occurrence)
        instants = self._instants(occurrence.at, course.settle_by, actions)
        latest = now - timedelta(minutes=float(self.rng.uniform(2, 40)))
        plot = zip(actions, _compressed(instants, occurrence.at, latest), strict=True)
        self._live(course, xy, list(plot), is_history=True)
        return course

    def still_open(self, occurrences: Sequence[Occurrence], places: Sequence[Place], *, now: datetime) -> list[Course]:
        """Courses that have not ended at `now`; their reports are moved to when it fits where they stand."""
        stages = [actions for count, actions in _STILL_OPEN for _ in range(count)]
        plots = [stages[i * len(stages) // len(occurrences)] for i in range(len(occurrences))]
        courses = []
        for occurrence, xy, actions in zip(occurrences, places, plots, strict=True):
            is_late = bool(self.rng.random() < _LONG_OPEN) and len(actions) >= len(_WORK)
            low, high = _AGE_MIN[min(len(actions), len(_WORK))]
            age = timedelta(minutes=float(self.rng.uniform(low, high)))
            course = self._begin(replace(occurrence, at=now - age))
            for _ in range(_MOST_TRIES):
                if len(actions) < len(_WORK) or (course.settle_by < now) == is_late:
                    break
                age = age * 1.5 if is_late else age / 1.5
                course = self._begin(replace(occurrence, at=now - age))
            instants = self._instants(course.occurrence.at, course.settle_by, actions)
            if actions[-1:] == (Action.RESOLVE,):
                instants[-1] = max(instants[-2], now - timedelta(minutes=float(self.rng.uniform(2, 26))))
            latest = course.occurrence.at + 0.93 * (now - course.occurrence.at)
            plot = zip(actions, _compressed(instants, course.occurrence.at, latest), strict=True)
            self._live(course, xy, list(plot), is_history=False)
            courses.append(course)
        return courses

    def _begin(self, occurrence: Occurrence) -> Course:
        settle_by = self.clocks.settle_by(occurrence.at, self.limits[occurrence.matter.kind.code])
        return Course(occurrence=occurrence, settle_by=settle_by, stage_since=occurrence.at)

    def _instants(self, start: datetime, settle_by: datetime, actions: Sequence[Action]) -> list[datetime]:
        """When each action was taken if nothing pressed."""
        at, instants = start, []
        for action in actions:
            if action is Action.RESOLVE:
                share = min(max(self.rng.lognormal(log(0.27), 0.7), 0.02), 0.96)
                if self.rng.random() < _OVERDUE:
                    share = float(self.rng.uniform(1.02, 2.1))
                at = max(at + timedelta(minutes=float(self.rng.uniform(6, 20))), start + share * (settle_by - start))
            else:
                at += timedelta(minutes=float(self.rng.lognormal(log(_MEDIAN_MIN[action]), _SPREAD)))
            instants.append(at)
        return instants

    def _live(self, course: Course, xy: Place, plot: Sequence[tuple[Action, datetime]], *, is_history: bool) -> None:
        occurrence = course.occurrence
        reporter = _REPORTERS.get(occurrence.matter.source, _CENTRE)
        course.steps.append(_taken("report", None, Status.REPORTED, reporter, at=occurrence.at, opinion=""))
        entered = occurrence.at
        for action, entered in plot:
            transition = step(course.status, action)
            sending = course.sendings[-1] if course.sendings else None
            if action is Action.DISPATCH:
                worker, distance_m = self.roster.send(
                    xy, occurrence.matter.kind.skills, is_history=is_history, rng=self.rng
                )
                course.sendings.append(Sending(worker=worker, distance_m=distance_m, dispatched_at=entered))
            elif sending is not None:
                _follow(course, sending, action, entered)
                if action in _ENDS_SENDING and not is_history:
                    self.roster.release(sending.worker)
                if action is Action.REWORK and not is_history:
                    self.roster.resume(sending.worker)
            actor = _CENTRE
            if action in _BY_WORKER and course.sendings:
                actor = self.roster.actor(course.sendings[-1].worker)
            opinions = _OPINIONS.get(action, ("",))
            opinion = str(opinions[int(self.rng.integers(len(opinions)))])
            if action in INSTANT:
                course.instants[INSTANT[action]] = entered
            course.steps.append(_taken(action, course.status, transition.to_status, actor, at=entered, opinion=opinion))
            if transition.to_status is not course.status:
                course.stage_since = entered
            course.status = transition.to_status
            self._keep_time(course, action, entered)
        course.due_at = self.clocks.due_at(
            course.status, entered_at=course.stage_since, settle_by=course.settle_by, resume_by=course.resume_by
        )
        course.marks = self.clocks.marks(
            course.status,
            entered_at=course.stage_since,
            due_at=course.due_at,
            settle_by=course.settle_by,
            limit=self.limits[occurrence.matter.kind.code],
        )

    def _keep_time(self, course: Course, action: Action, at: datetime) -> None:
        """What the action means for the clock of the whole matter, as `db.calendar` has it."""
        limit, calendar = self.limits[course.occurrence.matter.kind.code], self.clocks.calendar
        match action:
            case Action.SUSPEND:
                course.remaining_s = remaining_s(at, course.settle_by, limit.clock, calendar)
                course.resume_by, course.suspensions = at + _PUT_OFF, course.suspensions + 1
            case Action.RESUME if course.remaining_s is not None:
                course.settle_by = resumed(at, course.remaining_s, course.settle_by, limit.clock, calendar)
                course.remaining_s = course.resume_by = None
            case Action.TRANSFER:
                course.department = self.departments[int(self.rng.integers(len(self.departments)))]
            case Action.REWORK:
                course.reworks += 1
            case _:
                pass


def _follow(course: Course, sending: Sending, action: Action, at: datetime) -> None:
    """What the action means for who was sent, as `db.steps` has it."""
    match action:
        case Action.ACKNOWLEDGE:
            sending.status, sending.acknowledged_at = AssignmentStatus.ACKNOWLEDGED, at
        case Action.ARRIVE:
            sending.status, sending.arrived_at = AssignmentStatus.ARRIVED, at
        case Action.RESOLVE if sending.ended_at is None:
            sending.status, sending.ended_at = AssignmentStatus.DONE, at
        case Action.SUSPEND | Action.RETURN:
            sending.status, sending.ended_at = AssignmentStatus.WITHDRAWN, at
        case Action.REWORK:
            course.sendings.append(
                Sending(
                    worker=sending.worker,
                    distance_m=sending.distance_m,
                    dispatched_at=at,
                    status=AssignmentStatus.ARRIVED,
                    acknowledged_at=at,
                    arrived_at=at,
                )
            )
        case _:
            pass


def _compressed(instants: Sequence[datetime], start: datetime, latest: datetime) -> list[datetime]:
    """The same instants, drawn together so that the last one is no later than `latest`."""
    if not instants or instants[-1] <= latest:
        return list(instants)
    factor = max((latest - start) / (instants[-1] - start), 0.0)
    return [start + factor * (at - start) for at in instants]


def _taken(
    action: str, from_status: Status | None, to_status: Status, actor: tuple[str, str], *, at: datetime, opinion: str
) -> TakenStep:
    return TakenStep(
        action=action,
        from_status=from_status,
        to_status=to_status,
        actor=actor[0],
        actor_name=actor[1],
        at=at,
        opinion=opinion,
    )

"""Incidents walked at random by HTTP, by objects and by SQL, with a model kept beside them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select, text
from sqlalchemy.exc import IntegrityError, ProgrammingError

import db.accounts
from api.app import Context, application
from db import models, replacements
from db.feed import ChangeFeed
from db.session import Database
from db.settings import Settings
from governance.access import SYSTEM, Permission, Role
from governance.deadlines import Clock
from governance.incident import Status
from governance.lifecycle import Action, Given
from tests.api.conftest import BASE_URL, NOW, RUSONG, load_town, report
from tests.images import image
from tests.lifecycle import LEADS_TO, MAY, NEEDS
from tests.walks import Walk

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette asks for httpx2, which the lock doesn't hold yet
    from starlette.testclient import TestClient

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
            or (Given.ORIGINAL in needs and (given["to"] is tale or given["to"].status is S.MERGED))
            or (action is A.REVIEW and given.get("is_granted") is None)
        )

    def _is_open(self, tale: Tale, action: Action, who: str) -> bool:
        parts = [other for other in self.tales if other.whole is tale]
        return {
            A.CONFIRM: not tale.is_confirmed,
            A.ACCEPT: tale.class_code != "0102" or tale.is_confirmed,
            A.MERGE: all(other.original is not tale for other in self.tales),
            A.VERIFY: all(part.status in OVER for part in parts),
            A.REWORK: tale.department is None,
            A.SUSPEND: tale.suspensions == 0,
            A.SUPERVISE: not tale.is_supervised,
            A.RELEASE: tale.is_supervised,
            A.EXTEND: tale.extensions < 2 and tale.asked_by is None,
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
                tale.extensions = 0
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


KINDS = {"step": 12, "wait": 3, "report": 2, "time_out": 1, "hand_over": 1, "by_objects": 2, "by_sql": 3}
"""What may happen next, and how often."""

Draw = Callable[[st.SearchStrategy[Any]], Any]


class Hand:
    """The town, its door, and everybody's tokens."""

    def __init__(self, database: Database) -> None:
        self.database, self.now = database, NOW
        context = Context(database=database, feed=ChangeFeed(database), settings=Settings(), clock=lambda: self.now)
        app = application(context)
        self.clients = {
            name: TestClient(
                app,
                base_url=BASE_URL,
                headers={
                    "Authorization": "Bearer "
                    + db.accounts.create_token(
                        database,
                        SYSTEM,
                        name=name,
                        role=role,
                        grid_prefix=RUSONG if role is Role.OFFICER else "",
                        now=NOW,
                    )
                },
            )
            for name, role in PEOPLE.items()
        }

    def clear(self) -> None:
        """Nothing has happened yet."""
        with self.database.engine.begin() as connection:
            connection.execute(text("SET LOCAL session_replication_role = replica"))
            connection.execute(
                text("TRUNCATE incident, incident_step, assignment, recommendation, extension_request, appeal CASCADE")
            )
            connection.execute(text("UPDATE responder SET load = 0, finished_at = NULL"))


@pytest.fixture(scope="module")
def hand(server: Any, empty_template: str) -> Iterator[Hand]:
    """A town of four workers, so that at times nobody is free, with two departments and a class that is checked."""
    with server.clone(empty_template) as database:
        load_town(database)
        with database.engine.begin() as connection:
            connection.execute(text("INSERT INTO department VALUES ('ZJ', '住建局'), ('CG', '城管局')"))
            connection.execute(
                text(
                    """INSERT INTO incident_class (code, major_code, major_name, name, domain, skills,
                        default_severity, limit_amount, limit_clock, is_sensitive, needs_check, needs_photo)
                    VALUES ('0102', '01', '市容环境', '积雪', 'general', '{}', 3, 4, 'urgent_hour', false, true,
                        false)"""
                )
            )
        yield Hand(database)


def broken_links(database: Database) -> list[int]:
    """Steps whose hash, reckoned here, isn't theirs, or that don't go on where the last one ended."""
    with database.engine.connect() as connection:
        rows = connection.execute(
            text(
                """SELECT id, incident_id, action, from_status, to_status, actor, actor_name,
                    extract(epoch FROM at)::text AS epoch, opinion, previous_hash, hash
                FROM incident_step ORDER BY incident_id, id"""
            )
        ).all()
    broken, last = [], None
    for row in rows:
        if last is None or last.incident_id != row.incident_id:
            last = None
        strings = [row.incident_id, row.action, row.from_status, row.to_status, row.actor, row.actor_name]
        told = ", ".join(json.dumps(value, ensure_ascii=False) for value in strings)
        told = f"[{told}, {row.epoch}, {json.dumps(row.opinion, ensure_ascii=False)}]"
        before = b"" if last is None else last.hash
        is_whole = row.hash == hashlib.sha256(before + told.encode()).digest() and (row.previous_hash or b"") == before
        follows = row.from_status == (None if last is None else last.to_status)
        leads = last is None or row.to_status in {row.from_status, *LEADS_TO[Status(row.from_status)].values()}
        if not (is_whole and follows and leads):
            broken.append(row.id)
        last = row
    return broken


class Walker(RuleBasedStateMachine):
    """The walk. Its class attribute `hand` is the town."""

    hand: Hand

    @initialize(line=st.sampled_from(LINES), ahead=st.integers(2, 8))
    def begin(self, line: tuple[Action | None, ...], ahead: int) -> None:
        self.hand.clear()
        self.hand.now, self.model = NOW, Model()
        self._report("0101", "one")
        tale = self.model.tales[0]
        for action in line[:ahead]:
            if action is None:
                self.model.wait(7 * DAY_MIN)
                self.hand.now = at(self.model.minute)
            elif action is A.DISPATCH:
                self._dispatch(tale, "one")
            else:
                given = {"opinion": "已核实", "department": "ZJ", "to": tale}
                self._step(tale, action, "one", given | {"resume_at": self.hand.now + 2 * DAY_MIN * MINUTE})
        self._report("0101", "one")

    @rule(
        kind=st.sampled_from([kind for kind, weight in KINDS.items() for _ in range(weight)]),
        data=st.data(),
    )
    def go(self, kind: str, data: st.DataObject) -> None:
        """One rule for all: of several, Hypothesis would leave some out of each walk, and walks would lead nowhere."""
        getattr(self, kind)(data.draw)

    def report(self, draw: Draw) -> None:
        if len(self.model.tales) < MOST_INCIDENTS:
            self._report(draw(st.sampled_from(sorted(LIMIT_MIN))), draw(st.sampled_from(["one", "street"])))

    def _report(self, class_code: str, who: str) -> None:
        answer = self.hand.clients[who].post("/api/incidents", json=report(**{"class": class_code}))
        assert answer.status_code == 201, answer.text
        self.model.add(answer.json()["no"], class_code)

    def wait(self, draw: Draw) -> None:
        self.model.wait(draw(st.sampled_from([1, 6, 40, 3 * 60, 15 * 60, 3 * DAY_MIN])))
        self.hand.now = at(self.model.minute)

    def draw_tale(self, draw: Draw) -> Tale:
        return draw(st.sampled_from(self.model.tales))

    def must_change_nothing(self, tale: Tale, attempt: Callable[[], None]) -> None:
        before = image(self.hand.database, tale.no)
        attempt()
        assert image(self.hand.database, tale.no) == before

    def step(self, draw: Draw) -> None:
        """Mostly a step that passes, often the one that leads on, now and then any other."""
        for _ in range(2):
            tale = self.draw_tale(draw)
            who = draw(st.sampled_from(["one"] * 4 + ["two"] * 4 + ["chief"] * 3 + ["street", "onlooker"]))
            given = self.draw_given(draw)
            here = list(LEADS_TO[tale.status])
            passing = [action for action in here if self.model.expects(tale, action, who, given) is not False]
            onward = [action for action in FORWARD if action in passing] or here
            pool = draw(st.sampled_from([passing or here] * 4 + [onward] * 5 + [here, list(Action)]))
            action = draw(st.sampled_from(pool))
            if action is A.DISPATCH:
                self._dispatch(tale, who)
            elif action is not A.SPLIT or len(self.model.tales) < MOST_INCIDENTS:
                self._step(tale, action, who, given)

    def draw_given(self, draw: Draw) -> dict[str, Any]:
        """What comes with a step, and in most cases is enough for it."""
        given = {
            "opinion": "已核实",
            "department": draw(st.sampled_from(DEPARTMENTS)),
            "is_granted": draw(st.sampled_from([True, True, True, False, None])),
            "parts": [report()],
            "to": self.draw_tale(draw),
            "resume_at": at(self.model.minute + DAY_MIN * draw(st.sampled_from([0, 2, 2, 365, 366]))),
        }
        given.pop(draw(st.sampled_from([None] * 12 + ["opinion", "department", "parts"])), None)
        return given

    def _step(self, tale: Tale, action: Action, who: str, given: dict[str, Any]) -> None:
        sent = {name: value for name, value in given.items() if name not in {"to", "resume_at"}}
        sent |= {"action": action.value, "original": given["to"].no, "resume_by": given["resume_at"].isoformat()}
        expected = self.model.expects(tale, action, who, given)
        before = image(self.hand.database, tale.no) if expected is not True else None
        answer = self.hand.clients[who].post(f"/api/incidents/{tale.no}/steps", json=sent)
        assert answer.status_code in {200, 403, 404, 409, 422}, answer.text
        assert expected in {None, answer.status_code == 200}, (action, tale, answer.text)
        if answer.status_code != 200:
            assert image(self.hand.database, tale.no) == before
            return
        to = Status(answer.json()["status"])
        self._took(tale, action, who, given, to)
        if action is A.SPLIT:
            self.model.add(max(answer.json()["parts"]), "0101", whole=tale)

    def _took(self, tale: Tale, action: Action, who: str, given: dict[str, Any], to: Status) -> None:
        if action is A.REFUSE:
            # The next candidate is on the way at once, or nobody is left and the desk decides.
            assert to in {S.DISPATCHED, S.RETURNED}
            self.model.come_to(tale, to, again=True)
            return
        assert to is LEADS_TO[tale.status][action]
        self.model.take(tale, action, who, given, to)

    def _dispatch(self, tale: Tale, who: str) -> None:
        """One key: accepts what was only reported, and sends somebody, where somebody is free."""
        from_here = {S.ACCEPTED, S.RETURNED}
        if tale.class_code != "0102" or tale.is_confirmed:
            from_here.add(S.REPORTED)
        before = image(self.hand.database, tale.no)
        answer = self.hand.clients[who].post(f"/api/incidents/{tale.no}/dispatch", json={})
        if tale.status not in from_here or PEOPLE[who] is Role.VIEWER:
            assert answer.status_code in {403, 409}, answer.text
        assert answer.status_code in {200, 403, 409}, answer.text
        if answer.status_code == 200:
            self.model.take(tale, A.DISPATCH, who, {}, S.DISPATCHED)
        else:
            assert image(self.hand.database, tale.no) == before

    def time_out(self, _: Draw) -> None:
        """Nobody answers in time: somebody else goes, or the same waits on, or the desk decides."""
        open_before = {tale.no: tale for tale in self.model.tales if tale.status is S.DISPATCHED}
        touched = replacements.time_out(self.hand.database, now=self.hand.now)
        assert set(touched) <= {tale.no for tale in self.model.tales if tale.status in {S.DISPATCHED, S.PROCESSING}}
        for no in touched:
            if no in open_before:
                to = Status(self._row(no).status)
                assert to in {S.DISPATCHED, S.RETURNED}
                self.model.come_to(open_before[no], to, again=True)

    def hand_over(self, draw: Draw) -> None:
        """A shift ends: what somebody else can take is on the way again, the rest stays where it is."""
        worker = draw(st.sampled_from(["W31", "W32", "W11", "W12"]))
        answer = self.hand.clients["one"].post(f"/api/workers/{worker}/hand-over")
        assert answer.status_code == 200, answer.text
        for tale in self.model.tales:
            if tale.no in answer.json()["passed_on"]:
                to = Status(self._row(tale.no).status)
                assert tale.status in {S.DISPATCHED, S.PROCESSING}
                assert to in {S.DISPATCHED, tale.status}
                self.model.come_to(tale, to)

    def _row(self, no: str) -> Any:
        with self.hand.database.engine.connect() as connection:
            return connection.execute(text("SELECT * FROM incident WHERE no = :no"), {"no": no}).one()

    def by_objects(self, draw: Draw) -> None:
        """A session of the product sets attributes as it likes; without a step nothing of it is kept."""
        tale = self.draw_tale(draw)
        status = draw(st.sampled_from([status for status in Status if status is not tale.status]))
        instants = draw(st.sets(st.sampled_from(["resolved_at", "closed_at", "resume_by"])))
        values = {"extensions": 3, "is_exempt": True, "no": "QA0", "remaining_s": 5.0, "department_code": "ZJ"}
        name = draw(st.sampled_from([None, *values]))

        def change() -> None:
            with self.hand.database.session(SYSTEM) as session:
                found = session.scalars(select(models.Incident).where(models.Incident.no == tale.no)).one()
                for attribute in instants:
                    setattr(found, attribute, NOW + MINUTE)
                if name is not None:
                    setattr(found, name, values[name])
                found.status = status

        def attempt() -> None:
            with pytest.raises(IntegrityError):
                change()

        self.must_change_nothing(tale, attempt)

    def by_sql(self, draw: Draw) -> None:
        """The product's role at an SQL prompt: the database refuses, or there was nothing to change."""
        tale, forgery = self.draw_tale(draw), draw(st.sampled_from(FORGERIES))
        near = [status for status in LEADS_TO[tale.status].values() if status is not tale.status]
        status = draw(st.sampled_from(near * 2 + [status for status in Status if status is not tale.status]))
        if "is_exempt" in forgery and tale.is_exempt:
            return

        def attempt() -> None:
            try:
                with self.hand.database.session(SYSTEM) as session:
                    reached = session.execute(text(forgery), {"no": tale.no, "status": status}).rowcount
            except (IntegrityError, ProgrammingError):
                return
            assert reached == 0, forgery

        self.must_change_nothing(tale, attempt)

    @invariant()
    def the_model_and_the_rows_agree(self) -> None:
        """Status, deadlines, counts and flags of every incident are the model's."""
        with self.hand.database.engine.connect() as connection:
            rows = {row.no: row for row in connection.execute(text("SELECT * FROM incident"))}
        assert set(rows) == {tale.no for tale in self.model.tales}
        for tale in self.model.tales:
            row, due = rows[tale.no], tale.due()
            assert row.status == tale.status
            assert row.is_open is (tale.status not in OVER)
            assert row.due_at == (None if due is None else at(due)), tale
            is_stopped = tale.walk.stopped_at is not None
            assert (row.remaining_s is not None) is is_stopped
            if is_stopped and tale.walk.left > 0:
                assert row.remaining_s == pytest.approx(60 * tale.walk.left)
            else:
                assert row.settle_by == at(tale.settle_by), tale
            counts = (row.suspensions, row.extensions, row.reworks, row.is_supervised, row.is_exempt)
            mine = (tale.suspensions, tale.extensions, tale.reworks, tale.is_supervised, tale.is_exempt)
            assert counts == mine
            assert row.department_code == tale.department

    @invariant()
    def history_is_whole(self) -> None:
        """Each chain's hashes, reckoned in Python, are theirs; each step leads on along the lifecycle."""
        assert broken_links(self.hand.database) == []

    @invariant()
    def loads_are_the_active_assignments(self) -> None:
        """Nobody is booked for what they don't do, nor does what they aren't booked for; whoever is sent has a lead."""
        with self.hand.database.engine.connect() as connection:
            wrong = connection.execute(
                text(
                    """SELECT r.worker_id, r.load FROM responder AS r WHERE r.load <> (
                        SELECT count(*) FROM assignment AS a WHERE a.worker_id = r.worker_id AND a.ended_at IS NULL)
                    UNION ALL
                    SELECT i.id, count(a.id) FILTER (WHERE a.slot = 1)
                    FROM incident AS i LEFT JOIN assignment AS a ON a.incident_id = i.id AND a.ended_at IS NULL
                    GROUP BY i.id
                    HAVING (i.status IN ('dispatched', 'processing'))::int <> count(a.id) FILTER (WHERE a.slot = 1)
                        OR i.status NOT IN ('dispatched', 'processing') AND count(a.id) > 0"""
                )
            ).all()
        assert wrong == []


def test_no_walk_leaves_the_lifecycle(hand: Hand):
    """By commands, objects or SQL, in any order: where incidents stand, and by when, is what the model says."""
    Walker.hand = hand
    run_state_machine_as_test(
        Walker,
        settings=settings(
            max_examples=30, stateful_step_count=20, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )

"""Incidents walked at random by HTTP, by objects and by SQL, with a model kept beside them."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Callable, Iterator
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
from governance.access import SYSTEM, Role
from governance.incident import Status
from governance.lifecycle import Action
from tests.api.conftest import BASE_URL, NOW, RUSONG, load_town, report
from tests.images import image, only_recommended
from tests.lifecycle import LEADS_TO

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette asks for httpx2, which the lock doesn't hold yet
    from starlette.testclient import TestClient

from tests.walkmodel import (
    DAY_MIN,
    DEPARTMENTS,
    FORGERIES,
    FORWARD,
    LIMIT_MIN,
    LINES,
    MINUTE,
    MOST_INCIDENTS,
    OVER,
    PEOPLE,
    A,
    Model,
    S,
    Tale,
    at,
)

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
            self._must_be_undone(tale, answer, before)
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
            self._must_be_undone(tale, answer, before)

    def _must_be_undone(self, tale: Tale, answer: Any, before: Any) -> None:
        """A refusal leaves no trace; where nobody could be sent, the recommendation that says why alone is kept."""
        after = image(self.hand.database, tale.no)
        if answer.json()["code"] == "nobody_eligible":
            assert only_recommended(before, after)
        else:
            assert after == before

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
            with pytest.raises((IntegrityError, ProgrammingError)):
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
        settings=settings(max_examples=16, stateful_step_count=20, suppress_health_check=list(HealthCheck)),
    )

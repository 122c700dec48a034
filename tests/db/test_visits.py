"""Household visits and the needs that they raise: recorded, gathered, handed over, settled."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from db import handling, needs, visits
from db.session import Database
from db.steps import Particulars
from db.visits import NeedReport, VisitReport
from geo.errors import Conflict, InvalidInput, NotFound, NotPermitted, UnknownCode
from governance.access import Principal, Role
from governance.incident import Severity, Source, Status
from governance.lifecycle import Action
from governance.visit import NeedStatus, Urgency
from tests.people import DISPATCHER, OFFICER, PLANNER, RUSONG, VIEWER

LAMP = NeedReport(class_code="0206", text="楼道灯坏了半个月")
LEAK = NeedReport(class_code="0203", text="厨房水管漏水", urgency=Urgency.URGENT)


def household(database: Database, *, inside: str = "") -> str:
    with database.engine.connect() as connection:
        return connection.execute(
            text("SELECT code FROM household WHERE starts_with(grid_code, :inside) ORDER BY code DESC LIMIT 1"),
            {"inside": inside},
        ).scalar_one()


def visit(database: Database, *told: NeedReport, now: datetime, principal: Principal = DISPATCHER, **facts: object):
    report = {"household": household(database), "outcome": "met", "needs": told, **facts}
    return visits.record(database, principal, VisitReport(**report), now=now)


def need(database: Database, told: NeedReport = LAMP, *, now: datetime) -> needs.NeedRow:
    return visit(database, told, now=now).needs[0]


def again(database: Database, need_id: int) -> needs.NeedRow:
    with database.session(DISPATCHER) as session:
        return needs.rows(session, need_id=need_id)[0]


def test_a_visit_is_filed_with_its_needs(county: Database, now: datetime):
    """The household gives its building and grid; each need waits, gathered."""
    home = household(county)
    with county.engine.connect() as connection:
        building, grid, head = connection.execute(
            text(
                "SELECT b.code, b.grid_code, h.head_name FROM household h "
                "JOIN building b ON b.id = h.building_id WHERE h.code = :c"
            ),
            {"c": home},
        ).one()
    with county.session(DISPATCHER) as session:
        worker = visits.visitors(session, building)[0]
    filed = visit(county, LAMP, LEAK, now=now, worker=worker.code, note="老人独居")
    assert (filed.building_code, filed.grid_code, filed.head_full_name) == (building, grid, head)
    assert (filed.worker_full_name, filed.note, filed.visited_at) == (worker.full_name, "老人独居", now)
    assert [(n.text, n.status) for n in filed.needs] == [
        (LAMP.text, NeedStatus.GATHERED),
        (LEAK.text, NeedStatus.GATHERED),
    ]


def test_a_visit_may_be_filed_for_a_year(county: Database, now: datetime):
    """What was noted on paper a year ago is taken; a visit of before that is a mistyped year."""
    assert visit(county, now=now, visited_at=now - timedelta(days=365)).visited_at == now - timedelta(days=365)
    with pytest.raises(InvalidInput) as refused:
        visit(county, now=now, visited_at=now - timedelta(days=367))
    assert refused.value.field == "visited_at"


def test_a_building_without_households_on_file_is_visited_too(karhula: Database, now: datetime):
    """Where nobody's household is on file, the building alone is enough, and its need becomes an incident there."""
    with karhula.engine.connect() as connection:
        code = connection.execute(text("SELECT code FROM building ORDER BY code LIMIT 1")).scalar_one()
    told = VisitReport(building=code, outcome="met", needs=(LAMP,))
    filed = visits.record(karhula, DISPATCHER, told, now=now)
    assert filed.household_code is None
    assert needs.hand_over(karhula, DISPATCHER, filed.needs[0].id, now=now).source is Source.VISIT


def test_a_visit_sent_twice_is_filed_once(county: Database, now: datetime):
    """The same key of the same account gives the visit that was filed, needs and all."""
    first = visit(county, LAMP, now=now, request_key="k")
    assert visit(county, LAMP, now=now, request_key="k") == first
    assert visit(county, LAMP, now=now, request_key="other").id != first.id


def test_handing_over_opens_an_incident_at_the_building(county: Database, now: datetime):
    """Source, class, words and building are the need's; the flat stays out of the address, an urgent need is graver."""
    told = need(county, LEAK, now=now)
    made = needs.hand_over(county, DISPATCHER, told.id, now=now)
    assert (made.source, made.class_code, made.description) == (Source.VISIT, "0203", LEAK.text)
    assert made.severity is Severity.II  # the class's own is III
    assert made.chain[0].code == told.grid_code
    assert told.building_name in made.title
    assert "单元" not in made.address + made.title
    assert made.reporter_name == told.head_full_name
    after = again(county, told.id)
    assert (after.status, after.incident_no, after.decided_by) == (NeedStatus.HANDED_OVER, made.no, "dispatcher")


def test_handing_over_twice_answers_the_same_incident(county: Database, now: datetime):
    """Eight officers press the button at once, each on a connection of their own: one incident, and all hear of it."""
    told = need(county, now=now)
    racers = [Database.open(county.url, pool_size=1) for _ in range(8)]
    gate = threading.Barrier(len(racers))

    def press(place: int) -> str:
        gate.wait()
        someone = Principal(account=f"officer{place}", role=Role.OFFICER)
        return needs.hand_over(racers[place], someone, told.id, now=now).no

    with ThreadPoolExecutor(len(racers)) as pool:
        numbers = set(pool.map(press, range(len(racers))))
    for racer in racers:
        racer.dispose()
    assert numbers == {again(county, told.id).incident_no}
    with county.engine.connect() as connection:
        opened = text("SELECT count(*) FROM incident WHERE source = 'visit' AND reported_at = :now")
        assert connection.execute(opened, {"now": now}).scalar_one() == 1


def test_a_need_is_closed_with_its_incident(county: Database, now: datetime):
    """Its status follows the incident's without being written: handed over, closed, and handed over again."""
    told = need(county, now=now)
    no = needs.hand_over(county, DISPATCHER, told.id, now=now).no
    for action in (Action.ACCEPT, Action.TRANSFER, Action.RESOLVE, Action.VERIFY):
        given = Particulars(opinion="已转供电公司", department="GD")
        handling.advance(county, DISPATCHER, no, action, now=now, given=given)
    assert (again(county, told.id).status, again(county, told.id).incident_status) == (
        NeedStatus.CLOSED,
        Status.CLOSED,
    )
    handling.advance(county, DISPATCHER, no, Action.REOPEN, now=now, opinion="又不亮了")
    assert again(county, told.id).status is NeedStatus.HANDED_OVER


def test_settling_on_the_spot_ends_it(county: Database, now: datetime):
    """It takes words, opens nothing, and can't be handed over or settled afterwards."""
    told = need(county, now=now)
    with pytest.raises(InvalidInput, match="how"):
        needs.settle(county, DISPATCHER, told.id, opinion="  ", now=now)
    done = needs.settle(county, DISPATCHER, told.id, opinion="换了灯泡", now=now)
    assert (done.status, done.opinion, done.incident_no) == (NeedStatus.SETTLED_ON_SPOT, "换了灯泡", None)
    with pytest.raises(Conflict):
        needs.hand_over(county, DISPATCHER, told.id, now=now)
    with pytest.raises(Conflict):
        needs.settle(county, DISPATCHER, told.id, opinion="再换一次", now=now)


def test_the_gathered_list_and_its_counts_agree(county: Database, now: datetime):
    """Per status, class and grid, the summary counts what the list holds, and urgent needs stand first."""
    visit(county, LAMP, LEAK, LAMP, now=now)
    for asked in ({}, {"grid": RUSONG}, {"statuses": ("gathered",)}, {"statuses": ("closed", "handed_over")}):
        with county.session(DISPATCHER) as session:
            listed = needs.needs(session, **asked, limit=10_000)
            counted = needs.summary(session, **asked)
        assert sum(c.count for c in counted.by_class) == len(listed)
        assert {c.class_code: c.count for c in counted.by_class}.get("0206", 0) == sum(
            n.class_code == "0206" for n in listed
        )
        assert {c.grid_code for c in counted.by_grid} == {n.grid_code for n in listed}
        assert sum(c.count for c in counted.by_class_and_grid) == len(listed)
        of_status = [n.status for n in listed]
        for status in asked.get("statuses", NeedStatus):
            assert counted.by_status[NeedStatus(status)] == of_status.count(NeedStatus(status))
    with county.session(DISPATCHER) as session:
        waiting = [n.urgency for n in needs.needs(session, statuses=("gathered",))]
    assert waiting == sorted(waiting, key=["urgent", "soon", "ordinary"].index)


def test_visits_are_seen_by_those_who_may(county: Database, now: datetime):
    """Viewers and planners see and do nothing, an officer what lies in the own street."""
    far = household(county, inside="220723001")
    told = visit(county, LAMP, now=now, household=far).needs[0]
    for principal in (VIEWER, PLANNER):
        with county.session(principal) as session:
            assert needs.needs(session) == []
            assert visits.visits(session) == []
            assert visits.find_homes(session, "小区") == []
            assert session.execute(text("SELECT count(*) FROM visit")).scalar_one() == 0
        with pytest.raises(NotPermitted):
            visit(county, now=now, principal=principal)
        with pytest.raises(NotPermitted):
            needs.hand_over(county, principal, told.id, now=now)
        with pytest.raises(NotPermitted):
            needs.settle(county, principal, told.id, opinion="好了", now=now)
    with county.session(OFFICER) as session:
        assert {n.grid_code[:9] for n in needs.needs(session)} <= {RUSONG}
        assert {v.grid_code[:9] for v in visits.visits(session)} == {RUSONG}
        assert {h.grid_code[:9] for h in visits.find_homes(session, "1单元", limit=500)} == {RUSONG}
    with pytest.raises(NotFound):
        needs.hand_over(county, OFFICER, told.id, now=now)
    with pytest.raises(UnknownCode):
        visit(county, now=now, principal=OFFICER, household=far)
    assert visit(county, now=now, principal=OFFICER, household=household(county, inside=RUSONG)).id


@pytest.mark.parametrize(
    ("facts", "told", "kind", "field", "row"),
    [
        ({"household": None}, (), InvalidInput, "building", None),
        ({"household": "H?"}, (), UnknownCode, "household", None),
        ({"household": None, "building": "B?"}, (), UnknownCode, "building", None),
        ({"building": "B?"}, (), InvalidInput, "household", None),
        ({"worker": "W?"}, (), UnknownCode, "worker", None),
        ({"outcome": "asleep"}, (), InvalidInput, "outcome", None),
        ({"outcome": "absent"}, (LAMP,), InvalidInput, "outcome", None),
        ({"note": "长" * 2001}, (), InvalidInput, "note", None),
        ({"visited_at": "tomorrow"}, (), InvalidInput, "visited_at", None),
        ({}, (LAMP,) * 21, InvalidInput, "needs", None),
        ({}, (LAMP, NeedReport(class_code="0206", text=" ")), InvalidInput, "text", 2),
        ({}, (LAMP, NeedReport(class_code="9999", text="灯")), UnknownCode, "class", 2),
        ({}, (LAMP, NeedReport(class_code="0206", text="灯", urgency="very")), InvalidInput, "urgency", 2),
        ({}, (NeedReport(class_code="0206", text="灯\x00"),), InvalidInput, "text", 1),
    ],
)
def test_a_bad_visit_is_named_and_leaves_nothing(
    shared_county: Database,
    now: datetime,
    *,
    facts: dict[str, object],
    told: tuple[NeedReport, ...],
    kind: type[InvalidInput],
    field: str,
    row: int | None,
):
    """The error names the field, and the row of the need; neither visit nor needs are kept."""
    counted = text("SELECT (SELECT count(*) FROM visit), (SELECT count(*) FROM need)")
    with shared_county.engine.connect() as connection:
        before = connection.execute(counted).one()
    if "visited_at" in facts:
        facts = facts | {"visited_at": now + timedelta(days=1)}
    with pytest.raises(kind) as caught:
        visit(shared_county, *told, now=now, **facts)
    assert (caught.value.field, caught.value.row) == (field, row)
    with shared_county.engine.connect() as connection:
        assert connection.execute(counted).one() == before


def test_homes_are_found_by_every_word(shared_county: Database):
    """Building, flat and head together narrow it down to one household; no words find nothing."""
    with shared_county.engine.connect() as connection:
        name, unit, room, head, code = connection.execute(
            text(
                "SELECT b.name, h.unit, h.room, h.head_name, h.code FROM household h "
                "JOIN building b ON b.id = h.building_id ORDER BY h.code DESC LIMIT 1"
            )
        ).one()
    with shared_county.session(DISPATCHER) as session:
        assert [h.household_code for h in visits.find_homes(session, f"{name} {unit}-{room} {head}")] == [code]
        found = visits.find_homes(session, name)
        assert (found[0].building_name, found[0].household_code) == (name, None)
        assert visits.find_homes(session, "  ") == []
        assert visits.find_homes(session, "没有这样的楼") == []


def test_the_demo_has_a_past_of_visits(shared_county: Database, now: datetime):
    """A few hundred visits before now; needs handed over lead to incidents from visits near their building."""
    with shared_county.session(DISPATCHER) as session:
        found = visits.visits(session, limit=1000)
        counted = needs.summary(session).by_status
        handed = needs.needs(session, statuses=("handed_over", "closed"), limit=1000)
        apart = session.execute(
            text(
                "SELECT max(ST_Distance(b.geom::geography, i.geom::geography)), bool_and(i.source = 'visit'), "
                "bool_and(i.class_code = n.class_code), bool_and(v.visited_at < i.reported_at) FROM need n "
                "JOIN visit v ON v.id = n.visit_id JOIN building b ON b.id = v.building_id "
                "JOIN incident i ON i.id = n.incident_id"
            )
        ).one()
    assert 200 <= len(found) <= 600
    assert all(v.visited_at <= now for v in found)
    assert all(count > 0 for count in counted.values())
    assert counted[NeedStatus.GATHERED] < 40
    assert len(handed) > 50
    assert apart[0] < 200
    assert list(apart[1:]) == [True, True, True]

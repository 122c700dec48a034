from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text

from db import assignments, cases, handling, incidents, surge
from db.incidents import Report
from db.session import Database
from geo.errors import NobodyEligible
from governance.access import Principal, Role
from governance.incident import Status
from governance.lifecycle import Action

DISPATCHER = Principal(account="dispatcher", role=Role.DISPATCHER)


def reported(database: Database, **facts: Any) -> str:
    given = {"title": "暴露垃圾", "class_code": "0101", "lon": 124.018, "lat": 45.005, "crs": "wgs84", **facts}
    return incidents.report(database, DISPATCHER, Report(**given), now=datetime.now(UTC)).no


def get(database: Database, no: str) -> cases.Incident:
    with database.session(DISPATCHER) as session:
        return cases.get(session, no)


def html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def field(widgets: Any, no: str, name: str) -> Any:
    """The field of the case `no`: its key ends in how often the case was acted upon from this desk."""
    (found,) = [widget for widget in widgets if str(widget.key).startswith(f"case_{name}_{no}_")]
    return found


def fill_in(box: Any, value: str) -> None:
    """Types an option of one's own: AppTest knows those that were offered alone."""
    box.options.append(value)
    box.set_value(value)


def choose(screen: Any, no: str, action: Action, opinion: str = "按流程办理") -> None:
    field(screen.selectbox, no, "action").select(action).run()
    field(screen.text_area, no, f"opinion_{action}").set_value(opinion).run()


def test_a_transfer_names_its_department(visit: Any, provided: Database):
    """Without a department the case says what is missing; with one it is transferred and shows who has it."""
    no = reported(provided)
    screen = visit("dispatcher", no=no)
    screen.button(key="case_accept").click().run()
    choose(screen, no, Action.TRANSFER)
    screen.button(key="case_confirm_beside").click().run()
    assert any("承办单位" in error.value for error in screen.error)

    field(screen.selectbox, no, "department").select_index(0).run()
    screen.button(key="case_confirm_beside").click().run()

    moved = get(provided, no)
    assert moved.status is Status.TRANSFERRED
    assert moved.department_name in "\n".join(str(element.value) for element in screen.get("html"))


def test_putting_off_stops_the_clock_until_a_day(visit: Any, provided: Database):
    """A matter is put off until a stated day, and its case says that the clock stands still."""
    no = reported(provided)
    screen = visit("dispatcher", no=no)
    screen.button(key="case_accept").click().run()
    choose(screen, no, Action.SUSPEND, "等待备件")
    screen.button(key="case_confirm_beside").click().run()

    put_off = get(provided, no)
    assert put_off.status is Status.SUSPENDED
    assert put_off.due_at == put_off.resume_by
    assert "暂停计时" in "\n".join(str(element.value) for element in screen.get("html"))


def test_a_part_is_split_off(visit: Any, provided: Database):
    """Splitting opens an incident of its own at the same place, and each names the other."""
    no = reported(provided)
    screen = visit("dispatcher", no=no)
    choose(screen, no, Action.SPLIT, "两件事")
    field(screen.selectbox, no, "part_class").select("0205").run()
    field(screen.text_input, no, "part_title").set_value("井盖缺失").run()
    screen.button(key="case_confirm_beside").click().run()

    whole = get(provided, no)
    (part,) = whole.part_nos
    assert (get(provided, part).parent_no, get(provided, part).class_code) == (no, "0205")


def test_more_time_is_asked_for_here_and_granted_by_somebody_else(visit: Any, provided: Database):
    """The request waits for another person: who asked isn't offered it; the administrator grants it."""
    no = reported(provided)
    before = assignments.dispatch(provided, DISPATCHER, no, now=datetime.now(UTC))
    screen = visit("dispatcher", no=no)
    choose(screen, no, Action.EXTEND, "需采购材料")
    screen.button(key="case_confirm_beside").click().run()
    assert "需采购材料" in "\n".join(str(element.value) for element in screen.get("html"))
    assert "须由别人审批" in "\n".join(str(element.value) for element in screen.get("html"))
    assert not {"case_grant", "case_deny"} & {button.key for button in screen.button}

    other = visit("admin", screen_alone="desk", no=no)
    other.button(key="case_grant").click().run()

    after = get(provided, no)
    assert after.extensions == 1
    assert after.settle_by > before.settle_by


def test_a_shift_ends_with_all_that_its_worker_holds(visit: Any, provided: Database):
    """From one of two cases their worker's shift is ended: both cases go to others, and nobody holds them twice."""
    first, second = reported(provided), reported(provided)
    sent = assignments.dispatch(provided, DISPATCHER, first, now=datetime.now(UTC)).assignment
    assert sent is not None
    assignments.dispatch(
        provided, DISPATCHER, second, now=datetime.now(UTC), worker=sent.worker_code, reason="同一地点"
    )
    screen = visit("dispatcher", no=first)
    field(screen.selectbox, first, "action").select(Action.HAND_OVER).run()
    assert any("手头 2 件" in caption.value for caption in screen.caption)

    screen.button(key="case_confirm_beside").click().run()

    leads = [get(provided, no).assignment for no in (first, second)]
    assert all(lead is not None and lead.worker_code != sent.worker_code for lead in leads)
    assert any("已交接 2 件" in told.value and second in told.value for told in screen.success)
    assert field(screen.selectbox, first, "action").value is None
    assert "case_confirm_beside" not in {button.key for button in screen.button}


def test_what_was_written_is_filed_once(visit: Any, provided: Database):
    """After an act the fold starts over, nothing chosen and nothing written; a refused act keeps what was written."""
    no = reported(provided)
    screen = visit("dispatcher", no=no)
    choose(screen, no, Action.MERGE, "同一处垃圾")
    assert field(screen.selectbox, no, "original").value is None
    screen.button(key="case_confirm_beside").click().run()
    assert screen.error
    assert field(screen.text_area, no, "opinion_merge").value == "同一处垃圾"

    choose(screen, no, Action.SUPERVISE, "领导批示")
    screen.button(key="case_confirm_beside").click().run()

    assert get(provided, no).is_supervised
    assert field(screen.selectbox, no, "action").value is None
    choose(screen, no, Action.MERGE, "")
    assert not [area.value for area in screen.text_area if area.value]


def test_an_incident_is_no_duplicate_of_itself(visit: Any, provided: Database):
    """Its own number is refused in words of its own, and a number that nothing has in others."""
    no = reported(provided)
    screen = visit("dispatcher", no=no)
    choose(screen, no, Action.MERGE, "同一处垃圾")
    fill_in(field(screen.selectbox, no, "original"), no)
    screen.button(key="case_confirm_beside").click().run()
    assert any("不能与自身合并" in error.value for error in screen.error)

    fill_in(field(screen.selectbox, no, "original"), "QA19990101-0001")
    screen.button(key="case_confirm_beside").click().run()
    assert any("没有这个编号" in error.value for error in screen.error)


def at_work(database: Database) -> str:
    no = reported(database)
    assignments.dispatch(database, DISPATCHER, no, now=datetime.now(UTC))
    handling.advance(database, DISPATCHER, no, Action.ARRIVE, now=datetime.now(UTC))
    return no


def test_a_result_waits_for_its_own_case(visit: Any, provided: Database):
    """What was written and not filed is there again when its case is, and never on another case."""
    first, second = at_work(provided), at_work(provided)
    screen = visit("dispatcher", no=first)
    field(screen.text_area, first, "result").set_value("已清走").run()

    screen.query_params["no"] = second
    screen.run()
    assert field(screen.text_area, second, "result").value == ""
    screen.query_params["no"] = first
    screen.run()

    assert field(screen.text_area, first, "result").value == "已清走"


def test_dissatisfaction_says_with_what(visit: Any, provided: Database):
    """Closing with 不满意 asks for a remark, which is filed with the step."""
    no = at_work(provided)
    handling.advance(provided, DISPATCHER, no, Action.RESOLVE, now=datetime.now(UTC), opinion="已清走")
    screen = visit("dispatcher", no=no)
    field(screen.button_group, no, "satisfied").select(False).run()
    screen.button(key="case_verify").click().run()
    assert any("哪里不满意" in error.value for error in screen.error)

    field(screen.text_area, no, "remark").set_value("没有扫净").run()
    screen.button(key="case_verify").click().run()

    closed = get(provided, no)
    assert (closed.status, closed.is_satisfied, closed.steps[-1].opinion) == (Status.CLOSED, False, "没有扫净")


def test_reassigning_says_whom_it_calls_back(visit: Any, provided: Database):
    """Before anything is confirmed the form names how many are called back."""
    no = at_work(provided)
    screen = visit("dispatcher", no=no)
    field(screen.selectbox, no, "action").select(Action.REASSIGN).run()

    assert "将召回现有 1 人" in "\n".join(str(element.value) for element in screen.get("html"))


def test_a_finished_case_waits_for_no_extension(visit: Any, provided: Database):
    """What was asked while it was open is no matter of a closed case, and reopened it shows when it was accepted."""
    no = at_work(provided)
    handling.ask_extension(provided, DISPATCHER, no, reason="等材料", now=datetime.now(UTC))
    for action in (Action.RESOLVE, Action.VERIFY):
        handling.advance(provided, DISPATCHER, no, action, now=datetime.now(UTC), opinion="已清走")
    screen = visit("dispatcher", no=no)
    assert "申请延期：" not in "\n".join(str(element.value) for element in screen.get("html"))

    choose(screen, no, Action.REOPEN, "又有垃圾")
    screen.button(key="case_confirm_beside").click().run()

    again = get(provided, no)
    assert (again.status, again.accepted_at) == (Status.ACCEPTED, again.steps[-1].at)


def test_the_joint_plan_is_sent_from_the_desk(visit: Any, provided: Database):
    """The plan for everything that waits is opened by its key and sent with one press."""
    numbers = [reported(provided, lon=124.01 + n * 1e-3) for n in range(3)]
    with provided.session(DISPATCHER) as session:
        planned = {
            line.incident.no for line in surge.propose(session, principal=DISPATCHER, now=datetime.now(UTC)).lines
        }
    screen = visit("dispatcher")
    screen.button(key="desk_surge").click().run()

    screen.button(key="surge_send").click().run()

    assert not screen.exception
    assert any(f"已派出 {len(planned)} 件" in message.value for message in screen.success)
    assert {get(provided, no).status for no in numbers} == {Status.DISPATCHED}


def test_the_desk_says_whom_the_plan_could_not_send(visit: Any, provided: Database):
    """Who went off duty since the plan was made isn't sent, and the line says why; so does each unsent one."""
    with provided.engine.begin() as connection:
        connection.execute(text("UPDATE incident_class SET needs_check = true WHERE code = '0102'"))
    no, unchecked = reported(provided), reported(provided, class_code="0102", title="未核实的一件")
    screen = visit("dispatcher")
    screen.button(key="desk_surge").click().run()
    shown = html(screen)
    assert "未核实的一件" in shown
    assert "要先现场核实" in shown
    with provided.engine.begin() as connection:
        connection.execute(text("UPDATE responder SET on_duty = false"))

    screen.button(key="surge_send").click().run()

    assert any(no in told.value and "已不符合派单规则，请重新统筹" in told.value for told in screen.warning)
    assert {get(provided, one).status for one in (no, unchecked)} == {Status.REPORTED}


def test_the_case_says_why_they_were_sent(visit: Any, provided: Database):
    """Once somebody was sent, or nobody could be, the case has the policy, the people proposed and who was left out."""
    no = reported(provided)
    assert "派单规则第" not in html(visit("dispatcher", no=no))
    sent = assignments.dispatch(provided, DISPATCHER, no, now=datetime.now(UTC)).assignment
    assert sent is not None
    with provided.engine.begin() as connection:
        connection.execute(text("UPDATE responder SET on_duty = false"))
    with pytest.raises(NobodyEligible):
        assignments.reinforce(provided, DISPATCHER, no, now=datetime.now(UTC))

    shown = html(visit("dispatcher", no=no))

    assert f"<b>已派</b> 1. {sent.worker_name}" in shown
    assert "派单规则第 1 版" in shown
    assert "没有在岗的派遣人员" in shown
    assert "非派遣人员" in shown

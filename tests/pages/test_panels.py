from datetime import UTC, datetime, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from db.coverage import Gap, Mover
from db.figures import Duty, Figure, GridDuty, GridRate, HourCount, Today
from db.incidents import QueueRow, TickerRow
from governance import labels
from pages.ui import panels, wording
from pages.ui.board import Turns
from pages.ui.panels import Proposal

NOW = datetime(2026, 11, 23, 6, 5, 7, tzinfo=UTC)
ZONE = ZoneInfo("Asia/Shanghai")
ATTACK = "<script>alert(1)</script>"


def _row(**changes: object) -> QueueRow:
    facts = {
        "no": "QA20261123-0001", "title": "供暖管线泄漏", "class_code": "0201", "class_name": "供暖", "severity": 2,
        "status": "reported", "grid_code": "220723001001001", "grid_name": "丹青花园", "lon": 124.0, "lat": 45.0,
        "reported_at": NOW, "due_at": NOW + timedelta(minutes=12), "worker_name": None, "is_outside_grid": False,
        "is_supervised": False,
    }  # fmt: skip
    return QueueRow(**(facts | changes))  # type: ignore[arg-type]  a test's shorthand


def _queue(row: QueueRow, proposal: Proposal | None = None) -> str:
    return panels.queue([row], {row.no: proposal} if proposal else {}, total=1, page=0, pages=1, now=NOW)


def _gap(**changes: object) -> Gap:
    facts = {"code": "220723001001001", "name": "东风小区", "on_duty": 2, "waiting": 0, "mover": None, "geometry": ""}
    return Gap(**(facts | changes))  # type: ignore[arg-type]  a test's shorthand


TODAY = Today(reported=1, closed=0, waiting=1, processing=0, overdue=0, mean_settle_s=None)


def test_nothing_that_anybody_typed_becomes_markup():
    """Titles, names and notes come out as text in every panel."""
    step = TickerRow(
        no="1", title=ATTACK, severity=1, action="accept", to_status="accepted", at=NOW, actor_name="x",
        grid_name=ATTACK,
    )  # fmt: skip
    figure = Figure(key="a", section=ATTACK, name=ATTACK, value=Decimal(3), unit=ATTACK, qualifier=ATTACK, note="")
    street = GridDuty(code="1", name=ATTACK, on_duty=1, total=2)
    html = (
        _queue(_row(title=ATTACK, grid_name=ATTACK), Proposal(name=ATTACK, distance_m=1, eta_s=1))
        + _queue(_row(worker_name=ATTACK))
        + _queue(_row(), Proposal(shortfall=ATTACK))
        + panels.ticker([step], NOW, zone=ZONE)
        + panels.reported([figure], turn=0)
        + panels.ranking([GridRate(code=ATTACK, name=ATTACK, closed=1, on_time=1, rate=1.0)], turn=0)
        + panels.duty(Duty(total=2, on_duty=1, busy=0, parts=(street,)), turn=0)
        + panels.coverage([_gap(name=ATTACK, mover=Mover(code="W1", name=ATTACK, distance_m=1))], turn=0)
        + panels.today(TODAY, title="今日", place=ATTACK)
        + panels.header(now=NOW, zone=ZONE, title=ATTACK)
    )
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_waiting_incident_says_who_would_go_and_how_far():
    """The card tells severity, place, what is left, and the nearest candidate with distance and minutes."""
    html = _queue(_row(), Proposal(name="王*", distance_m=322, eta_s=240))
    assert all(text in html for text in (">II<", "丹青花园", "剩 12 分钟", "→ 王* 320 m 约 4 分钟"))
    assert 'class="left soon"' in html


def test_an_overdue_incident_stands_out():
    """How long it is over is said, in the tone of an alarm."""
    html = _queue(_row(due_at=NOW - timedelta(hours=2), worker_name="赵*", status="processing"))
    assert '<span class="left late">超 2 小时</span>' in html
    assert "赵* 在办" in html


def test_an_incident_outside_of_all_grids_is_marked():
    """网格外 stands beside the community that it was given to."""
    assert "丹青花园 · 网格外" in _queue(_row(is_outside_grid=True))


def test_nobody_to_send_says_why():
    """The shortfall's reason takes the candidate's place in a few words, and every reason has them."""
    html = _queue(_row(), Proposal(shortfall="nobody_on_duty"))
    assert 'title="无人可派：没有在岗的派遣人员">无人可派：无人在岗<' in html
    assert wording.shortfall("unforeseen") not in {wording.shortfall(code) for code in labels.SHORTFALL}


def test_the_badge_says_since_when_nothing_came():
    """在线 with the last change, 离线 with the instant of the loss; demo data is called that in both."""
    live = panels.badge(lost_at=None, changed_at=NOW, now=NOW, zone=ZONE, is_demo=True)
    lost = panels.badge(lost_at=NOW - timedelta(minutes=5), changed_at=NOW, now=NOW, zone=ZONE, is_demo=True)
    assert all(text in live for text in ("在线", "数据更新于 14:05:07", "演示数据"))
    assert all(text in lost for text in ("离线", "自 今天 14:00 起未更新", "演示数据"))
    assert all(f'data-at="{NOW.timestamp() * 1000:.0f}"' in text for text in (live, lost)), "what proves a new picture"
    assert "<b></b>" not in live + lost, "no time is left out until the page has filled it in"
    assert "演示数据" not in panels.badge(lost_at=None, changed_at=NOW, now=NOW, zone=ZONE, is_demo=False)


def test_a_mean_of_nothing_is_a_dash():
    """A period without a closure has no mean duration, and no zero in its place."""
    figures = Today(reported=0, closed=0, waiting=0, processing=0, overdue=0, mean_settle_s=None)
    assert "<b>—<small></small></b>" in panels.today(figures, title="今日")


def test_pages_stand_for_a_while_and_turn_on_every_wall_together():
    """A run turns what stood for eight seconds; every wall then sees the same, and is told when to return."""
    turns = Turns()
    seen = [turns.look(NOW + timedelta(seconds=s)) for s in (0, 0.5, 7.9, 8, 8.4, 19, 40)]
    assert seen == [(1, 12.0), (1, 11.5), (1, 4.1), (2, 12.0), (2, 11.6), (3, 12.0), (4, 12.0)]
    assert turns.look(NOW) == (5, 12.0)  # a clock that was put back doesn't stop them


def test_a_list_that_fits_has_no_pages():
    """Where a list stands is told from two pages up."""
    assert (panels.pager(2, 7), panels.pager(0, 1)) == ('<span class="pager">3/7</span>', "")


@pytest.mark.parametrize("count", [1, 6, 7, 8, 13])
def test_every_reported_figure_has_its_turn(count: int):
    """Over one round of pages each figure is shown once, at most six at a time."""
    figures = [
        Figure(key=str(i), section="服务", name=f"数字{i:02}", value=Decimal(i), unit="件", qualifier="", note="")
        for i in range(count)
    ]
    rounds = [panels.reported(figures, turn=i) for i in range(-(-count // 6))]
    seen = [f"数字{i:02}" for html in rounds for i in range(count) if f"数字{i:02}" in html]
    assert sorted(seen) == [figure.name for figure in figures]


def test_a_doubtful_figure_stays_marked():
    """A figure that can't be read for sure in print says 存疑."""
    figure = Figure(
        key="a", section="品牌", name="品牌", value=Decimal(13), unit="个", qualifier="", note="首位字迹残缺，存疑"
    )
    assert "存疑" in panels.reported([figure], turn=0)


def test_the_trend_has_a_column_an_hour_and_local_marks():
    """24 columns; marks at the county's 0, 6, 12 and 18 o'clock; the highest reaches the top."""
    start = NOW.replace(minute=0, second=0)
    hours = [HourCount(hour=start - timedelta(hours=23 - i), reported=i % 5, closed=1) for i in range(24)]
    html = panels.trend(hours, zone=ZONE)
    assert html.count('class="in"') == 24
    assert all(f"<span>{hour:02}:00</span>" in html for hour in (0, 6, 12, 18))
    assert "height:100.0%" in html


def test_empty_panels_say_what_will_appear():
    """Nothing is left blank."""
    assert "会按时限排在这里" in panels.queue([], {}, total=0, page=0, pages=1, now=NOW)
    assert "会显示在这里" in panels.ticker([], NOW, zone=ZONE)
    assert "轮流展示" in panels.reported([], turn=0)
    assert "每小时的上报与办结" in panels.trend([], zone=ZONE)


def test_a_gap_says_why_and_who_could_move():
    """The quarter, whether all are busy or something waits, and the nearest with the distance; or that nobody can."""
    mover = Mover(code="W1", name="王*", distance_m=643.2)
    html = panels.coverage([_gap(mover=mover), _gap(waiting=3)], turn=0)
    assert all(text in html for text in ("2 个小区", "东风小区", "2 人全忙", "→ 最近可调 王* 640 m"))
    assert all(text in html for text in ("3 件待派", "无人可调", 'data-grid="220723001001001"'))
    assert "各小区都有空闲的网格员" in panels.coverage([], turn=0)


def test_long_lists_turn_their_pages():
    """Of 16 grids seven stand on a page, with where one is; nothing is cut off without being told."""
    rates = [GridRate(code=str(n), name=f"小区{n}", closed=1, on_time=1, rate=1.0) for n in range(16)]
    pages = [panels.ranking(rates, turn=n, level="quarter") for n in range(3)]
    assert sorted(page.count("<li ") for page in pages) == [2, 7, 7]
    assert all("小区按期办结率" in page for page in pages)
    assert {f"{n}/3" for n in (1, 2, 3)} == {page.partition('pager">')[2][:3] for page in pages}


def test_a_grid_that_is_not_divided_says_so():
    """No empty box: the ranking tells what would stand there."""
    assert "没有下一级网格" in panels.ranking([], turn=0, level="building")

"""How times, durations and distances are said to people, in the language that is read. Every clock is an argument."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from governance.language import N_, _

LOCAL: tzinfo = ZoneInfo("Asia/Shanghai")
"""The zone that instants are shown in unless the county's own is given."""

_MARKS = re.compile(r"[\\`*_{}\[\]()<>#+\-.!|~$^=&]")

_WEEKDAYS = (
    N_("星期一"),
    N_("星期二"),
    N_("星期三"),
    N_("星期四"),
    N_("星期五"),
    N_("星期六"),
    N_("星期日"),
)
_TODAY = N_("今天")
_NAMED_DAYS = {-1: N_("昨天"), 0: _TODAY, 1: N_("明天")}
_SHORTFALLS = {
    "nobody_on_duty": N_("无人在岗"),
    "nobody_of_role": N_("无所需岗位或来源"),
    "nobody_with_skill": N_("无人有所需技能"),
    "all_sent": N_("都已派往本事件"),
    "all_at_cap": N_("任务都已满"),
    "all_declined": N_("都已拒接、未接或交接"),
    "all_resting": N_("都在任务后休息"),
    "all_stale": N_("位置都已过时"),
    "all_too_far": N_("都超出派遣距离"),
}
_MINUTE_S = 60
_HOUR_S = 60 * _MINUTE_S
_DAY_S = 24 * _HOUR_S
_KILOMETRE_M = 1000
_HECTARE_M2 = 10_000


def _zone(zone: tzinfo | str) -> tzinfo:
    return ZoneInfo(zone) if isinstance(zone, str) else zone


def duration(seconds: float) -> str:
    """A length of time in the unit that people count in: 40 秒, 12 分钟, 2.5 小时, 4 天. The sign is dropped."""
    length = abs(seconds)
    if length < _MINUTE_S:
        return _("{n} 秒", n=int(length))
    if length < _HOUR_S:
        return _("{n} 分钟", n=int(length // _MINUTE_S))
    if length < _DAY_S:
        return _("{n} 小时", n=_halves(length / _HOUR_S))
    return _("{n} 天", n=_halves(length / _DAY_S))


def _halves(amount: float) -> str:
    """Rounded down to halves, so that no remaining time is promised that isn't there."""
    halves = int(amount * 2) / 2
    return f"{halves:.0f}" if halves == int(halves) else f"{halves:.1f}"


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago `at` was: 刚刚, 5 分钟前, 3 小时前. An instant ahead of the clock is 刚刚, none at all 从未."""
    if at is None:
        return _("从未")
    seconds = (now - at).total_seconds()
    return _("刚刚") if seconds < _MINUTE_S else _("{time}前", time=duration(seconds))


def remaining(due_at: datetime | None, now: datetime) -> str:
    """What is left until `due_at`, or how long it is overdue: 剩 12 分钟, 超 2 小时. Without a limit: 无时限."""
    if due_at is None:
        return _("无时限")
    seconds = (due_at - now).total_seconds()
    if 0 <= seconds < _MINUTE_S:
        return _("剩不到 1 分钟")
    if -_MINUTE_S < seconds < 0:
        return _("刚超期")
    return _("剩 {time}", time=duration(seconds)) if seconds > 0 else _("超 {time}", time=duration(seconds))


def minutes(seconds: float) -> str:
    """A travel time in whole minutes, one at least: 4 分钟."""
    return _("{n} 分钟", n=max(1, round(seconds / 60)))


def is_overdue(due_at: datetime | None, now: datetime) -> bool:
    """Whether the limit has passed."""
    return due_at is not None and due_at < now


def distance(metres: float | None) -> str:
    """A distance as people say it: 320 m to ten metres, 1.4 km from a kilometre up. None is 位置未知."""
    if metres is None:
        return _("位置未知")
    rounded = round(metres / 10) * 10
    if rounded < _KILOMETRE_M:
        return f"{round(metres)} m" if metres < 10 else f"{rounded} m"  # noqa: PLR2004  one step of the rounding
    return f"{metres / _KILOMETRE_M:.1f} km" if metres < 100 * _KILOMETRE_M else f"{metres / _KILOMETRE_M:,.0f} km"


def length(metres: float) -> str:
    """A length that was measured, to the metre below 10 km: 86 m, 1,240 m, 12.35 km."""
    return f"{metres:,.0f} m" if metres < 10 * _KILOMETRE_M else f"{metres / _KILOMETRE_M:,.2f} km"


def area(square_metres: float) -> str:
    """An area that was measured: 480 m², 2.35 公顷 from a hectare up, 1.24 km² from a square kilometre up."""
    if square_metres < _HECTARE_M2:
        return f"{square_metres:,.0f} m²"
    if square_metres < _KILOMETRE_M**2:
        return _("{area:,.2f} 公顷", area=square_metres / _HECTARE_M2)
    return f"{square_metres / _KILOMETRE_M**2:,.2f} km²"


def walk(seconds: float | None) -> str:
    """A travel time: 约 4 分钟, never less than one minute. None is an empty text."""
    if seconds is None:
        return ""
    return _("约 {n} 分钟", n=max(1, round(seconds / _MINUTE_S)))


def instant(at: datetime | None, now: datetime, *, zone: tzinfo | str = LOCAL) -> str:
    """When something was or will be: 今天 14:05, 昨天 09:30, 明天 08:00, 11-20 17:00, with the year in another year."""
    if at is None:
        return "—"
    local, today = at.astimezone(_zone(zone)), now.astimezone(_zone(zone)).date()
    clock = f"{local:%H:%M}"
    named = _NAMED_DAYS.get((local.date() - today).days)
    if named:
        return f"{_(named)} {clock}"
    return f"{local:%m-%d} {clock}" if local.year == today.year else f"{local:%Y-%m-%d} {clock}"


def short_instant(at: datetime | None, now: datetime, *, zone: tzinfo | str = LOCAL) -> str:
    """The same without naming the day where it is today: 14:05, 昨天 09:30."""
    return instant(at, now, zone=zone).removeprefix(f"{_(_TODAY)} ")


def time_and_day(at: datetime | None, now: datetime, *, zone: tzinfo | str = LOCAL) -> tuple[str, str]:
    """The time of day, and the date where it isn't today's: ("14:05", ""), ("09:30", "11-22"). None is a dash."""
    if at is None:
        return "—", ""
    local = at.astimezone(_zone(zone))
    is_today = local.date() == now.astimezone(_zone(zone)).date()
    return f"{local:%H:%M}", "" if is_today else f"{local:%m-%d}"


def full_instant(at: datetime | None, *, zone: tzinfo | str = LOCAL) -> str:
    """The whole instant, for the pointer's hint: 2026-11-23 14:05:07."""
    return "—" if at is None else f"{at.astimezone(_zone(zone)):%Y-%m-%d %H:%M:%S}"


def day(now: datetime, *, zone: tzinfo | str = LOCAL) -> str:
    """The date with its weekday: 2026-11-23 星期一."""
    local = now.astimezone(_zone(zone))
    return f"{local:%Y-%m-%d} {_(_WEEKDAYS[local.weekday()])}"


def clock(now: datetime, *, zone: tzinfo | str = LOCAL) -> str:
    """The time of day to the second: 14:05:07."""
    return f"{now.astimezone(_zone(zone)):%H:%M:%S}"


def count(number: float | None) -> str:
    """A figure with its thousands set off: 2,730. None is a dash: nothing was counted."""
    return "—" if number is None else f"{number:,.0f}"


def share(part: float | None) -> str:
    """A rate of 0 to 1 in per cent: 96.4%. None is a dash: nothing to take a rate of."""
    return "—" if part is None else f"{part * 100:.1f}%"


def phrase(parts: Iterable[str]) -> str:
    """Parts of a sentence one after the other, with commas."""
    return _("，").join(parts)


def listed(items: Iterable[str]) -> str:
    """Words one after the other: 甲、乙、丙."""
    return _("、").join(items)


def start_of_day(now: datetime, *, days_back: int = 0, zone: tzinfo | str = LOCAL) -> datetime:
    """Midnight at the county of the day `days_back` days before `now`."""
    local = now.astimezone(_zone(zone))
    return (local - timedelta(days=days_back)).replace(hour=0, minute=0, second=0, microsecond=0)


def shortfall(code: str) -> str:
    """Why nobody can be sent, in the few words that a line of the wall has room for."""
    return _(_SHORTFALLS.get(code, N_("没有合适的人员")))


def literal(text: str) -> str:
    """What somebody typed, as it stands, for Streamlit's labels and messages, which are Markdown.

    Its pictures would be fetched from wherever the text says, by whoever opens a link that carries it. A colon is kept
    from naming an icon, a colour or an address by a mark that isn't seen.
    """
    return _MARKS.sub(r"\\\g<0>", text).replace(":", ":\u2060")

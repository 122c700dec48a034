"""A draft of the dispatch policy: its numbers as they are typed, and what two versions of it differ in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from html import escape
from types import MappingProxyType
from typing import Any

from governance import labels
from governance.language import N_, _, _n
from governance.policy import MOST_PEOPLE, RANGES, Card, Policy, Requirement
from pages.ui import wording

_MINUTE = 60

NAMES: Mapping[str, str] = MappingProxyType(
    {
        "pools": N_("可派人员"),
        "mode": N_("行进方式"),
        "cap": N_("手头任务上限"),
        "shortlist": N_("推荐人数"),
        "max_distance_m": N_("最远距离（米）"),
        "freshness_s": N_("位置有效时间（分钟）"),
        "rest_s": N_("任务后休息（分钟）"),
        "acknowledge_s": N_("接单时限（分钟）"),
        "ring_s": N_("统筹时跨一级责任网格折算（分钟）"),
        "excludes_stale": N_("位置过时的人员不派"),
    }
)
"""What the screen calls each rule, with the unit that it is typed in; to be translated where it is shown."""

LINE_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "cap": N_("任务上限"),
        "max_distance_m": N_("最远（米）"),
        "freshness_s": N_("位置有效（分钟）"),
        "rest_s": N_("休息（分钟）"),
    }
)
"""What the run cards call the numbers of a line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A policy as the fields have it. `faults` are sentences; a field with a fault keeps its old value in `policy`.

    `typed` is what such fields hold, by their names in the policy.
    """

    policy: Policy
    faults: tuple[str, ...] = ()
    typed: Mapping[str, str] = field(default_factory=dict)


def unit(field: str) -> int:
    """How many of the policy's units one of the screen's has: times are typed in minutes."""
    return _MINUTE if field.endswith("_s") else 1


def shown(field: str, value: int) -> str:
    """The number as its field shows it. Less than a minute counts as one."""
    return str(max(value // unit(field), limits(field)[0]))


def limits(field: str) -> tuple[int, int]:
    """The least and the most that may be typed."""
    if field == "people":
        return 1, MOST_PEOPLE
    least, most = RANGES[field]
    return -(-least // unit(field)), most // unit(field)


def typed_number(field: str, text: str) -> int | None:
    """What was typed, in the policy's units; None for what is no whole number or out of range."""
    text = text.strip()
    least, most = limits(field)
    # Longer digits are no policy, and Python refuses to read thousands of them.
    if not text.isdecimal() or len(text) > len(str(most)) + 3 or not least <= int(text) <= most:
        return None
    return int(text) * unit(field)


def fault(field: str, name: str) -> str:
    """Why what was typed can't be taken, under the name that the screen gives the field."""
    least, most = limits(field)
    return _("{name}须填 {least} 到 {most} 的整数", name=name, least=least, most=most).strip()


def is_same(one: Policy, other: Policy) -> bool:
    """Whether both send the same people: numbers and notes of versions aside."""
    return replace(one, id=0, note="", cards={}) == replace(other, id=0, note="", cards={}) and dict(one.cards) == dict(
        other.cards
    )


def comparison(
    base: Policy, theirs: Policy, mine: Draft, *, kinds: Mapping[str, str], skills: Mapping[int, str]
) -> str:
    """What the version of somebody else and the draft differ in, beside the version that the draft was made from."""
    rows: list[tuple[str, ...]] = [
        (_(name), _told(base, field), _told(theirs, field), mine.typed.get(field) or _told(mine.policy, field))
        for field, name in NAMES.items()
        if field in mine.typed or getattr(theirs, field) != getattr(mine.policy, field)
    ]
    for code in sorted({*base.cards, *theirs.cards, *mine.policy.cards}):
        cards = [policy.cards.get(code, ()) for policy in (base, theirs, mine.policy)]
        if cards[1] != cards[2]:
            name = _("出动编组 {kind}", kind=kinds.get(code, code))
            rows.append((name, *(_card(card, skills) for card in cards)))
    if not rows:
        return f'<p class="plan-same">{_("两者内容相同。")}</p>'
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    heads = (
        _("项目"),
        _("第 {version} 版（您的底稿）", version=base.id),
        _("第 {version} 版（现行）", version=theirs.id),
        _("您填写的"),
    )
    head = "".join(f"<th>{text}</th>" for text in heads)
    return f'<table class="plan-compare"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _told(policy: Policy, field: str) -> str:
    value: Any = getattr(policy, field)
    if field == "pools":
        return _names(value, labels.EMPLOYMENT) or _("（无）")
    if field == "mode":
        return labels.TRAVEL_MODE[value].text
    return (_("是") if value else _("否")) if isinstance(value, bool) else shown(field, value)


def _card(card: Card, skills: Mapping[int, str]) -> str:
    return _("；").join(_line(line, skills) for line in card) or _("（无编组）")


def _line(line: Requirement, skills: Mapping[int, str]) -> str:
    parts = [_n("{n} 人", line.people), _names(line.posts, labels.POST), _names(line.origins, labels.ORIGIN)]
    parts += [wording.listed(skills.get(number, str(number)) for number in sorted(line.skills or ()))]
    parts += [_names(line.pools, labels.EMPLOYMENT)]
    parts += [
        f"{_(name)} {shown(field, value)}"
        for field, name in LINE_NAMES.items()
        if (value := getattr(line, field)) is not None
    ]
    return " · ".join(part for part in parts if part)


def _names(codes: Sequence[str] | frozenset[str], words: labels.Labels) -> str:
    return wording.listed(label.text for code, label in words.items() if code in codes)

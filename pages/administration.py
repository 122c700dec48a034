"""The dispatch policy: who may be sent, how far, how often, and the run card of each class; each version is kept."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import streamlit as st

from db import calendar, policies, responders
from governance import labels
from governance.policy import MODES, Card, Policy, Requirement
from pages.ui import commands, context, layout, values, wording

_SAVED = "_policy_saved"
_MINUTE = 60

_CLASS, _PEOPLE, _POSTS, _ORIGINS, _SKILLS = "类别", "人数", "岗位", "来源", "技能"
_POOLS, _CAP, _DISTANCE, _FRESHNESS, _REST = "人员范围", "任务上限", "最远（米）", "位置有效（分钟）", "休息（分钟）"
_COLUMNS = (_CLASS, _PEOPLE, _POSTS, _ORIGINS, _SKILLS, _POOLS, _CAP, _DISTANCE, _FRESHNESS, _REST)


def render() -> None:
    """Draws the policy in force with its versions, and saves what is changed as a new one."""
    st.html(layout.style("planning"))
    st.html('<h1 class="plan-title">派遣规则</h1>')
    version = _chosen_version()
    with context.reading() as session:
        latest = policies.policy_in_force(session)
        shown = latest if version is None else policies.policy(session, version)
        holidays_end = calendar.holidays_end(session, now=context.now())
    if holidays_end is not None:
        st.warning(labels.NOTICE["holidays_end"].zh.format(day=holidays_end), icon=":material/event_busy:")
    if (saved := st.session_state.pop(_SAVED, None)) is not None:
        st.success(f"已保存为第 {saved} 版，从现在起按新规则派遣。", icon=":material/check_circle:")
    if refused := commands.refused():
        st.error(refused.text)
    if shown.id != latest.id:
        st.warning(
            f"这是第 {shown.id} 版，现行的是第 {latest.id} 版。保存即以此为底稿生成新版。", icon=":material/history:"
        )
    changed = _general(shown)
    changed = replace(changed, cards=_cards(shown))
    note = st.text_input("修改说明", key=f"policy_note_{shown.id}", max_chars=500, placeholder="改了什么、为什么改")
    if st.button("保存为新版本", key="policy_save", type="primary", icon=":material/save:"):
        _save(replace(changed, id=latest.id), note)


def _chosen_version() -> int | None:
    """The version picked from the list; None is the one in force."""
    with context.reading() as session:
        known = policies.versions(session)
    zone, now = context.county().timezone, context.now()
    texts = {
        row.id: f"第 {row.id} 版 · {wording.instant(row.made_at, now, zone=zone)} · {row.made_by}"
        + (f" · {row.note}" if row.note else "")
        for row in known
    }
    ids = list(texts)
    picked = st.selectbox("版本", ids, format_func=texts.__getitem__, key=f"policy_version_{ids[0]}")
    return None if picked == ids[0] else picked


def _general(shown: Policy) -> Policy:
    """What holds for every class without a card of its own."""
    st.html('<h2 class="plan-part">一般规则</h2>')
    key = f"policy_{shown.id}"
    first, second, third, fourth = st.columns(4)
    pools = first.multiselect(
        "可派人员",
        list(labels.EMPLOYMENT),
        default=sorted(shown.pools),
        format_func=lambda code: labels.EMPLOYMENT[code].zh,
        key=f"{key}_pools",
    )
    mode = second.selectbox(
        "行进方式",
        MODES,
        index=MODES.index(shown.mode),
        format_func=lambda code: labels.TRAVEL_MODE[code].zh,
        key=f"{key}_mode",
        help="按此在路网上计算到达时间",
    )
    cap = third.number_input("手头任务上限", 1, 100, shown.cap, key=f"{key}_cap")
    shortlist = fourth.number_input("推荐人数", 1, 50, shown.shortlist, key=f"{key}_shortlist")
    first, second, third, fourth = st.columns(4)
    distance = first.number_input("最远距离（米）", 50, 200_000, shown.max_distance_m, 500, key=f"{key}_distance")
    freshness = second.number_input(
        "位置有效时间（分钟）",
        1,
        7 * 24 * 60,
        shown.freshness_s // _MINUTE,
        key=f"{key}_freshness",
        help="超过即为过时位置",
    )
    rest = third.number_input("任务后休息（分钟）", 0, 24 * 60, shown.rest_s // _MINUTE, key=f"{key}_rest")
    acknowledge = fourth.number_input(
        "接单时限（分钟）",
        1,
        24 * 60,
        max(1, shown.acknowledge_s // _MINUTE),
        key=f"{key}_acknowledge",
        help="到时未接单，自动改派下一位",
    )
    first, second, _ = st.columns([1, 2, 1])
    ring = first.number_input(
        "统筹时跨一级责任网格折算（分钟）", 0, 24 * 60, shown.ring_s // _MINUTE, key=f"{key}_ring"
    )
    excludes = second.checkbox(
        "位置过时的人员不派（不勾选则按最后位置计，并注明时间）", shown.excludes_stale, key=f"{key}_stale"
    )
    return replace(
        shown,
        pools=frozenset(pools),
        mode=mode,
        cap=cap,
        shortlist=shortlist,
        max_distance_m=distance,
        freshness_s=freshness * _MINUTE,
        rest_s=rest * _MINUTE,
        acknowledge_s=acknowledge * _MINUTE,
        ring_s=ring * _MINUTE,
        excludes_stale=excludes,
    )


def _cards(shown: Policy) -> dict[str, Card]:
    """The run cards as a table of lines; lines of one class make its card, the first one leads."""
    st.html('<h2 class="plan-part">出动编组</h2>')
    st.caption(
        "每行是某类事件的一组人员；同一类别可有多行，第一行带队。岗位、来源留空即不限；技能留空即按类别所需；"
        "其余留空即按一般规则。没有编组的类别派 1 人。"
    )
    kinds = {row.code: f"{row.code} {row.name}" for row in values.classes()}
    skills = context.remembered("skills", "all", (), responders.skills)
    rows = [_row(kinds.get(code, code), line, skills) for code, card in sorted(shown.cards.items()) for line in card]
    edited = st.data_editor(
        rows or [dict.fromkeys(_COLUMNS)],
        key=f"policy_cards_{shown.id}",
        num_rows="dynamic",
        hide_index=True,
        placeholder="",
        width="stretch",
        column_config={
            _CLASS: st.column_config.SelectboxColumn(options=list(kinds.values()), width="medium"),
            _PEOPLE: st.column_config.NumberColumn(min_value=1, max_value=10, step=1, default=1, width="small"),
            _POSTS: _several(labels.POST),
            _ORIGINS: _several(labels.ORIGIN),
            _SKILLS: st.column_config.MultiselectColumn(options=list(skills.values()), width="medium"),
            _POOLS: _several(labels.EMPLOYMENT),
            _CAP: st.column_config.NumberColumn(min_value=1, max_value=100, step=1, width="small"),
            _DISTANCE: st.column_config.NumberColumn(min_value=50, max_value=200_000, step=1, width="small"),
            _FRESHNESS: st.column_config.NumberColumn(min_value=1, step=1, width="small"),
            _REST: st.column_config.NumberColumn(min_value=0, step=1, width="small"),
        },
    )
    codes = {text: code for code, text in kinds.items()}
    ids = {name: number for number, name in skills.items()}
    cards: dict[str, Card] = {}
    for row in edited:
        if row.get(_CLASS) in codes:
            code = codes[row[_CLASS]]
            cards[code] = (*cards.get(code, ()), _line(row, ids))
    return cards


def _several(words: labels.Labels) -> Any:
    return st.column_config.MultiselectColumn(options=[label.zh for label in words.values()], width="medium")


def _row(kind: str, line: Requirement, skills: dict[int, str]) -> dict[str, Any]:
    return {
        _CLASS: kind,
        _PEOPLE: line.people,
        _POSTS: [labels.POST[code].zh for code in sorted(line.posts)],
        _ORIGINS: [labels.ORIGIN[code].zh for code in sorted(line.origins)],
        _SKILLS: [skills[number] for number in sorted(line.skills or ())],
        _POOLS: [labels.EMPLOYMENT[code].zh for code in sorted(line.pools)],
        _CAP: line.cap,
        _DISTANCE: line.max_distance_m,
        _FRESHNESS: None if line.freshness_s is None else line.freshness_s // _MINUTE,
        _REST: None if line.rest_s is None else line.rest_s // _MINUTE,
    }


def _line(row: dict[str, Any], skills: dict[str, int]) -> Requirement:
    return Requirement(
        people=int(row.get(_PEOPLE) or 1),
        posts=_codes(row, _POSTS, labels.POST),
        origins=_codes(row, _ORIGINS, labels.ORIGIN),
        skills=frozenset(skills[name] for name in row.get(_SKILLS) or ()) or None,
        pools=_codes(row, _POOLS, labels.EMPLOYMENT),
        cap=_whole(row, _CAP),
        max_distance_m=_whole(row, _DISTANCE),
        freshness_s=_whole(row, _FRESHNESS, _MINUTE),
        rest_s=_whole(row, _REST, _MINUTE),
    )


def _codes(row: dict[str, Any], name: str, words: labels.Labels) -> frozenset[str]:
    chosen = set(row.get(name) or ())
    return frozenset(code for code, label in words.items() if label.zh in chosen)


def _whole(row: dict[str, Any], name: str, unit: int = 1) -> int | None:
    value = row.get(name)
    return None if value is None else int(value) * unit


def _save(changed: Policy, note: str) -> None:
    with commands.attempt():
        saved = policies.save(context.deployment().database, context.principal(), changed, note=note, now=context.now())
        st.session_state[_SAVED] = saved.id
    st.rerun()

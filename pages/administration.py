"""The dispatch policy: who may be sent, how far, how often, and the run card of each class; each version is kept."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import streamlit as st

from db import calendar, policies, responders
from geo.errors import Conflict
from governance import labels
from governance.language import N_, _
from governance.policy import MODES, Card, Policy, Requirement
from pages.ui import commands, context, layout, policydraft, values, wording
from pages.ui.policydraft import Draft

_SAVED = "_policy_saved"
_SEEN = "_policy_seen"
"""The version that was in force when this draft was begun: it is saved in place of that one and of no other."""
_MINUTE = 60

_CLASS, _PEOPLE, _POSTS, _ORIGINS, _SKILLS = N_("类别"), N_("人数"), N_("岗位"), N_("来源"), N_("技能")
_POOLS = N_("人员范围")
_CAP, _DISTANCE, _FRESHNESS, _REST = policydraft.LINE_NAMES.values()
_COLUMNS = (_CLASS, _PEOPLE, _POSTS, _ORIGINS, _SKILLS, _POOLS, _CAP, _DISTANCE, _FRESHNESS, _REST)
_LINE_FIELDS = {
    _PEOPLE: "people",
    _CAP: "cap",
    _DISTANCE: "max_distance_m",
    _FRESHNESS: "freshness_s",
    _REST: "rest_s",
}
_BLANK = dict.fromkeys(_COLUMNS) | {_PEOPLE: 1}
"""A line of the table that was added and left as it is: it says nothing."""
_NUMBERS = ("cap", "shortlist", "max_distance_m", "freshness_s", "rest_s", "acknowledge_s", "ring_s")
"""The numbers of the general rules, in the order of the screen."""
_HELP = {"freshness_s": N_("超过即为过时位置"), "acknowledge_s": N_("到时未接单，自动改派下一位")}


def render() -> None:
    """Draws the policy in force with its versions, and saves what is changed as a new one."""
    st.html(layout.style("planning"))
    st.html(f'<h1 class="plan-title">{_("派遣规则")}</h1>')
    with context.reading() as session:
        known = policies.versions(session)
        latest = policies.policy_in_force(session)
        holidays_end = calendar.holidays_end(session, now=context.now())
    if holidays_end is not None:
        st.warning(labels.NOTICE["holidays_end"].text.format(day=holidays_end), icon=":material/event_busy:")
    seen: int = st.session_state.setdefault(_SEEN, latest.id)
    base = _chosen_version([row for row in known if row.id <= seen], seen)
    with context.reading() as session:
        shown = latest if base == latest.id else policies.policy(session, base)
    if (saved := st.session_state.pop(_SAVED, None)) is not None:
        st.success(_("已保存为第 {saved} 版，从现在起按新规则派遣。", saved=saved), icon=":material/check_circle:")
    if shown.id != seen:
        st.warning(
            _(
                "这是第 {shown} 版，现行的是第 {latest} 版。保存即以此为底稿生成新版。",
                shown=shown.id,
                latest=latest.id,
            ),
            icon=":material/history:",
        )
    draft = _draft(shown)
    note = st.text_input(
        _("修改说明"), key=f"policy_note_{shown.id}", max_chars=500, placeholder=_("改了什么、为什么改")
    )
    if latest.id != seen:
        if base == seen and not draft.faults and not note and policydraft.is_same(draft.policy, shown):
            st.session_state[_SEEN] = latest.id  # nothing was typed yet: go on from what holds now
            st.rerun()
        _overtaken(shown, latest, draft, note, by=known[0])
    elif st.button(_("保存为新版本"), key="policy_save", type="primary", icon=":material/save:"):
        _try_to_save(draft, latest, note)
    if refused := commands.refused():
        st.error(wording.literal(refused.text))


def _chosen_version(known: list[policies.Version], seen: int) -> int:
    """The version that the draft is made from: the one last seen in force, unless another is picked from the list."""
    zone, now = context.county().timezone, context.now()
    texts = {
        row.id: _(
            "第 {version} 版 · {at} · {made_by}",
            version=row.id,
            at=wording.instant(row.made_at, now, zone=zone),
            made_by=row.made_by,
        )
        + (f" · {row.note}" if row.note else "")
        for row in known
    }
    # A version that somebody saves meanwhile isn't on the list: the draft stays with the one that it was made from.
    return st.selectbox(_("版本"), list(texts), format_func=texts.__getitem__, key=f"policy_version_{seen}") or seen


def _draft(shown: Policy) -> Draft:
    """The fields, filled from the version shown, and what they hold now."""
    values_of, typed = _general(shown)
    cards, faults = _cards(shown)
    names = policydraft.NAMES
    return Draft(
        policy=replace(shown, **values_of, cards=cards),
        faults=(*(policydraft.fault(field, _(names[field])) for field in typed), *faults),
        typed=typed,
    )


def _general(shown: Policy) -> tuple[dict[str, Any], dict[str, str]]:
    """What holds for every class without a card of its own; and what was typed where it can't be taken."""
    st.html(f'<h2 class="plan-part">{_("一般规则")}</h2>')
    key = f"policy_{shown.id}"
    values_of: dict[str, Any] = {}
    typed: dict[str, str] = {}
    first, second, third, fourth = st.columns(4)
    values_of["pools"] = frozenset(
        first.multiselect(
            _(policydraft.NAMES["pools"]),
            list(labels.EMPLOYMENT),
            default=sorted(shown.pools),
            format_func=lambda code: labels.EMPLOYMENT[code].text,
            key=f"{key}_pools",
            placeholder=_("请选择"),
        )
    )
    values_of["mode"] = second.selectbox(
        _(policydraft.NAMES["mode"]),
        MODES,
        index=MODES.index(shown.mode),
        format_func=lambda code: labels.TRAVEL_MODE[code].text,
        key=f"{key}_mode",
        help=_("按此在路网上计算到达时间"),
    )
    places = [third, fourth, *st.columns(4), *st.columns([1, 2, 1])[:2]]
    for field, place in zip(_NUMBERS, places, strict=False):
        _number(place, field, shown, values_of, typed)
    values_of["excludes_stale"] = places[-1].checkbox(
        _("位置过时的人员不派（不勾选则按最后位置计，并注明时间）"), shown.excludes_stale, key=f"{key}_stale"
    )
    return values_of, typed


def _number(place: Any, field: str, shown: Policy, values_of: dict[str, Any], typed: dict[str, str]) -> None:
    """A field for a number. As text: the browser would drop what it can't take, and say so in English only."""
    before = policydraft.shown(field, getattr(shown, field))
    text = place.text_input(
        _(policydraft.NAMES[field]),
        before,
        key=f"policy_{shown.id}_{field}",
        max_chars=20,
        help=_(_HELP[field]) if field in _HELP else None,
    )
    if text == before:  # also where the version has seconds that the field doesn't show
        return
    found = policydraft.typed_number(field, text)
    if found is None:
        typed[field] = text.strip() or _("（空）")
        place.markdown(f":red[{policydraft.fault(field, '')}]")
    else:
        values_of[field] = found


def _cards(shown: Policy) -> tuple[Mapping[str, Card], list[str]]:
    """The run cards as a table of lines, and what can't be taken in it.

    Lines of one class make its card, the first one leads.
    """
    st.html(f'<h2 class="plan-part">{_("出动编组")}</h2>')
    st.caption(
        _(
            "每行是某类事件的一组人员；同一类别可有多行，第一行带队。岗位、来源留空即不限；技能留空即按类别所需；"
            "其余留空即按一般规则。没有编组的类别派 1 人。"
        )
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
            _CLASS: st.column_config.SelectboxColumn(_(_CLASS), options=list(kinds.values()), width="medium"),
            _PEOPLE: st.column_config.NumberColumn(_(_PEOPLE), default=1, width="small"),
            _POSTS: _several(_(_POSTS), labels.POST),
            _ORIGINS: _several(labels.PROPERTIES["origin"].text, labels.ORIGIN),
            _SKILLS: st.column_config.MultiselectColumn(_(_SKILLS), options=list(skills.values()), width="medium"),
            _POOLS: _several(_(_POOLS), labels.EMPLOYMENT),
            _CAP: st.column_config.NumberColumn(_(_CAP), width="small"),
            _DISTANCE: st.column_config.NumberColumn(_(_DISTANCE), width="small"),
            _FRESHNESS: st.column_config.NumberColumn(_(_FRESHNESS), width="small"),
            _REST: st.column_config.NumberColumn(_(_REST), width="small"),
        },
    )
    lines = [row for row in edited if any(row.get(name) not in (None, [], "", empty) for name, empty in _BLANK.items())]
    faults = [fault for number, row in enumerate(lines, start=1) for fault in _line_faults(number, row)]
    codes = {text: code for code, text in kinds.items()}
    ids = {name: number for number, name in skills.items()}
    cards = _by_class(lines, codes, ids)
    # Where nothing was touched the version's own lines stay, with seconds that the table doesn't show.
    return (shown.cards if faults or cards == _by_class(rows, codes, ids) else cards), faults


def _by_class(rows: list[dict[str, Any]], codes: dict[str, str], skills: dict[str, int]) -> dict[str, Card]:
    cards: dict[str, Card] = {}
    for row in rows:
        if row.get(_CLASS) in codes and not _line_faults(0, row):
            code = codes[row[_CLASS]]
            cards[code] = (*cards.get(code, ()), _line(row, skills))
    return cards


def _line_faults(number: int, row: dict[str, Any]) -> list[str]:
    """What can't be taken in a line of the table."""
    at = _("出动编组第 {n} 行（{kind}）：", n=number, kind=row.get(_CLASS) or _("未选类别"))
    faults = [] if row.get(_CLASS) else [at + _("请选择类别")]
    for name, field in _LINE_FIELDS.items():
        value = row.get(name)
        least, most = policydraft.limits(field)
        is_open = value is None and field != "people"  # left to the general rules
        if not is_open and (value is None or value != int(value) or not least <= value <= most):
            faults.append(at + policydraft.fault(field, _(name)))
    return faults


def _several(name: str, words: labels.Labels) -> Any:
    return st.column_config.MultiselectColumn(_(name), options=[label.text for label in words.values()], width="medium")


def _row(kind: str, line: Requirement, skills: dict[int, str]) -> dict[str, Any]:
    return {
        _CLASS: kind,
        _PEOPLE: line.people,
        _POSTS: [labels.POST[code].text for code in sorted(line.posts)],
        _ORIGINS: [labels.ORIGIN[code].text for code in sorted(line.origins)],
        _SKILLS: [skills[number] for number in sorted(line.skills or ())],
        _POOLS: [labels.EMPLOYMENT[code].text for code in sorted(line.pools)],
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
    return frozenset(code for code, label in words.items() if label.text in chosen)


def _whole(row: dict[str, Any], name: str, unit: int = 1) -> int | None:
    value = row.get(name)
    return None if value is None else int(value) * unit


def _overtaken(base: Policy, latest: Policy, draft: Draft, note: str, *, by: policies.Version) -> None:
    """Somebody saved a version while this draft was made: what differs, and the two ways on."""
    at = wording.instant(by.made_at, context.now(), zone=context.county().timezone)
    st.error(
        _(
            "{made_by} 已于 {at} 保存了第 {latest} 版。您的修改以第 {base} 版为底稿，"
            "尚未保存，填写的内容都还在。请对照后决定：",
            made_by=by.made_by,
            at=at,
            latest=latest.id,
            base=base.id,
        ),
        icon=":material/sync_problem:",
    )
    reload, on_top, _rest = st.columns([1, 1, 1.6])
    # Keyed by the version that was compared: a press made on this table never counts for one that nobody saw.
    if reload.button(
        _("放弃我的修改，载入第 {version} 版", version=latest.id), key=f"policy_reload_{latest.id}", width="stretch"
    ):
        commands.forget_refusal()
        st.session_state[_SEEN] = latest.id
        st.rerun()
    if on_top.button(
        _("已对照，仍按我填写的保存（取代第 {version} 版）", version=latest.id),
        key=f"policy_on_top_{latest.id}",
        width="stretch",
    ):
        _try_to_save(draft, latest, note)
    kinds = {row.code: f"{row.code} {row.name}" for row in values.classes()}
    skills = context.remembered("skills", "all", (), responders.skills)
    st.html(policydraft.comparison(base, latest, draft, kinds=kinds, skills=skills))


def _try_to_save(draft: Draft, latest: Policy, note: str) -> None:
    """Saves the draft in place of `latest`, which the one who saves has seen; or says why not, and keeps the fields."""
    commands.forget_refusal()
    if draft.faults:
        st.error(_("没有保存，填写的内容都还在。{faults}。", faults=_("；").join(draft.faults)))
    elif policydraft.is_same(draft.policy, latest):
        st.info(_("没有改动：与现行规则相同，未生成新版。"), icon=":material/info:")
    else:
        # A version saved in this very moment: the next run finds it and lets them compare.
        with commands.attempt(), suppress(Conflict):
            database, principal = context.deployment().database, context.principal()
            saved = policies.save(
                database, principal, replace(draft.policy, id=latest.id), note=note, now=context.now()
            )
            st.session_state[_SAVED] = st.session_state[_SEEN] = saved.id
        st.rerun()

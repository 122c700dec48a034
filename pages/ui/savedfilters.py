"""The filters that somebody saved under names: applied, saved, renamed, deleted and taken back, in one small window."""

from __future__ import annotations

from urllib.parse import parse_qs, urlencode

import streamlit as st

from db import saved_filters
from db.saved_filters import LONGEST_NAME, MOST, SavedFilter
from geo.errors import Conflict, GridCommandError, InvalidInput, NotFound
from governance.language import _
from pages.ui import commands, context, layertree, wording

_PAGE = "map"
_NAME, _NEW_NAME = "filter_name", "filter_new_name"
_RENAMING, _TOLD, _TAKEN, _REMOVED = "_filter_renaming", "_filter_told", "_filter_taken", "_filter_removed"


def show() -> None:
    """Draws the button and its window; applying one changes the widgets of the tree before the next run."""
    rows = context.remembered("saved_filters", _PAGE, (), lambda session: saved_filters.saved(session, _PAGE))
    with st.popover(_("我的筛选"), icon=":material/bookmark:", width="stretch", key="map_saved"):
        _saving()
        _told()
        if not rows:
            st.caption(_("还没有保存的筛选。选好图层、网格和条件，起个名字保存，以后点一下就能恢复。"))
        for row in rows:
            _row(row)


def _saving() -> None:
    name, button = st.columns([2.2, 1], gap="small", vertical_alignment="bottom")
    name.text_input(_("名称"), key=_NAME, max_chars=LONGEST_NAME, placeholder=_("给当前筛选起个名字"))
    button.button(_("保存"), key="filter_save", type="primary", width="stretch", on_click=_save)


def _told() -> None:
    """What the last act left to say, with the way back or on."""
    told, removed = st.session_state.get(_TOLD), st.session_state.get(_REMOVED)
    if st.session_state.get(_TAKEN):
        st.warning(_("已有名为“{name}”的筛选。", name=wording.literal(st.session_state[_TAKEN])))
        st.button(_("用当前筛选覆盖"), key="filter_replace", width="stretch", on_click=_save, args=(True,))
    elif removed is not None:
        st.info(_("已删除“{name}”。", name=wording.literal(removed.name)))
        st.button(_("撤销删除"), key="filter_undo", width="stretch", on_click=_restore, args=(removed,))
    elif told:
        st.warning(wording.literal(told))


def _row(row: SavedFilter) -> None:
    if st.session_state.get(_RENAMING) == row.id:
        name, done = st.columns([2.2, 1], gap="small")
        name.text_input(_("新名称"), key=_NEW_NAME, max_chars=LONGEST_NAME, label_visibility="collapsed")
        done.button(_("改名"), key=f"filter_renamed_{row.id}", width="stretch", on_click=_rename, args=(row,))
        return
    with st.container(horizontal=True, gap="small"):
        st.button(
            wording.literal(row.name),
            key=f"filter_use_{row.id}",
            width="stretch",
            help=_("按它筛选"),
            on_click=_apply,
            args=(row,),
        )
        st.button("", key=f"filter_edit_{row.id}", icon=":material/edit:", help=_("改名"), on_click=_edit, args=(row,))
        st.button(
            "", key=f"filter_drop_{row.id}", icon=":material/delete:", help=_("删除"), on_click=_remove, args=(row,)
        )


def _forget() -> None:
    for key in (_RENAMING, _TOLD, _TAKEN, _REMOVED):
        st.session_state.pop(key, None)


def _current() -> str:
    return urlencode([(key, value) for key, values in layertree.address().items() for value in values])


def _save(is_replacing: bool = False) -> None:  # noqa: FBT001, FBT002  a button's callback takes no names
    taken = st.session_state.get(_TAKEN)
    name = taken if is_replacing and taken else str(st.session_state.get(_NAME) or "")
    _forget()
    try:
        saved_filters.save(
            context.deployment().database,
            context.principal(),
            page=_PAGE,
            name=name,
            query=_current(),
            now=context.now(),
            is_replacing=is_replacing,
        )
    except GridCommandError as error:
        _refused(error, name)
    else:
        st.session_state[_NAME] = ""
    context.forget()


def _refused(error: GridCommandError, name: str) -> None:
    if isinstance(error, Conflict) and error.facts.get("reason") == "name_taken":
        st.session_state[_TAKEN] = " ".join(name.split())
    elif isinstance(error, Conflict):
        st.session_state[_TOLD] = _("最多保存 {most} 个筛选，请先删除不用的。", most=MOST)
    elif isinstance(error, InvalidInput) and error.field == "query":
        st.session_state[_TOLD] = _("当前筛选条件太长，无法保存，请缩短搜索文字。")
    elif isinstance(error, InvalidInput):
        st.session_state[_TOLD] = _("请填写名称，最多 {longest} 字。", longest=LONGEST_NAME)
    elif isinstance(error, NotFound):
        st.session_state[_TOLD] = _("这个筛选已经不在了，可能在别的窗口里删除了。")
    else:
        st.session_state[_TOLD] = commands.text_of(error)


def _apply(row: SavedFilter) -> None:
    _forget()
    layertree.restore(parse_qs(row.query))


def _edit(row: SavedFilter) -> None:
    _forget()
    st.session_state[_RENAMING] = row.id
    st.session_state[_NEW_NAME] = row.name


def _rename(row: SavedFilter) -> None:
    name = str(st.session_state.get(_NEW_NAME) or "")
    _forget()
    try:
        saved_filters.rename(context.deployment().database, context.principal(), row.id, name=name)
    except Conflict:
        st.session_state[_TOLD] = _("已有名为“{name}”的筛选，没有改名。", name=" ".join(name.split()))
    except GridCommandError as error:
        _refused(error, name)
    context.forget()


def _remove(row: SavedFilter) -> None:
    _forget()
    try:
        st.session_state[_REMOVED] = saved_filters.remove(context.deployment().database, context.principal(), row.id)
    except GridCommandError as error:
        _refused(error, row.name)
    context.forget()


def _restore(removed: SavedFilter) -> None:
    _forget()
    try:
        saved_filters.save(
            context.deployment().database,
            context.principal(),
            page=_PAGE,
            name=removed.name,
            query=removed.query,
            now=context.now(),
        )
    except GridCommandError as error:
        _refused(error, removed.name)
    context.forget()

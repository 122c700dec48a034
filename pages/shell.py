"""The frame around every screen: one-time page setup, the login gate, navigation, and calm words when all else fails.

The only module under `pages/` that runs: Streamlit executes it on every full rerun of every browser session.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from html import escape
from urllib.parse import urlsplit

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from db.settings import ROOT
from governance import labels, language
from governance.access import Permission, Principal, Role
from governance.language import N_, _
from pages import administration, desk, planning, visits, wall
from pages import map as officers_map
from pages.ui import commands, context, layout, live, theme, wording

PRODUCT = N_("网格治理指挥中心")
# The page that lists the screens; the wall, which has no navigation, leads here. (A docstring here would be shown.)
HOME = "home"


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """One screen: its path, what it is called, the right it asks for, and the roles that land on it."""

    path: str
    title: str
    icon: str
    summary: str
    render: Callable[[], None]
    permission: Permission
    lands: frozenset[Role] = frozenset()


SCREENS = (
    Screen(
        path="wall",
        title=N_("指挥大屏"),
        icon=":material/monitoring:",
        summary=N_("全县一屏掌握：今日数字、待处置事件、在岗力量和实时地图。"),
        render=wall.render,
        permission=Permission.READ_LAYERS,
        lands=frozenset({Role.VIEWER, Role.ADMIN}),
    ),
    Screen(
        path="desk",
        title=N_("派单台"),
        icon=":material/assignment_turned_in:",
        summary=N_("上报事件、一键派单、跟踪到办结。"),
        render=desk.render,
        permission=Permission.ADVANCE_INCIDENT,
        lands=frozenset({Role.DISPATCHER}),
    ),
    Screen(
        path="map",
        title=N_("一张图"),
        icon=":material/map:",
        summary=N_("按网格、类型和状态查看各图层，点开即看详情。"),
        render=officers_map.render,
        permission=Permission.READ_LAYERS,
        lands=frozenset({Role.OFFICER}),
    ),
    Screen(
        path="visits",
        title=N_("入户走访"),
        icon=":material/door_open:",
        summary=N_("登记走访，汇总居民需求，转接处理或当场办结。"),
        render=visits.render,
        permission=Permission.RECORD_VISITS,
    ),
    Screen(
        path="planning",
        title=N_("规划导出"),
        icon=":material/download:",
        summary=N_("选择图层和筛选条件，导出数据文件。"),
        render=planning.render,
        permission=Permission.EXPORT_LAYERS,
        lands=frozenset({Role.PLANNER}),
    ),
    Screen(
        path="administration",
        title=N_("派遣规则"),
        icon=":material/rule:",
        summary=N_("谁可以派、派多远、派几人：修改即成新版本，每次派遣都记下所用版本。"),
        render=administration.render,
        permission=Permission.MANAGE_POLICY,
    ),
)


def run() -> None:
    """One full run of the app: sets the page up, asks who is there, and shows what their address names."""
    context.choose_language()
    st.set_page_config(page_title=_(PRODUCT), page_icon=str(ROOT / "assets" / "favicon.svg"), layout="wide")
    theme.apply()
    st.html(layout.style("shell"))
    st.html(layout.script("again"), unsafe_allow_javascript=True)
    principal = None
    with commands.calmly() as calm:
        principal = context.login()
    page = _navigation(principal)
    if not calm.is_broken and principal is None:
        st.html(commands.to_login(), unsafe_allow_javascript=True)
    elif principal is not None:
        _account(principal)
        page.run()


def _navigation(principal: Principal | None) -> StreamlitPage:
    """The page that the address asks for. Each screen keeps its address, whether or not this role may see it."""
    pages = {screen.path: _page(screen, principal) for screen in SCREENS}
    role = principal.role if principal else Role.VIEWER
    landing = next((screen for screen in SCREENS if role in screen.lands), SCREENS[0])

    def land() -> None:
        st.switch_page(pages[landing.path])

    def choose() -> None:
        _directory(principal, _("全部页面"), _("请选择要打开的页面。"))

    def unknown() -> None:
        _directory(principal, _("没有这个页面"), _("地址可能写错了，或者这个页面已经改名。可以从这里继续："))

    known = [
        st.Page(land, title=_(PRODUCT), url_path="start", default=True, visibility="hidden"),
        st.Page(choose, title=_("全部页面"), url_path=HOME, visibility="hidden"),
        *pages.values(),
    ]
    asked = urlsplit(st.context.url or "").path.strip("/")
    if asked and asked != HOME and asked not in pages and "/" not in asked:
        known.append(st.Page(unknown, title=_("没有这个页面"), url_path=asked, visibility="hidden"))
    return st.navigation(known, position="top" if principal else "hidden")


def _page(screen: Screen, principal: Principal | None) -> StreamlitPage:
    may_see = principal is not None and principal.may(screen.permission)

    def show() -> None:
        if may_see:
            with commands.calmly():
                screen.render()
        else:
            told = _("当前账号没有打开“{title}”的权限。如需要，请联系管理员；您可以使用：", title=_(screen.title))
            _directory(principal, _("没有权限"), told)

    return st.Page(
        show,
        title=_(screen.title),
        icon=screen.icon,
        url_path=screen.path,
        help=_(screen.summary),
        visibility="visible" if may_see else "hidden",
    )


def _directory(principal: Principal | None, title: str, told: str) -> None:
    """A sentence, and every screen that this role may see with what it is for."""
    entries = "".join(
        f'<li><a href="/{screen.path}" target="_self"><b>{escape(_(screen.title))}</b>'
        f"<span>{escape(_(screen.summary))}</span></a></li>"
        for screen in SCREENS
        if principal is not None and principal.may(screen.permission)
    )
    st.html(f'<div class="gc-directory"><h1>{escape(title)}</h1><p>{escape(told)}</p><ul>{entries}</ul></div>')


def _account(principal: Principal) -> None:
    """Who is logged in, and the way out."""
    demo, zone = "", str(wording.LOCAL)
    with commands.calmly():
        demo = f'<b class="demo">{_("演示数据")}</b>' if context.county().is_demo else ""
        zone = context.county().timezone
    with st.container(key="gc_account", horizontal=True, gap="small", vertical_alignment="center"):
        st.html(
            f"""<div class="gc-account">{demo}<span>{escape(principal.display_name or principal.account)}
            <small>{labels.ROLE[principal.role].text}</small></span></div>"""
        )
        _languages()
        kept = ""
        if context.has_switched_language():
            cookie = f"{language.COOKIE}={language.current()};path=/;max-age={language.KEPT_S};samesite=lax"
            kept = f"<script>document.cookie = {json.dumps(cookie)}</script>"
        st.html(
            f"""<div class="gc-account"><form method="post" action="/auth/logout">
            <button type="submit">{_("退出")}</button></form></div>{kept}""",
            unsafe_allow_javascript=bool(kept),
        )
        live.cut("gc_cut", now=context.now(), zone=zone)


def _languages() -> None:
    """A button for every other language, under its own name."""
    here = language.current()
    for code, name in language.NAMES.items():
        if code != here:
            st.button(name, key=f"gc_language_{code}", on_click=context.switch_language, args=(code,))


if __name__ == "__main__":
    run()

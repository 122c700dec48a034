"""The wall's map: what it shows and looks at, the way down into the grids and back, and who is free where."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from html import escape
from zlib import crc32

import streamlit as st

from db import coverage, incidents, territory
from db.coverage import Gap
from db.territory import GridRow
from geo.errors import NotAuthenticated, OutsideCounty, Unavailable
from geo.features import FeatureFilter
from governance.language import _
from layers import deck, follow, hatching, legend, tooltip
from layers.basemap import Ground
from layers.follow import Follow
from layers.palette import DARK
from layers.spec import Look, Source
from pages.ui import chart, context, deeplink, layout, live, parts, shared, wording

_LEVELS = ("street", "community", "quarter")
_LAYERS: Mapping[str, FeatureFilter] = {
    "grids": FeatureFilter(where={"level": _LEVELS}),
    "stations": FeatureFilter(),
    "venues": FeatureFilter(),
    "centres": FeatureFilter(),
    "devices": FeatureFilter(where={"status": ("offline", "alarm")}),
    "workers": FeatureFilter(where={"availability": ("available", "busy")}),
    "incidents": FeatureFilter(where={"is_open": ("true",)}),
}
"""What the wall's map shows: of devices only those that need somebody, of workers those on duty."""

_OFTEN_S, _SELDOM_S = 1.0, 10.0
"""How soon after one another changes may redraw; people on their rounds move all the time."""

_AGAIN_S = 30.0
"""How soon the map is drawn without a change."""

_NAMES_SCALE = 1.2
"""A wall is read from five metres."""

_NAMED = ("street", "community", "road")
_SIDES_REM, _ENDS_REM = 48.0, 10.125
"""What the map leaves to the columns beside it, and to header and ticker."""

_CRUMBS_REM, _CHIPS_REM = 3.4, 5.9
"""How far what stands on the map reaches into it: from above the way back up, from below scale, chips and source."""

_GRID = "grid"
"""The parameter of the address that names the grid which the wall is about."""

HELD_COOKIE = "gridcommand_view"
"""What a browser keeps of a view that is somebody's: grid, since when, longitude, latitude and zoom, `~` between."""
_HELD = re.compile(r"(\d*)~(\d{10}\.\d+)~(-?\d{1,3}\.\d+)~(-?\d{1,2}\.\d+)~(\d{1,2}\.\d+)", re.ASCII)

_VIEW, _CLICKED, _MOVED = "_wall_view", "_wall_clicked", "_wall_moved"


def arrive() -> None:
    """Takes the grid that the wall is about from the address, when the whole screen is drawn."""
    deeplink.arrive(_GRID)


def place() -> tuple[GridRow, ...]:
    """The grid that the wall is about with those above it as far as the own area, finest first; empty for the county.

    A grid in the address that there isn't, or that lies outside the own area, is taken out of it, and that is told.
    Raises `Unavailable`.
    """
    code, home = deeplink.held(_GRID), _home()
    found = _chain(code, home)
    if code and not found:
        deeplink.hold(_GRID, "")
        st.toast(
            _("编码为 {code} 的网格不存在，或不在您的范围内", code=wording.literal(code[:20])),
            icon=":material/info:",
            duration="long",
        )
    return found or _chain(home, home)


def _home() -> str:
    """The grid that the account is bounded to, "" for the county: the wall is about nothing beyond it."""
    return context.principal().grid_prefix


def _chain(code: str, home: str) -> tuple[GridRow, ...]:
    if not code:
        return ()
    found = context.remembered("wall_place", code, ("grids",), lambda session: territory.chain(session, code))
    codes = [row.code for row in found]
    if not home:
        return found
    return found[: codes.index(home) + 1] if home in codes else ()


def gaps() -> Sequence[Gap]:
    """Where nobody is free, over all grids in scope, once per revision for all walls. Raises `Unavailable`."""
    feed = context.deployment().feed
    return shared.read("gaps", (feed.revision("workers"), feed.revision("incidents")), coverage.gaps)


def show(size: layout.Viewport) -> None:
    """Draws the map with what stands on it, and acts on what was clicked or touched since the last time."""
    now, seen = context.now(), context.deployment().feed.revisions()
    try:
        _go_where_clicked()
        chain = place()
        view = _look(chain, now)
        vacant = gaps()
    except Unavailable:
        st.session_state.setdefault("_wall_lost_at", now)
        if "_wall_shown" not in st.session_state:
            raise
        chain, view, vacant = st.session_state["_wall_shown"]
    except NotAuthenticated:
        st.rerun()
    st.session_state["_wall_shown"] = (chain, view, vacant)
    pace = dict.fromkeys(_LAYERS, _OFTEN_S) | {"workers": _SELDOM_S}
    live.follow("wall_map_live", pace, seen=seen, again_s=min(_AGAIN_S, max(1.0, follow.left_s(view, now))))
    metres = _draw(chain, view, vacant, size)
    _crumbs(chain)
    _lock(view)
    parts.watch(
        "wall_watch",
        held=f"{view.grid}~{view.touched_at.timestamp():f}" if view.touched_at else "",
        metres_per_px=metres,
        on_touch=_touched,
        on_place=_clicked,
        on_grid=_go,
    )
    if st.session_state.pop(_MOVED, False):
        deeplink.again()


def key() -> str:
    """The strip under the map: what its symbols are, and where its data comes from."""
    note = escape(context.county().source_note + context.map_credit())
    return f'<p class="source">{note}</p><div class="legend">{legend.strip(_LAYERS)}</div>'


def _look(chain: Sequence[GridRow], now: datetime) -> Follow:
    """The view: that of the grid in the address, or what follows from the incidents that are open."""
    home = _home()
    town = _bounds(home) if home else context.county().town_bounds
    code = chain[0].code if chain and chain[0].code != home else ""
    view: Follow = st.session_state.get(_VIEW) or _held(code, _bounds(code) if code else town, now)
    if code != view.grid:
        view = follow.drill(view, code, _bounds(code) if code else town, now)
    seen = shared.read("open", context.deployment().feed.revision("incidents"), incidents.open_set)
    view = follow.advance(view, mark=seen.mark, incidents=seen.bounds, least=town, now=now)
    if view.grid != code:
        _go(view.grid)
    st.session_state[_VIEW] = view
    return view


def _held(code: str, bounds: follow.Bounds, now: datetime) -> Follow:
    """The view as somebody had left it before the server was started anew; one that follows if nobody had."""
    found = _HELD.fullmatch(st.context.cookies.get(HELD_COOKIE, ""))
    if found is None or found[1] != code:
        return Follow()
    since, longitude, latitude, zoom = map(float, found.groups()[1:])
    at = min(datetime.fromtimestamp(since, UTC), now)
    return Follow(grid=code, bounds=bounds, touched_at=at, held=(longitude, latitude, zoom))


def _bounds(code: str) -> follow.Bounds:
    return context.remembered("wall_bounds", code, ("grids",), lambda session: territory.bounds(session, code))


def _draw(chain: Sequence[GridRow], view: Follow, vacant: Sequence[Gap], size: layout.Viewport) -> float:
    """The map; answers how many metres of the ground its pixels show where nobody moved it."""
    feed = context.deployment().feed
    aim = Follow(grid=view.grid, bounds=view.bounds, moves=view.moves, held=view.held)
    revisions = {name: feed.revision(name) for name in _LAYERS}
    level, about, hatched = chain[0].level if chain else "", chart.the_ground(), _hatched(vacant)
    made = shared.made(
        "wall_map",
        (*revisions.values(), size, aim, level, about, hatched),
        lambda: _drawn(revisions, size, aim, level, ground=about, hatched=hatched),
    )
    with st.container(key="wall_map"):
        chart.show(made, key="wall_deck")
    return deck.metres_per_px(_camera(aim, size))


def _drawn(
    revisions: Mapping[str, int], size: layout.Viewport, aim: Follow, level: str, *, ground: Ground, hatched: str
) -> deck.Deck:
    """The map at these revisions: once for all walls of a size that look at the same."""
    is_deep = level in {"quarter", "building"}
    shown = {**_LAYERS, "grids": FeatureFilter(where={"level": (*_LEVELS, "building")})} if is_deep else _LAYERS
    look, camera = Look(palette=DARK, scale=size.scale), _camera(aim, size)
    only = FeatureFilter(grid=aim.grid, where={"level": (level,)})
    return deck.compose(
        deck.sources(revisions, shown),
        look,
        view=camera,
        ground=ground,
        map_style=chart.map_style(DARK),
        labels=revisions["grids"],
        label_kinds=(*_NAMED, "quarter") if is_deep or level == "community" else _NAMED,
        focus=Source(key="grids", revision=revisions["grids"], features=only) if aim.grid else None,
        beneath=(hatching.draw(hatched, look, metres_per_px=deck.metres_per_px(camera)),),
        is_flat=True,
        names_scale=_NAMES_SCALE,
        tooltip=tooltip.template(),
    )


def _camera(aim: Follow, size: layout.Viewport) -> deck.ViewState:
    rem_px = 16 * size.scale
    return follow.camera(
        aim,
        width_px=size.width_px - _SIDES_REM * rem_px,
        height_px=size.height_px - _ENDS_REM * rem_px,
        head_px=_CRUMBS_REM * rem_px if aim.grid else 0,
        foot_px=_CHIPS_REM * rem_px,
    )


def _hatched(vacant: Sequence[Gap]) -> str:
    """Where the browser fetches the areas to hatch: another address when they are others."""
    return f"/api/coverage?rev={crc32(','.join(gap.code for gap in vacant).encode())}" if vacant else ""


def _crumbs(chain: Sequence[GridRow]) -> None:
    """The way back up: every grid around this one, and a step up that Escape takes too."""
    with st.container(key="wall_crumbs", horizontal=True):
        if not chain:
            return
        top = [] if _home() else [("", context.county().name)]
        above = [*top, *((row.code, row.name) for row in reversed(chain[1:]))]
        # First here and last on the screen: in the same place of the run, it is replaced and never seen twice.
        st.html(f"<b>{escape(chain[0].name)}</b>")
        if not above:
            return
        st.button("←", key="wall_up", help=_("回到上一级（Esc）"), on_click=_go, args=(above[-1][0],))
        for code, name in above:
            st.button(f"{wording.literal(name)} ›", key=f"wall_to_{code or 'county'}", on_click=_go, args=(code,))


def _lock(view: Follow) -> None:
    with st.container(key="wall_lock", horizontal=True):
        if view.is_locked:
            minutes = follow.RETURNS_AFTER.seconds // 60
            st.button(_("★ 恢复自动视野"), key="wall_follow", on_click=_release)
            told = _("{n} 分钟无人操作自动恢复", n=minutes)
            said = f"<p><b>{_('视野已锁定')}</b><span>{told}</span></p>"
        else:
            said = f'<p class="auto">{_("★ 自动视野")}</p>'
        st.html(f'{said}<p class="gap-key"><i></i>{_("覆盖空缺")}</p>')


def _clicked(lon: float, lat: float) -> None:
    st.session_state[_CLICKED] = (lon, lat)


def _go_where_clicked() -> None:
    """One step down, towards the place on the map that was clicked; outside of all grids there is nowhere to go."""
    clicked = st.session_state.pop(_CLICKED, None)
    if clicked is None:
        return
    try:
        with context.reading() as session:
            locus = territory.locate(session, *clicked)
    except OutsideCounty:
        return
    if not locus.is_outside_grid:
        here = place()
        code, level = (here[0].code, here[0].level) if here else ("", "")
        target = follow.next_grid(code, level, [(row.code, row.level) for row in locus.chain])
        if target != code and (not _home() or _home() in [row.code for row in locus.chain]):
            _go(target)


def _go(code: str) -> None:
    """Makes the wall about another grid, "" the whole of what it may be about; the address is what keeps it."""
    deeplink.hold(_GRID, "" if code == _home() else code)
    st.session_state[_MOVED] = True


def _touched(*, is_on_map: bool) -> None:
    view = st.session_state.get(_VIEW)
    if view is not None and (is_on_map or view.is_locked):
        st.session_state[_VIEW] = follow.touch(view, context.now())


def _release() -> None:
    view = st.session_state.get(_VIEW)
    if view is not None:
        st.session_state[_VIEW] = follow.release(view)
        _go("")

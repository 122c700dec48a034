"""What a screen stands on: the deployment that the composition root handed over, who asks, and the clock."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf
from time import monotonic
from typing import Any, TypeVar, cast

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from db import accounts, catalogues, territory
from db.feed import ChangeFeed
from db.session import Database
from db.settings import Settings
from geo.errors import NotAuthenticated, Unavailable
from geo.map_server import map_servers
from governance import language
from governance.access import Principal
from governance.language import N_, _
from pages.ui import wording

T = TypeVar("T")

_LANGUAGE = "_language"
_SWITCHED = "_language_switched"
LOGIN_COOKIE = "gridcommand_login"
_TRUSTED_FOR = timedelta(seconds=30)
"""How long a checked login is believed before the database is asked again: so late a logout elsewhere may show."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deployment:
    """The one database, change feed and settings of this process."""

    database: Database
    feed: ChangeFeed
    settings: Settings


@dataclass(frozen=True, slots=True)
class _Checked:
    """A login's secret, whose it was, and when the database said so."""

    secret: str
    principal: Principal | None
    at: datetime


_provided: list[Deployment] = []


def provide(*, database: Database, feed: ChangeFeed, settings: Settings) -> None:
    """Hands the screens what they stand on. The composition root calls it once, before the first page is served."""
    _provided[:] = [Deployment(database=database, feed=feed, settings=settings)]
    catalogues.provide()
    language.follow(_spoken)


def choose_language() -> None:
    """Settles the language of this session: what the address asks for, else what was chosen before in this browser."""
    asked = language.known(st.query_params.get(language.PARAMETER))
    if asked is None and _LANGUAGE not in st.session_state:
        asked = language.known(st.context.cookies.get(language.COOKIE)) or language.NATIVE
    if asked is not None:
        st.session_state[_LANGUAGE] = asked


def switch_language(code: str) -> None:
    """Another language from the next run on, as a button's callback; filters and drafts stay as they are."""
    st.query_params.pop(language.PARAMETER, None)
    st.session_state[_LANGUAGE] = code
    st.session_state[_SWITCHED] = True


def has_switched_language() -> bool:
    """Whether somebody pressed the switch in this session, so that the browser is to remember it."""
    return _SWITCHED in st.session_state


def _spoken() -> str | None:
    if get_script_run_ctx(suppress_warning=True) is None:
        return None
    return cast("str | None", st.session_state.get(_LANGUAGE))


def deployment() -> Deployment:
    """What was provided. Raises `Unavailable` while the process is still starting."""
    if not _provided:
        raise Unavailable("the process has not finished starting")
    return _provided[0]


def now() -> datetime:
    """This instant, in UTC. Screens are doors: they read the clock, and hand it down."""
    return datetime.now(UTC)


def login() -> Principal | None:
    """Who is logged in by the browser's cookie, or None. Raises `Unavailable` when the database can't say."""
    secret = st.context.cookies.get(LOGIN_COOKIE, "")
    if not secret:
        return None
    moment = now()
    checked = cast("_Checked | None", st.session_state.get("_login"))
    if checked is None or checked.secret != secret or moment - checked.at > _TRUSTED_FOR:
        checked = _Checked(secret, accounts.principal_of_login(deployment().database, secret, now=moment), moment)
        st.session_state["_login"] = checked
    return checked.principal


def principal() -> Principal:
    """Who is logged in. Raises `NotAuthenticated` when nobody is, or no longer."""
    found = login()
    if found is None:
        raise NotAuthenticated
    return found


def reading() -> AbstractContextManager[Any]:
    """A session of the database that sees what the one who is logged in may see."""
    return deployment().database.session(principal())


def county() -> territory.County:
    """The county that this deployment serves; read once per browser session."""
    if "_county" not in st.session_state:
        with reading() as session:
            st.session_state["_county"] = territory.county(session)
    return cast("territory.County", st.session_state["_county"])


def map_credit() -> str:
    """Whose map lies below, where that is a map server's; said on every map. "" where it is the county's own ground."""
    settings = deployment().settings
    servers = map_servers(settings.basemap_url)
    if not servers:
        return ""
    said = settings.basemap_attribution or wording.listed(dict.fromkeys(server.host for server in servers))
    if any(server.is_shifted for server in servers):
        return " " + _("底图：{source}（GCJ-02，偏移约 100–600 米）", source=said)
    return " " + _("底图：{source}", source=said)


_DEMO = N_("演示数据")


def source_line() -> str:
    """Where the data comes from, for every map and file; demo data says so."""
    place = county()
    marked = _DEMO in place.source_note or not place.is_demo
    return place.source_note if marked else _("{name}（{detail}）", name=place.source_note, detail=_(_DEMO))


@dataclass(frozen=True, slots=True)
class _Read:
    """What was read, of what (`about`), at which revisions (`seen`) of `layers`."""

    about: Hashable
    layers: tuple[str, ...]
    seen: tuple[int, ...]
    value: Any
    until: float


_QUICK_S = 0.1
"""What is read faster may be read at every change."""


def remembered(
    name: str, about: Hashable, layers: tuple[str, ...], read: Callable[[Any], T], *, patience: float = 0
) -> T:
    """What `read(session)` answers, read anew only when it is about something else or one of `layers` has changed.

    What took long to read is kept for `patience` times as long, whatever changes meanwhile: over millions of features a
    screen would else do nothing but count.
    While the database can't be reached the last answer about the same thing stays. Raises `Unavailable` without one.
    """
    began = monotonic()
    seen = _seen(layers)
    before = _before(name, about)
    if before is not None and (before.seen == seen or began < before.until):
        return cast("T", before.value)
    try:
        with reading() as session:
            value = read(session)
    except Unavailable:
        if before is None:
            raise
        return cast("T", before.value)
    took_s = monotonic() - began
    until = began + (patience * took_s if took_s > _QUICK_S else 0)
    st.session_state[f"_read_{name}"] = _Read(about, layers, seen, value, until)
    return value


def kept(name: str, about: Hashable, layers: tuple[str, ...]) -> Any:
    """What `remembered` would answer without reading; None where it would read."""
    before = _before(name, about)
    if before is None or (before.seen != _seen(layers) and monotonic() >= before.until):
        return None
    return before.value


def lag_s() -> float:
    """In how many seconds the first of what is kept though it changed may be read; inf where nothing is."""
    now = monotonic()
    kept = (cast("_Read", st.session_state[key]) for key in st.session_state if str(key).startswith("_read_"))
    return min((read.until for read in kept if read.until > now and read.seen != _seen(read.layers)), default=inf) - now


def _seen(layers: tuple[str, ...]) -> tuple[int, ...]:
    feed = deployment().feed
    return tuple(feed.revision(layer) for layer in layers)


def _before(name: str, about: Hashable) -> _Read | None:
    found = cast("_Read | None", st.session_state.get(f"_read_{name}"))
    return found if found is not None and found.about == about else None


def forget() -> None:
    """Drops what is remembered: the one who just changed something sees it at once, before the feed has told."""
    for key in [str(key) for key in st.session_state if str(key).startswith("_read_")]:
        st.session_state.pop(key, None)

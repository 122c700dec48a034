"""Two things that Streamlit's runs do otherwise: what they say last arrives, and what is always the same is made once.

Streamlit's runs tell what they draw in callbacks on the server's loop. A request for a fragment that comes when a run
has ended, and before the loop has come to its last callbacks, makes a new runner, and what the old one said is thrown
away ("Ignoring event from non-current ScriptRunner"; in Streamlit 1.67 one of 1,700 refreshes of twenty walls, whose
incident then came with the next change). Here the new runner waits until the loop has come to them.

Every run of a fragment tells its browser the theme, which Streamlit gathers from its settings for each anew: an eighth
of what a hundred walls cost. Here it is gathered once; the settings are those that the server began with.
"""

from __future__ import annotations

from functools import cache

from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session
from streamlit.runtime.app_session import AppSession, AppSessionState
from streamlit.runtime.scriptrunner import RerunData

_create = AppSession._create_scriptrunner  # noqa: SLF001  there is no public place to wait at
_gather = app_session._populate_theme_msg  # noqa: SLF001


def keep_last_words() -> None:
    """Makes every session of this process wait so; a second call changes nothing."""
    AppSession._create_scriptrunner = _create_later  # type: ignore[assignment,method-assign]  # noqa: SLF001


def gather_themes_once() -> None:
    """Makes every session of this process tell the theme that was gathered first; a second call changes nothing."""
    app_session._populate_theme_msg = _tell_theme  # type: ignore[assignment]  # noqa: SLF001


@cache
def _theme(section: str) -> CustomThemeConfig:
    gathered = CustomThemeConfig()
    _gather(gathered, section)
    return gathered


def _tell_theme(told: CustomThemeConfig, section: str = "theme") -> None:
    if (theme := _theme(section)).ByteSize():
        told.MergeFrom(theme)


def _create_later(session: AppSession, asked: RerunData) -> None:
    """In place of Streamlit's own, which is only asked where no runner takes the request."""
    if session._scriptrunner is None:  # noqa: SLF001
        _create(session, asked)
    else:
        # All that the ended runner has said is before this in the loop's queue.
        session._event_loop.call_soon(_create_now, session, asked)  # noqa: SLF001


def _create_now(session: AppSession, asked: RerunData) -> None:
    if session._state is AppSessionState.SHUTDOWN_REQUESTED:  # noqa: SLF001
        return
    runner = session._scriptrunner  # noqa: SLF001
    if runner is None or not runner.request_rerun(asked):
        _create(session, asked)

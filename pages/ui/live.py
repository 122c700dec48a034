"""Screens that move with the change feed instead of the clock, and a clock that costs the server nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import streamlit as st

from governance.language import _, current
from pages.ui import context, parts


def follow(key: str, layers: Mapping[str, float], *, seen: Mapping[str, int], again_s: float, proof: str = "") -> None:
    """Runs the fragment that this stands in when one of `layers` changes, and when the feed is lost or back.

    The number of each layer is how many seconds lie at least between two runs that its changes ask for; `seen` are the
    feed's revisions from before the fragment began to read. Without any change the fragment runs again `again_s`
    seconds after it ran; a run that was asked for and didn't come is asked for again. `proof` selects what each of its
    runs draws last, with the run's instant in `data-at`: the page calls itself cut off when it isn't drawn though it
    was asked for, until it is drawn anew.
    """
    data = {"layers": dict(layers), "seen": {key: seen[key] for key in layers}, "again_s": round(again_s, 1)}
    data |= {"run": context.now().timestamp(), "proof": proof}
    parts.component("live", '<i class="live" hidden></i>')(key=key, data=data, on_changed_change=parts.nothing)


def clock(key: str, *, now: datetime, zone: str) -> None:
    """Keeps the header's date and time (`panels.header`) by the server's clock, which may not be the browser's.

    Where the server is out of reach, its badge (`panels.badge`) says since when. It stands outside of the page's
    fragments and runs the page as a whole when these can't be drawn.
    """
    data = {"now": now.timestamp() * 1000, "zone": zone, "locale": current()}
    parts.component("clock", '<i class="clock" hidden></i>')(key=key, data=data, on_whole_change=parts.nothing)


def cut(key: str, *, now: datetime, zone: str) -> None:
    """The frame's badge: since when the server is out of reach, or its database for a screen that follows the feed.

    It stands where it is called, hidden until then and once what was lost is back, with the time by the server's clock.
    """
    away = _("与服务器断开，自 {time} 起未更新", time="<b></b>")
    lost = _("数据库没有应答，自 {time} 起未更新", time="<b></b>")
    st.html(f'<p class="gc-cut" role="status">{away}</p><p class="gc-lost" role="status">{lost}</p>')
    data = {"now": now.timestamp() * 1000, "zone": zone}
    parts.component("cut", '<i class="cut" hidden></i>')(key=key, data=data)

"""Screens that move with the change feed instead of the clock, and a clock that costs the server nothing."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from governance.language import current
from pages.ui import parts


def follow(key: str, layers: Mapping[str, float], *, again_s: float) -> None:
    """Runs the fragment that this stands in when one of `layers` changes, and when the feed is lost or back.

    The number of each layer is how many seconds lie at least between two runs that its changes ask for. Without any
    change the fragment runs again `again_s` seconds after it ran.
    """
    parts.component("live", '<i class="live" hidden></i>')(
        key=key, data={"layers": dict(layers), "again_s": round(again_s, 1)}, on_changed_change=parts.nothing
    )


def clock(key: str, *, now: datetime, zone: str) -> None:
    """Keeps the header's date and time (`panels.header`) by the server's clock, which may not be the browser's.

    Where the server is out of reach, its badge (`panels.badge`) says since when.
    """
    data = {"now": now.timestamp() * 1000, "zone": zone, "locale": current()}
    parts.component("clock", '<i class="clock" hidden></i>')(key=key, data=data)

"""The map's time slider: incidents of a span as they were reported, played in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from geo.features import FeatureFilter
from governance.labels import Label
from governance.language import N_, _
from layers.palette import INK, SEVERITY, SEVERITY_NUMERAL
from layers.spec import Source
from pages.ui import context, parts, wording

_SPANS = (
    (0, Label("今天", "span"), timedelta(hours=1)),
    (6, Label("近 7 天", "span"), timedelta(hours=6)),
    (29, Label("近 30 天", "span"), timedelta(days=1)),
)
"""Days back, what the span is called, and how much of it is on the map at once."""

_WORDS: Mapping[str, str] = {
    "play": N_("播放（空格）"),
    "pause": N_("暂停（空格）"),
    "back": N_("后退一步（←）"),
    "on": N_("前进一步（→）"),
    "pace": N_("播放速度（[ 和 ]）"),
    "slider": N_("时间"),
    "shown": N_("{from} 至 {to} 上报 {n} 件"),
    "loading": N_("正在读取这段时间的事件……"),
    "lost": N_("没有取到数据，请稍后重试"),
    "none": N_("这段时间没有符合筛选条件的事件"),
}
_HTML = """<div class="over"><canvas></canvas><div class="panel" role="group">
<button class="back">‹</button><button class="play"></button><button class="on">›</button><button class="pace"></button>
<output class="time"></output><div class="spans"></div>
<div class="line"><canvas class="bars"></canvas><input class="slider" type="range" min="0" max="1" step="0.001"></div>
</div></div>"""


def show(narrowed: FeatureFilter) -> None:
    """Draws the player over the map, for the incidents that the filter leaves, finished ones too."""
    zone = ZoneInfo(context.county().timezone)
    now = context.now()
    # To the next full hour, and without a revision: what plays isn't fetched anew at every change.
    until = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    spans = []
    for days_back, label, window in _SPANS:
        since = wording.start_of_day(now, days_back=days_back, zone=zone)
        start = max(since, narrowed.since) if narrowed.since else since
        flt = replace(narrowed, since=start, where={**narrowed.where, "is_open": ("true", "false")})
        spans.append(
            {
                "label": label.text,
                "url": Source(key="incidents", revision=0, features=flt).url(),
                "from": since.isoformat(),
                "to": until.isoformat(),
                "window_s": window.total_seconds(),
            }
        )
    data = {
        "spans": spans,
        "words": {name: _(text) for name, text in _WORDS.items()},
        "zone": zone.key,
        "ink": INK,
        "colours": {str(severity): colour for severity, colour in SEVERITY.items()},
        "numerals": {str(severity): numeral for severity, numeral in SEVERITY_NUMERAL.items()},
    }
    parts.component("playback", _HTML, has_style=True, after="deckview")(key="map_playback", data=data)

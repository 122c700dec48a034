"""The map's time slider: incidents of a span as they were reported, and a worker's way, played in the browser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from db.tracks import LONGEST
from geo.features import FeatureFilter
from governance.access import Permission
from governance.labels import Label
from governance.language import N_, _
from layers.palette import INK, LIGHT, SEVERITY, SEVERITY_NUMERAL
from layers.spec import Source
from pages.ui import context, parts, wording
from pages.ui.featurecard import Found

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
    "now": N_("地图回放过去；图层数量和列表是此刻的情况，网格员此刻的位置不画出"),
    "loading": N_("正在读取这段时间的事件……"),
    "lost": N_("没有取到数据，请稍后重试"),
    "none": N_("这段时间没有符合筛选条件的事件"),
    "track_at": N_("{name} 位置记录于 {at}"),
    "track_silent": N_("{name} 此刻没有位置记录，最近一次在 {at}"),
    "track_before": N_("{name} 的轨迹从 {at} 开始"),
    "track_loading": N_("正在读取 {name} 的轨迹……"),
    "track_lost": N_("没有取到 {name} 的轨迹，请稍后重试"),
    "track_none": N_("{name} 该时段没有轨迹"),
    "track_long": N_("{name} 的轨迹只在“今天”和“近 7 天”中显示"),
}
_HTML = """<div class="over"><canvas></canvas><div class="panel" role="group">
<button class="back">‹</button><button class="play"></button><button class="on">›</button><button class="pace"></button>
<output class="time"></output><div class="spans"></div>
<output class="who" hidden></output><p class="now"></p>
<div class="line"><canvas class="bars"></canvas><input class="slider" type="range" min="0" max="1" step="0.001"></div>
</div></div>"""


def may_follow(found: Found | None) -> bool:
    """Whether the feature is somebody whose track the one who is logged in may read."""
    return found is not None and found.layer == "workers" and context.principal().may(Permission.READ_PERSONAL)


def show(narrowed: FeatureFilter, *, followed: Found | None = None) -> None:
    """Draws the player over the map, for the incidents that the filter leaves, finished ones too.

    `followed` is a worker whose track is played along, if `may_follow` allows it.
    """
    worker = followed if followed is not None and may_follow(followed) else None
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
                "track_url": _track_url(str(worker.properties["code"]), since, until) if worker else "",
            }
        )
    data = {
        "spans": spans,
        "words": {name: _(text) for name, text in _WORDS.items()},
        "track": {"name": worker.title, "colour": LIGHT.route} if worker else None,
        "zone": zone.key,
        "ink": INK,
        "colours": {str(severity): colour for severity, colour in SEVERITY.items()},
        "numerals": {str(severity): numeral for severity, numeral in SEVERITY_NUMERAL.items()},
    }
    parts.component("playback", _HTML, has_style=True, after="deckview")(key="map_playback", data=data)


def _track_url(worker: str, since: datetime, until: datetime) -> str:
    """Where the track lies; "" for a span that is too long for one."""
    if until - since > LONGEST:
        return ""
    query = {"workers": worker, "since": since.isoformat(), "until": until.isoformat()}
    return f"/api/tracks?{urlencode(query)}"

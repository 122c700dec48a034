"""An incident on paper: facts and pictures in, the bytes of a PDF out."""

from __future__ import annotations

import json
import re
import unicodedata
from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, cast
from zoneinfo import ZoneInfo

import typst

from api.problems import Refusal
from db.cases import Incident
from db.photos import Photo
from db.sheets import Sent
from governance import labels
from governance.photo import Phase
from layers.palette import SEVERITY, SEVERITY_NUMERAL

TITLE = "网格事件办理单"
_TEMPLATE = Path(__file__).with_suffix(".typ")
_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "Noto Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Zen Hei",
    "WenQuanYi Micro Hei",
)
"""Chinese fonts to set it in, the first that there is; `setup.sh` installs the first."""
_LONG_WORD = re.compile(r"[^\s/\-\u2e80-\uffff]{28,}")
"""What no line breaks by itself and the narrowest column can't hold."""
_NOTHING = "—"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """What goes on paper. A photo comes with its picture, None where the file is damaged.

    Names and phones are printed as they are given: whoever gathers the sheet masks them.
    """

    incident: Incident
    sent: Sequence[Sent]
    photos: Sequence[tuple[Photo, bytes | None]]
    county: str
    source: str
    is_demo: bool
    timezone: str
    printed_at: datetime
    printed_by: str


def render(sheet: Sheet) -> bytes:
    """The sheet as a PDF of A4 pages whose text can be searched and copied.

    Raises `Refusal` (unavailable) on a machine without a Chinese font.
    """
    pictures = {_file(photo): _wrapped(photo, jpeg) for photo, jpeg in sheet.photos if jpeg is not None}
    words = json.dumps(_clean(_words(sheet)), ensure_ascii=False).encode()
    files = {"main.typ": _TEMPLATE.read_bytes(), "sheet.json": words} | pictures
    compiler = typst.Compiler(cast("Any", files), font_paths=_fonts())
    return cast("bytes", compiler.compile(format="pdf", timestamp=int(sheet.printed_at.timestamp())))


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=True, include_embedded_fonts=False)


def _families() -> list[str]:
    there = set(_fonts().families())
    found = [family for family in _FONTS if family in there]
    if not found:
        raise Refusal("unavailable", "服务器上没有中文字体，无法排印；请安装 fonts-noto-cjk 后重启")
    return found


def _words(sheet: Sheet) -> dict[str, Any]:
    incident = sheet.incident
    when = _Clock(sheet.timezone)
    return {
        "title": TITLE,
        "fonts": _families(),
        "county": sheet.county,
        "no": incident.no,
        "subject": incident.title,
        "status": labels.STATUS[incident.status].zh,
        "severity": {"numeral": SEVERITY_NUMERAL[incident.severity], "colour": SEVERITY[incident.severity]},
        "facts": _facts(sheet, when),
        "sent": [_sent(row, when) for row in sheet.sent],
        "steps": [
            [
                when(step.at),
                labels.action_text(step.action),
                labels.STATUS[step.to_status].zh,
                step.actor_name or step.actor,
                step.opinion or _NOTHING,
            ]
            for step in incident.steps
        ],
        "phases": [
            {
                "name": labels.PHOTO_PHASE[phase].zh,
                "photos": [_photo(photo, jpeg, when) for photo, jpeg in sheet.photos if photo.phase is phase],
            }
            for phase in Phase
        ],
        "source": f"数据来源：{sheet.source}",
        "is_demo": sheet.is_demo,
        "printed": f"打印：{when(sheet.printed_at)} {sheet.printed_by}",
    }


def _facts(sheet: Sheet, when: _Clock) -> list[dict[str, Any]]:
    incident = sheet.incident
    marks = [
        word
        for is_so, word in (
            (incident.is_supervised, "督办"),
            (incident.is_outside_grid, "网格外"),
            (incident.is_sensitive, "涉敏"),
        )
        if is_so
    ]
    status = labels.STATUS[incident.status].zh
    late = "（已超期）" if incident.is_open and incident.due_at and incident.due_at < sheet.printed_at else ""
    overdue = "（已超期）" if incident.is_open and incident.settle_by < sheet.printed_at else ""
    reporter = " ".join(part for part in (incident.reporter_name, incident.reporter_phone) if part)
    halves = (
        ("编号", incident.no),
        ("状态", "、".join([status, *marks])),
        ("级别", f"{SEVERITY_NUMERAL[incident.severity]} 级 {labels.SEVERITY[incident.severity].zh}"),
        ("类别", f"{incident.major_name} › {incident.class_name}（{incident.class_code}）"),
        ("来源", labels.SOURCE[incident.source].zh),
        ("报告人", reporter or _NOTHING),
        ("上报时间", when(incident.reported_at)),
        ("总时限", f"{when(incident.settle_by)}{overdue}{_clock_notes(incident)}"),
        ("当前时限", f"{when(incident.due_at)}{late}"),
        ("受理", when(incident.accepted_at)),
        ("处置完成", when(incident.resolved_at)),
        ("办结", when(incident.closed_at)),
        ("承办单位", incident.department_name or _NOTHING),
        ("关联事件", _related(incident)),
    )
    wholes = (
        ("网格", " › ".join(f"{grid.name}" for grid in reversed(incident.chain)) + f"（{incident.grid_code}）"),
        ("地址", incident.address or _NOTHING),
        ("坐标", _coordinates(incident)),
        ("情况", incident.description or _NOTHING),
    )
    facts = [{"name": name, "value": value, "wide": False} for name, value in halves]
    return facts + [{"name": name, "value": value, "wide": True} for name, value in wholes]


def _clock_notes(incident: Incident) -> str:
    """What became of the clock of the whole matter."""
    notes = ["暂停计时"] if incident.remaining_s is not None and incident.is_open else []
    notes += [f"延期 {incident.extensions} 次"] if incident.extensions else []
    notes += ["申诉成立，不计超期"] if incident.is_exempt else []
    return f"（{'，'.join(notes)}）" if notes else ""


def _related(incident: Incident) -> str:
    related = [f"重复于 {incident.merged_into_no}"] if incident.merged_into_no else []
    related += [f"拆自 {incident.parent_no}"] if incident.parent_no else []
    related += [f"拆出 {no}" for no in incident.part_nos]
    return "；".join(related) or _NOTHING


def _coordinates(incident: Incident) -> str:
    stored = f"东经 {incident.lon:.6f}°，北纬 {incident.lat:.6f}°（CGCS2000，EPSG:4490）"
    crs = str(incident.raw_crs)
    if (round(incident.raw_x, 6), round(incident.raw_y, 6)) == (round(incident.lon, 6), round(incident.lat, 6)):
        return stored
    name = labels.CRS[crs].zh if crs in labels.CRS else crs
    return f"{stored}；上报时为 {incident.raw_x:.6f}, {incident.raw_y:.6f}，{name}"


def _sent(row: Sent, when: _Clock) -> list[str]:
    result = labels.ASSIGNMENT[row.status].zh
    why = f"，{'改派：' if row.is_override else ''}{row.reason}" if row.reason else ""
    return [
        f"{row.worker_name or '辖区外人员'}\n{row.worker_code or ''}".strip(),
        *(when(at).replace(" ", "\n") for at in (row.dispatched_at, row.acknowledged_at, row.arrived_at, row.ended_at)),
        f"{row.distance_m:,.0f} m",
        f"{result}{why}",
    ]


def _photo(photo: Photo, jpeg: bytes | None, when: _Clock) -> dict[str, Any]:
    taken = f"{when(photo.added_at)} {photo.taken_by_name or photo.taken_by}"
    return {
        "file": None if jpeg is None else _file(photo),
        "told": f"{taken}\n{photo.note}".strip(),
        "alt": f"{labels.PHOTO_PHASE[photo.phase].zh}照片，{taken}，{photo.note}".rstrip("，"),
    }


def _file(photo: Photo) -> str:
    return f"photo-{photo.id}.svg"


def _wrapped(photo: Photo, jpeg: bytes) -> bytes:
    # Typst takes nothing but text from memory; the JPEG comes out of its wrapping untouched.
    size = f'width="{photo.width}" height="{photo.height}"'
    data = f"data:image/jpeg;base64,{b64encode(jpeg).decode()}"
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}><image href="{data}" {size}/></svg>'.encode()


class _Clock:
    """Instants as the county writes them: 2026-11-23 14:05."""

    def __init__(self, timezone: str) -> None:
        self._zone = ZoneInfo(timezone)

    def __call__(self, at: datetime | None) -> str:
        return _NOTHING if at is None else f"{at.astimezone(self._zone):%Y-%m-%d %H:%M}"


def _clean(value: Any) -> Any:
    """Without control characters, and with words that no column could hold made breakable."""
    if isinstance(value, dict):
        return {key: _clean(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_clean(part) for part in value]
    if not isinstance(value, str):
        return value
    text = "".join(c for c in value if c == "\n" or unicodedata.category(c) not in {"Cc", "Cs"})
    return _LONG_WORD.sub(lambda word: "\u200b".join(word[0]), text)

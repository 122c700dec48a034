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
from governance import labels, language
from governance.language import N_, _, _n
from governance.photo import Phase
from layers.palette import SEVERITY, SEVERITY_NUMERAL

TITLE = N_("网格事件办理单")
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
        raise Refusal("unavailable", _("服务器上没有中文字体，无法排印；请安装 fonts-noto-cjk 后重启"))
    return found


def _words(sheet: Sheet) -> dict[str, Any]:
    incident = sheet.incident
    when = _Clock(sheet.timezone)
    return {
        "title": _(TITLE),
        "lang": language.current(),
        "words": _headings(),
        "fonts": _families(),
        "county": sheet.county,
        "no": incident.no,
        "subject": incident.title,
        "status": labels.STATUS[incident.status].text,
        "severity": {"numeral": SEVERITY_NUMERAL[incident.severity], "colour": SEVERITY[incident.severity]},
        "facts": _facts(sheet, when),
        "sent": [_sent(row, when) for row in sheet.sent],
        "steps": [
            [
                when(step.at),
                labels.action_text(step.action),
                labels.STATUS[step.to_status].text,
                step.actor_name or step.actor,
                step.opinion or _NOTHING,
            ]
            for step in incident.steps
        ],
        "phases": [
            {
                "name": _n(
                    "{phase}（{n} 张）",
                    sum(photo.phase is phase for photo, _jpeg in sheet.photos),
                    phase=labels.PHOTO_PHASE[phase].text,
                ),
                "photos": [_photo(photo, jpeg, when) for photo, jpeg in sheet.photos if photo.phase is phase],
            }
            for phase in Phase
        ],
        "source": _("数据来源：{source}", source=sheet.source),
        "is_demo": sheet.is_demo,
        "printed": _("打印：{at} {name}", at=when(sheet.printed_at), name=sheet.printed_by),
    }


def _headings() -> dict[str, Any]:
    """What the template says by itself."""
    return {
        "page": _("第 {page} 页，共 {pages} 页"),
        "demo": _("演示数据"),
        "sent": _("派遣人员"),
        "sent_columns": [_("人员"), _("派出"), _("接单"), _("到场"), _("结束"), _("派出距离"), _("结果")],
        "steps": _("办理经过"),
        "steps_columns": [_("时间"), _("步骤"), _("状态"), _("经办"), _("意见")],
        "damaged": _("照片文件缺失或已被改动"),
        "photos": _("照片"),
        "signed": [_("经办人（签字）"), _("审核人（签字）"), _("日期")],
    }


def _facts(sheet: Sheet, when: _Clock) -> list[dict[str, Any]]:
    incident = sheet.incident
    marks = [
        word
        for is_so, word in (
            (incident.is_supervised, _("督办")),
            (incident.is_outside_grid, _("网格外")),
            (incident.is_sensitive, _("涉敏")),
        )
        if is_so
    ]
    status = labels.STATUS[incident.status].text
    late = _("（已超期）") if incident.is_open and incident.due_at and incident.due_at < sheet.printed_at else ""
    overdue = _("（已超期）") if incident.is_open and incident.settle_by < sheet.printed_at else ""
    reporter = " ".join(part for part in (incident.reporter_name, incident.reporter_phone) if part)
    halves = (
        (_("编号"), incident.no),
        (_("状态"), _("、").join([status, *marks])),
        (
            _("级别"),
            f"{labels.SEVERITY_LEVEL[incident.severity].text} {labels.SEVERITY[incident.severity].text}",
        ),
        (
            _("类别"),
            _("{name}（{detail}）", name=f"{incident.major_name} › {incident.class_name}", detail=incident.class_code),
        ),
        (_("来源"), labels.SOURCE[incident.source].text),
        (_("报告人"), reporter or _NOTHING),
        (_("上报时间"), when(incident.reported_at)),
        (_("总时限"), f"{when(incident.settle_by)}{overdue}{_clock_notes(incident)}"),
        (_("当前时限"), f"{when(incident.due_at)}{late}"),
        (_("受理"), when(incident.accepted_at)),
        (_("处置完成"), when(incident.resolved_at)),
        (_("办结"), when(incident.closed_at)),
        (_("承办单位"), incident.department_name or _NOTHING),
        (_("关联事件"), _related(incident)),
    )
    wholes = (
        (
            _("网格"),
            _(
                "{name}（{detail}）",
                name=" › ".join(g.name for g in reversed(incident.chain)),
                detail=incident.grid_code,
            ),
        ),
        (_("地址"), incident.address or _NOTHING),
        (_("坐标"), _coordinates(incident)),
        (_("情况"), incident.description or _NOTHING),
    )
    facts = [{"name": name, "value": value, "wide": False} for name, value in halves]
    return facts + [{"name": name, "value": value, "wide": True} for name, value in wholes]


def _clock_notes(incident: Incident) -> str:
    """What became of the clock of the whole matter."""
    notes = [_("暂停计时")] if incident.remaining_s is not None and incident.is_open else []
    notes += [_n("已延期 {n} 次", incident.extensions)] if incident.extensions else []
    notes += [_("申诉成立，不计入超期统计")] if incident.is_exempt else []
    return _("（{notes}）", notes=_("，").join(notes)) if notes else ""


def _related(incident: Incident) -> str:
    related = [_("重复于 {no}", no=incident.merged_into_no)] if incident.merged_into_no else []
    related += [_("拆自 {no}", no=incident.parent_no)] if incident.parent_no else []
    related += [_("拆出 {no}", no=no) for no in incident.part_nos]
    return _("；").join(related) or _NOTHING


def _coordinates(incident: Incident) -> str:
    stored = _("东经 {lon:.6f}°，北纬 {lat:.6f}°（CGCS2000，EPSG:4490）", lon=incident.lon, lat=incident.lat)
    crs = str(incident.raw_crs)
    if (round(incident.raw_x, 6), round(incident.raw_y, 6)) == (round(incident.lon, 6), round(incident.lat, 6)):
        return stored
    name = labels.CRS[crs].text if crs in labels.CRS else crs
    return _(
        "{stored}；上报时为 {x:.6f}, {y:.6f}，{crs}",
        stored=stored,
        x=incident.raw_x,
        y=incident.raw_y,
        crs=name,
    )


def _sent(row: Sent, when: _Clock) -> list[str]:
    result = labels.ASSIGNMENT[row.status].text
    why = [_("改派：{reason}", reason=row.reason) if row.is_override else row.reason] if row.reason else []
    return [
        f"{row.worker_name or _('辖区外人员')}\n{row.worker_code or ''}".strip(),
        *(when(at).replace(" ", "\n") for at in (row.dispatched_at, row.acknowledged_at, row.arrived_at, row.ended_at)),
        f"{row.distance_m:,.0f} m",
        _("，").join([result, *why]),
    ]


def _photo(photo: Photo, jpeg: bytes | None, when: _Clock) -> dict[str, Any]:
    taken = f"{when(photo.added_at)} {photo.taken_by_name or photo.taken_by}"
    return {
        "file": None if jpeg is None else _file(photo),
        "told": f"{taken}\n{photo.note}".strip(),
        "alt": _(
            "{phase}照片，{told}",
            phase=labels.PHOTO_PHASE[photo.phase].text,
            told=_("，").join(part for part in (taken, photo.note) if part),
        ),
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

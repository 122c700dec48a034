"""The sheet of an incident: what stands on the paper, and for whom."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from PIL import Image

from api import sheet
from api.context import Context
from api.problems import Refusal
from db import cases, photos
from db.cases import Incident, Step
from db.photos import Photo
from governance.access import SYSTEM
from governance.photo import Phase
from tests.conftest import NOW

JPEG = {"Content-Type": "image/jpeg"}
STORY = "现场发现 DN300 供暖管线焊口渗漏，影响 3 号楼至 7 号楼共 210 户居民供暖；Follow-up: pressure test at 0.6 MPa. "


def words(pdf: bytes) -> str:
    """The text of a PDF without its spaces and line ends; poppler reads it as any viewer does."""
    found = subprocess.run(["pdftotext", "-", "-"], input=pdf, capture_output=True, check=True).stdout.decode()
    return re.sub(r"[\s\u200b]+", "", found)


def pages(pdf: bytes) -> int:
    return len(re.findall(rb"/Type\s*/Page\b(?!s)", pdf))


def shot() -> bytes:
    out = BytesIO()
    Image.effect_noise((640, 480), 60).convert("RGB").save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def no(clients: Any, body: Callable[..., dict[str, object]]) -> str:
    """An incident with a reporter."""
    report = body(
        title="惠民新村供暖管线泄漏", severity=2, crs="gcj02", lon=124.011, lat=45.007,
        reporter_name="欧阳小明", reporter_phone="13812345678",
    )  # fmt: skip
    return str(clients.officer.post("/api/incidents", json=report).json()["no"])


@pytest.fixture
def sent(clients: Any, no: str) -> str:
    """The incident after somebody was sent to it."""
    assert clients.officer.post(f"/api/incidents/{no}/dispatch", json={}).status_code == 200
    return no


def printed(client: Any, no: str) -> str:
    answer = client.get(f"/api/incidents/{no}/sheet.pdf")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["cache-control"] == "private, no-store"
    assert answer.content.startswith(b"%PDF-")
    return words(answer.content)


def test_the_sheet_tells_the_incident(clients: Any, sent: str):
    """Title, number, status and severity in words, class, chain, coordinates with their system, steps, source."""
    text = printed(clients.officer, sent)
    for part in (
        "网格事件办理单", sent, "惠民新村供暖管线泄漏", "已派遣", "II级重大（橙）", "市容环境›暴露垃圾（0101）",
        "如松街道›如松街道社区›如松街道小区1", "CGCS2000，EPSG:4490", "124.011000,45.007000，GCJ-02",
        "王小1", "派单", "受理", "上报", "演示数据", "第1页，共1页", "打印：2026-11-2310:00officer",
    ):  # fmt: skip
        assert part in text, part


def test_names_are_printed_for_those_who_need_them(clients: Any, sent: str):
    """An officer's paper names reporter and worker; a viewer's has them masked, and the number nowhere."""
    full, masked = printed(clients.officer, sent), printed(clients.viewer, sent)
    assert "欧阳小明13812345678" in full
    assert "欧阳*138****5678" in masked
    assert "王*" in masked
    for secret in ("小明", "13812345678", "王小1"):
        assert secret not in masked


def test_no_paper_beyond_scope(clients: Any, no: str):
    """Another street's officer gets none."""
    assert clients.officer_of_rongye.get(f"/api/incidents/{no}/sheet.pdf").status_code == 404


def test_photos_are_printed_and_a_lost_one_is_told(clients: Any, context: Context, no: str):
    """A picture that isn't what was kept doesn't keep the rest from being printed."""
    url = f"/api/incidents/{no}/photos?phase=before&note=路面积水"
    assert clients.officer.post(url, content=shot(), headers=JPEG).status_code == 201
    answer = clients.officer.get(f"/api/incidents/{no}/sheet.pdf")
    assert b"/DCTDecode" in answer.content
    assert "处置前（1张）" in words(answer.content)
    assert "路面积水" in words(answer.content)
    for kept in (context.settings.data_dir / photos.FOLDER).rglob("*.jpg"):
        kept.unlink()
    assert "照片文件缺失或已被改动" in printed(clients.officer, no)


@pytest.fixture
def case(context: Context, no: str) -> sheet.Sheet:
    """The sheet's facts, to be changed."""
    with context.database.session(SYSTEM) as session:
        incident = cases.get(session, no)
    return sheet.Sheet(
        incident=incident,
        sent=(),
        photos=(),
        county="乾安县",
        source="县界：天地图",
        is_demo=False,
        timezone="Asia/Shanghai",
        printed_at=NOW,
        printed_by="指挥调度员",
    )


def with_steps(incident: Incident, opinions: list[str]) -> Incident:
    steps = tuple(
        Step(
            action="rework", from_status="resolved", to_status="processing", actor="a", actor_name="如松街道干部",
            at=NOW + timedelta(hours=n), opinion=opinion,
        )
        for n, opinion in enumerate(opinions)
    )  # fmt: skip
    return replace(incident, steps=steps)


def test_a_long_case_runs_over_pages(case: sheet.Sheet):
    """Thirty long steps and one of two pages' length are all there, on numbered pages; real data says no demo."""
    opinions = [f"第{n}步 {STORY * (1 + n % 3)}终{n}。" for n in range(30)] + [STORY * 60 + "最后一句"]
    pdf = sheet.render(replace(case, incident=with_steps(case.incident, opinions)))
    text = words(pdf)
    assert all(f"第{n}步" in text and f"终{n}。" in text for n in range(30))
    assert "最后一句" in text
    assert pages(pdf) > 3
    assert f"第{pages(pdf)}页，共{pages(pdf)}页" in text
    assert "演示数据" not in text


def test_what_people_typed_is_never_markup(case: sheet.Sheet):
    """Signs that mean something to the typesetter, control characters and endless words are printed as text."""
    typed = '#read("/etc/passwd") *b* _e_ $x^2$ <label> @ref \\ // [x] \x07\x1b' + "A" * 300
    text = words(sheet.render(replace(case, incident=replace(case.incident, description=typed, title=typed[:150]))))
    assert '#read("/etc/passwd")*b*_e_$x^2$<label>@ref\\//[x]' in text
    assert "A" * 300 in text


def test_the_same_facts_give_the_same_paper(case: sheet.Sheet):
    """Nothing but its facts goes into a sheet, at whatever instant it is printed."""
    case = replace(case, printed_at=NOW.replace(microsecond=123_456).astimezone(ZoneInfo("Asia/Shanghai")))
    assert sheet.render(case) == sheet.render(case)


def test_eighteen_photos_are_printed(case: sheet.Sheet):
    """Both phases full, upright and lying: each picture is there."""
    known = {"sha256": "0" * 64, "byte_count": 1, "taken_by": "a", "taken_by_name": "网格员曾*", "added_at": NOW}
    kept = [
        Photo(id=n, phase=list(Phase)[n % 2], width=640, height=480, note="", **known)  # type: ignore[arg-type]
        for n in range(18)
    ]
    pdf = sheet.render(replace(case, photos=[(photo, shot()) for photo in kept]))
    assert pdf.count(b"/DCTDecode") == 18


def test_without_a_chinese_font_it_says_so(case: sheet.Sheet, monkeypatch: pytest.MonkeyPatch):
    """Boxes in place of words would be worse than no paper."""
    monkeypatch.setattr(sheet, "_FONTS", ("No Such Font",))
    with pytest.raises(Refusal, match="中文字体"):
        sheet.render(case)


def test_the_sheet_speaks_the_language_that_is_asked_for(clients: Any, sent: str):
    """In English every word of ours is English, and what people wrote stays as they wrote it."""
    answer = clients.officer.get(f"/api/incidents/{sent}/sheet.pdf", params={"lang": "en"})
    text = words(answer.content)
    for part in ("Incidentsheet", "Dispatched", "Whowassent", "Page1of1", "Demodata", "惠民新村供暖管线泄漏"):
        assert part in text, part
    for part in ("办理", "派遣", "时限", "签字", "页"):
        assert part not in text, part

"""The photos of a case on the desk."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from db import incidents, photos
from db.session import Database
from db.settings import Settings
from pages.ui import context
from tests.conftest import NOW
from tests.people import DISPATCHER


def shot(shade: int) -> bytes:
    out = BytesIO()
    Image.new("RGB", (64, 48), (shade, 120, 40)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def no(provided: Database, tmp_path: Path) -> str:
    """An open incident, on a desk that keeps its photos in a folder of the test."""
    settings = Settings(data_dir=tmp_path)
    context.provide(database=provided, feed=context.deployment().feed, settings=settings)
    with provided.session(DISPATCHER) as session:
        return incidents.queue(session)[0].no


def html(screen: Any) -> str:
    return "\n".join(str(element.value) for element in screen.get("html"))


def send(screen: AppTest, *files: tuple[str, bytes]) -> AppTest:
    screen.get("file_uploader")[0].set_value([(name, content, "image/jpeg") for name, content in files]).run()
    return screen.button(key="case_photos_add").click().run()


def test_a_case_without_photos_says_so(visit: Any, no: str):
    """Both halves are there, empty, and whoever takes steps may add."""
    screen = visit("dispatcher", no=no)
    assert html(screen).count("还没有照片") == 2
    assert screen.get("file_uploader")


def test_photos_stand_under_their_phase(visit: Any, provided: Database, no: str, tmp_path: Path):
    """A photo added elsewhere is shown by its private address, with who took it."""
    made = photos.add(
        provided, DISPATCHER, no, phase="after", content=shot(9), folder=tmp_path / "photos", now=NOW, note="<b>"
    )
    shown = html(visit("dispatcher", no=no))
    assert f'src="/api/incidents/{no}/photos/{made.id}?size=small"' in shown
    assert shown.count("还没有照片") == 1
    assert "指挥调度员" in shown
    assert "&lt;b&gt;" in shown


def test_several_files_at_once_each_get_their_word(visit: Any, provided: Database, no: str):
    """What is a photo is added; what isn't is named with the reason, and nothing else is lost."""
    screen = send(visit("dispatcher", no=no), ("one.jpg", shot(1)), ("notes.jpg", b"text"), ("two.jpg", shot(2)))
    with provided.session(DISPATCHER) as session:
        assert len(photos.of_incident(session, no)) == 2
    shown = html(screen)
    assert "1 张没有添加" in shown
    assert "<b>notes.jpg</b>：不是照片" in shown
    screen.button(key="case_photos_seen").click().run()
    assert "没有添加" not in html(screen)


def test_the_same_photo_for_both_is_told(visit: Any, provided: Database, no: str, tmp_path: Path):
    """The picture of after can't be the picture of before."""
    photos.add(provided, DISPATCHER, no, phase="after", content=shot(5), folder=tmp_path / "photos", now=NOW)
    screen = send(visit("dispatcher", no=no), ("again.jpg", shot(5)))
    assert "不能既作处置前又作处置后" in html(screen)

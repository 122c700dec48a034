"""A server's loop that is busy when a run ends: in a process of its own, for Streamlit's runtime is one a process."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from streamlit.config import CustomThemeCategories
from streamlit.proto.NewSession_pb2 import CustomThemeConfig
from streamlit.runtime import app_session

from db.settings import ROOT
from pages.ui import runners

_SCREEN = """
import streamlit as st

@st.fragment(key="board")
def board():
    st.session_state.n = st.session_state.get("n", 0) + 1
    st.text(f"board {st.session_state.n}")

@st.fragment(key="map")
def draw_map():
    st.session_state.m = st.session_state.get("m", 0) + 1
    st.text(f"map {st.session_state.m}")

board()
draw_map()
"""

_SERVER = """
import asyncio, json, sys
from types import SimpleNamespace
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.runtime import Runtime, RuntimeConfig
from streamlit.runtime.memory_media_file_storage import MemoryMediaFileStorage
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from pages.ui import runners

async def look_on():
    heard, fragments = [], {}

    def take(message):
        if message.HasField("delta") and message.delta.new_element.WhichOneof("type") == "text":
            body = message.delta.new_element.text.body
            heard.append(body)
            fragments[body.split()[0]] = message.delta.fragment_id

    async def until(is_so):
        async with asyncio.timeout(30):
            while not is_so():
                await asyncio.sleep(0.01)

    runtime = Runtime(RuntimeConfig(
        script_path=sys.argv[1],
        media_file_storage=MemoryMediaFileStorage("/media"),
        uploaded_file_manager=MemoryUploadedFileManager("/upload"),
    ))
    await runtime.start()
    session = runtime.connect_session(SimpleNamespace(write_forward_msg=take), {})
    runner = lambda: runtime._session_mgr.get_session_info(session).session._scriptrunner

    def ask(fragment):
        message = BackMsg()
        message.rerun_script.fragment_id = fragment
        runtime.handle_backmsg(session, message)

    ask("")
    await until(lambda: len(fragments) == 2 and runner() is None)
    ask(fragments["board"])
    runner()._script_thread.join()  # nothing else runs on the loop meanwhile
    ask(fragments["map"])
    await until(lambda: "map 2" in heard and runner() is None)
    runtime.stop()
    print(json.dumps(heard))

if sys.argv[2] == "kept":
    runners.keep_last_words()
    runners.keep_last_words()
asyncio.run(look_on())
"""


@pytest.mark.parametrize("is_kept", [True, False])
def test_a_run_that_has_just_ended_is_heard(tmp_path: Path, *, is_kept: bool):
    """A request that comes before the loop heard what the run before it drew takes nothing of it away.

    Once Streamlit keeps it by itself, the other half of this test fails, and `pages/ui/runners.py` can go.
    """
    screen = tmp_path / "screen.py"
    screen.write_text(_SCREEN, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-c", _SERVER, str(screen), "kept" if is_kept else "plain"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    heard = json.loads(ended.stdout.splitlines()[-1])
    assert ("board 2" in heard) is is_kept
    assert heard[:2] == ["board 1", "map 1"]
    assert heard[-1] == "map 2"


def test_the_theme_told_once_more_is_streamlits_own(monkeypatch: pytest.MonkeyPatch):
    """Section by section, and every time; what the settings don't name isn't told at all."""
    gather = app_session._populate_theme_msg
    monkeypatch.setattr(app_session, "_populate_theme_msg", gather)
    runners.gather_themes_once()
    tell = app_session._populate_theme_msg
    assert tell is not gather
    for section in ("theme", *(f"theme.{each.value}" for each in CustomThemeCategories)):
        own, *told = (CustomThemeConfig() for _ in range(3))
        gather(own, section)
        for one in told:
            tell(one, section)
            assert one == own
        assert bool(own.ByteSize()) is (section == "theme")

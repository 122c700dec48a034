"""What becomes of links and saved filters whose values there are no more."""

from __future__ import annotations

import json
from typing import Any

from streamlit.testing.v1 import AppTest


def _told(screen: Any) -> str:
    return " ".join(str(toast.value) for toast in screen.toast)


def test_a_link_with_dead_values_opens_without_them_and_says_so(opened: Any):
    """A class, a kind, a grid and a feature that there are no more leave the address; the rest of the link holds."""
    screen = opened({
        "incidents-severity": "3,9", "devices-kind": "toaster", "map_class": "旧大类", "map_since": "5", "in": "999",
        "at": "incidents:QA0", "only_overdue": "maybe",
    })  # fmt: skip

    drawn = json.loads(screen.get("deck_gl_json_chart")[0].proto.json)["layers"]
    assert "severity=3" in next(layer["data"] for layer in drawn if layer["id"] == "incidents").split("&")
    assert not {"devices-kind", "map_class", "map_since", "in", "at", "only_overdue"} & set(screen.query_params)
    assert all(dead in _told(screen) for dead in ("9", "toaster", "旧大类", "5", "maybe", "999", "QA0"))


def test_a_live_link_is_told_nothing_about(opened: Any):
    """What is on offer stays in the address without a word."""
    screen = opened({"incidents-severity": "3", "in": "220723003", "map_class": "公用设施"})
    assert _told(screen) == ""
    assert screen.query_params["in"] == "220723003"


def test_a_saved_filter_leaves_out_what_is_gone(opened: Any):
    """Its window's button says so, as a link does."""
    script = "from pages.ui import layertree\nlayertree.restore({'incidents-severity': ['3', '9']})"
    opened({})
    screen = AppTest.from_string(script, default_timeout=30).run()
    assert "9" in _told(screen)
    assert screen.session_state["incidents-severity"] == ["3"]

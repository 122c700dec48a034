"""Every screen in English: nothing of ours is Chinese, what people and counties wrote stays as it is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from db.session import Database
from governance import language
from governance.privacy import mask_name

RUN = re.compile(r"[\u3400-\u9fff]+")
TEXTS = """SELECT table_schema || '.' || quote_ident(table_name) AS place, quote_ident(column_name) AS name
    FROM information_schema.columns
    WHERE table_schema IN ('public', 'base') AND data_type IN ('text', 'character varying')"""


@pytest.fixture(scope="session")
def written(shared_county: Database) -> frozenset[str]:
    """Every run of Chinese characters that stands in the county's own data, and names as they are masked."""
    with shared_county.engine.connect() as connection:
        columns = connection.execute(text(TEXTS)).all()
        data = [
            value
            for place, name in columns
            for value in connection.execute(text(f"SELECT DISTINCT {name} FROM {place}")).scalars()
            if value
        ]
    return frozenset(run for value in data for form in (value, mask_name(value)) for run in RUN.findall(form))


def said(screen: AppTest) -> Iterator[str]:
    """What stands on the screen, element by element, with labels, options, hints and placeholders."""
    for element in screen.main:
        yield from _said(element)


def _said(element: Any) -> Iterator[str]:
    if element.type == "deck_gl_json_chart":
        return
    for child in getattr(element, "children", {}).values():
        yield from _said(child)
    proto = getattr(element, "proto", None)
    if proto is None:
        return
    for field, value in proto.ListFields():
        if field.name in {"id", "form_id", "user_key", "javascript", "js_content", "css_content", "json"}:
            continue
        for one in value if field.is_repeated else (value,):
            told = one if isinstance(one, str) else str(getattr(one, "content", "") or "")
            # Style sheets and scripts are tested where they lie; their generated words stand between quotes.
            yield unescape(told)


def chinese(screen: AppTest, written: frozenset[str]) -> set[str]:
    own_names = set(language.NAMES.values())
    return {run for told in said(screen) for run in RUN.findall(told)} - written - own_names


@pytest.mark.parametrize(
    ("username", "screen", "query"),
    [
        ("dispatcher", "desk", {}),
        ("dispatcher", "desk", {"new": "1"}),
        ("dispatcher", "desk", {"surge": "1"}),
        ("dispatcher", "visits", {}),
        ("admin", "wall", {}),
        ("officer", "map", {}),
        ("officer", "map", {"map_tool": "play"}),
        ("planner", "planning", {}),
        ("admin", "administration", {}),
    ],
)
def test_a_screen_is_english_but_for_what_people_wrote(
    visit: Any, written: frozenset[str], username: str, screen: str, query: dict[str, str]
):
    """Whatever Chinese is left on an English screen stands in the database."""
    with language.spoken("en"):  # AppTest words the options of the widgets that it sends back, outside of any session
        shown = visit(username, screen_alone=screen, speaks="en", **query)

    assert not shown.exception
    assert len(list(said(shown))) > 10
    assert chinese(shown, written) == set()


def test_the_frame_is_english_too(visit: Any, written: frozenset[str]):
    """Navigation, role and the way out, and the switch back in its own language."""
    shown = visit("dispatcher", "", lang="en")

    assert not shown.exception
    assert chinese(shown, written) == set()
    assert [button.label for button in shown.button if button.key == "gc_language_zh"] == ["中文"]
    assert "Log out" in "".join(said(shown))


def test_the_switch_keeps_the_filters_and_the_case(visit: Any):
    """Somebody who has narrowed the queue and opened a case sees the same in the other language."""
    shown = visit("dispatcher", "")
    status = next(group for group in shown.button_group if group.key == "desk_status")
    status.set_value(["processing"]).run()
    no = shown.query_params["no"]

    shown.button(key="gc_language_en").click().run()

    status = next(group for group in shown.button_group if group.key == "desk_status")
    assert list(status.value) == ["processing"]
    assert shown.query_params["no"] == no
    assert any("Queue" in told for told in said(shown))

    shown.button(key="gc_language_zh").click().run()

    assert any("事件队列" in told for told in said(shown))


def test_the_address_goes_before_what_the_browser_chose(visit: Any):
    """`?lang=` is for this window; an unknown language is none."""
    assert any("事件队列" in told for told in said(visit("dispatcher", "", speaks="en", lang="zh")))
    assert any("事件队列" in told for told in said(visit("dispatcher", "", speaks="xx", lang="yy")))

from __future__ import annotations

import re
from pathlib import Path

import pytest

from governance import labels
from governance.labels import Labels

GLOSSARY = Path(__file__).parents[2] / "docs/glossary.md"
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in GLOSSARY.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ")
][2:]
CHINESE = {term: chinese for terms, chinese, _ in ROWS for term in re.findall(r"`(\w+)`", terms)}


def test_no_term_stands_twice():
    """One word for one thing: each term has one row, with Chinese and a meaning."""
    terms = [term for terms, _, _ in ROWS for term in terms.replace("`", "").split(", ")]
    assert len(terms) == len(set(terms))
    assert all(re.search(r"[\u4e00-\u9fff]", chinese) and meaning for _, chinese, meaning in ROWS)


@pytest.mark.parametrize(
    "group", [labels.STATUS, labels.GRID_LEVEL, labels.GRID_KIND, labels.CLOCK], ids=lambda group: next(iter(group))
)
def test_the_glossary_says_what_the_screens_say(group: Labels):
    """Every status, level, kind of grid and clock stands in the glossary with the Chinese word of the labels."""
    assert {code: label.zh for code, label in group.items() if label.zh not in CHINESE.get(code, "").split(", ")} == {}


def test_words_in_the_text_are_the_labels_own():
    """Posts, levels of the party organisation and positions are named in the text as on the screens."""
    content = GLOSSARY.read_text(encoding="utf-8")
    for group in (labels.POST, labels.ORGANISATION_LEVEL):
        assert [label.zh for label in group.values() if label.zh not in content] == []
    for code in ("fresh", "stale"):
        assert f"`{code}` {labels.POSITION_SOURCE[code].zh}" in content

"""Chinese and English are both complete: what the code says is in the catalogue, and nothing is said past it."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter

import pytest

from db import catalogues
from db.settings import ROOT
from governance import language
from governance.language import _, _n, _p, spoken
from tests import messages

CJK = re.compile(r"[\u3001-\u303f\u4e00-\u9fff\uff00-\uffef]")
FOREIGN = [code for code in language.NAMES if code != language.NATIVE]
SPEAKING = (
    *sorted((ROOT / "pages").rglob("*.py")),
    *sorted((ROOT / "layers").rglob("*.py")),
    ROOT / "governance/labels.py",
    ROOT / "governance/dispatch.py",
    ROOT / "api/auth.py",
    ROOT / "api/login_page.py",
    ROOT / "api/sheet.py",
)
"""The modules whose words are for people of either language."""

SAID_ANYWAY = {
    "pages/ui/case.py": {"派错，十秒内撤回"},  # kept with the step, in the county's language
    "layers/spec.py": {"万"},  # of numbers on the map; its other branch counts by thousands
    "pages/ui/casework.py": {"由 ", " 拆分"},  # kept with the part
}
"""Chinese that isn't translated, and why."""


def wanted() -> dict[tuple[str | None, str], bool]:
    """Every sentence of the code with its context, and whether it counts something."""
    found: dict[tuple[str | None, str], bool] = {}
    for path in messages.sources():
        for each in messages.messages(ast.parse(path.read_text(encoding="utf-8"))):
            key = (each.context, each.text)
            found[key] = found.get(key, False) or each.is_plural
    return found


def placeholders(text: str) -> set[str]:
    return {name for literal, name, spec, conversion in Formatter().parse(text) if name is not None}


@pytest.mark.parametrize("code", FOREIGN)
def test_the_catalogue_has_what_the_code_says_and_nothing_else(code: str):
    """Each marked sentence has its entry, of the same kind, and no entry is left of one that is gone: `make words`."""
    catalogue = catalogues.catalogue(code)
    there = {
        (message.context, message.id[0] if message.pluralizable else message.id): message.pluralizable
        for message in catalogue
        if message.id
    }
    assert there == wanted()
    assert not catalogue.obsolete


@pytest.mark.parametrize("code", FOREIGN)
def test_every_sentence_is_translated_with_its_facts(code: str):
    """No entry is empty, fuzzy or still Chinese, and each form names the same facts as the sentence does."""
    for message in catalogues.catalogue(code):
        if not message.id:
            continue
        said = message.string if message.pluralizable else (message.string,)
        text = message.id[0] if message.pluralizable else message.id
        assert messages.is_translated(message), text
        assert not message.fuzzy, text
        assert not any(CJK.search(form) for form in said), text
        assert all(placeholders(form) == placeholders(text) for form in said), text


@pytest.mark.parametrize("path", SPEAKING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_chinese_is_said_past_the_catalogue(path: Path):
    """A literal with Chinese in it stands in `_()`, `_n()`, `_p()`, a label, or a table marked with `N_()`."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    known = SAID_ANYWAY.get(path.relative_to(ROOT).as_posix(), set())
    marked = {
        literal
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in messages.MARKS
        for literal in (*node.args, *(word.value for word in node.keywords if node.func.id == "_labels"))
    }
    told = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}  # docstrings
    past = [
        f"{node.lineno}: {node.value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CJK.search(node.value)
        if node not in marked | told and node.value not in known
    ]
    assert past == []


@pytest.mark.parametrize("path", sorted((ROOT / "assets").glob("[cs]*/*.[cj]s*")), ids=lambda path: path.name)
def test_nothing_of_the_browser_speaks_by_itself(path: Path):
    """Scripts and style sheets get their words from the screens."""
    code = re.sub(r"/\*.*?\*/|//[^\n]*", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    assert not CJK.search(code)


def test_screens_say_labels_in_the_language_that_is_read():
    """On screens and maps it is `label.text`; `label.zh` is for what is Chinese whoever reads."""
    fixed = re.compile(r"\blabels\.\w+\[[^]]+\]\.zh\b|\blabel\.zh\b")
    speakers = [path for path in SPEAKING if path.parent.name in {"pages", "ui", "layers"}]
    assert not [path.name for path in speakers if fixed.search(path.read_text(encoding="utf-8"))]


def test_a_sentence_is_chinese_unless_another_language_is_asked_for():
    """What nobody chose is the county's language, and a block's language ends with it."""
    assert _("登录") == "登录"
    with spoken("en"):
        assert _("登录") == "Log in"
        with spoken("zh"):
            assert _("登录") == "登录"
        assert _p("status", "处置中") != _p("availability", "处置中")
    assert language.current() == "zh"


def test_numbers_have_their_forms():
    """One incident, two incidents; Chinese has one form. A number may be written otherwise than it counts."""
    assert _n("{n} 件", 1) == "1 件"
    with spoken("en"):
        assert (_n("{n} 件", 1), _n("{n} 件", 2), _n("{n} 件", 0)) == ("1 incident", "2 incidents", "0 incidents")
        assert _n("{n} 条", 2730, n="2,730") == "2,730 rows"


def test_braces_in_what_people_wrote_are_no_placeholders():
    """A fact is put in as it is; a title with braces in it is not read again."""
    assert _("已派 {name}", name="{title}") == "已派 {title}"

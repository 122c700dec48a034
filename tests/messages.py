"""What the code says: every sentence marked for the catalogues, found in its syntax tree.

`python -m tests.messages` (`make words`) brings every catalogue in line with it: new sentences come in empty, those
that are gone go.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.catalog import Message as CatalogMessage
from babel.messages.pofile import write_po

from db import catalogues
from db.settings import ROOT
from governance import language

FLOORS = ("governance", "db", "layers", "pages", "api")
MARKS = frozenset({"_", "_n", "_p", "N_", "Label", "_labels"})
"""Calls whose literals are in the catalogue."""
_WIDTH = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A sentence, what tells it from the same words elsewhere, and whether it counts something."""

    text: str
    context: str | None = None
    is_plural: bool = False


def sources() -> list[Path]:
    """Every module that may speak to people."""
    return sorted(path for floor in FLOORS for path in (ROOT / floor).rglob("*.py"))


def messages(tree: ast.AST) -> Iterator[Message]:
    """The marked sentences of a module; those that aren't literals are marked where they stand."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in MARKS:
            yield from _said(node.func.id, [_literal(arg) for arg in node.args], node.keywords)


def _said(mark: str, args: list[str | None], keywords: list[ast.keyword]) -> Iterator[Message]:
    first, second = (*args, None, None)[:2]
    if mark == "_labels":
        yield from (Message(text=text, context=first) for word in keywords if (text := _literal(word.value)))
    elif mark == "Label" and first and second:
        yield Message(text=first, context=second)
    elif mark == "_p" and second:
        yield Message(text=second, context=first)
    elif mark in {"_", "N_", "_n"} and first:
        yield Message(text=first, is_plural=mark == "_n")


def _literal(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def template() -> Catalog:
    """The catalogue without any translation, each sentence with the modules that say it."""
    found = Catalog(domain=catalogues.DOMAIN, project="gridcommand")
    for path in sources():
        place = [(path.relative_to(ROOT).as_posix(), None)]
        for message in messages(ast.parse(path.read_text(encoding="utf-8"))):
            known = found.get(message.text, context=message.context)
            is_plural = message.is_plural or (known is not None and known.pluralizable)
            if is_plural and known is not None and not known.pluralizable:
                place = [*known.locations, *place]
                found.delete(message.text, context=message.context)
            ident = (message.text, message.text) if is_plural else message.text
            found.add(ident, locations=place, context=message.context)
    return found


def update(code: str) -> int:
    """Brings the catalogue of a language in line with the code; how many sentences wait for a translation."""
    kept = catalogues.catalogue(code)
    wanted = template()
    wanted.creation_date = kept.creation_date
    kept.update(wanted, no_fuzzy_matching=True)
    kept.obsolete.clear()
    with catalogues.path_of(code).open("wb") as file:
        write_po(file, kept, width=_WIDTH, sort_by_file=True, include_lineno=False, ignore_obsolete=True)
    return sum(not is_translated(message) for message in kept if message.id)


def is_translated(message: CatalogMessage) -> bool:
    """Whether every form of the sentence has its words."""
    said = message.string
    return bool(said) and (isinstance(said, str) or all(said))


if __name__ == "__main__":
    for each in language.NAMES:
        if each != language.NATIVE:
            print(f"{catalogues.path_of(each).relative_to(ROOT)}: {update(each)} empty")  # noqa: T201

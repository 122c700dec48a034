"""Statements of more than a screen, each in a file under its name."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from sqlalchemy import TextClause, text


@cache
def statement(name: str) -> TextClause:
    """The statement in `<name>.sql`; `:name` are its parameters."""
    return text((Path(__file__).parent / f"{name}.sql").read_text(encoding="utf-8"))

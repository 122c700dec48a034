"""The language that people read. Chinese stands in the code; every other language comes from its gettext catalogue.

Which one is asked at each sentence: what `spoken` says for this piece of work, else what the screens say for their
session, else Chinese. Nothing here reads files: `db.catalogues` hands the catalogues over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from gettext import NullTranslations
from types import MappingProxyType

NATIVE = "zh"
NAMES: Mapping[str, str] = MappingProxyType({NATIVE: "中文", "en": "English"})
"""Every language that there is, by its code, under its own name."""
COOKIE = "gridcommand_language"
PARAMETER = "lang"
"""How a browser names its language: a cookie that a switch sets, and a parameter of the address that goes before it."""
KEPT_S = 365 * 24 * 3600
"""How long the cookie lasts."""

_catalogues: dict[str, NullTranslations] = {NATIVE: NullTranslations()}
_sessions: list[Callable[[], str | None]] = []
_spoken: ContextVar[str | None] = ContextVar("language", default=None)


def provide(catalogues: Mapping[str, NullTranslations]) -> None:
    """Hands over the catalogue of each language but the native one."""
    _catalogues.update(catalogues)


def follow(session: Callable[[], str | None]) -> None:
    """From now on asks `session` which language is read where `spoken` doesn't say; None for "not mine"."""
    _sessions[:] = [session]


def known(code: str | None) -> str | None:
    """`code` when there is such a language, otherwise None."""
    return code if code in NAMES else None


@contextmanager
def spoken(code: str) -> Iterator[None]:
    """Until the block ends, sentences of this thread or task are of that language."""
    token = _spoken.set(code)
    try:
        yield
    finally:
        _spoken.reset(token)


def current() -> str:
    """The code of the language that is read here and now."""
    chosen = _spoken.get()
    if chosen is None and _sessions:
        chosen = _sessions[0]()
    return chosen or NATIVE


def _catalogue() -> NullTranslations:
    return _catalogues.get(current(), _catalogues[NATIVE])


def _(text: str, /, **facts: object) -> str:
    """The sentence in the language that is read, with `{name}` replaced by the fact of that name."""
    said = _catalogue().gettext(text)
    return said.format_map(facts) if facts else said


def _n(text: str, number: float, /, **facts: object) -> str:
    """The sentence in the form that goes with a number (1 item, 2 items); `{n}` is the number unless a fact says it."""
    return _catalogue().ngettext(text, text, int(number)).format_map({"n": number} | facts)


def _p(context: str, text: str, /, **facts: object) -> str:
    """The sentence as it is meant in `context`, where the same words mean something else elsewhere."""
    said = _catalogue().pgettext(context, text)
    return said.format_map(facts) if facts else said


def N_(text: str, /) -> str:  # noqa: N802  gettext's own name for it
    """Marks a sentence of a table for the catalogue; it stays as it is, and whoever shows it says `_(…)`."""
    return text

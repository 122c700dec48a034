"""The gettext catalogues of `locales/`: read as translators keep them (`.po`), so that nothing has to be compiled."""

from __future__ import annotations

from functools import cache
from gettext import GNUTranslations
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

from db.settings import ROOT
from governance import language

DOMAIN = "gridcommand"
FOLDER = ROOT / "locales"


def path_of(code: str) -> Path:
    """Where the catalogue of a language lies."""
    return FOLDER / code / "LC_MESSAGES" / f"{DOMAIN}.po"


def catalogue(code: str) -> Catalog:
    """What translators wrote, message by message. Raises `PoFileError` for a file that can't be read."""
    with path_of(code).open("rb") as file:
        return read_po(file, locale=code, domain=DOMAIN, abort_invalid=True)


@cache
def provide() -> None:
    """Hands every language's catalogue to `governance.language`; the doors call it before they open."""
    language.provide({code: _translations(code) for code in language.NAMES if code != language.NATIVE})


def _translations(code: str) -> GNUTranslations:
    compiled = BytesIO()
    write_mo(compiled, catalogue(code))
    compiled.seek(0)
    return GNUTranslations(compiled)

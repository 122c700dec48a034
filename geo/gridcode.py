"""Grid codes: the county's digits, then a few more for each level.

Length and prefixes differ between places (Qian'an writes 9, 12, 15 and 15 digits, others 14 or 16), so the rule is a
value that the deployment's profile gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from geo.errors import InvalidInput


class Level(StrEnum):
    """The four levels of grids, from large to small."""

    STREET = "street"
    COMMUNITY = "community"
    QUARTER = "quarter"
    BUILDING = "building"

    @property
    def rank(self) -> int:
        """1 for a street to 4 for a building grid."""
        return _RANKS[self]

    @property
    def above(self) -> Level | None:
        """The level of the parent; none above a street."""
        return _LEVELS[self.rank - 2] if self.rank > 1 else None


_LEVELS = tuple(Level)
_RANKS = {level: rank for rank, level in enumerate(_LEVELS, start=1)}


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRule:
    """How grid codes are built in one county: its own digits, and the length of a code on each level.

    A code begins with its parent's digits where it is longer than the parent's. Where both are equally long (a building
    grid in Qian'an), it begins with those of the nearest level above that is shorter: here the 12 of the community.
    """

    county: str
    lengths: tuple[int, int, int, int]

    def __post_init__(self) -> None:
        if not _is_digits(self.county):
            raise InvalidInput(f"the county's code takes digits, not {self.county!r}", field="county")
        if len(self.lengths) != len(_LEVELS) or list(self.lengths) != sorted(self.lengths):
            raise InvalidInput("a code's length never shrinks from one level to the next", field="lengths")
        if self.lengths[0] <= len(self.county):
            raise InvalidInput("a street's code is longer than the county's", field="lengths")

    def length(self, level: Level) -> int:
        """How many digits a code of this level has."""
        return self.lengths[level.rank - 1]

    def levels(self, code: str) -> tuple[Level, ...]:
        """The levels that a code may belong to, by its length: two where lengths repeat, none for no grid code."""
        if not (_is_digits(code) and code.startswith(self.county)):
            return ()
        return tuple(level for level in _LEVELS if self.length(level) == len(code))

    def parent_prefix(self, code: str, level: Level) -> str:
        """The digits that a code shares with its parent's: all of the parent's where the parent's is shorter."""
        shorter = [len(self.county), *(n for n in self.lengths[: level.rank - 1] if n < self.length(level))]
        return code[: shorter[-1]]

    def check(self, code: str, level: Level, parent_code: str | None) -> None:
        """Raises `InvalidInput` naming `code` unless the code fits its level and its parent's code.

        `facts["reason"]` is one of `not_digits`, `length`, `county`, `parent`.
        """
        if not _is_digits(code):
            raise InvalidInput(f"a grid code takes digits, not {code[:40]!r}", field="code", reason="not_digits")
        if len(code) != self.length(level):
            raise InvalidInput(
                f"the code of a {level} has {self.length(level)} digits, {code[:40]} has {len(code)}",
                field="code",
                reason="length",
            )
        if not code.startswith(self.county):
            raise InvalidInput(f"{code} doesn't begin with the county's {self.county}", field="code", reason="county")
        self._check_parent(code, level, parent_code)

    def _check_parent(self, code: str, level: Level, parent_code: str | None) -> None:
        above = level.above
        if above is None or parent_code is None:
            if (above is None) != (parent_code is None):
                wanted = "no parent" if above is None else f"a parent, a {above}"
                raise InvalidInput(f"the {level} {code} has {wanted}", field="code", reason="parent")
            return
        prefix = self.parent_prefix(code, level)
        if above not in self.levels(parent_code) or code == parent_code or not is_under(parent_code, prefix):
            raise InvalidInput(
                f"{parent_code[:40]} can't be the parent of the {level} {code}:"
                f" a {above} of {self.length(above)} digits beginning with {prefix} can",
                field="code",
                reason="parent",
            )


def is_under(code: str, prefix: str) -> bool:
    """Whether a code begins with a prefix; "" is above everything.

    Where building grids are numbered beside quarters, as in Qian'an, a quarter's code doesn't cover its building grids.
    """
    return code.startswith(prefix)


def _is_digits(text: str) -> bool:
    """ASCII digits only: `isdigit` alone takes superscripts and full-width digits too."""
    return text.isascii() and text.isdigit()

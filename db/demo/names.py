"""Made-up names of roads, quarters, towers and people, drawn from a profile's pools."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from numpy.random import Generator

from db.demo.plan import PlanNames

_GIVEN_NAME_OF_ONE = 0.22
"""The share of people whose given name has one character."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NamePools:
    """What names are made of: the file `demo_names.json` of a profile."""

    plan: PlanNames
    streets: tuple[str, ...]
    quarter_prefixes: tuple[str, ...]
    quarter_suffixes: tuple[str, ...]
    tower_prefixes: tuple[str, ...]
    tower_suffixes: tuple[str, ...]
    surnames: str
    given_characters: str

    @classmethod
    def read(cls, path: Path) -> NamePools:
        """The pools of the file."""
        pools = json.loads(path.read_text(encoding="utf-8"))
        roads = pools["roads"]
        return cls(
            plan=PlanNames(
                ring=roads["ring"],
                north_south=tuple(roads["north_south"]),
                east_west=tuple(roads["east_west"]),
                half_ring=roads["half_ring"],
                station=roads["station"],
                banks=tuple(roads["banks"]),
                leaving=tuple(roads["leaving"]),
            ),
            streets=tuple(roads["streets"]),
            quarter_prefixes=tuple(pools["quarters"]["prefixes"]),
            quarter_suffixes=tuple(pools["quarters"]["suffixes"]),
            tower_prefixes=tuple(pools["tower_prefixes"]),
            tower_suffixes=tuple(pools["tower_suffixes"]),
            surnames=pools["surnames"],
            given_characters=pools["given_characters"],
        )

    def road_names(self, rng: Generator) -> Iterator[str]:
        """First parts of road names, none twice; numbered roads when the pool has run dry."""
        yield from rng.permutation(self.streets).tolist()
        number = 0
        while True:
            number += 1
            yield f"规划{number}"

    def quarters(self, rng: Generator, *, count: int) -> list[str]:
        """As many different quarter names."""
        return _combined(rng, self.quarter_prefixes, self.quarter_suffixes, count)

    def towers(self, rng: Generator, *, count: int) -> list[str]:
        """As many different names of office and shop towers."""
        return _combined(rng, self.tower_prefixes, self.tower_suffixes, count)

    def people(self, rng: Generator, *, count: int) -> list[str]:
        """As many names of people; frequent surnames come first in the pool and more often here."""
        shares = [1 / (rank + 6) for rank in range(len(self.surnames))]
        total = sum(shares)
        surnames = rng.choice(list(self.surnames), size=count, p=[share / total for share in shares])
        given = rng.choice(list(self.given_characters), size=(count, 2))
        is_short = rng.random(count) < _GIVEN_NAME_OF_ONE
        return [
            f"{surname}{first}" if short or first == second else f"{surname}{first}{second}"
            for surname, (first, second), short in zip(surnames, given, is_short, strict=True)
        ]


def _combined(rng: Generator, prefixes: tuple[str, ...], suffixes: tuple[str, ...], count: int) -> list[str]:
    """Prefix and suffix: each prefix once before any comes again, with another suffix then."""
    names: list[str] = []
    shift = 0
    while len(names) < count:
        order = rng.permutation(len(prefixes))
        names += [prefixes[i] + suffixes[(int(i) * 5 + shift) % len(suffixes)] for i in order]
        shift += 1
    return names[:count]

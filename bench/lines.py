"""A measurement's table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A row of the table: what was measured, its times in milliseconds, and how it stands to the product's own.

    `is_own` marks what is the product's.
    """

    group: str
    name: str
    p50: float
    p99: float
    ratio: float | None = None
    note: str = ""
    is_own: bool = False


def table(lines: Sequence[Line]) -> None:
    """Prints the lines, group by group."""
    group = ""
    for line in lines:
        if line.group != group:
            group = line.group
            print(f"\n{group}\n{'':30}{'p50 ms':>12}{'p99 ms':>12}{'ratio':>10}")
        ratio = f"{line.ratio:>9.2f}×" if line.ratio is not None else f"{'':>10}"
        print(f"{line.name:30}{line.p50:>12.2f}{line.p99:>12.2f}{ratio}  {line.note}", flush=True)

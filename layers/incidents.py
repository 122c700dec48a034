"""Incidents: a circle with the severity's Roman numeral, filled while nobody handles it, hollow once somebody does."""

from __future__ import annotations

import pydeck as pdk

from governance import labels
from governance.incident import FINISHED, Severity, Status
from layers.spec import LayerSpec, Look, Source, Symbol, icons

HANDLING = frozenset({Status.DISPATCHED, Status.PROCESSING, Status.RESOLVED})
"""Statuses in which somebody has been sent."""


def symbol(severity: int, status: str) -> str:
    """The symbol of an incident."""
    if status in FINISHED:
        return "incident-finished"
    return f"incident-{severity}-{'handling' if status in HANDLING else 'waiting'}"


_ALIASES = {f"{severity}-{status}": symbol(severity, status) for severity in Severity for status in Status}


def draw(source: Source, look: Look) -> list[pdk.Layer]:
    """One layer of symbols, the largest on the map: incidents are what it is looked at for."""
    return [
        icons(
            source,
            look,
            icon="properties.severity + '-' + properties.status",
            aliases=_ALIASES,
            metres=130,
            pixels=(26, 44),
        )
    ]


SPEC = LayerSpec(
    key="incidents",
    order=90,
    draw=draw,
    symbols=tuple(
        Symbol(word=labels.SEVERITY_LEVEL[s], where={"severity": (str(s.value),)}, icon=f"incident-{s}-waiting")
        for s in Severity
    ),
    fields=("severity", "status"),
    ordinary={"is_open": ("true",)},
)

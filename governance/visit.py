"""The words of household visits: how a visit ended, and what a household needs until it is settled."""

from __future__ import annotations

from enum import StrEnum

from governance.incident import Severity


class VisitOutcome(StrEnum):
    """How a visit ended."""

    MET = "met"
    ABSENT = "absent"
    REFUSED = "refused"


class NeedStatus(StrEnum):
    """Where a need stands. `closed` is said of one that was handed over and whose incident is finished."""

    GATHERED = "gathered"
    HANDED_OVER = "handed_over"
    SETTLED_ON_SPOT = "settled_on_spot"
    CLOSED = "closed"


KEPT = (NeedStatus.GATHERED, NeedStatus.HANDED_OVER, NeedStatus.SETTLED_ON_SPOT)
"""Statuses that a need itself has; the last one is its incident's to say."""


class Urgency(StrEnum):
    """How soon the household needs it."""

    ORDINARY = "ordinary"
    SOON = "soon"
    URGENT = "urgent"


_GRAVER = {Urgency.ORDINARY: 0, Urgency.SOON: 0, Urgency.URGENT: 1}
"""Levels that a need is graver than its class."""


def severity_of(urgency: str, default: int) -> Severity:
    """The severity of the incident that a need becomes, from its class's own: an urgent need is one level graver."""
    return Severity(max(Severity.I, default - _GRAVER[Urgency(urgency)]))

"""The words of an incident: status, severity, source, and the steps between."""

from __future__ import annotations

from enum import IntEnum, StrEnum


class Status(StrEnum):
    """Where an incident stands in its lifecycle."""

    REPORTED = "reported"
    ACCEPTED = "accepted"
    DISPATCHED = "dispatched"
    PROCESSING = "processing"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REJECTED = "rejected"
    RETURNED = "returned"
    TRANSFERRED = "transferred"
    SUSPENDED = "suspended"
    MERGED = "merged"


FINISHED = frozenset({Status.CLOSED, Status.REJECTED, Status.MERGED})
"""Statuses in which nobody has anything left to do."""


class Severity(IntEnum):
    """The statutory warning levels; I is the gravest."""

    I = 1  # noqa: E741  the statute's own numeral
    II = 2
    III = 3
    IV = 4


class Source(StrEnum):
    """How a report came in."""

    PATROL = "patrol"
    SNAPSHOT = "snapshot"
    HOTLINE = "hotline"
    DEVICE = "device"
    VISIT = "visit"
    DELIBERATION = "deliberation"
    DEPARTMENT = "department"


class AssignmentStatus(StrEnum):
    """Where an assignment stands: active up to `arrived`, ended from `done` on."""

    SENT = "sent"
    ACKNOWLEDGED = "acknowledged"
    ARRIVED = "arrived"
    DONE = "done"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    TIMED_OUT = "timed_out"
    HANDED_OVER = "handed_over"


ACTIVE_ASSIGNMENT = frozenset({AssignmentStatus.SENT, AssignmentStatus.ACKNOWLEDGED, AssignmentStatus.ARRIVED})

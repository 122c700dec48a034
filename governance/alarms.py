"""What a device's alarm means after the alarms that went before it: a new group, a repeat, its end, or nothing new."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum


class Reading(StrEnum):
    """What becomes of an alarm that was delivered."""

    OPENED = "opened"
    REPEATED = "repeated"
    CLEARED = "cleared"
    IGNORED = "ignored"


def reading(
    at: datetime,
    *,
    is_clear: bool,
    last_at: datetime | None = None,
    cleared_at: datetime | None = None,
    finished_at: datetime | None = None,
) -> Reading:
    """How to take the alarm of `at`, or its end (`is_clear`), given the latest group of the same device and type.

    `last_at` is None where there is no group yet; `finished_at` is when the group's incident was finished, None while
    it is open. Whatever isn't newer than what is known has been delivered before, or late, and changes nothing.
    """
    if last_at is None:
        return Reading.IGNORED if is_clear else Reading.OPENED
    if cleared_at is not None:
        return Reading.IGNORED if is_clear or at <= max(last_at, cleared_at) else Reading.OPENED
    if is_clear:
        return Reading.IGNORED if at < last_at else Reading.CLEARED
    if at <= last_at:
        return Reading.IGNORED
    # Delivered late, but raised while the incident was still open: it was about that incident.
    return Reading.REPEATED if finished_at is None or at <= finished_at else Reading.OPENED

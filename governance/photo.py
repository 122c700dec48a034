"""Photos of an incident, before and after: how many, how large, and which pairs are no proof of work."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from geo.errors import Conflict, InvalidInput

LIMIT_BYTES = 10 * 1024 * 1024
LIMIT_PIXELS = 40_000_000
LONGEST_PX = 1920
"""The long side of what is kept."""
LIMIT_PER_PHASE = 9
NOTE_LIMIT = 200


class Phase(StrEnum):
    """Whether a photo shows the place before the work or after it."""

    BEFORE = "before"
    AFTER = "after"


class Fault(StrEnum):
    """Why a photo isn't taken; the fact `fault` of an error about one."""

    EMPTY = "empty"
    TOO_LARGE = "too_large"
    TOO_MANY_PIXELS = "too_many_pixels"
    NOT_A_PHOTO = "not_a_photo"
    HEIC = "heic"
    BROKEN = "broken"
    PHASE_FULL = "phase_full"
    SAME_PHOTO = "same_photo"
    BEFORE_IS_AFTER = "before_is_after"


def refused(fault: Fault, detail: str) -> InvalidInput:
    """The error that says so, about the field `photo`."""
    return InvalidInput(detail, field="photo", fault=fault)


def check_addition(kept: Iterable[tuple[str, str]], phase: Phase, sha256: str) -> None:
    """Whether a photo of this hash may join those of its incident, given as pairs of phase and hash.

    Raises `Conflict` when it is there already, `InvalidInput` when the other phase has it or its own is full.
    """
    count = 0
    for kept_phase, kept_hash in kept:
        count += kept_phase == phase
        if kept_hash != sha256:
            continue
        if kept_phase == phase:
            raise Conflict("this photo is there already", fault=Fault.SAME_PHOTO)
        # One picture as proof of both is the commonest way to report work that nobody did.
        raise refused(Fault.BEFORE_IS_AFTER, "the same photo can't show both before and after")
    if count >= LIMIT_PER_PHASE:
        raise refused(Fault.PHASE_FULL, f"at most {LIMIT_PER_PHASE} photos a phase")

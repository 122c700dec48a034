"""Every error that a caller can act on, one tree.

    GridCommandError              internal
    ├── InvalidInput              invalid_input        a value can't be read or breaks a rule; names the field
    │   ├── OutsideCounty         outside_county       a place that the deployment doesn't cover
    │   └── UnknownCode           unknown_code         a class, grid, layer or worker that doesn't exist
    ├── NotAuthenticated          not_authenticated    no login or token, or one that has ended
    ├── NotPermitted              not_permitted        the role may not do this
    ├── NotFound                  not_found            there is none, or it lies out of the caller's scope
    ├── Conflict                  conflict             somebody else was first
    │   ├── TransitionRefused     transition_refused   the lifecycle has no such step
    │   ├── AlreadyDispatched     already_dispatched   somebody is on the way already
    │   └── NobodyEligible        nobody_eligible      no responder fits; carries the shortfall reason
    ├── Damaged                   damaged              what was kept in a file is missing or not the same any more
    └── Unavailable               unavailable          the database or a part of the system can't be reached

`code` is stable: screens, problem documents and exit codes are looked up by it, and the catalogues
hold its text for people.
"""

from __future__ import annotations


class GridCommandError(Exception):
    """Something went wrong that is named here and nowhere else."""

    code = "internal"

    def __init__(self, detail: str = "", **facts: object) -> None:
        super().__init__(detail or type(self).__doc__ or self.code)
        self.detail = detail
        self.facts = facts


class InvalidInput(GridCommandError):
    """The input can't be read or breaks a rule."""

    code = "invalid_input"

    def __init__(self, detail: str = "", *, field: str, row: int | None = None, **facts: object) -> None:
        super().__init__(detail, **facts)
        self.field = field
        self.row = row


class OutsideCounty(InvalidInput):
    """The place lies outside the county that this deployment serves."""

    code = "outside_county"


class UnknownCode(InvalidInput):
    """There is nothing under this code."""

    code = "unknown_code"


class NotAuthenticated(GridCommandError):
    """No login or token, or one that has ended."""

    code = "not_authenticated"


class NotPermitted(GridCommandError):
    """The role may not do this."""

    code = "not_permitted"


class NotFound(GridCommandError):
    """There is none, or it lies outside of the caller's scope."""

    code = "not_found"


class Conflict(GridCommandError):
    """Somebody else was first."""

    code = "conflict"


class TransitionRefused(Conflict):
    """The lifecycle has no such step from where the incident stands."""

    code = "transition_refused"


class AlreadyDispatched(Conflict):
    """Somebody has been sent to this incident already."""

    code = "already_dispatched"


class NobodyEligible(Conflict):
    """No responder fits; `facts["shortfall"]` says why."""

    code = "nobody_eligible"


class Damaged(GridCommandError):
    """What was kept in a file is missing, or not the same any more."""

    code = "damaged"


class Unavailable(GridCommandError):
    """The database, or a part of the system that it needs, can't be reached."""

    code = "unavailable"

"""The lifecycle written out by hand from the domain, beside the table of the product."""

from __future__ import annotations

from governance.access import Permission
from governance.incident import Status
from governance.lifecycle import Action, Given

S, A, G, P = Status, Action, Given, Permission

_WATCHED = (A.SUPERVISE, A.RELEASE)
_WHILE_OPEN = (*_WATCHED, A.GRANT, A.DENY)
"""Before work is done; afterwards more time would only hide that it was late."""


def _stays(status: Status, *actions: Action) -> dict[Action, Status]:
    return dict.fromkeys(actions, status)


LEADS_TO: dict[Status, dict[Action, Status]] = {
    S.REPORTED: {
        A.ACCEPT: S.ACCEPTED,
        A.REJECT: S.REJECTED,
        A.MERGE: S.MERGED,
        **_stays(S.REPORTED, A.CONFIRM, A.SPLIT, *_WATCHED),
    },
    S.ACCEPTED: {
        A.REJECT: S.REJECTED,
        A.DISPATCH: S.DISPATCHED,
        A.TRANSFER: S.TRANSFERRED,
        A.SUSPEND: S.SUSPENDED,
        A.MERGE: S.MERGED,
        **_stays(S.ACCEPTED, A.SPLIT, *_WHILE_OPEN),
    },
    S.DISPATCHED: {
        A.REFUSE: S.RETURNED,
        A.TIME_OUT: S.RETURNED,
        A.ARRIVE: S.PROCESSING,
        A.RETURN: S.RETURNED,
        A.WITHDRAW: S.ACCEPTED,
        **_stays(S.DISPATCHED, A.ACKNOWLEDGE, A.REINFORCE, A.REASSIGN, A.HAND_OVER, A.SPLIT, A.EXTEND, *_WHILE_OPEN),
    },
    S.PROCESSING: {
        A.REASSIGN: S.DISPATCHED,
        A.HAND_OVER: S.DISPATCHED,
        A.RESOLVE: S.RESOLVED,
        A.RETURN: S.RETURNED,
        A.SUSPEND: S.SUSPENDED,
        **_stays(S.PROCESSING, A.REINFORCE, A.SPLIT, A.EXTEND, *_WHILE_OPEN),
    },
    S.RESOLVED: {
        A.VERIFY: S.CLOSED,
        A.REWORK: S.PROCESSING,
        A.TRANSFER: S.TRANSFERRED,
        **_stays(S.RESOLVED, *_WATCHED),
    },
    S.CLOSED: {A.REOPEN: S.ACCEPTED, **_stays(S.CLOSED, A.APPEAL, A.REVIEW)},
    S.REJECTED: {A.REOPEN: S.REPORTED},
    S.RETURNED: {
        A.DISPATCH: S.DISPATCHED,
        A.TRANSFER: S.TRANSFERRED,
        A.SUSPEND: S.SUSPENDED,
        A.MERGE: S.MERGED,
        **_stays(S.RETURNED, A.SPLIT, *_WHILE_OPEN),
    },
    S.TRANSFERRED: {
        A.RESOLVE: S.RESOLVED,
        A.RETURN: S.RETURNED,
        A.SUSPEND: S.SUSPENDED,
        **_stays(S.TRANSFERRED, A.EXTEND, *_WHILE_OPEN),
    },
    S.SUSPENDED: {A.RESUME: S.ACCEPTED, **_stays(S.SUSPENDED, *_WHILE_OPEN)},
    S.MERGED: {A.REOPEN: S.REPORTED},
}
"""Where each action leads from each status."""

NEEDS: dict[Action, set[Given]] = {
    **{a: {G.OPINION} for a in (A.CONFIRM, A.REJECT, A.REFUSE, A.REASSIGN, A.RESOLVE, A.REWORK, A.RETURN, A.REOPEN)},
    **{a: {G.OPINION} for a in (A.SUPERVISE, A.EXTEND, A.DENY, A.APPEAL, A.REVIEW)},
    **{a: set() for a in (A.ACCEPT, A.DISPATCH, A.ACKNOWLEDGE, A.TIME_OUT, A.ARRIVE, A.REINFORCE, A.HAND_OVER)},
    **{a: set() for a in (A.VERIFY, A.RESUME, A.WITHDRAW, A.RELEASE, A.GRANT)},
    A.TRANSFER: {G.OPINION, G.DEPARTMENT},
    A.SUSPEND: {G.OPINION, G.RESUME_BY},
    A.MERGE: {G.OPINION, G.ORIGINAL},
    A.SPLIT: {G.OPINION, G.PARTS},
}

MAY: dict[Permission, set[Action]] = {
    P.DISPATCH: {A.DISPATCH, A.REINFORCE, A.REASSIGN, A.HAND_OVER, A.WITHDRAW},
    P.SUPERVISE: {A.SUPERVISE, A.RELEASE},
    P.DECIDE_TIME: {A.GRANT, A.DENY, A.REVIEW},
}
"""The right that an action takes, where it isn't the one to advance."""

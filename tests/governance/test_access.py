from __future__ import annotations

import pytest

from geo.errors import NotPermitted
from governance.access import PERMISSIONS, SYSTEM, Permission, Principal, Role

P = Permission
MAY = {
    Role.VIEWER: {P.READ_LAYERS},
    Role.PLANNER: {P.READ_LAYERS, P.EXPORT_LAYERS, P.EDIT_GEOGRAPHY},
    Role.OFFICER: set(P) - {P.EDIT_GEOGRAPHY, P.FEED_POSITIONS, P.MANAGE_ACCOUNTS, P.MANAGE_POLICY, P.DECIDE_TIME},
    Role.DISPATCHER: set(P) - {P.EDIT_GEOGRAPHY, P.MANAGE_ACCOUNTS, P.MANAGE_POLICY},
    Role.ADMIN: set(P),
    Role.SYSTEM: set(P),
}
"""Written out by hand, beside the table of the product."""


@pytest.mark.parametrize("permission", Permission)
@pytest.mark.parametrize("role", Role)
def test_a_role_may_do_what_is_written_here_and_nothing_else(role: Role, permission: Permission):
    """Each role passes where it may, and where it may not is told which right is wanting."""
    principal = Principal(account="somebody", role=role)
    if permission in MAY[role]:
        principal.require(permission)
        return
    with pytest.raises(NotPermitted) as refusal:
        principal.require(permission)
    assert refusal.value.facts == {"permission": permission}


def test_personal_data_is_for_those_who_handle_incidents():
    """Names, phones and sensitive incidents are closed to whoever only looks or plans."""
    for permission in (P.READ_PERSONAL, P.READ_SENSITIVE):
        assert {role for role in Role if permission in PERMISSIONS[role]} == set(Role) - {Role.VIEWER, Role.PLANNER}


def test_whoever_asks_for_more_time_in_a_street_does_not_decide():
    """Time is decided by the command centre; the rules of dispatch are set by administrators alone."""
    assert {role for role in Role if P.DECIDE_TIME in PERMISSIONS[role]} == {Role.DISPATCHER, Role.ADMIN, Role.SYSTEM}
    assert {role for role in Role if P.MANAGE_POLICY in PERMISSIONS[role]} == {Role.ADMIN, Role.SYSTEM}


def test_the_product_s_own_work_sees_the_whole_county():
    """Background work acts as the system, with no grid that limits it."""
    assert (SYSTEM.role, SYSTEM.grid_prefix) == (Role.SYSTEM, "")

"""Who may do what: roles, the principal who acts, and the table of permissions."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from geo.errors import NotPermitted


class Role(StrEnum):
    """A kind of account. `system` is the product's own background work and never logs in."""

    VIEWER = "viewer"
    OFFICER = "officer"
    PLANNER = "planner"
    DISPATCHER = "dispatcher"
    ADMIN = "admin"
    SYSTEM = "system"


class Permission(StrEnum):
    """An act that is allowed or not; where it may be done is a matter of scope."""

    READ_LAYERS = "read_layers"
    READ_PERSONAL = "read_personal"
    READ_SENSITIVE = "read_sensitive"
    EXPORT_LAYERS = "export_layers"
    REPORT_INCIDENT = "report_incident"
    ADVANCE_INCIDENT = "advance_incident"
    DISPATCH = "dispatch"
    SUPERVISE = "supervise"
    DECIDE_TIME = "decide_time"
    MANAGE_POLICY = "manage_policy"
    EDIT_GEOGRAPHY = "edit_geography"
    FEED_POSITIONS = "feed_positions"
    RECORD_VISITS = "record_visits"
    MANAGE_ACCOUNTS = "manage_accounts"


_OFFICER = frozenset(
    {
        Permission.READ_LAYERS,
        Permission.READ_PERSONAL,
        Permission.READ_SENSITIVE,
        Permission.EXPORT_LAYERS,
        Permission.REPORT_INCIDENT,
        Permission.ADVANCE_INCIDENT,
        Permission.DISPATCH,
        Permission.SUPERVISE,
        Permission.RECORD_VISITS,
    }
)

PERMISSIONS: dict[Role, frozenset[Permission]] = {
    Role.VIEWER: frozenset({Permission.READ_LAYERS}),
    Role.OFFICER: _OFFICER,
    Role.PLANNER: frozenset({Permission.READ_LAYERS, Permission.EXPORT_LAYERS, Permission.EDIT_GEOGRAPHY}),
    Role.DISPATCHER: _OFFICER | {Permission.FEED_POSITIONS, Permission.DECIDE_TIME},
    Role.ADMIN: frozenset(Permission),
    Role.SYSTEM: frozenset(Permission),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who acts: an account or token, its role, and the grid whose subtree it may see.

    `grid_prefix` is the beginning of a grid code: "" sees the whole county, "220723003" Rusong Street.
    """

    account: str
    role: Role
    grid_prefix: str = ""
    display_name: str = ""

    def may(self, permission: Permission) -> bool:
        """Whether the role allows the act."""
        return permission in PERMISSIONS[self.role]

    def require(self, permission: Permission) -> None:
        """Raises `NotPermitted` unless the role allows the act."""
        if not self.may(permission):
            raise NotPermitted(f"{self.role} may not {permission}", permission=permission)


SYSTEM = Principal(account="system", role=Role.SYSTEM, display_name="系统")
"""The product's own background work."""

"""Who acts in tests."""

from __future__ import annotations

from governance.access import Principal, Role

DISPATCHER = Principal(account="dispatcher", role=Role.DISPATCHER, display_name="指挥调度员")
ADMIN = Principal(account="admin", role=Role.ADMIN, display_name="系统管理员")
VIEWER = Principal(account="wall", role=Role.VIEWER)
PLANNER = Principal(account="planner", role=Role.PLANNER)
RUSONG = "220723003"
OFFICER = Principal(account="officer", role=Role.OFFICER, grid_prefix=RUSONG, display_name="如松街道干部")

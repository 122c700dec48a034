"""Tiles of the ground, read by GDAL and held to the whole ground by plain geometry."""

from __future__ import annotations

import json
from math import cos, pi, radians
from pathlib import Path
from typing import Any

import pytest
import shapely
from pyproj import Transformer
from shapely import Point, box
from shapely.geometry import shape
from sqlalchemy import text

from db import ground
from db.session import Database
from db.tiles import Tile
from geo.extent import Extent
from governance.access import SYSTEM
from tests.db.test_tiles import HALF, TOWN, tile_of
from tests.mvt import layers_of

_TO_MERCATOR = Transformer.from_crs(4326, 3857, always_xy=True)


def whole(database: Database, key: str) -> list[Any]:
    """The part's features with their shapes in EPSG:3857."""
    with database.session(SYSTEM) as session:
        features = json.loads(ground.ground(session, key))["features"]
    for one in features:
        one["shape"] = shapely.transform(shape(one["geometry"]), _TO_MERCATOR.transform, interleaved=False)
    return list(features)


def square(at: Tile) -> shapely.Polygon:
    side = 2 * HALF / 2**at.z
    west, north = at.x * side - HALF, HALF - at.y * side
    return box(west, north - side, west + side, north)


def made(database: Database, folder: Path, at: Tile) -> dict[str, list[dict[str, Any]]]:
    with database.session(SYSTEM) as session:
        return layers_of(folder, at, ground.tile(session, at))


@pytest.mark.parametrize(("key", "table"), [("blocks", "block"), ("water", "water"), ("roads", "road")])
def test_only_corners_that_nobody_sees_are_left_out(shared_county: Database, key: str, table: str):
    """No shape of the whole ground is off by a fifth of a metre, and there are far fewer corners to draw."""
    told = {one["id"]: shape(one["geometry"]) for one in whole(shared_county, key)}
    with shared_county.engine.connect() as connection:
        rows = connection.execute(text(f"SELECT id, ST_AsBinary(geom) FROM base.{table}")).all()
    kept = {number: shapely.from_wkb(bytes(body)) for number, body in rows}
    assert told.keys() == kept.keys()
    degree_m = 111_320.0
    assert max(shapely.hausdorff_distance(told[n], kept[n]) for n in kept) * degree_m < 0.2
    assert sum(map(shapely.get_num_coordinates, told.values())) < 0.8 * sum(
        map(shapely.get_num_coordinates, kept.values())
    )


@pytest.mark.parametrize("key", ["blocks", "water", "buildings"])
def test_a_close_tile_holds_the_ground_that_lies_in_it(shared_county: Database, tmp_path: Path, key: str):
    """Each part covers the same land in a tile as in the whole ground, but for a pixel along its outline."""
    for offset in (0.0, 0.012):
        at = tile_of(TOWN[0] + offset, TOWN[1], 14)
        frame = square(at)
        ours = shapely.union_all([f["shape"] for f in whole(shared_county, key)]).intersection(frame)
        tiled = [row["shape"] for row in made(shared_county, tmp_path, at).get(key, [])]
        theirs = shapely.union_all(shapely.make_valid(tiled)).intersection(frame)
        outline = shapely.buffer(ours.boundary, 2 * HALF / 2**14 / 512)
        assert ours.symmetric_difference(theirs).difference(outline).area < 1


def test_a_tile_shows_what_its_zoom_can(shared_county: Database, tmp_path: Path):
    """From afar there are no houses and only large roads; from close by every road in the tile is there."""
    far, close = tile_of(*TOWN, 10), tile_of(*TOWN, 15)
    seen_far, seen_close = made(shared_county, tmp_path, far), made(shared_county, tmp_path, close)
    assert "buildings" not in seen_far
    assert {row["class"] for row in seen_far["roads"]} <= {"trunk", "main"}
    reaching = [f for f in whole(shared_county, "roads") if f["shape"].intersects(square(close))]
    assert sorted(row["name"] for row in seen_close["roads"] if row["shape"].intersects(square(close))) == sorted(
        f["properties"]["name"] for f in reaching
    )


@pytest.mark.parametrize("zoom", [9, 11, 13, 15])
def test_simplified_ground_stays_within_a_pixel(shared_county: Database, tmp_path: Path, zoom: int):
    """Whatever the zoom, a road in the tile lies within a pixel of where it is."""
    at = tile_of(*TOWN, zoom)
    pixel = 2 * HALF / 2**zoom / 512
    roads = shapely.union_all([f["shape"] for f in whole(shared_county, "roads")])
    shown = [row["shape"].intersection(square(at)) for row in made(shared_county, tmp_path, at).get("roads", [])]
    assert shown or zoom == 9
    for line in shown:
        assert all(roads.distance(Point(corner)) < pixel for part in shapely.get_parts(line) for corner in part.coords)


def test_names_lie_on_their_roads_and_upright(shared_county: Database, tmp_path: Path):
    """A name stands on the road that it names, along its course, once in a tile, and has room there."""
    at = tile_of(*TOWN, 14)
    with shared_county.session(SYSTEM) as session:
        names = layers_of(tmp_path, at, ground.names_tile(session, at))["names"]
    by_name: dict[str, list[Any]] = {}
    for road in whole(shared_county, "roads"):
        by_name.setdefault(road["properties"]["name"], []).append(road["shape"])
    pixel = 2 * HALF / 2**14 / 512
    assert names
    assert len({row["name"] for row in names}) == len(names)
    for row in names:
        road = shapely.union_all(by_name[row["name"]])
        assert road.distance(row["shape"]) < pixel
        assert road.intersection(square(at)).length > 12 * len(row["name"]) * pixel
        assert -90 <= row["angle"] <= 90
        ahead = [
            Point(
                row["shape"].x + way * 30 * cos(radians(row["angle"])), row["shape"].y + way * 30 * _sin(row["angle"])
            )
            for way in (-1, 1)
        ]
        assert min(road.distance(point) for point in ahead) < 15


def _sin(degrees: float) -> float:
    return cos(radians(degrees) - pi / 2)


def test_footprints_stand_for_the_buildings_on_record(county: Database, tmp_path: Path):
    """Once footprints are imported they are the ground's houses; the buildings on record stay as they are."""
    square_here = (
        f"POLYGON(({TOWN[0]} {TOWN[1]}, {TOWN[0] + 0.001} {TOWN[1]}, {TOWN[0]} {TOWN[1] + 0.001}, {TOWN[0]} {TOWN[1]}))"
    )
    with county.engine.begin() as connection:
        before = connection.scalar(text("SELECT count(*) FROM building"))
        connection.execute(
            text("INSERT INTO base.footprint (name, geom) VALUES ('', ST_Multi(ST_GeomFromText(:wkt, 4490)))"),
            {"wkt": square_here},
        )
    assert len(whole(county, "buildings")) == 1
    assert len(made(county, tmp_path, tile_of(TOWN[0] + 0.0003, TOWN[1] + 0.0003, 15))["buildings"]) == 1
    with county.engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM building")) == before


def test_a_new_ground_has_a_new_revision(county: Database):
    """Replacing a part raises the revision, even by fewer things than there were."""
    with county.session(SYSTEM) as session:
        before = ground.standing(session)
    with county.engine.begin() as connection:
        connection.execute(text("DELETE FROM base.water"))
        connection.execute(
            text(
                "INSERT INTO base.water (name, geom)"
                " SELECT '', ST_Multi(ST_Buffer(ST_Centroid(boundary), 0.01)) FROM deployment"
            )
        )
    with county.session(SYSTEM) as session:
        after = ground.standing(session)
    assert after.revision > before.revision
    assert after.number < before.number


def test_the_ground_within_bounds_is_a_part_of_the_whole(shared_county: Database):
    """Only what meets the bounds is there, and all of it."""
    extent = Extent(min_x=124.01, min_y=45.0, max_x=124.02, max_y=45.01, srid=4326)
    frame = box(*extent.bounds)
    with shared_county.session(SYSTEM) as session:
        everything = json.loads(ground.ground(session, "blocks"))["features"]
        some = json.loads(ground.ground(session, "blocks", within=extent))["features"]
    wanted = {f["id"] for f in everything if box(*shape(f["geometry"]).bounds).intersects(frame)}
    assert {f["id"] for f in some} == wanted
    assert 0 < len(wanted) < len(everything)

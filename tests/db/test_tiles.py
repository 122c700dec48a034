"""Vector tiles, read by GDAL and held to the layer's items by plain arithmetic of Web Mercator."""

from __future__ import annotations

import json
from collections import Counter
from math import floor, pi
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyproj import Transformer
from sqlalchemy import text

from db import features, tiles
from db.session import Database
from db.tile_statements import CELLS, MOST_APART, UNITS
from db.tiles import APART_FROM, CLOSE_FROM, COARSE_BELOW, COUNTED, MOST_ZOOM, WHOLE_FROM, Cells, Tile
from geo.errors import InvalidInput
from geo.features import FEATURE_TYPES, FeatureFilter
from governance.access import Principal
from tests.people import DISPATCHER, OFFICER, VIEWER

POINTS = sorted(key for key, kind in FEATURE_TYPES.items() if kind.geometry == "Point")
HALF = 6378137 * pi
_TO_MERCATOR = Transformer.from_crs(4326, 3857, always_xy=True)
TOWN = (124.018, 45.005)


def everything(database: Database, key: str, flt: FeatureFilter, principal: Principal = DISPATCHER) -> list[Any]:
    with database.session(principal) as session:
        return list(json.loads(features.items(session, key, flt, personal=False))["features"])


def places(database: Database, key: str, *, only: str = "true", principal: Principal = DISPATCHER) -> list[Any]:
    """Code, longitude and latitude of the layer's features, unrounded: a rounded point may lie in the next cell."""
    with database.session(principal) as session:
        asked = text(f"SELECT code, ST_X(geom) AS lon, ST_Y(geom) AS lat FROM layer.{key} WHERE {only} ORDER BY fid")
        return list(session.execute(asked).all())


def made(database: Database, key: str, flt: FeatureFilter, at: Tile, principal: Principal = DISPATCHER) -> bytes:
    if tiles.is_dense(key) and at.z < COARSE_BELOW:
        return made_from_cells(database, key, flt, [at], principal)[0]
    return tiles.tile(database, principal, key, flt, at, personal=False)


def made_from_cells(
    database: Database, key: str, flt: FeatureFilter, several: list[Tile], principal: Principal = DISPATCHER
) -> list[bytes]:
    counted = tiles.cells(database, principal, key, flt)
    return tiles.close(database, principal, key, flt, several, personal=False, counted=counted)


def read(folder: Path, at: Tile, content: bytes) -> list[dict[str, Any]]:
    """The tile's features with their place in EPSG:3857, as GDAL understands them; [] of an empty tile."""
    if not content:
        return []
    path = folder / str(at.z) / str(at.x) / f"{at.y}.pbf"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    meta, _, geometry, columns = pyogrio.raw.read(path)
    names = [str(name) for name in meta["fields"]]
    rows = []
    for index, wkb in enumerate(geometry):
        facts = {name: column[index] for name, column in zip(names, columns, strict=True)}
        rows.append({"wkb": wkb} | facts)
    return rows


def tile_of(lon: float, lat: float, zoom: int) -> Tile:
    return tile_of_metres(*_TO_MERCATOR.transform(lon, lat), zoom)


def tile_of_metres(x: float, y: float, zoom: int) -> Tile:
    side = 2 * HALF / 2**zoom
    return Tile(z=zoom, x=floor((x + HALF) / side), y=floor((HALF - y) / side))


def by_cell(found: list[Any], at: Tile) -> Counter[tuple[int, int]]:
    """How many of the features lie in each cell of the tile."""
    side = 2 * HALF / 2**at.z / CELLS
    counted: Counter[tuple[int, int]] = Counter()
    for place in found:
        x, y = _TO_MERCATOR.transform(place.lon, place.lat)
        column, row = floor((x + HALF) / side), floor((HALF - y) / side)
        if (column // CELLS, row // CELLS) == (at.x, at.y):
            counted[column, row] += 1
    return counted


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_no_point_is_lost_or_counted_twice(shared_county: Database, tmp_path: Path, data: st.DataObject):
    """At any zoom the numbers of a tile's cells are those that one counts by hand, cell by cell."""
    key = data.draw(st.sampled_from(POINTS))
    zoom = data.draw(st.integers(0, WHOLE_FROM - 1))
    found = places(shared_county, key)
    amid = data.draw(st.sampled_from(found))
    at = tile_of(amid.lon, amid.lat, zoom)
    by_hand = by_cell(found, at)
    got = read(tmp_path, at, made(shared_county, key, FeatureFilter(), at))
    assert sorted(int(row["n"]) for row in got) == sorted(by_hand.values())


@pytest.mark.parametrize("key", POINTS)
@pytest.mark.parametrize("zoom", [12, 16])
def test_a_point_alone_is_itself(shared_county: Database, tmp_path: Path, key: str, zoom: int):
    """A lone point carries its properties, whether counted or read; gathered ones carry their number only."""
    found = places(shared_county, key)
    at = tile_of(found[0].lon, found[0].lat, zoom)
    alone = {cell for cell, number in by_cell(found, at).items() if number == 1}
    got = read(tmp_path, at, made(shared_county, key, FeatureFilter(), at))
    named = [row for row in got if isinstance(row.get("code"), str)]
    assert len(named) == len(alone)
    assert all(int(row["n"]) == 1 for row in named)
    assert {row["code"] for row in named} <= {place.code for place in found}


@pytest.mark.parametrize("key", FEATURE_TYPES)
def test_from_close_by_every_feature_is_whole(shared_county: Database, tmp_path: Path, key: str):
    """From `WHOLE_FROM` on nothing is gathered where there is room: the tile's features have all their properties."""
    found = everything(shared_county, key, FeatureFilter())
    first = found[0]["geometry"]["coordinates"]
    while not isinstance(first[0], float):
        first = first[0]
    at = tile_of(*first, WHOLE_FROM)
    got = read(tmp_path, at, made(shared_county, key, FeatureFilter(), at))
    by_code = {feature["id"]: feature["properties"] for feature in found}
    assert got
    for row in got:
        expected = by_code[row["code"]]
        for name, value in row.items():
            if name in expected and isinstance(expected[name], str | bool | int) and not isinstance(value, float):
                assert str(value) == str(expected[name]) or value == expected[name]


def test_tiles_keep_to_filter_and_scope(shared_county: Database, tmp_path: Path):
    """A tile counts what the same filter and the same person's items count, however far out."""
    for zoom in (0, 8, 13):
        at = tile_of(*TOWN, zoom)
        for principal in (DISPATCHER, OFFICER, VIEWER):
            for only, where in (("true", {}), ("availability = 'available'", {"availability": ("available",)})):
                flt = FeatureFilter(where=where)
                counted = by_cell(places(shared_county, "workers", only=only, principal=principal), at).total()
                got = read(tmp_path, at, made(shared_county, "workers", flt, at, principal))
                assert sum(int(row["n"]) for row in got) == counted > 0


def test_no_tile_is_large(county: Database, tmp_path: Path):
    """A hundred thousand devices in one quarter make no more than a tile's cells, and none is lost."""
    with county.engine.begin() as connection:
        connection.execute(
            text(
                """INSERT INTO device (code, name, kind, status, status_at, quarter_code, geom)
                SELECT 'X' || n, 'x', 'camera', 'online', now(), quarter_code,
                    ST_Translate(geom, random() * 0.002, random() * 0.002)
                FROM (SELECT * FROM device ORDER BY id LIMIT 1) AS d, generate_series(1, 100000) AS n"""
            )
        )
    first = places(county, "devices")[0]
    for zoom in (3, 13, 15, 17, WHOLE_FROM):
        at = tile_of(first.lon, first.lat, zoom)
        got = read(tmp_path, at, made(county, "devices", FeatureFilter(), at))
        assert len(got) <= CELLS**2
        assert sum(int(row["n"]) for row in got) > MOST_APART


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_point_lies_where_proj_puts_it(shared_county: Database, tmp_path: Path, data: st.DataObject):
    """To the tile's own rounding, and exactly the points of the tile are in it."""
    found = places(shared_county, "devices")
    amid = data.draw(st.sampled_from(found))
    at = tile_of(amid.lon, amid.lat, data.draw(st.integers(WHOLE_FROM, MOST_ZOOM)))
    unit = 2 * HALF / 2**at.z / UNITS
    here = {place.code: _TO_MERCATOR.transform(place.lon, place.lat) for place in found}
    wanted = {code: xy for code, xy in here.items() if tile_of_metres(*xy, at.z) == at}
    got = {
        row["code"]: shapely.from_wkb(row["wkb"])
        for row in read(tmp_path, at, made(shared_county, "devices", FeatureFilter(), at))
    }
    assert got.keys() == wanted.keys()
    for code, (x, y) in wanted.items():
        assert max(abs(got[code].x - x), abs(got[code].y - y)) <= unit * 0.51


@pytest.mark.parametrize("number", [MOST_APART, MOST_APART + 1])
def test_what_has_no_room_is_gathered(county: Database, tmp_path: Path, number: int):
    """A tile of `WHOLE_FROM` shows as many points as it has room for, and gathers one more; closer by all are apart."""
    _crowd(county, number)
    here = places(county, "devices")[0]
    for zoom, apart in ((WHOLE_FROM, number <= MOST_APART), (APART_FROM, True)):
        at = tile_of(here.lon, here.lat, zoom)
        got = read(tmp_path, at, made(county, "devices", FeatureFilter(), at))
        assert [row.get("n") for row in got] == ([None] * number if apart else [number])


def _crowd(county: Database, number: int) -> None:
    """Leaves one device, so many times on one place."""
    with county.engine.begin() as connection:
        connection.execute(text("DELETE FROM device_alarm"))
        connection.execute(text("DELETE FROM device WHERE id > (SELECT min(id) FROM device)"))
        connection.execute(
            text(
                """INSERT INTO device (code, name, kind, status, status_at, quarter_code, geom)
                SELECT 'X' || n, 'x', 'camera', 'online', now(), quarter_code, geom
                FROM device, generate_series(2, :number) AS n"""
            ),
            {"number": number},
        )


@pytest.mark.parametrize("zoom", [WHOLE_FROM, APART_FROM])
def test_a_point_on_an_edge_is_in_one_tile(county: Database, tmp_path: Path, zoom: int):
    """A corner of four tiles belongs to one of them."""
    corner = tile_of(*TOWN, zoom)
    lon, _, _, lat = corner.edges
    with county.engine.begin() as connection:
        connection.execute(text("DELETE FROM device_alarm"))
        connection.execute(text("DELETE FROM device WHERE id > (SELECT min(id) FROM device)"))
        moved = text("UPDATE device SET geom = ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)")
        connection.execute(moved, {"lon": lon, "lat": lat})
    four = [Tile(z=zoom, x=corner.x - i, y=corner.y - j) for j in (0, 1) for i in (0, 1)]
    assert [len(read(tmp_path, at, made(county, "devices", FeatureFilter(), at))) for at in four].count(1) == 1


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_several_tiles_are_what_each_is_alone(shared_county: Database, data: st.DataObject):
    """Tiles read in one statement come in the order asked for, empty ones and equal ones too."""
    key = data.draw(st.sampled_from(POINTS))
    zoom = data.draw(st.integers(CLOSE_FROM, MOST_ZOOM))
    found = data.draw(st.lists(st.sampled_from(places(shared_county, key)), min_size=1, max_size=12))
    several = [tile_of(place.lon, place.lat, zoom) for place in found] + [Tile(z=zoom, x=0, y=0)]
    several = data.draw(st.permutations(several))
    flt = data.draw(st.sampled_from([FeatureFilter(), FeatureFilter(q="1")]))
    together = tiles.close(shared_county, DISPATCHER, key, flt, several, personal=False)
    assert together == [made(shared_county, key, flt, at) for at in several]
    assert together[several.index(Tile(z=zoom, x=0, y=0))] == b""


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_counted_tiles_are_those_that_are_read(shared_county: Database, tmp_path: Path, data: st.DataObject):
    """Tiles made from counts hold what reading each of them finds: numbers, lone points and places, in their order."""
    key = data.draw(st.sampled_from(POINTS))
    zoom = data.draw(st.integers(COARSE_BELOW, MOST_ZOOM))
    flt = data.draw(st.sampled_from([FeatureFilter(), FeatureFilter(q="1")]))
    found = data.draw(st.lists(st.sampled_from(places(shared_county, key)), min_size=1, max_size=6))
    several = [tile_of(place.lon, place.lat, zoom) for place in found] + [Tile(z=zoom, x=0, y=0)]
    several = data.draw(st.permutations(several))
    unit = 2 * HALF / 2**zoom / UNITS
    for at, content in zip(several, made_from_cells(shared_county, key, flt, several), strict=True):
        counted, sought = (read(tmp_path, at, tile) for tile in (content, made(shared_county, key, flt, at)))
        assert len(counted) == len(sought)
        for row in counted:
            alike = [other for other in sought if _facts(other) == _facts(row)]
            here = shapely.from_wkb(row["wkb"])
            # The middle of several is rounded here and there.
            assert any(here.distance(shapely.from_wkb(other["wkb"])) <= unit * 1.5 for other in alike)


def _facts(row: dict[str, Any]) -> dict[str, str]:
    """A row's properties, comparable: those that a tile without lone points has no names for are left out."""
    return {
        name: str(value) for name, value in row.items() if name != "wkb" and isinstance(value, str | int | np.integer)
    }


@pytest.mark.parametrize("number", [MOST_APART, MOST_APART + 1])
def test_counts_tell_who_has_room(county: Database, number: int):
    """Where points are counted, a tile of `WHOLE_FROM` shows and gathers the same as where they aren't."""
    _crowd(county, number)
    here = places(county, "devices")[0]
    at = tile_of(here.lon, here.lat, WHOLE_FROM)
    assert made_from_cells(county, "devices", FeatureFilter(), [at]) == [made(county, "devices", FeatureFilter(), at)]


@pytest.mark.parametrize(
    ("zoom", "number"),
    [(COARSE_BELOW - 1, 5), (COARSE_BELOW, 5), (WHOLE_FROM - 1, 5), (WHOLE_FROM, MOST_APART + 1)],
)
def test_what_is_counted_is_not_read_again(county: Database, tmp_path: Path, zoom: int, number: int):
    """The tile tells of the points that were counted, though they have gone since."""
    _crowd(county, number)
    here = places(county, "devices")[0]
    at = tile_of(here.lon, here.lat, zoom)
    counted = tiles.cells(county, DISPATCHER, "devices", FeatureFilter())
    with county.engine.begin() as connection:
        connection.execute(text("DELETE FROM device"))
    content = tiles.close(county, DISPATCHER, "devices", FeatureFilter(), [at], personal=False, counted=counted)[0]
    assert [int(row["n"]) for row in read(tmp_path, at, content)] == [number]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_what_a_tile_holds_is_known(data: st.DataObject):
    """The most that may be in a tile is the number of all points of the cells that meet it, by plain comparison."""
    most = 2**COUNTED * CELLS - 1
    few = st.integers(most // 2, most // 2 + 40)
    cells = data.draw(st.lists(st.tuples(few, few), min_size=1, max_size=40, unique=True))
    counted = Cells.of([(column, row, n, 0.0, 0.0, n) for n, (column, row) in enumerate(cells, start=1)])
    zoom = data.draw(st.integers(0, MOST_ZOOM))
    column, row = data.draw(st.sampled_from(cells))
    at = Tile(z=zoom, x=_scaled(column, zoom), y=_scaled(row, zoom))
    there = [n for n, (c, r) in enumerate(cells, start=1) if _meets(c, at.x, zoom) and _meets(r, at.y, zoom)]
    assert counted.most_in(at) == sum(there)


def _scaled(cell: int, zoom: int) -> int:
    """The first tile of the zoom in which the cell lies, along one axis."""
    return floor(cell * 2**zoom / (2**COUNTED * CELLS))


def _meets(cell: int, tile: int, zoom: int) -> bool:
    a_cell, a_tile = 1 / (2**COUNTED * CELLS), 1 / 2**zoom
    return cell * a_cell < (tile + 1) * a_tile and tile * a_tile < (cell + 1) * a_cell


@pytest.mark.parametrize(("z", "x", "y"), [(-1, 0, 0), (23, 0, 0), (2, 4, 0), (2, 0, 4), (2, -1, 0)])
def test_a_tile_lies_in_the_pyramid(z: int, x: int, y: int):
    """Zooms and places that the pyramid hasn't are refused by the name of what is wrong."""
    with pytest.raises(InvalidInput):
        Tile(z=z, x=x, y=y)


def test_cells_keep_their_middle():
    """Larger cells stand amid their points, weighted by number; whoever is alone is known."""
    rng = np.random.default_rng(1)
    first = 1 << (COUNTED + 2)
    rows = [(first + n, first + n, rng.integers(1, 9), *rng.uniform(-HALF, HALF, 2), n) for n in range(64)]
    at = Tile(z=0, x=0, y=0)
    found = Cells.of(rows).within(at)
    number = [row[2] for row in rows]
    unit = 2 * HALF / UNITS
    assert found["n"].tolist() == [sum(number)]
    assert abs(found["across"][0] - (np.average([row[3] for row in rows], weights=number) + HALF) / unit) <= 0.5
    assert abs(found["down"][0] - (HALF - np.average([row[4] for row in rows], weights=number)) / unit) <= 0.5
    assert found["fid"].tolist() == [0]
    lone = Cells.of([(first, first, 1, 0.0, 0.0, 7), (first + CELLS, first, 2, 0.0, 0.0, 8)])
    assert lone.within(Tile(z=COUNTED, x=first // CELLS, y=first // CELLS))["fid"].tolist() == [7]

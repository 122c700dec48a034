from __future__ import annotations

import json
import math
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPoint, MultiPolygon, Point, Polygon, box
from shapely.geometry.base import BaseGeometry

from geo.errors import InvalidInput
from geo.geojson import collection, dumps, feature, read_features

HERE = Point(124.018, 45.005)
lons, lats = st.floats(-180, 180), st.floats(-90, 90)
positions = st.tuples(lons, lats)
boxes = st.tuples(st.floats(-170, 160), st.floats(-80, 70), st.floats(0.001, 9), st.floats(0.001, 9)).map(
    lambda b: box(b[0], b[1], b[0] + b[2], b[1] + b[3], ccw=b[2] > b[3])
)
rings_with_holes = boxes.map(
    lambda b: Polygon(b.exterior.coords, [shapely.affinity.scale(b, 0.5, 0.5).exterior.coords])
)
geometries = st.one_of(
    positions.map(Point),
    st.lists(positions, min_size=1, max_size=5).map(MultiPoint),
    st.lists(positions, min_size=2, max_size=5).map(LineString),
    boxes,
    rings_with_holes,
    st.lists(boxes, min_size=1, max_size=3).map(MultiPolygon),
)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
properties = st.dictionaries(st.text(), values, max_size=4)


def written(geometry: object = None, **members: object) -> dict[str, Any]:
    return {"type": "Feature", "geometry": geometry, "properties": {}, **members}


def document(*features: object, **members: object) -> str:
    return json.dumps({"type": "FeatureCollection", "features": features, **members})


def point(*coordinates: object) -> dict[str, Any]:
    return {"type": "Point", "coordinates": coordinates}


@given(st.lists(st.tuples(geometries, properties, st.none() | st.integers() | st.text()), max_size=4))
def test_what_goes_out_comes_in(rows: list[tuple[BaseGeometry, dict[str, Any], str | int | None]]):
    """Features written and read again are the same, geometry to half of the seventh decimal."""
    text = dumps(collection(feature(*row) for row in rows))
    read = read_features(text)
    assert read == read_features(text.encode())
    assert [(f.row, f.properties, f.fid) for f in read] == [(i, p, fid) for i, (_, p, fid) in enumerate(rows, 1)]
    for one, (geometry, _, _) in zip(read, rows, strict=True):
        assert one.geometry is not None
        assert one.geometry.geom_type == geometry.geom_type
        with np.errstate(divide="ignore", invalid="ignore"):  # of stretches shorter than any number's square
            assert shapely.hausdorff_distance(one.geometry, geometry) <= 0.71e-7 + 1e-12


@given(geometries)
def test_output_keeps_the_rfc(geometry: BaseGeometry):
    """Nothing but the RFC's members, seven decimals at most, shells counter-clockwise and holes clockwise."""
    one = json.loads(dumps(feature(geometry, {})))
    assert set(one) == {"type", "geometry", "properties"}
    assert set(one["geometry"]) == {"type", "coordinates"}
    shapely_made = shapely.geometry.shape(one["geometry"])
    for lon, lat in shapely.get_coordinates(shapely_made).tolist():
        assert (lon, lat) == (round(lon, 7), round(lat, 7))
    for part in shapely.get_parts(shapely_made):
        if part.geom_type == "Polygon":
            assert part.exterior.is_ccw
            assert not any(hole.is_ccw for hole in part.interiors)


def test_what_has_no_place_is_left_out():
    """A null or empty geometry is no feature, and a collection goes without it."""
    assert feature(None, {}) is feature(Polygon(), {}) is None
    assert collection([None, feature(HERE, {"code": "a"}, 1), None])["features"] == [feature(HERE, {"code": "a"}, 1)]
    assert dumps(collection([])) == '{"type":"FeatureCollection","features":[]}'


def test_output_is_plain():
    """Heights and minus zeros are dropped, instants and days are ISO 8601, Chinese stays readable."""
    instant = datetime(2026, 11, 3, 8, 30, tzinfo=UTC)
    one = feature(
        Point(124.01800004, -0.0, 170.0), {"名": "在竹", "at": instant, "on": date(2026, 11, 3), "of": ("a",)}, 7
    )
    assert one is not None
    assert dumps(one) == (
        '{"type":"Feature","id":7,"geometry":{"type":"Point","coordinates":[124.018,0.0]},'
        '"properties":{"名":"在竹","at":"2026-11-03T08:30:00+00:00","on":"2026-11-03","of":["a"]}}'
    )


@pytest.mark.parametrize(
    "value",
    [math.nan, math.inf, [1.0, math.nan], {"a": -math.inf}, datetime(2026, 11, 3), {1, 2}, b"x"],  # noqa: DTZ001
)
def test_properties_that_json_cannot_hold_are_refused(value: object):
    """NaN, infinity, an instant without offset and other types are refused, naming the property."""
    with pytest.raises(InvalidInput) as refusal:
        feature(HERE, {"ok": 1, "speed": value})
    assert refusal.value.field == "speed"


@pytest.mark.parametrize(
    "geometry", [Point(math.nan, 45), Point(124, math.inf), Point(580_259, 4_986_004), Point(45, 124)]
)
def test_geometry_out_of_degrees_is_refused(geometry: Point):
    """Metres, NaN and infinity never go out as GeoJSON."""
    with pytest.raises(InvalidInput) as refusal:
        feature(geometry, {})
    assert refusal.value.field == "geometry"


def test_a_single_feature_and_a_byte_order_mark_are_read():
    """A lone Feature is a row, and Windows' mark before the text does no harm."""
    (one,) = read_features("\ufeff".encode() + json.dumps(written(point(124.018, 45.005, 170), id="x")).encode())
    assert (one.row, one.fid, one.properties) == (1, "x", {})
    assert one.geometry == HERE
    assert not one.geometry.has_z


@pytest.mark.parametrize(
    "geometry",
    [None, {"type": "Polygon", "coordinates": []}, {"type": "GeometryCollection", "geometries": []}],
)
def test_null_and_empty_geometry_read_as_none(geometry: object):
    """A feature without a place is read, for the caller to decide."""
    assert read_features(document(written(geometry)))[0].geometry is None


def test_collections_and_dirty_rings_are_read():
    """A GeometryCollection is read with its parts, and a ring crossing itself as it is."""
    bowtie = {"type": "Polygon", "coordinates": [[[0, 0], [2, 2], [2, 0], [0, 2], [0, 0]]]}
    (one,) = read_features(document(written({"type": "GeometryCollection", "geometries": [point(1, 2), bowtie]})))
    assert [part.geom_type for part in one.geometry.geoms] == ["Point", "Polygon"]
    assert not one.geometry.is_valid


@pytest.mark.parametrize(
    "name", ["urn:ogc:def:crs:OGC:1.3:CRS84", "EPSG:4326", "urn:ogc:def:crs:EPSG::4326", "urn:ogc:def:crs:EPSG::4490"]
)
def test_plain_degrees_may_be_named(name: str):
    """The old `crs` member passes where it says what the RFC takes for granted."""
    crs = {"type": "name", "properties": {"name": name}}
    assert len(read_features(document(written(point(1, 2)), crs=crs))) == 1


@pytest.mark.parametrize(
    "crs",
    [
        {"type": "name", "properties": {"name": "urn:ogc:def:crs:EPSG::3857"}},
        {"type": "name", "properties": {"name": "EPSG:4550"}},
        {"type": "name", "properties": {"name": "gcj02"}},
        {"type": "link", "properties": {"href": "http://example.com"}},
        {"type": "name", "properties": {}},
        None,
        "EPSG:4326",
    ],
)
def test_another_crs_is_refused_wherever_it_stands(crs: object):
    """A `crs` member that says anything else is refused in the document, a feature and a geometry."""
    with pytest.raises(InvalidInput) as refusal:
        read_features(document(written(point(1, 2)), crs=crs))
    assert (refusal.value.field, refusal.value.row) == ("crs", None)
    for bad in (written(point(1, 2), crs=crs), written({**point(1, 2), "crs": crs})):
        with pytest.raises(InvalidInput) as refusal:
            read_features(document(written(), bad))
        assert (refusal.value.field, refusal.value.row) == ("crs", 2)


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        (None, "type"),
        ([], "type"),
        (point(1, 2), "type"),
        ({"type": "Feature", "properties": {}}, "geometry"),
        (written([1, 2]), "geometry"),
        (written({"type": "Circle", "coordinates": [1, 2]}), "geometry"),
        (written({"type": ["Point"], "coordinates": [1, 2]}), "geometry"),
        (written({"type": "Point"}), "geometry"),
        (written(point(1)), "geometry"),
        (written(point([1, 2])), "geometry"),
        (written({"type": "LineString", "coordinates": [1, 2]}), "geometry"),
        (written({"type": "LineString", "coordinates": [[1, 2]]}), "geometry"),
        (written({"type": "MultiLineString", "coordinates": [[[1, 2], [3, 4]], []]}), "geometry"),
        (written({"type": "Polygon", "coordinates": [[]]}), "geometry"),
        (written({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [0, 0]]]}), "geometry"),
        (written({"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 1]]]}), "geometry"),
        (written({"type": "MultiPolygon", "coordinates": [[]]}), "geometry"),
        (written({"type": "GeometryCollection"}), "geometry"),
        (
            written({"type": "GeometryCollection", "geometries": [{"type": "GeometryCollection", "geometries": []}]}),
            "geometry",
        ),
        (written(point("124", 45)), "lon"),
        (written(point(124, None)), "lat"),
        (written(point(124, True)), "lat"),
        (written(point(124, 91)), "lat"),
        (written(point(-180.5, 45)), "lon"),
        (written(point(10**300, 45)), "lon"),
        (written(point(10**3000, 45)), "lon"),
        (written(point(580_259.1, 4_986_004.3)), "lon"),
        (written(id=True), "id"),
        (written(id=[1]), "id"),
        (written(properties=[]), "properties"),
        (written(properties="x"), "properties"),
    ],
)
def test_faults_name_row_and_field(bad: object, field: str):
    """A feature that can't be read is refused with its row, counted from 1, and the field."""
    with pytest.raises(InvalidInput) as refusal:
        read_features(document(written(point(1, 2)), written(), bad))
    assert (refusal.value.field, refusal.value.row) == (field, 3)


def test_numbers_beyond_floats_are_refused():
    """A literal that reads as infinity is refused in coordinates and properties alike, with its row."""
    for text, field in (
        ('{"type":"Feature","geometry":{"type":"Point","coordinates":[1,1e999]},"properties":null}', "lat"),
        ('{"type":"Feature","geometry":null,"properties":{"speed":[1e999]}}', "speed"),
    ):
        with pytest.raises(InvalidInput) as refusal:
            read_features(text)
        assert (refusal.value.field, refusal.value.row) == (field, 1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "null",
        "[]",
        "3",
        "{}",
        '{"type": "FeatureCollection"}',
        '{"type": "FeatureCollection", "features": {}}',
        '{"type": "Point", "coordinates": [1, 2]}',
        '{"type": "Feature", "geometry": {"type": "Point", "coordinates": [NaN, 45]}, "properties": {}}',
        '{"type": "Feature", "geometry": null, "properties": {"a": Infinity}}',
        "[" * 200_000,
        '{"a":' * 200_000,
        "1" * 10_000,
        b"\xff\xfe{}",
        document(written(point(124, 45))).encode("utf-16"),
    ],
)
def test_what_is_no_geojson_is_refused(text: str | bytes):
    """No text, whatever it is, gets through as anything but features or a refusal."""
    with pytest.raises(InvalidInput) as refusal:
        read_features(text)
    assert refusal.value.row is None


@given(st.recursive(st.none() | st.integers() | st.text(max_size=3), lambda s: st.lists(s, max_size=4), max_leaves=12))
def test_any_coordinates_are_read_or_refused(coordinates: object):
    """Whatever stands for coordinates either makes a geometry or is refused with the row."""
    for kind in ("Point", "MultiPoint", "LineString", "MultiLineString", "Polygon", "MultiPolygon"):
        try:
            (one,) = read_features(document(written({"type": kind, "coordinates": coordinates})))
        except InvalidInput as refusal:
            one = refusal
        assert one.row == 1

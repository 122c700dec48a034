"""Names on the map: of grids at their middle, of streets along their course. The finer give way to the larger."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import atan2, cos, degrees, radians
from typing import Any

import pydeck as pdk
from shapely.geometry import LineString, shape
from shapely.ops import linemerge

from layers.palette import rgb
from layers.spec import MVT_WORKER, Look, layer

_METRES_PER_DEGREE = 111_320.0
_REPEAT_M = 900.0
"""A long street says its name again after this distance."""

_CHARACTER_M = 15.0
"""Ground that one character of a street's name needs when the whole town is looked at: shorter streets have none."""

KINDS = ("street", "community", "quarter", "road")
_LEVEL_PX = {"street": 20.0, "community": 16.0, "quarter": 12.5}
_PRIORITY = {"street": 900, "community": 800, "quarter": 300, "road": 500}
_ROAD_PX = 12.0
_FONT = "PingFang SC, Microsoft YaHei, Noto Sans CJK SC, sans-serif"
_LETTERS = {"sdf": True, "fontSize": 48, "buffer": 6, "radius": 14}
_HALO = 3.2


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """A name at a place: degrees of longitude and latitude; the angle in degrees, anticlockwise from east."""

    text: str
    kind: str
    lon: float
    lat: float
    angle: float = 0.0


def of_grids(collection: Mapping[str, Any]) -> list[Name]:
    """A name for each grid of a GeoJSON FeatureCollection of the layer `grids`, at a point inside it."""
    names = []
    for feature in collection["features"]:
        level = feature["properties"]["level"]
        if level in _LEVEL_PX:
            inside = shape(feature["geometry"]).representative_point()
            names.append(Name(text=feature["properties"]["name"], kind=level, lon=inside.x, lat=inside.y))
    return names


def of_roads(collection: Mapping[str, Any]) -> list[Name]:
    """Names along the named streets of a GeoJSON FeatureCollection, never upside down, repeated on long ones."""
    names: list[Name] = []
    for feature in collection["features"]:
        text = feature["properties"].get("name") or ""
        if text and feature["properties"].get("class") not in {"path", "lane"}:
            names.extend(_along(text, _lines(shape(feature["geometry"]))))
    return names


def _lines(geometry: Any) -> Iterable[LineString]:
    merged = linemerge(geometry) if geometry.geom_type == "MultiLineString" else geometry
    return getattr(merged, "geoms", [merged])


def _along(text: str, lines: Iterable[LineString]) -> Iterable[Name]:
    for line in lines:
        squeeze = cos(radians(line.centroid.y))
        flat = LineString([(x * squeeze * _METRES_PER_DEGREE, y * _METRES_PER_DEGREE) for x, y, *_ in line.coords])
        if flat.length < _CHARACTER_M * len(text):
            continue
        repeats = max(1, round(flat.length / _REPEAT_M))
        for index in range(repeats):
            middle = flat.length * (index + 0.5) / repeats
            before, at, after = (flat.interpolate(middle + offset) for offset in (-20, 0, 20))
            angle = degrees(atan2(after.y - before.y, after.x - before.x))
            upright = (angle + 90) % 180 - 90
            lon, lat = at.x / squeeze / _METRES_PER_DEGREE, at.y / _METRES_PER_DEGREE
            yield Name(text=text, kind="road", lon=round(lon, 6), lat=round(lat, 6), angle=round(upright, 1))


def draw_tiles(revision: int, look: Look) -> pdk.Layer:
    """Names along the streets of a ground that comes as tiles: each tile brings those that have room in it."""
    return layer(
        "MVTLayer",
        "road-names",
        f"/tiles/names/{{z}}/{{x}}/{{y}}.pbf?rev={revision}",
        pickable=False,
        binary=False,
        load_options={"mvt": {"workerUrl": MVT_WORKER}},
        min_zoom=10,
        max_zoom=17,
        point_type="text",
        get_text="@@=properties.name",
        get_text_size=_ROAD_PX * look.scale,
        get_text_angle="@@=properties.angle",
        text_size_units="pixels",
        text_character_set="auto",
        text_font_family=_FONT,
        text_font_weight=600,
        text_font_settings=_LETTERS,
        text_outline_width=_HALO,
        text_outline_color=rgb(look.palette.halo, 230),
        extensions=[{"@@type": "CollisionFilterExtension"}],
        get_collision_priority=f"@@={_PRIORITY['road']} + properties.rank",
        collision_test_props={"sizeScale": 2.0},
        _subLayerProps={"points-text": {"getColor": rgb(look.palette.label)}},
    )


def url(kinds: Iterable[str], *, grids: int, ground: int) -> str:
    """Where the browser fetches the names of `kinds`; another address when grids or ground are at another revision."""
    return f"/api/names?kinds={','.join(kinds)}&rev={grids}&ground={ground}"


def rows(names: Iterable[Name], kinds: Iterable[str]) -> str:
    """The names of `kinds` as `draw` reads them: JSON objects of text `t`, place `p`, angle `a` and kind `k`."""
    chosen = set(kinds)
    found = [
        {"t": name.text, "p": [round(name.lon, 6), round(name.lat, 6)], "a": name.angle, "k": name.kind}
        for name in names
        if name.kind in chosen
    ]
    return json.dumps(found, ensure_ascii=False, separators=(",", ":"))


def draw(address: str, look: Look) -> pdk.Layer:
    """One layer of text. Where two names would touch, the one of the larger thing stays."""
    sizes = {kind: round(px * look.scale, 1) for kind, px in {**_LEVEL_PX, "road": _ROAD_PX}.items()}
    palette = look.palette
    return layer(
        "TextLayer",
        "names",
        address,
        pickable=False,
        get_position="@@=p",
        get_text="@@=t",
        get_size=f"@@={_by_kind(sizes)}",
        get_angle="@@=a",
        # In the sub-layer, where Streamlit does not fade what is not selected.
        _subLayerProps={
            "characters": {"getColor": f"@@=k == 'road' ? {rgb(palette.label)} : {rgb(palette.grid_label)}"}
        },
        size_units="pixels",
        character_set="auto",
        font_family=_FONT,
        font_weight=600,
        font_settings=_LETTERS,
        outline_width=_HALO,
        outline_color=rgb(look.palette.halo, 230),
        get_text_anchor="middle",
        get_alignment_baseline="center",
        extensions=[{"@@type": "CollisionFilterExtension"}],
        get_collision_priority=f"@@={_by_kind(_PRIORITY)}",
        collision_test_props={"sizeScale": 2.0},
    )


def _by_kind(values: Mapping[str, float]) -> str:
    *cases, (_, other) = values.items()
    return "".join(f"k == '{kind}' ? {value} : " for kind, value in cases) + str(other)

"""What an OpenStreetMap extract holds of a town: roads, buildings, service points, land and water.

Dirty geometry is repaired and counted. An outline that the extract's edge has cut keeps the corners that are left; with
fewer than three nothing is left to stand on, and it is counted as unusable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import cos, radians
from pathlib import Path

import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError
from shapely import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from db.importers.osm_gaps import gaps_of
from geo.crs import Crs
from geo.errors import InvalidInput
from geo.extent import Extent
from geo.source_crs import SourceCrs, source_crs
from geo.topology import repair

WGS84_SRID = 4326
"""Of every geometry here, longitude first."""
_CONFIG = Path(__file__).with_name("osmconf.ini")
_LEAST_CORNERS = 3
"""As the extract lists them: a closed outline names its first corner twice."""
_WALL_M = 1.0
"""How thick a building is drawn of which the extract holds one wall only."""
_DEGREE_M = 111_320.0
_WATER = {"natural": {"water"}, "waterway": {"riverbank", "dock"}, "landuse": {"reservoir", "basin"}}
_LAND = ("landuse", "natural", "leisure", "amenity")
_SERVICES = ("amenity", "shop", "leisure")
_ABSENT = {"", "no", "n", "f", "false", "0", "否", "无"}
"""How tags and columns say that there is no bridge or tunnel."""

ROAD_CLASS = {
    **dict.fromkeys(("motorway", "motorway_link", "trunk", "trunk_link"), "trunk"),
    **dict.fromkeys(("primary", "primary_link", "secondary", "secondary_link", "tertiary", "tertiary_link"), "main"),
    **dict.fromkeys(("residential", "unclassified", "living_street"), "side"),
    **dict.fromkeys(("service", "track"), "lane"),
    **dict.fromkeys(("cycleway", "footway", "path", "pedestrian", "steps", "bridleway"), "path"),
}
"""The product's class of a road by OSM's highway; ways of other kinds are not yet, or no longer, roads."""

Tags = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractRoad:
    """A way for people or vehicles. `kind` is OSM's highway; `is_oneway` along the line's direction.

    `level` is 0 on the ground, above it on bridges and below it in tunnels.
    """

    name: str
    kind: str
    is_oneway: bool
    level: int
    line: LineString


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractBuilding:
    """A building; `kind` is OSM's building, with the amenity or shop that it is where one is named.

    `levels` is 0 where nobody counted; `is_repaired` says that the shape is not quite what the extract drew.
    """

    osm_id: int
    name: str
    kind: str
    service: str
    levels: int
    is_repaired: bool
    shape: Polygon


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractPoint:
    """A named settlement or something that people go to; `kind` is OSM's tag, such as `amenity=kindergarten`."""

    name: str
    kind: str
    point: Point


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractLand:
    """Land of one use or cover; `kind` is OSM's tag, such as `landuse=residential`."""

    name: str
    kind: str
    shape: Polygon


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExtractArea:
    """An outline: what is said of it and the polygons that it means (none: unusable). `ref` is such as `way 7`.

    `is_cut` says that the file lacks a node or a way of it, so that the polygons are others than were drawn.
    """

    ref: str
    tags: Tags
    shapes: Sequence[Polygon]
    is_repaired: bool
    is_cut: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OsmExtract:
    """A town as OpenStreetMap draws it, in EPSG:4326; `repaired` and `unusable` count areas."""

    roads: tuple[ExtractRoad, ...]
    buildings: tuple[ExtractBuilding, ...]
    services: tuple[ExtractPoint, ...]
    settlements: tuple[ExtractPoint, ...]
    land: tuple[ExtractLand, ...]
    water: tuple[ExtractLand, ...]
    extent: Extent
    repaired: int
    unusable: int


@dataclass(frozen=True, slots=True)
class _Element:
    """A feature of one of the driver's layers: what is said of it and where it is."""

    tags: Tags
    geometry: BaseGeometry | None


def read_extract(path: Path) -> OsmExtract:
    """The town in the file (`.osm.pbf` or `.osm`).

    Raises `InvalidInput` naming `file` when it is no OSM file, is damaged, or holds no roads.
    """
    _require_osm(path)
    points = list(_elements(path, "points"))
    lines = list(_elements(path, "lines"))
    areas = [element for element in lines if _is_area(element)] + list(_elements(path, "multipolygons"))
    roads = tuple(_roads(lines))
    if not roads:
        raise InvalidInput(f"{path.name} 里没有道路 holds no roads", field="file")
    outlines = [(element.tags, _polygons(element.geometry)) for element in areas]
    buildings = tuple(_buildings(outlines))
    places = [*_points(points), *_inside(outlines)]
    west, south, east, north = shapely.total_bounds([r.line for r in roads] + [b.shape for b in buildings]).tolist()
    return OsmExtract(
        roads=roads,
        buildings=buildings,
        services=tuple(place for place in places if not place.kind.startswith("place=")),
        settlements=tuple(place for place in places if place.kind.startswith("place=")),
        land=tuple(_land(outlines, is_water=False)),
        water=tuple(_land(outlines, is_water=True)),
        extent=Extent(min_x=west, min_y=south, max_x=east, max_y=north, srid=WGS84_SRID),
        repaired=sum(is_repaired for _, (shapes, is_repaired) in outlines if shapes),
        unusable=sum(not shapes for _, (shapes, _) in outlines),
    )


def read_roads(path: Path) -> tuple[tuple[ExtractRoad, ...], int]:
    """The ways in the file (`.osm.pbf` or `.osm`) in its order, and how many of its lines are none.

    Raises `InvalidInput` naming `file` when it is no OSM file or damaged.
    """
    _require_osm(path)
    lines = list(_elements(path, "lines"))
    roads = tuple(_roads(lines))
    return roads, len(lines) - len(roads)


def read_areas(path: Path) -> tuple[list[ExtractArea], int]:
    """Every area in the file, and how many of its lines are no areas.

    Raises `InvalidInput` naming `file` when it is no OSM file or damaged.
    """
    _require_osm(path)
    lines = list(_elements(path, "lines"))
    ways = [element for element in lines if _is_area(element)]
    gaps = gaps_of(path)
    kinds = (("way", ways, gaps.ways), ("relation", _elements(path, "multipolygons"), gaps.relations))
    areas = []
    for kind, elements, cut in kinds:
        for element in elements:
            osm_id = int(element.tags["osm_id"])
            shapes, is_repaired = _polygons(element.geometry)
            areas.append(
                ExtractArea(
                    ref=f"{kind} {osm_id}",
                    tags=element.tags,
                    shapes=shapes,
                    is_repaired=is_repaired,
                    is_cut=osm_id in cut,
                )
            )
    return areas, len(lines) - len(ways)


def require_wgs84(declared: str | None) -> SourceCrs:
    """OpenStreetMap's reference system; raises `InvalidInput` naming `crs` for whoever declares another."""
    source = source_crs(declared=declared or Crs.WGS84, in_file=None)
    if source.projection is not None or source.datum in (Crs.GCJ02, Crs.BD09):
        detail = f"OSM 数据总是 WGS 84 坐标，请去掉 --crs OpenStreetMap is in WGS 84 always, not in {declared}"
        raise InvalidInput(detail, field="crs")
    return source


def level_of(*, layer: str, bridge: str, tunnel: str) -> int:
    """The storey of a way by its tags: `layer` where it names one, else 1 for a bridge and -1 for a tunnel.

    Raises `ValueError` when `layer` is no whole number.
    """
    storey = int(layer or 0)
    if storey:
        return storey
    return int(bridge.lower() not in _ABSENT) - int(tunnel.lower() not in _ABSENT)


def _level(tags: Tags) -> int:
    words = {key: tags.get(key, "") for key in ("layer", "bridge", "tunnel")}
    try:
        return level_of(**words)
    except ValueError:  # somebody's "1;2" in the public map: bridge and tunnel still tell
        return level_of(**words | {"layer": ""})


def _require_osm(path: Path) -> None:
    try:
        driver = pyogrio.read_info(path, layer="lines")["driver"]
    except (DataSourceError, DataLayerError, FeatureError) as error:
        raise InvalidInput(f"{path.name} 不是 OSM 数据 is no OSM file", field="file") from error
    if driver != "OSM":
        raise InvalidInput(f"{path.name} 不是 OSM 数据 is no OSM file but {driver}", field="file")


def _elements(path: Path, layer: str) -> Iterator[_Element]:
    try:
        meta, _, wkb, columns = pyogrio.raw.read(path, layer=layer, CONFIG_FILE=str(_CONFIG))
    except (DataSourceError, DataLayerError, FeatureError) as error:
        raise InvalidInput(f"{path.name} 已损坏，无法读取 is damaged: {error}", field="file") from error
    names = [str(name) for name in meta["fields"]]
    geometries = shapely.from_wkb(wkb, on_invalid="ignore")
    for geometry, *values in zip(geometries, *columns, strict=True):
        yield _Element({n: str(v) for n, v in zip(names, values, strict=True) if v is not None}, geometry)


def _is_area(element: _Element) -> bool:
    """Whether a way is an outline: every building, and what land and water is tagged on when it closes."""
    if "building" in element.tags:
        return True
    is_closed = isinstance(element.geometry, LineString) and bool(element.geometry.is_closed)
    return is_closed and "highway" not in element.tags and any(key in element.tags for key in _LAND)


def _roads(lines: Sequence[_Element]) -> Iterator[ExtractRoad]:
    for element in lines:
        tags, line = element.tags, element.geometry
        if "highway" not in tags or not isinstance(line, LineString) or line.length == 0:
            continue
        oneway = tags.get("oneway", "")
        is_loop = tags["highway"] == "motorway" or tags.get("junction") == "roundabout"
        yield ExtractRoad(
            name=tags.get("name", ""),
            kind=tags["highway"],
            is_oneway=oneway in {"yes", "true", "1", "-1", "reverse"} or (is_loop and oneway != "no"),
            level=_level(tags),
            line=line.reverse() if oneway in {"-1", "reverse"} else line,
        )


def _polygons(geometry: BaseGeometry | None) -> tuple[list[Polygon], bool]:
    """The areas that an outline means, largest first, and whether it had to be repaired."""
    if not isinstance(geometry, LineString):
        return repair(geometry), geometry is not None and not geometry.is_valid
    corners = list(geometry.coords)
    if len(corners) < _LEAST_CORNERS:
        return [], True
    ring = corners if corners[0] == corners[-1] else [*corners, corners[0]]
    drawn = Polygon(ring) if len(ring) > _LEAST_CORNERS else None
    shapes = repair(drawn)
    is_repaired = drawn is None or not drawn.is_valid or len(ring) != len(corners)
    return shapes or _wall(geometry), is_repaired


def _wall(line: LineString) -> list[Polygon]:
    """A strip along the one wall that is left of a building; none where all corners are one."""
    narrow = cos(radians(line.coords[0][1]))
    in_metres = shapely.transform(line, lambda xy: xy * (_DEGREE_M * narrow, _DEGREE_M))
    strip = shapely.buffer(LineString(in_metres.coords[:2]), _WALL_M / 2, cap_style="flat")
    return repair(shapely.transform(strip, lambda xy: xy / (_DEGREE_M * narrow, _DEGREE_M)))


def _buildings(outlines: Sequence[tuple[Tags, tuple[list[Polygon], bool]]]) -> Iterator[ExtractBuilding]:
    for tags, (shapes, is_repaired) in outlines:
        if tags.get("building", "no") != "no" and shapes:
            levels = tags.get("building:levels", "")
            yield ExtractBuilding(
                osm_id=int(tags["osm_id"] if "osm_id" in tags else tags["osm_way_id"]),
                name=tags.get("name", ""),
                kind=tags["building"],
                service=next((tags[key] for key in _SERVICES if key in tags), ""),
                levels=int(levels) if levels.isdecimal() else 0,
                is_repaired=is_repaired,
                shape=shapes[0],
            )


def _points(points: Sequence[_Element]) -> Iterator[ExtractPoint]:
    for element in points:
        if isinstance(element.geometry, Point):
            for key in ("place", *_SERVICES, "highway"):
                if key in element.tags:
                    yield ExtractPoint(
                        name=element.tags.get("name", ""), kind=f"{key}={element.tags[key]}", point=element.geometry
                    )
                    break


def _inside(outlines: Sequence[tuple[Tags, tuple[list[Polygon], bool]]]) -> Iterator[ExtractPoint]:
    """Service points of which the extract draws the whole ground."""
    for tags, (shapes, _) in outlines:
        for key in _SERVICES:
            if key in tags and shapes:
                yield ExtractPoint(
                    name=tags.get("name", ""), kind=f"{key}={tags[key]}", point=shapes[0].representative_point()
                )
                break


def _land(outlines: Sequence[tuple[Tags, tuple[list[Polygon], bool]]], *, is_water: bool) -> Iterator[ExtractLand]:
    for tags, (shapes, _) in outlines:
        kinds = _kinds_of_land(tags)
        if "building" not in tags and kinds and any(k.is_water for k in kinds) == is_water:
            for shape in shapes:
                yield ExtractLand(name=tags.get("name", ""), kind=kinds[0].kind, shape=shape)


@dataclass(frozen=True, slots=True)
class _Kind:
    kind: str
    is_water: bool


def _kinds_of_land(tags: Tags) -> list[_Kind]:
    return [
        _Kind(f"{key}={tags[key]}", tags[key] in _WATER.get(key, ())) for key in (*_LAND, "waterway") if key in tags
    ]

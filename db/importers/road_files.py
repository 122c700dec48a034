"""Roads as files hold them: OpenStreetMap extracts, and tables of lines such as GeoPackage, Shapefile and GeoJSON.

A table names its columns as surveyors, OpenStreetMap's extracts or Chinese offices do. What can't be read is refused
with its row and field; what is no road is left out and counted.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely import LineString, MultiLineString

from db.importers.osm import ROAD_CLASS, level_of, read_roads, require_wgs84
from db.importers.vector_files import Table, layers_of, read_layer, require_file
from geo.errors import InvalidInput
from geo.noding import Lines
from geo.source_crs import SourceCrs, source_crs
from governance import labels

_OSM = (".pbf", ".osm")
_DECIMALS = 8
"""Of a degree: a millimetre, so that equal corners stay equal after their projection is undone."""

_NAME = ("name", "名称", "道路名称", "路名", "road_name", "roadname", "name_chn", "name_zh")
_CLASS = ("class", "fclass", "highway", "road_class", "roadclass", "道路等级", "等级", "道路类型", "类型", "type")
_ONEWAY = ("oneway", "one_way", "is_oneway", "单行", "单向", "单行道")
_LAYER, _BRIDGE, _TUNNEL = ("layer", "z_level", "层", "层级"), ("bridge", "桥", "桥梁"), ("tunnel", "隧道")
_SPELLINGS = (*_NAME, *_CLASS, *_ONEWAY, *_LAYER, *_BRIDGE, *_TUNNEL)

_CLASSES: Mapping[str, str] = MappingProxyType(
    ROAD_CLASS
    | {key: key for key in labels.ROAD_CLASS}
    | {label.zh: key for key, label in labels.ROAD_CLASS.items()}
    | dict.fromkeys(("高速公路", "高速", "国道", "快速路", "城市快速路"), "trunk")
    | dict.fromkeys(("省道", "县道", "主干道"), "main")
    | dict.fromkeys(("乡道", "次干道", "街道"), "side")
    | dict.fromkeys(("村道", "小区路", "小区道路", "内部道路", "巷", "胡同", "机耕路"), "lane")
    | dict.fromkeys(("人行道", "步道", "步行街", "自行车道", "非机动车道"), "path")
)
_FORWARD, _BACKWARD, _BOTH = 1, -1, 0
_DIRECTIONS: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(("yes", "true", "1", "y", "ft", "是", "单行", "单向", "单行道", "顺向"), _FORWARD)
    | dict.fromkeys(("-1", "reverse", "tf", "逆向", "反向"), _BACKWARD)
    | dict.fromkeys(("", "no", "false", "0", "n", "b", "both", "否", "双行", "双向"), _BOTH)
)
_GEOFABRIK = MappingProxyType({"f": _FORWARD, "t": _BACKWARD})
"""In extracts with a column `fclass`: from first to last corner, and to the first. Elsewhere T may mean true."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FileRoads:
    """The roads of a file: one name, class and one-way mark a line, all lines in the direction of their one-way.

    `lines` is in EPSG:4490. `meets_at_corners` says that a common corner, and nothing else, joins two lines.
    `skipped` counts, by reason, what is no road.
    """

    name: Sequence[str]
    road_class: Sequence[str]
    is_oneway: NDArray[np.bool_]
    lines: Lines
    meets_at_corners: bool
    skipped: Counter[str]


def read_road_file(path: Path, *, crs: str | None) -> FileRoads:
    """The roads in the file; `crs` is declared for a file that doesn't say its own, or to say GCJ-02 or BD-09.

    Raises `InvalidInput` naming `file`, `layer`, `crs`, or row (counted from 1) and field.
    """
    require_file(path)
    if path.suffix.lower() in _OSM:
        return _of_osm(path, crs)
    table = _only_table(path, crs)
    return _roads(table, source_crs(declared=crs, in_file=table.crs))


def _of_osm(path: Path, crs: str | None) -> FileRoads:
    source = require_wgs84(crs)
    found, others = read_roads(path)
    ways = [way for way in found if way.kind in ROAD_CLASS]
    skipped = Counter(f"class {way.kind}" for way in found if way.kind not in ROAD_CLASS)
    skipped["not a road"] = others
    return FileRoads(
        name=[way.name for way in ways],
        road_class=[ROAD_CLASS[way.kind] for way in ways],
        is_oneway=np.array([way.is_oneway for way in ways], dtype=np.bool_),
        lines=_lines([way.line for way in ways], [way.level for way in ways], range(1, len(ways) + 1), source),
        meets_at_corners=True,
        skipped=+skipped,
    )


def _only_table(path: Path, crs: str | None) -> Table:
    layers = layers_of(path, kind="Line")
    if len(layers) != 1:
        detail = f"one layer of lines is read, {path.name} has {', '.join(layers) or 'none'}"
        raise InvalidInput(detail, field="layer")
    return read_layer(path, layers[0], spellings=_SPELLINGS, crs=crs)


def _roads(table: Table, source: SourceCrs) -> FileRoads:
    class_field, classes = table.texts(_CLASS)
    if class_field not in table.columns:
        raise InvalidInput(f"缺少道路等级列 no column tells the class: {', '.join(_CLASS)}", field="class")
    _, names = table.texts(_NAME)
    oneway_field, oneways = table.texts(_ONEWAY)
    directions = {**_DIRECTIONS, **(_GEOFABRIK if class_field == "fclass" else {})}
    levels = _levels(table)
    skipped: Counter[str] = Counter()
    kept: list[tuple[str, str, int]] = []
    shapes: list[LineString] = []
    storeys: list[int] = []
    rows: list[int] = []
    for row, (shape, name, said, way) in enumerate(zip(table.geometry, names, classes, oneways, strict=True), start=1):
        direction = directions.get(way.lower())
        if direction is None:
            raise InvalidInput(f"单行方向无法识别 no direction: {way[:40]!r}", field=oneway_field, row=row)
        road_class = _CLASSES.get(said.lower())
        parts = _parts(shape)
        if road_class is None or not parts:
            skipped[f"class {said or '?'}" if parts else "not a line"] += 1
            continue
        for part in parts:
            kept.append((name, road_class, direction))
            shapes.append(part.reverse() if direction == _BACKWARD else part)
            storeys.append(levels[row - 1])
            rows.append(row)
    return FileRoads(
        name=[name for name, _, _ in kept],
        road_class=[road_class for _, road_class, _ in kept],
        is_oneway=np.array([direction != _BOTH for *_, direction in kept], dtype=np.bool_),
        lines=_lines(shapes, storeys, rows, source),
        meets_at_corners=False,
        skipped=skipped,
    )


def _levels(table: Table) -> list[int]:
    field, layers = table.texts(_LAYER)
    (_, bridges), (_, tunnels) = table.texts(_BRIDGE), table.texts(_TUNNEL)
    levels = []
    for row, (layer, bridge, tunnel) in enumerate(zip(layers, bridges, tunnels, strict=True), start=1):
        try:
            levels.append(level_of(layer=layer, bridge=bridge, tunnel=tunnel))
        except ValueError as error:
            raise InvalidInput(f"层级须为整数 no whole number: {layer[:40]!r}", field=field, row=row) from error
    return levels


def _parts(shape: object) -> list[LineString]:
    if isinstance(shape, MultiLineString):
        return [part for part in shape.geoms if not part.is_empty]
    return [shape] if isinstance(shape, LineString) and not shape.is_empty else []


def _lines(shapes: Sequence[LineString], levels: Sequence[int], rows: Sequence[int], source: SourceCrs) -> Lines:
    """The shapes' corners in EPSG:4490; a bad one is an `InvalidInput` with its line's row of the file."""
    xy, line = shapely.get_coordinates(list(shapes), return_index=True)
    try:
        lon, lat = source.to_storage(xy[:, 0], xy[:, 1])
    except InvalidInput as error:
        if error.row is None:
            raise
        raise InvalidInput(error.detail, field=error.field, row=rows[int(line[error.row - 1])]) from error
    return Lines(
        xy=np.asarray(np.column_stack([lon, lat]).round(_DECIMALS), dtype=np.float64),
        line=np.asarray(line, dtype=np.int64),
        level=np.array(levels, dtype=np.int64),
    )

"""The ground as files hold it: OpenStreetMap extracts, and layers of areas from surveys.

What a row is, its own columns tell first, OpenStreetMap's or a survey's; then the layer's name, where it names one part
and no row of the layer speaks against it; whoever imports may say it before both. What can't be told is left out and
counted, never guessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
import shapely
from shapely import Polygon
from shapely.geometry.base import BaseGeometry

from db.importers.ground_names import Part, part_called
from db.importers.osm import Tags, read_areas, require_wgs84
from db.importers.vector_files import Table, layers_of, read_layer, require_file
from geo.errors import InvalidInput
from geo.source_crs import SourceCrs, source_crs
from geo.topology import repair
from governance import labels

_OSM = (".pbf", ".osm")
_NAMED = 20
"""So many outlines that are cut off are named, the others counted."""


_NAME = ("name", "名称", "name_chn", "name_zh", "建筑名称", "水系名称", "地块名称")
_BUILDING = ("building", "建筑类型")
_WATER = ("water", "waterway")
_LAND = ("landuse", "natural", "leisure", "用地性质", "用地类型", "地类名称", "地类")
"""Columns of land: a use in them makes a block of the row."""
_ANY_USE = ("use", "fclass", "amenity", "用途", "类型")
"""Columns that houses have as well: a use in them makes a block only where the layer's name doesn't say otherwise."""
_TELLING = (*_BUILDING, *_WATER, *_LAND, *_ANY_USE)
_SPELLINGS = (*_NAME, *_TELLING)

_WATERS = {
    "water",
    "riverbank",
    "dock",
    "reservoir",
    "basin",
    "river",
    "wetland",
    "水域",
    "河流",
    "湖泊",
    "水库",
    "坑塘",
}
_WORDS: Mapping[str, str] = MappingProxyType(
    {
        "residential": "residential allotments 居住 住宅 宅基地 农村宅基地 城镇住宅用地",
        "business": "business commercial retail 商业 商服用地 商业服务业用地",
        "industrial": "industrial railway construction quarry landfill depot 工业 工矿用地 仓储用地",
        "public": "public school hospital education university college kindergarten cemetery religious military "
        "institutional 公共 公共管理与公共服务用地 教育用地 医疗用地 机关团体用地",
        "farm": "farm farmland farmyard meadow orchard vineyard plant_nursery greenhouse_horticulture grassland "
        "耕地 水田 旱地 水浇地 园地 草地 农用地",
        "park": "park forest grass wood scrub heath village_green recreation_ground garden pitch playground "
        "nature_reserve golf_course 公园 绿地 林地 公园与绿地 广场用地",
    }
)
_USES: Mapping[str, str] = MappingProxyType(
    {word: use for use, words in _WORDS.items() for word in words.split()}
    | {label.zh: key for key, label in labels.BLOCK_USE.items()}
)
"""The product's use of land by what OpenStreetMap, surveys and offices call it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FileArea:
    """An area of the ground in EPSG:4490: valid polygons, the largest first. `use` is of blocks only."""

    part: Part
    name: str
    use: str
    shapes: Sequence[Polygon]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FileGround:
    """What a file holds of the ground.

    `repaired` counts areas whose outline had to be mended, `skipped`, by reason, the rows that are no ground.
    """

    areas: Sequence[FileArea]
    repaired: int
    skipped: Counter[str]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row of a file: row counts from 1, `part` is None where nothing tells what it is."""

    row: int
    name: str
    part: Part | None
    words: Sequence[str]
    geometry: BaseGeometry | None


@dataclass(frozen=True, slots=True)
class _Telling:
    """What a row's own columns tell: a part, or what it is not, or a use that land has and houses may have too."""

    part: Part | None
    isnt: frozenset[Part]
    has_use: bool
    words: Sequence[str]


def read_ground_file(path: Path, *, crs: str | None, part: Part | None = None) -> FileGround:
    """The ground in the file; `crs` is declared for a file that doesn't say its own, or to say GCJ-02 or BD-09.

    `part` says what every row of the file is, whatever its columns and the layers' names say. Raises `InvalidInput`
    naming `file` (an empty one too), `layer`, `crs`, `part` (nothing tells what a file holds), or row and field.
    """
    require_file(path)
    if path.suffix.lower() in _OSM:
        return _of_osm(path, crs)
    layers = layers_of(path, kind="Polygon")
    if not layers:
        raise InvalidInput(f"{path.name} 里没有面图层 has no layer of areas", field="layer")
    areas: list[FileArea] = []
    skipped: Counter[str] = Counter()
    repaired = filled = 0
    untold = []
    for layer in layers:
        table = read_layer(path, layer, spellings=_SPELLINGS, crs=crs)
        source = source_crs(declared=crs, in_file=table.crs)
        if not len(table.geometry):
            continue
        filled += 1
        rows = _rows(table, layer, part)
        if rows is None:
            untold.append(layer)
            skipped[f"layer {layer}"] += len(table.geometry)
            continue
        found, mended = _areas(rows, source, skipped)
        areas += found
        repaired += mended
    if not filled:
        raise InvalidInput(f"{path.name} 是空的，一个要素也没有 is empty: it holds no feature", field="file")
    if len(untold) == filled:
        raise InvalidInput(
            f"看不出图层 {'、'.join(untold)} 是什么，请用 --part 指明 nothing tells what they hold: name it by --part",
            field="part",
        )
    return FileGround(areas=areas, repaired=repaired, skipped=+skipped)


def _of_osm(path: Path, crs: str | None) -> FileGround:
    source = require_wgs84(crs)
    outlines, others = read_areas(path)
    skipped = Counter({"not an area": others})
    rows: list[_Row] = []
    drawn: list[list[Polygon]] = []
    cut: list[str] = []
    repaired = 0
    for row, area in enumerate(outlines, start=1):
        said, words = _of_tags(area.tags)
        use = next((_USES[word] for word in words if word in _USES), "")
        if said is None and not use:
            skipped[f"class {words[0]}" if words else "not ground"] += 1
        elif area.is_cut:
            cut.append(area.ref)
        elif not area.shapes:
            skipped["no area"] += 1
        else:
            rows.append(_Row(row, area.tags.get("name", ""), said or Part.BLOCKS, words, None))
            drawn.append(list(area.shapes))
            repaired += area.is_repaired
    if cut:
        named = ", ".join(cut[:_NAMED]) + (", …" if len(cut) > _NAMED else "")
        skipped[f"缺节点，轮廓不全 a node or way is missing in the file ({named})"] = len(cut)
    placed = _placed([shape for shapes in drawn for shape in shapes], [len(s) for s in drawn], rows, source)
    areas = [
        FileArea(part=one.part or Part.BLOCKS, name=one.name, use=_use_of(one), shapes=shapes)
        for one, shapes in zip(rows, placed, strict=True)
    ]
    return FileGround(areas=areas, repaired=repaired, skipped=+skipped)


def _of_tags(tags: Tags) -> tuple[Part | None, list[str]]:
    """What OpenStreetMap says an area is: a part of the ground, and the words that tell a block's use."""
    if tags.get("building", "no") != "no":
        return Part.BUILDINGS, []
    words = [tags[key] for key in ("landuse", "natural", "leisure", "amenity", "waterway") if key in tags]
    if any(word in _WATERS for word in words):
        return Part.WATER, []
    return None, words


def _use_of(row: _Row) -> str:
    return next((_USES[word] for word in row.words if word in _USES), "") if row.part is Part.BLOCKS else ""


def _rows(table: Table, layer: str, declared: Part | None) -> list[_Row] | None:
    """The layer's rows, each with its part; None where nothing tells of any row what it is."""
    _, names = table.texts(_NAME)
    told = _told(table)
    called = declared or part_called(layer)
    parts = {one.part for one in told} - {None}
    if called is None and not parts and not any(one.words or one.isnt for one in told):
        return None
    # A name that its own rows contradict tells nothing of the others.
    named = called if parts <= {called} else None
    rows = []
    for row, (name, geometry, one) in enumerate(zip(names, table.geometry, told, strict=True), start=1):
        shape = geometry if isinstance(geometry, BaseGeometry) else None
        rows.append(_Row(row, name, declared or one.part or _as_named(one, named), one.words, shape))
    return rows


def _as_named(row: _Telling, named: Part | None) -> Part | None:
    """What a row is that doesn't say it by itself, in a layer that is called so."""
    if named is None:
        return Part.BLOCKS if row.has_use else None
    return None if named in row.isnt else named


def _every(table: Table, names: Sequence[str]) -> list[list[str]]:
    return [table.texts([name])[1] for name in names if name in table.columns]


def _told(table: Table) -> list[_Telling]:
    buildings, waters = _every(table, _BUILDING), _every(table, _WATER)
    lands, others, landuse = _every(table, _LAND), _every(table, _ANY_USE), _every(table, ("landuse",))
    told = []
    for index in range(len(table.geometry)):
        of_land = [word.lower() for column in lands if (word := column[index])]
        words = [*of_land, *(word.lower() for column in others if (word := column[index]))]
        part = None
        if any(column[index] not in {"", "no"} for column in buildings):
            part = Part.BUILDINGS
        elif any(column[index] for column in waters) or any(word in _WATERS for word in words):
            part = Part.WATER
        elif any(word in _USES for word in of_land):
            part = Part.BLOCKS
        isnt = {Part.BUILDINGS} if any(column[index] == "no" for column in buildings) else set()
        if part is not Part.WATER and any(column[index] for column in landuse):
            isnt |= {Part.BUILDINGS, Part.WATER}
        told.append(_Telling(part, frozenset(isnt), any(word in _USES for word in words), words))
    return told


def _areas(rows: Sequence[_Row], source: SourceCrs, skipped: Counter[str]) -> tuple[list[FileArea], int]:
    """The rows that are areas of a known part, and how many of them were mended."""
    kept: list[_Row] = []
    drawn: list[list[Polygon]] = []
    repaired = 0
    for row in rows:
        if row.geometry is None or "Polygon" not in row.geometry.geom_type:
            skipped["not an area"] += 1
        elif row.part is None or (row.part is Part.BLOCKS and not _use_of(row)):
            skipped[f"class {row.words[0] if row.words else '?'}"] += 1
        elif not (shapes := repair(row.geometry)):
            skipped["no area"] += 1
        else:
            kept.append(row)
            drawn.append(shapes)
            repaired += not row.geometry.is_valid
    placed = _placed([shape for shapes in drawn for shape in shapes], [len(s) for s in drawn], kept, source)
    areas = [
        FileArea(part=row.part or Part.BLOCKS, name=row.name, use=_use_of(row), shapes=shapes)
        for row, shapes in zip(kept, placed, strict=True)
    ]
    return areas, repaired


def _placed(
    shapes: Sequence[Polygon], numbers: Sequence[int], rows: Sequence[_Row], source: SourceCrs
) -> list[list[Polygon]]:
    """The shapes in EPSG:4490, as many to a row as `numbers` says; a bad corner is an `InvalidInput` with its row."""
    if not shapes:
        return []
    every = np.array(shapes, dtype=object)
    corners, of = shapely.get_coordinates(every, return_index=True)
    of_row = np.repeat(np.arange(len(rows)), numbers)
    try:
        lon, lat = source.to_storage(corners[:, 0], corners[:, 1])
    except InvalidInput as error:
        if error.row is None:
            raise
        bad = rows[int(of_row[of[error.row - 1]])]
        raise InvalidInput(error.detail, field=error.field, row=bad.row) from error
    moved = shapely.set_coordinates(every, np.column_stack([lon, lat]))
    ends = np.cumsum(numbers)
    return [list(moved[end - number : end]) for end, number in zip(ends, numbers, strict=True)]

"""What the name of a layer or a file says of what it holds: one part of the ground, or nothing that can be relied on.

Names hold those of places too, and 水字镇 is no water: so a term counts where it stands alone, or as the last word of
what the name says, never as a syllable.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class Part(StrEnum):
    """A part of the ground that can be imported."""

    BLOCKS = "blocks"
    WATER = "water"
    BUILDINGS = "buildings"


_CHINESE: Mapping[Part, str] = MappingProxyType(
    {
        Part.BUILDINGS: "建筑|建筑物|建筑区|房屋|房屋建筑|楼房|楼栋|楼宇|住宅楼",
        Part.WATER: "水系|水域|水面|水体|河流|河道|湖泊|河湖|水库|坑塘",
        Part.BLOCKS: "地块|宗地|用地|土地|土地利用|地类|图斑",
    }
)
_ALONE: Mapping[Part, str] = MappingProxyType({Part.BUILDINGS: "楼", Part.WATER: "水|河|湖", Part.BLOCKS: "地"})
"""Terms of one character end many a place's name: they count as the whole name only."""
_ENGLISH: Mapping[Part, str] = MappingProxyType(
    {
        Part.BUILDINGS: "buildings?|footprints?|houses",
        Part.WATER: "waters|waterways?|waterbody|waterbodies|rivers|lakes",
        Part.BLOCKS: "landuse|land use|blocks|parcels?",
    }
)
_LAST: Mapping[Part, str] = MappingProxyType(
    {Part.BUILDINGS: "house", Part.WATER: "water|river|lake", Part.BLOCKS: "block"}
)
"""Words that stand in places' names as well: they count as the last word only."""
_IDLE_ENDINGS = re.compile(r"(图层|图斑|数据|轮廓|底图|现状|分布|要素|多边形|面|层|图)+(?=\s|$)")
_IDLE_WORDS = {"a", "area", "areas", "data", "free", "layer", "layers", "map", "polygon", "polygons", "shp"}
_LAND_FOR_BUILDING = re.compile("建筑用地|房屋用地|水域用地")
_WORD = re.compile(r"[\u4e00-\u9fff]+|[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def part_called(name: str) -> Part | None:
    """The one part that a layer or file of this name holds; None where it names none, or more than one."""
    words = [word.lower() for word in _WORD.findall(name)]
    while words and words[-1] in _IDLE_WORDS:
        words.pop()
    said = _LAND_FOR_BUILDING.sub("用地", _bare(" ".join(words)))
    mentioned = [part for part in Part if _is_mentioned(part, said)]
    return mentioned[0] if len(mentioned) == 1 and _is_named(mentioned[0], said) else None


def _bare(said: str) -> str:
    bare = _IDLE_ENDINGS.sub("", said).strip()
    return bare or said


def _is_mentioned(part: Part, said: str) -> bool:
    return bool(re.search(f"{_CHINESE[part]}|\\b({_ENGLISH[part]}|{_LAST[part]})\\b", said)) or _is_named(part, said)


def _is_named(part: Part, said: str) -> bool:
    patterns = (
        rf"({_CHINESE[part]})(?=\s|$)",
        rf"^({_ALONE[part]})$",
        rf"\b({_ENGLISH[part]})\b",
        rf"\b({_LAST[part]})$",
    )
    return any(re.search(pattern, said) for pattern in patterns)

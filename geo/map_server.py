"""Addresses of map servers: a template for each layer of pictures, on the map's own pyramid, Web Mercator's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from geo.errors import InvalidInput

FIELD = "GRIDCOMMAND_BASEMAP_URL"
_PLACES = (
    ("{z}", re.compile(r"\{(z|TileMatrix)\}", re.IGNORECASE)),
    ("{x}", re.compile(r"\{(x|TileCol)\}", re.IGNORECASE)),
    ("{y}", re.compile(r"\{(y|TileRow)\}", re.IGNORECASE)),
)
_PLATE_CARREE = re.compile(r"/[a-z]{3}_c/|tilematrixset=(c|epsg:?:?(4326|4490)|crs84)(&|$)", re.IGNORECASE)
_TIANDITU_SET = re.compile(r"/([a-z]{3})_c/", re.IGNORECASE)
_SHIFTED = ("autonavi.com", "amap.com", "gtimg.com", "map.qq.com", "google.cn")
_BAIDU = ("bdimg.com", "baidu.com")


@dataclass(frozen=True, slots=True)
class MapServer:
    """One layer of pictures: `template` has {z}, {x} and {y}, and may hold a key, which is for this server alone."""

    template: str

    @property
    def host(self) -> str:
        """Whom the pictures are fetched from."""
        return urlsplit(self.template).hostname or ""

    @property
    def is_shifted(self) -> bool:
        """Whether the source is known to be drawn in GCJ-02, 100 to 600 metres off the place in China."""
        return _is_of(self.host, _SHIFTED)

    def url(self, z: int, x: int, y: int) -> str:
        """Where a tile is fetched: zoom, column from the west, row from the north."""
        return self.template.replace("{z}", str(z)).replace("{x}", str(x)).replace("{y}", str(y))


def map_servers(setting: str) -> tuple[MapServer, ...]:
    """The layers that the setting names, bottom to top, apart by spaces; none of an empty one.

    Takes XYZ templates ({z}, {x}, {y}) and WMTS ones ({TileMatrix}, {TileCol}, {TileRow}). Raises `InvalidInput` for
    what can't be drawn here, above all pyramids that aren't Web Mercator's.
    """
    return tuple(_server(template) for template in setting.split())


def _server(template: str) -> MapServer:
    parts = urlsplit(template)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput("须以 http:// 或 https:// 开头 the address begins with http:// or https://", field=FIELD)
    if _is_of(parts.hostname, _BAIDU):
        raise InvalidInput(
            "百度地图用自己的瓦片方案与 BD-09 坐标，画不到本图上 Baidu's tiles are cut in a way of their own",
            field=FIELD,
        )
    if _PLATE_CARREE.search(template):
        named = _TIANDITU_SET.search(template)
        better = f"{named[1]}_w" if named else "vec_w"
        raise InvalidInput(
            f"这是经纬度投影（EPSG:4490/4326）的瓦片，本图按墨卡托投影绘制，画不上去；天地图请改用 {better}"
            f"（并设 TILEMATRIXSET=w） these tiles are in degrees and the map is Web Mercator: take {better}",
            field=FIELD,
        )
    for place, spelling in _PLACES:
        template, found = spelling.subn(place, template)
        if not found:
            raise InvalidInput(f"地址里缺少 {place} the address has no {place}", field=FIELD)
    left = re.search(r"\{(?!z\}|x\}|y\})[^}]*\}", template)
    if left:
        raise InvalidInput(f"无法填写 {left[0]} nothing is known to put for {left[0]}", field=FIELD)
    return MapServer(template)


def _is_of(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)

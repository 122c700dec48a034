"""Addresses of map servers: a template for each layer of pictures, on the map's own pyramid, Web Mercator's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import SplitResult, unquote, urlsplit

from geo.errors import InvalidInput

FIELD = "GRIDCOMMAND_BASEMAP_URL"
_PLACES = (
    ("{z}", re.compile(r"\{(z|TileMatrix)\}", re.IGNORECASE)),
    ("{x}", re.compile(r"\{(x|TileCol)\}", re.IGNORECASE)),
    ("{y}", re.compile(r"\{(y|TileRow)\}", re.IGNORECASE)),
)
_TIANDITU_SET = re.compile(r"(?<![a-z0-9_])([a-z]{3})_c(?![a-z0-9_])", re.IGNORECASE)
"""Tianditu's layers in degrees, wherever an address names them: in its path, as `T`, as `LAYER`."""
_DEGREES = re.compile(
    r"matrixset=(c|(?![^&]*mercator)[^&]*(cgcs2000|wgs_?84)[^&]*|[^&]*geodetic[^&]*)(&|$)"
    r"|[/=:](ogc:)?[a-z]*crs84(quad|scale|pixel)?(?![a-z0-9])",
    re.IGNORECASE,
)
"""What pyramids of degrees are called, Tianditu's and OGC's."""
_NUMBERED = re.compile(r"epsg[:/_@-]*(?:[0-9.]{1,6}[:/])?(\d{4,6})(?!\d)", re.IGNORECASE)
"""EPSG's number as codes, URNs and names of folders write it, a version before it or not."""
_MERCATOR = {"3857", "3785", "900913", "102100", "102113"}
_GEOGRAPHIC = {"4326", "4490", "4610", "4214"}
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
    parts = _split(template)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidInput("须以 http:// 或 https:// 开头 the address begins with http:// or https://", field=FIELD)
    if _is_of(parts.hostname, _BAIDU):
        raise InvalidInput(
            "百度地图用自己的瓦片方案与 BD-09 坐标，画不到本图上 Baidu's tiles are cut in a way of their own",
            field=FIELD,
        )
    _require_mercator(unquote(f"{parts.path}?{parts.query}"))
    for place, spelling in _PLACES:
        template, found = spelling.subn(place, template)
        if not found:
            raise InvalidInput(f"地址里缺少 {place} the address has no {place}", field=FIELD)
    left = re.search(r"\{(?!z\}|x\}|y\})[^}]*\}", template)
    if left:
        raise InvalidInput(f"无法填写 {left[0]} nothing is known to put for {left[0]}", field=FIELD)
    return MapServer(template)


def _split(template: str) -> SplitResult:
    try:
        parts = urlsplit(template)
        _ = parts.port  # only asking for it reads it
    except ValueError as error:
        raise InvalidInput("主机名或端口写错了 the address's host or port can't be read", field=FIELD) from error
    return parts


def _require_mercator(address: str) -> None:
    """Refuses an address that names another pyramid than Web Mercator's."""
    tianditu = _TIANDITU_SET.search(address)
    other = next((n for n in _NUMBERED.findall(address) if n not in _MERCATOR), None)
    if tianditu or _DEGREES.search(address) or other in _GEOGRAPHIC:
        better = f"{tianditu[1]}_w" if tianditu else "vec_w"
        raise InvalidInput(
            f"这是经纬度投影（EPSG:4490/4326）的瓦片，本图按墨卡托投影绘制，画不上去；天地图请改用 {better}"
            f"（并设 TILEMATRIXSET=w） these tiles are in degrees and the map is Web Mercator: take {better}",
            field=FIELD,
        )
    if other:
        raise InvalidInput(
            f"这是 EPSG:{other} 的瓦片，本图按墨卡托投影（EPSG:3857）绘制，画不上去 "
            f"these tiles are in EPSG:{other} and the map is Web Mercator, EPSG:3857",
            field=FIELD,
        )


def _is_of(host: str, domains: tuple[str, ...]) -> bool:
    return any(host == domain or host.endswith(f".{domain}") for domain in domains)

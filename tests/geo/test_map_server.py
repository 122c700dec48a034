import pytest

from geo.errors import InvalidInput
from geo.map_server import map_servers

TIANDITU = (
    "https://t0.tianditu.gov.cn/vec_w/wmts?SERVICE=WMTS&REQUEST=GetTile&VERSION=1.0.0&LAYER=vec&STYLE=default"
    "&TILEMATRIXSET=w&FORMAT=tiles&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}&tk=KEY"
)


def test_nothing_is_asked_by_default():
    """No setting, no server."""
    assert map_servers("") == ()
    assert map_servers("  ") == ()


def test_layers_lie_on_each_other_in_order():
    """Templates apart by spaces are layers, the first at the bottom."""
    below, above = map_servers(f"{TIANDITU} {TIANDITU.replace('vec', 'cva')}")
    assert below.url(14, 13836, 5893).endswith("&TILEMATRIX=14&TILEROW=5893&TILECOL=13836&tk=KEY")
    assert "/cva_w/" in above.template
    assert below.host == "t0.tianditu.gov.cn"


def test_wmts_templates_are_understood():
    """OGC's own names of the places are those of XYZ."""
    (server,) = map_servers("http://10.1.2.3:8080/wmts/{TileMatrix}/{TileRow}/{TileCol}.png")
    assert server.url(3, 1, 2) == "http://10.1.2.3:8080/wmts/3/2/1.png"


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (TIANDITU.replace("vec_w", "vec_c").replace("MATRIXSET=w", "MATRIXSET=c"), "vec_w"),
        (TIANDITU.replace("vec_w", "img_c"), "img_w"),
        (TIANDITU.replace("MATRIXSET=w", "MATRIXSET=c"), "vec_w"),
        ("http://a/wmts?TILEMATRIXSET=EPSG:4490&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}", "EPSG:4490"),
        ("https://t0.tianditu.gov.cn/DataServer?T=vec_c&x={x}&y={y}&l={z}&tk=KEY", "vec_w"),
        ("https://t0.tianditu.gov.cn/DataServer?x={x}&y={y}&l={z}&T=cva_c", "cva_w"),
        ("http://a/wmts?LAYER=img_c&TILEMATRIX={z}&TILEROW={y}&TILECOL={x}", "img_w"),
        ("http://a/wmts?tilematrixset=urn:ogc:def:crs:EPSG::4490&x={x}&y={y}&z={z}", "EPSG:4490"),
        ("http://a/wmts?tilematrixset=urn:ogc:def:crs:EPSG:6.9:4326&x={x}&y={y}&z={z}", "EPSG:4490"),
        ("http://a/wmts?tilematrixset=EPSG%3A4490&x={x}&y={y}&z={z}", "EPSG:4490"),
        ("http://a/wmts?TileMatrixSet=CGCS2000&x={x}&y={y}&z={z}", "EPSG:4490"),
        ("http://a/wmts?TileMatrixSet=GlobalCRS84Scale&x={x}&y={y}&z={z}", "EPSG:4490"),
        ("http://a/tiles/WorldCRS84Quad/{TileMatrix}/{TileRow}/{TileCol}", "EPSG:4490"),
        ("http://a/wmts/EPSG:4490/{TileMatrix}/{TileRow}/{TileCol}.png", "EPSG:4490"),
        ("http://a/tms/1.0.0/base@EPSG_4326@png/{z}/{x}/{y}.png", "EPSG:4490"),
        ("http://a/wmts/epsg4549/{z}/{x}/{y}.png", "EPSG:4549"),
        ("https://[::1/{z}/{x}/{y}", "host"),
        ("https://a:99999/{z}/{x}/{y}", "port"),
        ("http://a/{z}/{x}.png", "{y}"),
        ("http://{s}.a/{z}/{x}/{y}.png", "{s}"),
        ("ftp://a/{z}/{x}/{y}", "http://"),
        ("/tiles/{z}/{x}/{y}", "http://"),
        ("https://maponline0.bdimg.com/tile/?x={x}&y={y}&z={z}", "BD-09"),
    ],
)
def test_what_can_not_be_drawn_is_refused_by_name(setting: str, said: str):
    """Pyramids of degrees name the one to take; an address with a gap names the gap. No message holds the address."""
    with pytest.raises(InvalidInput) as refused:
        map_servers(setting)
    assert refused.value.field == "GRIDCOMMAND_BASEMAP_URL"
    assert said in str(refused.value)
    assert "KEY" not in str(refused.value)


@pytest.mark.parametrize(
    "setting",
    [
        "http://a/wmts/EPSG:3857/{TileMatrix}/{TileRow}/{TileCol}.png",
        "http://a/wmts?tilematrixset=urn:ogc:def:crs:EPSG::900913&x={x}&y={y}&z={z}",
        "http://a/tiles/WebMercatorQuad/{z}/{y}/{x}",
        "http://a/wmts?tilematrixset=CGCS2000_WebMercator&x={x}&y={y}&z={z}",
        "http://a/music_c/{z}/{x}/{y}.png",
        "http://a/wgs84/{z}/{x}/{y}.png",
        "https://t0.tianditu.gov.cn/DataServer?T=vec_w&x={x}&y={y}&l={z}",
        "https://[::1]:8080/{z}/{x}/{y}",
    ],
)
def test_pyramids_of_web_mercator_pass_whatever_they_are_called(setting: str):
    """A name that only looks like one of degrees refuses nothing."""
    assert len(map_servers(setting)) == 1


def test_a_shifted_source_is_known_as_such():
    """Amap draws in GCJ-02; a host that only ends alike is not Amap."""
    amap, other = map_servers("https://webrd01.is.autonavi.com/{z}/{x}/{y} https://notautonavi.com/{z}/{x}/{y}")
    assert (amap.is_shifted, other.is_shifted) == (True, False)

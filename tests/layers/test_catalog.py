import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from geo.extent import Extent
from geo.features import FEATURE_TYPES, FeatureFilter
from layers import basemap, deck, legend, names, raster, symbols, tooltip
from layers.catalog import LAYERS, spec
from layers.palette import DARK, LIGHT, Palette
from layers.spec import MOST_APART, MOST_WHOLE, Look, Source

KEYS = pytest.mark.parametrize("key", FEATURE_TYPES)
THEMES = pytest.mark.parametrize("palette", [DARK, LIGHT], ids=lambda palette: palette.name)
BOUNDS = (123.985, 44.985, 124.050, 45.030)


def _drawn(key: str, palette: Palette = DARK) -> list[dict[str, Any]]:
    source = Source(key=key, revision=7, features=FeatureFilter(where=dict(LAYERS[key].ordinary)))
    return [json.loads(made.to_json()) for made in LAYERS[key].draw(source, Look(palette=palette))]


def _expressions(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for item in value.values() for text in _expressions(item)]
    if isinstance(value, list):
        return [text for item in value for text in _expressions(item)]
    return [value] if isinstance(value, str) and value.startswith("@@=") else []


def test_the_catalogue_has_every_layer_once():
    """Each feature type has its entry, and there is nothing to draw without a contract."""
    assert list(LAYERS) == list(FEATURE_TYPES)
    assert all(LAYERS[key].key == key and LAYERS[key].title for key in LAYERS)
    assert len({entry.order for entry in LAYERS.values()}) == len(LAYERS)


@KEYS
def test_a_layer_has_a_key_that_explains_it(key: str):
    """Every layer has symbols with names, each of a filter of the contract, with a picture that is there."""
    for symbol in spec(key).symbols:
        assert symbol.label
        assert set(symbol.where) <= set(FEATURE_TYPES[key].filters)
        assert symbol.icon in symbols.names() or (symbol.colour and symbol.width_px)
    assert len(legend.lines(key)) >= len(spec(key).symbols)


@KEYS
def test_expressions_read_only_what_the_contract_promises(key: str):
    """A property that an expression names exists in the contract and is no personal one."""
    promised = {p.name for p in FEATURE_TYPES[key].visible(personal=False)}
    read = {
        name
        for made in _drawn(key)
        for expression in _expressions(made)
        for name in re.findall(r"properties\.(\w+)", expression)
    }
    assert read <= promised
    assert set(spec(key).fields) <= promised
    assert set(spec(key).ordinary) <= set(FEATURE_TYPES[key].filters)


@KEYS
def test_ids_are_constant_and_data_comes_by_url(key: str):
    """Layers keep their ids from run to run, so that the chart updates in place; features never travel inline."""
    first, second = _drawn(key), _drawn(key)
    assert [made["id"] for made in first] == [made["id"] for made in second]
    assert all(made["id"].startswith(key) for made in first)
    assert all(made["data"].startswith(f"/api/layers/{key}/items?rev=7") for made in first)


@KEYS
def test_every_symbol_that_an_expression_can_name_is_in_the_atlas(key: str):
    """Icon mappings point into the atlas, cell by cell."""
    for made in _drawn(key):
        for cell in made.get("iconMapping", {}).values():
            assert cell["x"] % symbols.CELL_PX == 0
            assert cell["width"] == symbols.CELL_PX


def test_a_url_carries_the_filter():
    """Revision, grid, text and values stand in the address, percent-encoded, in a stable order."""
    flt = FeatureFilter(grid="220723001", q="供暖 &x", where={"status": ("reported", "accepted"), "severity": ("1",)})
    assert Source(key="incidents", revision=3, features=flt).url() == (
        "/api/layers/incidents/items?rev=3&grid=220723001&q=%E4%BE%9B%E6%9A%96+%26x&severity=1&status=reported,accepted"
    )


def test_a_file_has_the_filter_of_the_map():
    """The export's address carries every part of the filter, the view too, and no revision, which it doesn't take."""
    since = datetime(2026, 11, 1, tzinfo=UTC)
    bbox = Extent.from_bbox("124,45,124.1,45.1")
    flt = FeatureFilter(grid="220723001", q="供暖", since=since, bbox=bbox, where={"severity": ("1", "2")})
    assert Source(key="incidents", revision=3, features=flt).export_url() == (
        "/api/layers/incidents/export?format=geojson&bbox=124.0,45.0,124.1,45.1&grid=220723001&q=%E4%BE%9B%E6%9A%96"
        "&since=2026-11-01T00%3A00%3A00%2B00%3A00&severity=1,2"
    )


@pytest.mark.parametrize("key", [key for key, kind in FEATURE_TYPES.items() if kind.geometry == "Point"])
def test_many_points_come_as_tiles(key: str):
    """Above what can be seen apart, points come as tiles by the same filter, read by our own worker."""
    flt = FeatureFilter(grid="220723001", where={"kind": ("x",)})
    few, many = (Source(key=key, revision=3, features=flt, number=n) for n in (MOST_APART, MOST_APART + 1))
    assert all("/items?" in str(made.data) for made in LAYERS[key].draw(few, Look(palette=DARK)))
    (made,) = (json.loads(one.to_json()) for one in LAYERS[key].draw(many, Look(palette=DARK)))
    assert made["data"] == f"/tiles/{key}/{{z}}/{{x}}/{{y}}.pbf?rev=3&grid=220723001&kind=x"
    assert made["loadOptions"]["mvt"]["workerUrl"].startswith("/assets/")
    assert {"several", *made["iconMapping"]} == set(made["iconMapping"])


@pytest.mark.parametrize("asked", [{}, {"is_open": ("true", "false")}], ids=["nothing said", "both asked for"])
def test_what_is_open_stays_apart(asked: dict[str, tuple[str, ...]]):
    """Finished incidents are gathered where they are many; an open one among them is a symbol of its own."""
    number = MOST_APART + 1
    flt = FeatureFilter(where={"severity": ("1",), **asked})
    both = Source(key="incidents", revision=3, number=number, features=flt)
    finished, still_open = both.parts()
    assert (finished.is_tiled, still_open.is_tiled) == (True, False)
    assert "is_open=false&severity=1" in finished.tiles_url()
    assert "is_open=true&severity=1" in still_open.url()
    idents = {made.id for part in both.parts() for made in LAYERS["incidents"].draw(part, Look(palette=DARK))}
    assert len(idents) == 2
    for whole in (
        Source(key="incidents", revision=3, number=MOST_APART),
        Source(key="incidents", revision=3, number=MOST_WHOLE + 1),
        Source(key="incidents", revision=3, number=number, features=FeatureFilter(where={"is_open": ("true",)})),
        Source(key="devices", revision=3, number=number),
    ):
        assert whole.parts() == [whole]


@pytest.mark.parametrize(("number", "is_tiled"), [(MOST_WHOLE, False), (MOST_WHOLE + 1, True)])
def test_more_than_a_browser_draws_is_gathered_though_it_is_open(number: int, is_tiled: bool):  # noqa: FBT001  a case
    """Twenty thousand open incidents come as tiles too."""
    flt = FeatureFilter(where={"is_open": ("true",)})
    assert Source(key="incidents", revision=3, features=flt, number=number).is_tiled is is_tiled


def test_areas_are_never_gathered():
    """Grids and buildings come whole however many there are."""
    assert not Source(key="grids", revision=1, number=10**6).is_tiled


@THEMES
def test_a_map_asks_nothing_outside(palette: Palette):
    """Every address in a deck is a path of this server, and no map style is named."""
    look = Look(palette=palette)
    shown = deck.sources(dict.fromkeys(LAYERS, 1), {key: FeatureFilter() for key in LAYERS})
    made = json.loads(deck.compose(shown, look, view=deck.initial_view(BOUNDS, width_px=1000, height_px=800)).to_json())
    assert not made.get("mapProvider")
    assert made["mapStyle"] == "__MAP_STYLE__"
    assert "//" not in json.dumps(made)
    idents = [one["id"] for one in made["layers"]]
    assert len(set(idents)) == len(idents)
    assert idents[: len(basemap.PARTS)] == [f"base-{part}" for part in basemap.PARTS]


@THEMES
def test_a_large_ground_comes_as_tiles_and_asks_nothing_outside(palette: Palette):
    """Beyond what a browser draws whole, ground and names of streets are tiles at their revision, below all data."""
    look = Look(palette=palette)
    view = deck.initial_view(BOUNDS, width_px=1000, height_px=800)
    small, large = (basemap.Ground(revision=7, number=n) for n in (basemap.MOST_WHOLE, basemap.MOST_WHOLE + 1))
    assert not any(one.id == "base-tiles" for one in deck.compose([], look, view=view, ground=small).layers)
    made = json.loads(deck.compose([], look, view=view, ground=large).to_json())
    by_id = {one["id"]: one for one in made["layers"]}
    assert made["layers"][0]["id"] == "base-tiles"
    assert by_id["base-tiles"]["data"] == "/tiles/base/{z}/{x}/{y}.pbf?rev=7"
    assert by_id["road-names"]["data"] == "/tiles/names/{z}/{x}/{y}.pbf?rev=7"
    assert not any(one.startswith("base-") and one != "base-tiles" for one in by_id)
    assert "//" not in json.dumps(made)
    assert all(
        by_id[key]["loadOptions"]["mvt"]["workerUrl"].startswith("/assets/") for key in ("base-tiles", "road-names")
    )
    plain = deck.compose([], look, view=view, ground=large, label_kinds=("street",))
    assert "road-names" not in {one.id for one in plain.layers}


def test_a_map_server_takes_the_ground_s_place():
    """With a style of pictures there is no ground of our own, nor its streets' names; the style is of this server."""
    view = deck.initial_view(BOUNDS, width_px=1000, height_px=800)
    ground = basemap.Ground(revision=7, number=basemap.MOST_WHOLE + 1)
    made = deck.compose([], Look(palette=DARK), view=view, ground=ground, map_style=raster.style_url(DARK))
    idents = {one.id for one in made.layers}
    assert not any(ident.startswith("base-") for ident in idents)
    assert "road-names" not in idents
    assert json.loads(made.to_json())["mapStyle"] == "/basemap/style.json?theme=dark"


def test_incidents_lie_above_everything_but_the_mark():
    """Nothing hides an incident."""
    shown = deck.sources(dict.fromkeys(LAYERS, 1), {key: FeatureFilter() for key in LAYERS})
    made = deck.compose(shown, Look(palette=DARK), view=deck.initial_view(BOUNDS, width_px=1000, height_px=800))
    assert [one.id for one in made.layers][-2:] == ["incidents", "marked"]


def test_the_first_view_shows_the_whole_town_and_little_more():
    """Zoomed in by one more level, the bounds wouldn't fit; as it is, they do."""
    view = deck.initial_view(BOUNDS, width_px=1200, height_px=900, margin=0)
    world_px = 512 * 2**view.zoom
    assert (BOUNDS[2] - BOUNDS[0]) / 360 * world_px <= 1200
    assert (BOUNDS[3] - BOUNDS[1]) / 360 * world_px / 0.7071 == pytest.approx(900, rel=0.02)


def test_a_street_says_its_name_along_its_course_and_upright():
    """A street of two kilometres to the west carries its name twice, level, on the line."""
    line = {"type": "LineString", "coordinates": [[124.03, 45.0], [124.0046, 45.0]]}
    road = {"type": "Feature", "properties": {"name": "宇宙大路", "class": "main"}, "geometry": line}
    found = names.of_roads({"features": [road]})
    assert [name.text for name in found] == ["宇宙大路", "宇宙大路"]
    assert all(abs(name.angle) < 0.2 and 124.0046 < name.lon < 124.03 for name in found)


def test_lanes_and_nameless_roads_have_no_name_on_the_map():
    """What has no name gets none, and lanes would only crowd the map."""
    line = {"type": "LineString", "coordinates": [[124.0, 45.0], [124.03, 45.0]]}
    roads = [
        {"type": "Feature", "properties": p, "geometry": line}
        for p in ({"class": "main"}, {"name": "x", "class": "lane"})
    ]
    assert names.of_roads({"features": roads}) == []


def test_a_hint_says_codes_in_words_and_cannot_break_out_of_its_style():
    """Codes are put into words by the style, and a word is quoted for it."""
    assert '[data-status="reported"]::before{content:"待受理"}' in tooltip.style({"status": {"reported": "待受理"}})
    assert "</style" not in tooltip.style({"status": {"reported": '</style><b>"'}})
    assert "{title}" in tooltip.template()

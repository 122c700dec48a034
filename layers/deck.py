"""A whole map: the ground, the layers asked for in their order, names, and one view. It asks nothing outside."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import cos, log2, radians

import pydeck as pdk
from pydeck import ViewState as ViewState  # noqa: PLC0414  the screens name what they hand on, and the library only here

from geo.features import FeatureFilter
from layers import basemap, names
from layers import heat as heatmap
from layers.catalog import LAYERS
from layers.palette import rgb
from layers.spec import Look, Source, layer
from layers.symbols import atlas_url, mapping

_NO_GROUND = basemap.Ground()

_TILE_PX = 512
"""deck.gl's zoom 0 shows the world in so many pixels."""

_EQUATOR_M = 40_075_016.686

_FLAT = {"dragRotate": False, "touchRotate": False, "doubleClickZoom": False}
"""North stays up, and two clicks are two clicks."""


class Deck(pdk.Deck):  # type: ignore[misc]  # pydeck has no types
    """A deck that is written once, however many screens show it. Nothing of it changes after that."""

    __slots__ = ("_text",)  # pydeck would write an attribute out

    def to_json(self) -> str:
        """The deck as deck.gl's JSON."""
        if not hasattr(self, "_text"):
            self._text: str = super().to_json()
        return self._text


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A place to draw attention to: the selected feature, in degrees."""

    lon: float
    lat: float


def initial_view(
    bounds: Sequence[float],
    *,
    width_px: float,
    height_px: float,
    margin: float = 0.06,
    head_px: float = 0,
    foot_px: float = 0,
) -> ViewState:
    """The view that shows `bounds` (west, south, east, north, degrees) in a map of that size, with a margin around.

    Nothing of them lies in the topmost `head_px` nor in the lowest `foot_px` of the map, where something covers it.
    """
    west, south, east, north = bounds
    lat = (south + north) / 2
    room = 1 - 2 * margin
    zoom_x = log2(width_px * room * 360 / _TILE_PX / (east - west))
    zoom_y = log2((height_px - head_px - foot_px) * room * 360 / _TILE_PX / (north - south) * cos(radians(lat)))
    zoom = min(zoom_x, zoom_y)
    degrees_per_px = 360 / _TILE_PX / 2**zoom * cos(radians(lat))
    return ViewState(
        longitude=round((west + east) / 2, 6),
        latitude=round(lat + (head_px - foot_px) / 2 * degrees_per_px, 6),
        zoom=round(zoom, 3),
        min_zoom=9,
        max_zoom=19,
        pitch=0,
        bearing=0,
    )


def metres_per_px(view: pdk.ViewState) -> float:
    """Metres on the ground of one pixel in the middle of the view."""
    return float(_EQUATOR_M * cos(radians(view.latitude)) / _TILE_PX / 2**view.zoom)


def view_at(lon: float, lat: float, *, zoom: float) -> ViewState:
    """The view with the place in its middle."""
    return ViewState(longitude=lon, latitude=lat, zoom=zoom, min_zoom=9, max_zoom=19, pitch=0, bearing=0)


def sources(
    revisions: Mapping[str, int], filters: Mapping[str, FeatureFilter], numbers: Mapping[str, int] | None = None
) -> list[Source]:
    """One source for each layer of `filters`, at its revision; `numbers` says how many features each has."""
    known = numbers or {}
    return [
        Source(key=key, revision=revisions[key], features=flt, number=known.get(key, 0)) for key, flt in filters.items()
    ]


def compose(
    shown: Iterable[Source],
    look: Look,
    *,
    view: ViewState,
    label_kinds: Iterable[str] = names.KINDS,
    labels: int = 0,
    marked: Marked | None = None,
    focus: Source | None = None,
    beneath: Iterable[pdk.Layer] = (),
    is_flat: bool = False,
    names_scale: float = 1.0,
    heat: Source | None = None,
    tooltip: str = "",
    ground: basemap.Ground = _NO_GROUND,
    map_style: str = "",
) -> Deck:
    """The chart's deck: every layer has a constant id, and the view is the one that the map opens with.

    `labels` is the revision of the grids whose names are written, as far as they are of `label_kinds`. `ground` says
    how much there is to draw below everything. `focus` names grids to be outlined strongly: those that everything else
    was narrowed to. `beneath` lies under the names and on the areas; `heat` is a heat map below the points. `is_flat`
    keeps north up and takes double clicks for clicks.

    `map_style` names the style of a map server's pictures, which take the ground's place and bring streets' names of
    their own. Without one it is left out of the deck on purpose: with it, even with None, a foreign base map would be
    fetched.
    """
    ordered = sorted(shown, key=lambda source: LAYERS[source.key].order)
    kinds = [kind for kind in label_kinds if kind != "road" or not map_style]
    stack = [] if map_style else list(basemap.draw(ground, look))
    areas = [source for source in ordered if source.key in {"grids", "buildings"}]
    points = [part for source in ordered if source not in areas for part in source.parts()]
    for source in areas:
        stack += LAYERS[source.key].draw(source, look)
    stack += beneath
    stack.append(_focus(focus, look))
    named = replace(look, scale=look.scale * names_scale)
    if ground.is_tiled and "road" in kinds:
        stack.append(names.draw_tiles(ground.revision, named))
    stack.append(names.draw(names.url(kinds, grids=labels, ground=ground.revision), named))
    if heat is not None:
        stack.append(heatmap.draw(heat, look))
    for source in points:
        stack += LAYERS[source.key].draw(source, look)
    stack.append(_mark(marked, look))
    return Deck(
        layers=stack,
        initial_view_state=view,
        views=[pdk.View(type="MapView", controller=_FLAT if is_flat else True)],
        **({"map_provider": "mapbox", "map_style": map_style} if map_style else {"map_provider": None}),
        tooltip={"html": tooltip, "style": {"padding": "0", "background": "none"}} if tooltip else False,
    )


def _focus(focus: Source | None, look: Look) -> pdk.Layer:
    return layer(
        "GeoJsonLayer",
        "focus",
        [] if focus is None else focus.url(),
        pickable=False,
        filled=False,
        stroked=True,
        get_line_width=0,
        line_width_min_pixels=3.5 * look.scale,
        line_joint_rounded=True,
        _subLayerProps={"polygons-stroke": {"getColor": rgb(look.palette.focus)}},
    )


def _mark(marked: Marked | None, look: Look) -> pdk.Layer:
    rows = [] if marked is None else [{"p": [marked.lon, marked.lat]}]
    return layer(
        "IconLayer",
        "marked",
        rows,
        pickable=False,
        icon_atlas=atlas_url(),
        icon_mapping=mapping({"mark": "mark-selected"}),
        get_position="@@=p",
        get_icon="@@='mark'",
        get_size=62 * look.scale,
    )

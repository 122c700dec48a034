"""What a layer is on the map: where its features come from, how they look, and how its key explains them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode

import pydeck as pdk

from geo.features import FEATURE_TYPES, FeatureFilter
from governance import labels
from governance.labels import Label
from governance.language import NATIVE, current
from layers.palette import Palette
from layers.symbols import atlas_url, mapping

EXPRESSION = "@@="
"""Begins a text that deck.gl evaluates for each feature: `@@=properties.kind`."""

WITHIN = "__source.object.properties"
"""A feature's properties in expressions under `_subLayerProps`, for names that GeoJsonLayer doesn't know (getColor):
there deck.gl hands over its own row. Names that it does know (getFillColor) get the feature, as everywhere."""


MOST_WHOLE = 20_000
"""Points up to which a browser draws a layer whole with ease; more come as tiles, gathered where they are dense."""
MOST_APART = 500
"""Points up to which symbols in a town leave one another in sight; more come as tiles too."""

_OPEN = "is_open"

MVT_WORKER = "/assets/vendor/mvt-worker.js"
"""Reads tiles in the browser; set-up puts it there from npm, and deck.gl would else fetch it from a CDN."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """The theme that a map is drawn in, and its size: 1 at 1080 lines, 2 on a wall of twice as many."""

    palette: Palette
    scale: float = 1.0
    is_pickable: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """The features to draw: one layer as filtered, at one revision. They come by URL, never through the websocket.

    `number` is how many there are, if that is known: beyond `MOST_APART` points come as tiles. What is open, and waits
    for somebody, stays apart up to `MOST_WHOLE`.
    """

    key: str
    revision: int
    features: FeatureFilter = field(default_factory=FeatureFilter)
    number: int = 0

    @property
    def is_tiled(self) -> bool:
        """Whether the features are points, and more than can be seen apart or drawn with ease."""
        is_open = self.features.where.get(_OPEN) == ("true",)
        return self.number > (MOST_WHOLE if is_open else MOST_APART) and FEATURE_TYPES[self.key].geometry == "Point"

    def parts(self) -> list[Source]:
        """What is drawn each in its own way, from the bottom up: what is finished is gathered without what is open."""
        where, filters = self.features.where, FEATURE_TYPES[self.key].filters
        if not MOST_APART < self.number <= MOST_WHOLE or len(where.get(_OPEN, ())) == 1 or _OPEN not in filters:
            return [self]
        each = (replace(self.features, where={**where, _OPEN: (said,)}) for said in ("false", "true"))
        return [replace(self, features=features) for features in each]

    def url(self, **narrower: str) -> str:
        """Where the browser fetches them; `narrower` replaces the filter's own values for a part of the layer."""
        return f"/api/layers/{self.key}/items?{self._query(narrower, rev=str(self.revision))}"

    def tiles_url(self) -> str:
        """Where the browser fetches the tiles of them."""
        return f"/tiles/{self.key}/{{z}}/{{x}}/{{y}}.pbf?{self._query({}, rev=str(self.revision))}"

    def export_url(self) -> str:
        """Where the file of them comes from."""
        return f"/api/layers/{self.key}/export?{self._query({}, format='geojson')}"

    def _query(self, narrower: Mapping[str, str], **first: str) -> str:
        where = {**self.features.where, **{name: (value,) for name, value in narrower.items()}}
        query: list[tuple[str, str]] = list(first.items())
        if self.features.bbox:
            query.append(("bbox", ",".join(map(str, self.features.bbox.bounds))))
        if self.features.grid:
            query.append(("grid", self.features.grid))
        if self.features.q:
            query.append(("q", self.features.q))
        if self.features.since:
            query.append(("since", self.features.since.isoformat()))
        query += [(name, ",".join(values)) for name, values in sorted(where.items()) if values]
        return urlencode(query, safe=",")


@dataclass(frozen=True, slots=True, kw_only=True)
class Symbol:
    """One line of a layer's key: the filter values that it stands for, what it is called, and its picture.

    `icon` names an SVG of `assets/symbols`; a layer of lines has `colour` and `width_px` instead.
    """

    word: Label
    where: Mapping[str, tuple[str, ...]]
    icon: str = ""
    colour: str = ""
    width_px: float = 0

    @property
    def label(self) -> str:
        """What it is called in the language that is read."""
        return self.word.text


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerSpec:
    """One layer of the catalogue. `draw` makes deck.gl layers with ids that begin with the layer's key.

    `order` stacks the layers, the highest on top; `fields` are the properties that `draw` reads; `ordinary` is what is
    shown before anybody chose a filter.
    """

    key: str
    order: int
    draw: Callable[[Source, Look], list[pdk.Layer]]
    symbols: tuple[Symbol, ...]
    fields: tuple[str, ...]
    ordinary: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def title(self) -> str:
        """What people call the layer."""
        return labels.LAYERS[self.key].text


def layer(kind: str, ident: str, data: str | list[dict[str, Any]], **props: Any) -> pdk.Layer:
    """One deck.gl layer. Text is taken literally unless it begins with `@@=`; pydeck alone would guess."""
    given: dict[str, Any] = {}
    for name, value in props.items():
        if isinstance(value, str):
            expression = value.startswith(EXPRESSION)
            given[name] = value.removeprefix(EXPRESSION) if expression else pdk.types.String(value)
        else:
            given[name] = value
    return pdk.Layer(kind, data=data, id=ident, **given)


def icons(
    source: Source,
    look: Look,
    *,
    icon: str,
    aliases: Mapping[str, str],
    metres: float,
    pixels: tuple[float, float],
    opacity: str | float = 1.0,
    ident: str = "",
    url: str = "",
) -> pdk.Layer:
    """Points drawn as symbols: `icon` is the expression that yields an alias of `aliases` (alias to symbol).

    A symbol measures `metres` on the ground, within `pixels` (least, most) on the screen. `opacity` is 0 to 1 or an
    expression of it (on `WITHIN`). Colours are set in the sub-layer, where Streamlit doesn't fade what isn't selected.
    """
    shade = opacity.removeprefix(EXPRESSION) if isinstance(opacity, str) else str(opacity)
    if source.is_tiled:
        return _tiled(source, look, icon=icon.removeprefix(EXPRESSION), aliases=aliases, pixels=pixels, shade=shade)
    least, most = pixels
    return layer(
        "GeoJsonLayer",
        ident or source.key,
        url or source.url(),
        pickable=look.is_pickable,
        point_type="icon",
        icon_atlas=atlas_url(),
        icon_mapping=mapping(aliases),
        get_icon=f"{EXPRESSION}{icon}",
        get_icon_size=metres,
        icon_size_units="meters",
        icon_size_min_pixels=least * look.scale,
        icon_size_max_pixels=most * look.scale,
        icon_alpha_cutoff=0.3,
        _subLayerProps={"points-icon": {"getColor": f"{EXPRESSION}[255, 255, 255, 255 * ({shade})]"}},
    )


def _tiled(
    source: Source, look: Look, *, icon: str, aliases: Mapping[str, str], pixels: tuple[float, float], shade: str
) -> pdk.Layer:
    """Dense points as tiles: a disc with its number where several share a cell, the symbol where one stands alone."""
    several = "properties.n > 1 || !properties.code"
    # Chinese counts by ten thousands, whoever has another word for them by thousands.
    per, unit = (10_000, "万") if current() == NATIVE else (1_000, "k")
    large = f"(properties.n - properties.n % 1000) / {per} + '{unit}'"
    return layer(
        "MVTLayer",
        f"{source.key}-tiles",
        source.tiles_url(),
        pickable=look.is_pickable,
        binary=False,
        load_options={"mvt": {"workerUrl": MVT_WORKER}},
        point_type="icon+text",
        icon_atlas=atlas_url(),
        icon_mapping=mapping({**aliases, "several": "mark-several"}),
        get_icon=f"{EXPRESSION}{several} ? 'several' : {icon}",
        get_icon_size=f"{EXPRESSION}{several} ? {34 * look.scale} : {sum(pixels) / 2 * look.scale}",
        icon_size_units="pixels",
        icon_alpha_cutoff=0.3,
        get_icon_color=f"{EXPRESSION}[255, 255, 255, 255 * ({several} ? 1 : {shade.replace(WITHIN, 'properties')})]",
        get_text=f"{EXPRESSION}{several} ? (properties.n < 10000 ? '' + properties.n : {large}) : ''",
        get_text_size=11 * look.scale,
        get_text_color=[255, 255, 255, 255],
        text_character_set="auto",
        text_font_family="'Noto Sans CJK SC', 'Microsoft YaHei', sans-serif",
    )

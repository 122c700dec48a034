"""An incident's case on the map: its own grid, and the candidates, numbered and tied to it by lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pydeck as pdk

from geo.features import FeatureFilter
from layers.palette import INK, SEVERITY, SEVERITY_NUMERAL, rgb
from layers.spec import Look, Source, layer


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Who may go, or is on the way: a place in degrees, a number or surname, and whether it is the one (to be) sent.

    `route` is the way by road in degrees; without one a straight line stands in its place.
    """

    lon: float
    lat: float
    number: str
    is_chosen: bool = False
    route: Sequence[tuple[float, float]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What the case shows: the incident (place, severity), its grid (code, level), and the candidates in order."""

    lon: float
    lat: float
    severity: int
    grid_code: str
    grid_level: str
    grids_revision: int
    spots: Sequence[Spot] = ()


def draw_grid(scene: Scene, look: Look) -> list[pdk.Layer]:
    """The incident's own grid, tinted; below all symbols."""
    filters = FeatureFilter(grid=scene.grid_code, where={"level": (scene.grid_level,)})
    source = Source(key="grids", revision=scene.grids_revision, features=filters)
    return [
        layer(
            "GeoJsonLayer",
            "case-grid",
            source.url(),
            pickable=False,
            filled=True,
            stroked=True,
            get_fill_color=rgb(look.palette.accent, 26),
            get_line_color=rgb(look.palette.accent),
            line_width_units="pixels",
            get_line_width=2.5 * look.scale,
        )
    ]


def draw(scene: Scene, look: Look) -> list[pdk.Layer]:
    """Ways and numbered discs; the chosen one stands out. All layers are always there: the map never remounts."""
    palette, scale = look.palette, look.scale
    rows = [
        {
            "p": [spot.lon, spot.lat],
            "way": [list(at) for at in spot.route] or [[spot.lon, spot.lat], [scene.lon, scene.lat]],
            "t": spot.number,
            "c": rgb(palette.route if spot.is_chosen else palette.muted),
            "l": rgb(palette.route, 255 if spot.is_chosen else 120),
            "w": (5 if spot.is_chosen else 2) * scale,
            "edge": (10 if spot.is_chosen else 5) * scale,
            "r": (15 if spot.is_chosen else 12) * scale,
        }
        for spot in sorted(scene.spots, key=lambda spot: spot.is_chosen)
    ]
    place = {"p": [scene.lon, scene.lat], "t": SEVERITY_NUMERAL[scene.severity]}
    return [
        # A way often lies on a boundary, as streets do: its casing lifts it off.
        _ways("case-casings", rows, colour=rgb(palette.panel, 235), width="@@=edge"),
        _ways("case-lines", rows, colour="@@=l", width="@@=w"),
        _disc("case-place", [place], look, fill=rgb(SEVERITY[scene.severity]), radius=15 * scale),
        _text("case-place-numeral", [place], look, ink=rgb(INK), font="Georgia, Noto Serif, DejaVu Serif, serif"),
        _disc("case-discs", rows, look, fill="@@=c", radius="@@=r"),
        _text("case-numbers", rows, look, ink=rgb(palette.panel), font="Noto Sans CJK SC, PingFang SC, sans-serif"),
    ]


def _ways(ident: str, rows: list[dict[str, Any]], *, colour: str | list[int], width: str) -> pdk.Layer:
    return layer(
        "PathLayer",
        ident,
        rows,
        pickable=False,
        get_path="@@=way",
        get_color=colour,
        get_width=width,
        width_units="pixels",
        joint_rounded=True,
        cap_rounded=True,
    )


def _disc(
    ident: str, rows: list[dict[str, Any]], look: Look, *, fill: str | list[int], radius: str | float
) -> pdk.Layer:
    return layer(
        "ScatterplotLayer",
        ident,
        rows,
        pickable=False,
        stroked=True,
        get_position="@@=p",
        get_fill_color=fill,
        get_line_color=rgb(look.palette.panel),
        get_radius=radius,
        radius_units="pixels",
        line_width_units="pixels",
        get_line_width=2 * look.scale,
    )


def _text(ident: str, rows: list[dict[str, Any]], look: Look, *, ink: list[int], font: str) -> pdk.Layer:
    return layer(
        "TextLayer",
        ident,
        rows,
        pickable=False,
        get_position="@@=p",
        get_text="@@=t",
        character_set="auto",
        get_size=15 * look.scale,
        get_color=ink,
        font_family=font,
        font_weight=700,
        get_text_anchor="middle",
        get_alignment_baseline="center",
    )

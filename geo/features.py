"""What every feature of a layer carries: the agreement between the database's views and the map.

A layer `k` is the view `layer.<k>`. Its columns are `fid` (bigint, stable), the properties listed here, and
`geom` (EPSG:4490). `db.features` reads the view by this list, `layers` draws by it, and a test holds both to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from geo.extent import Extent


class Kind(StrEnum):
    """The type of a property's values."""

    TEXT = "text"
    INTEGER = "integer"
    REAL = "real"
    FLAG = "flag"
    INSTANT = "instant"
    TEXT_LIST = "text_list"


@dataclass(frozen=True, slots=True, kw_only=True)
class Property:
    """One property of a feature. A personal one leaves only to roles that may read personal data.

    One that `ages` changes by the clock alone.
    """

    name: str
    kind: Kind = Kind.TEXT
    is_filter: bool = False
    is_personal: bool = False
    ages: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureType:
    """The contract of one layer: its key, the geometry it holds and its properties in order.

    `tables` names the tables whose change makes the layer's features stale.
    """

    key: str
    geometry: str
    properties: tuple[Property, ...]
    tables: tuple[str, ...]

    @property
    def filters(self) -> tuple[str, ...]:
        """Names of the properties that a `FeatureFilter.where` may hold."""
        return tuple(p.name for p in self.properties if p.is_filter)

    @property
    def ages(self) -> bool:
        """Whether its features change by the clock alone."""
        return any(p.ages for p in self.properties)

    def visible(self, *, personal: bool) -> tuple[Property, ...]:
        """The properties that may leave, with or without the right to personal data."""
        return tuple(p for p in self.properties if personal or not p.is_personal)


_NOTHING: Mapping[str, tuple[str, ...]] = MappingProxyType({})

MOST_TEXT = 200
"""How many characters words to look for have at most, and each value of a filter."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureFilter:
    """Which features of a layer are meant: one object for map, list, count, tiles and export.

    `grid` is a grid code whose subtree is meant; `where` maps a filter property to the values allowed (text; flags are
    "true" and "false"); `q` is free text looked for in code, name, title and address, and, by who may read them, in
    full name and phone.
    """

    bbox: Extent | None = None
    grid: str | None = None
    q: str | None = None
    where: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: _NOTHING)
    since: datetime | None = None


def _text(*names: str) -> tuple[Property, ...]:
    return tuple(Property(name=name) for name in names)


def _filter(name: str, kind: Kind = Kind.TEXT) -> Property:
    return Property(name=name, kind=kind, is_filter=True)


_PLACE = (*_text("code", "name", "grid_code"), _filter("kind"), *_text("address", "opening_hours"))

FEATURE_TYPES: Mapping[str, FeatureType] = MappingProxyType(
    {
        t.key: t
        for t in (
            FeatureType(
                key="grids",
                geometry="MultiPolygon",
                tables=("grid",),
                properties=(
                    *_text("code", "name", "grid_code"),
                    _filter("level"),
                    Property(name="parent_code"),
                    _filter("kind"),
                    Property(name="domains", kind=Kind.TEXT_LIST),
                    Property(name="area_m2", kind=Kind.REAL),
                ),
            ),
            FeatureType(key="stations", geometry="Point", tables=("place",), properties=_PLACE),
            FeatureType(key="venues", geometry="Point", tables=("place",), properties=_PLACE),
            FeatureType(key="centres", geometry="Point", tables=("place",), properties=_PLACE),
            FeatureType(
                key="devices",
                geometry="Point",
                tables=("device",),
                properties=(
                    *_text("code", "name", "grid_code", "quarter_code"),
                    _filter("kind"),
                    _filter("status"),
                    Property(name="status_at", kind=Kind.INSTANT),
                ),
            ),
            FeatureType(
                key="buildings",
                geometry="Polygon",
                tables=("building",),
                properties=(
                    *_text("code", "name", "grid_code"),
                    _filter("usage"),
                    Property(name="floors", kind=Kind.INTEGER),
                ),
            ),
            FeatureType(
                key="incidents",
                geometry="Point",
                tables=("incident", "assignment", "photo"),
                properties=(
                    *_text("code", "no", "title"),
                    _filter("class"),
                    Property(name="class_name"),
                    _filter("major"),
                    _filter("severity", Kind.INTEGER),
                    _filter("status"),
                    _filter("source"),
                    _filter("is_open", Kind.FLAG),
                    Property(name="is_overdue", kind=Kind.FLAG, is_filter=True, ages=True),
                    Property(name="is_outside_grid", kind=Kind.FLAG),
                    Property(name="grid_code"),
                    Property(name="grid_name"),
                    Property(name="address"),
                    Property(name="reported_at", kind=Kind.INSTANT),
                    Property(name="due_at", kind=Kind.INSTANT),
                    Property(name="worker"),
                    Property(name="worker_full_name", is_personal=True),
                ),
            ),
            FeatureType(
                key="workers",
                geometry="Point",
                tables=("responder", "worker"),
                properties=(
                    *_text("code", "name"),
                    Property(name="full_name", is_personal=True),
                    Property(name="phone"),
                    Property(name="full_phone", is_personal=True),
                    _filter("employment"),
                    _filter("origin"),
                    _filter("availability"),
                    Property(name="skills", kind=Kind.TEXT_LIST),
                    Property(name="load", kind=Kind.INTEGER),
                    Property(name="cap", kind=Kind.INTEGER),
                    Property(name="position_source", is_filter=True, ages=True),
                    Property(name="positioned_at", kind=Kind.INSTANT),
                    Property(name="grid_code"),
                    Property(name="grid_name"),
                ),
            ),
        )
    }
)
"""Every layer by key, in the order in which people think of them."""

"""The demo town as a whole, drawn from a profile's names by one seeded generator."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from numpy.random import Generator
from shapely import MultiPolygon, Polygon, from_geojson
from shapely.geometry.base import BaseGeometry

from db.demo.buildings import PlannedBuilding, PlannedHousehold, put_up, settle
from db.demo.fields import lay_fields
from db.demo.frame import Frame
from db.demo.grids import Division, Territory, draw_grids
from db.demo.history import Pace
from db.demo.layout import Layout, lay_out
from db.demo.names import NamePools
from db.demo.people import PlannedWorker, Staffing, appoint
from db.demo.places import PlannedDevice, PlannedPlace, install_devices, open_places
from db.demo.plan import draw, polygons_of

_MODEL_COMMUNITIES = ("在竹", "云腾")
"""Where the two demonstration centres are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Town:
    """Everything that stands and lives in the demo town before anything happens there."""

    frame: Frame
    boundary: MultiPolygon
    """The county's, in EPSG:4490."""
    layout: Layout
    fields: Sequence[Polygon]
    """Farmland around it, in plan metres."""
    territory: Territory
    buildings: Sequence[PlannedBuilding]
    households: Sequence[PlannedHousehold]
    places: Sequence[PlannedPlace]
    devices: Sequence[PlannedDevice]
    workers: Sequence[PlannedWorker]
    names: NamePools
    staffing: Staffing = field(default_factory=Staffing)
    pace: Pace = field(default_factory=Pace)


def found_town(folder: Path, *, metric_srid: int, skills: Sequence[str], rng: Generator) -> Town:
    """The town of the profile in `folder`; the same generator gives the same town. `skills` are the keys known."""
    names = NamePools.read(folder / "demo_names.json")
    plan = draw(names.plan)
    layout = lay_out(plan, rng=rng, road_names=names.road_names(rng))
    communities = [
        Division(code=row["code"], name=row["name"], parent_code=row["street_code"])
        for row in _rows(folder / "communities.csv")
    ]
    territory = draw_grids(
        layout,
        streets=[Division(code=row["code"], name=row["name"]) for row in _rows(folder / "streets.csv")],
        communities=communities,
        names=names,
        rng=rng,
    )
    buildings = put_up(layout, territory, rng)
    models = [c.code for c in communities if c.name.startswith(_MODEL_COMMUNITIES)]
    return Town(
        frame=Frame(metric_srid),
        boundary=_boundary(folder / "boundary.geojson"),
        layout=layout,
        fields=lay_fields(plan, layout.network, rng),
        territory=territory,
        buildings=buildings,
        households=settle(buildings, rng),
        places=open_places(territory, buildings, model_communities=models, rng=rng),
        devices=install_devices(territory, buildings, rng),
        workers=appoint(territory, buildings, skills=skills, names=names, rng=rng, staffing=Staffing()),
        names=names,
    )


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _boundary(path: Path) -> MultiPolygon:
    collection: BaseGeometry = from_geojson(path.read_text(encoding="utf-8"))
    return MultiPolygon([part for geometry in getattr(collection, "geoms", ()) for part in polygons_of(geometry)])

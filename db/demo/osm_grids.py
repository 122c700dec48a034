"""Grids of a real town: blocks joined into quarters of about as many buildings, these into communities and streets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from scipy.optimize import linear_sum_assignment
from shapely import Point, Polygon, STRtree

from db.demo.addresses import Addresses
from db.demo.grids import BASIC_DOMAINS, TOWER_DOMAINS, PlannedGrid, Territory
from db.demo.layout import Layout, Lot
from db.demo.plan import polygons_of
from geo.division import divide

BUILDINGS_PER_QUARTER = 46
_QUARTERS_PER_COMMUNITY = 8
_COMMUNITIES_PER_STREET = 3
_HECTARE_WEIGHT = 0.4
"""A hectare of any land counts as so many buildings: fields need looking after too."""
_M2_PER_HECTARE = 10_000.0
_TOWERS = 8
_TOWER_YARD_M = 9.0
_OFF_BORDER_M = 1.0
_DIGITS = 3
"""Each level adds so many digits to the code above it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """A building that may have a grid of its own: its footprint (plan metres) and what to call it."""

    footprint: Polygon
    name: str


Yards = dict[int, list[tuple[int, Site]]]
"""For lots by their place: the lots cut out of them, and whose yards these are."""


def number_off(
    layout: Layout,
    homes: Sequence[Point],
    sites: Sequence[Site],
    *,
    county: tuple[str, str],
    settlements: Sequence[tuple[str, Point]],
) -> tuple[Layout, Territory]:
    """The grids, and the layout with each building grid's land as a lot of its own.

    `county` is its code and name; `homes` are places inside all buildings, `sites` the buildings that may become
    building grids, the best first; `settlements` give communities their names. All geometry is in plan metres.
    """
    faces = [lot.face for lot in layout.lots]
    counts = np.bincount(STRtree(faces).query(homes, predicate="within")[1], minlength=len(faces))
    weights = [n + _HECTARE_WEIGHT * face.area / _M2_PER_HECTARE for n, face in zip(counts, faces, strict=True)]
    quarters = _joined(range(len(faces)), faces, weights, max(1, min(len(faces), len(homes) // BUILDINGS_PER_QUARTER)))
    shapes = [_union([faces[lot] for lot in lots]) for lots in quarters]
    loads = [sum(weights[lot] for lot in lots) for lots in quarters]
    communities = _joined(range(len(quarters)), shapes, loads, max(1, round(len(quarters) / _QUARTERS_PER_COMMUNITY)))
    areas = [_union([shapes[quarter] for quarter in members]) for members in communities]
    heads = [sum(loads[quarter] for quarter in members) for members in communities]
    streets = _joined(range(len(areas)), areas, heads, max(1, round(len(areas) / _COMMUNITIES_PER_STREET)))

    layout, yards = _with_yards(layout, sites, homes)
    code, county_name = county
    quarter_names = _names_of_quarters(layout, shapes, homes)
    community_names = _names_of_communities(areas, settlements)
    street_names = _names_of_streets([_union([areas[c] for c in members]) for members in streets], county_name)
    upper: list[PlannedGrid] = []
    lower: list[PlannedGrid] = []
    for s, street in enumerate(streets, start=1):
        street_code = f"{code}{s:0{_DIGITS}d}"
        lots = [lot for c in street for q in communities[c] for lot in quarters[q]]
        upper.append(
            _grid(layout, yards, street_code, street_names[s - 1], level="street", parent_code=None, lots=lots)
        )
        for c, community in enumerate(street, start=1):
            community_code = f"{street_code}{c:0{_DIGITS}d}"
            lots = [lot for q in communities[community] for lot in quarters[q]]
            upper.append(
                _grid(
                    layout,
                    yards,
                    community_code,
                    community_names[community],
                    level="community",
                    parent_code=street_code,
                    lots=lots,
                )
            )
            lower += _quarters(
                layout, yards, community_code, [(quarter_names[q], quarters[q]) for q in communities[community]]
            )
    grids = sorted((*upper, *lower), key=lambda grid: (len(grid.code), grid.level != "quarter", grid.code))
    return layout, Territory(grids=tuple(grids), uses=tuple(lot.use for lot in layout.lots))


def _joined(
    members: Sequence[int] | range, shapes: Sequence[Polygon], weights: Sequence[float], count: int
) -> list[list[int]]:
    """The members in `count` contiguous groups of like weight, row by row from the north-west."""
    groups: list[list[int]] = [[] for _ in range(count)]
    for number, member in zip(divide(shapes, count=count, weights=weights), members, strict=True):
        groups[number].append(member)

    def row_by_row(group: list[int]) -> tuple[float, float]:
        x, y = np.mean([shapes[member].centroid.coords[0] for member in group], axis=0)
        return -round(y / 300), float(x)

    return sorted(groups, key=row_by_row)


def _union(faces: Sequence[Polygon]) -> Polygon:
    (shape,) = polygons_of(shapely.coverage_union_all(faces))
    return shape


def _with_yards(layout: Layout, sites: Sequence[Site], homes: Sequence[Point]) -> tuple[Layout, Yards]:
    """The layout with the sites' yards cut out of their lots, and for each lot its yards: their lots and sites.

    A yard lies wholly inside its lot and no building stands across its border.
    """
    lots = list(layout.lots)
    everywhere = STRtree(homes)
    yards: Yards = {}
    for site in sites:
        if sum(map(len, yards.values())) == _TOWERS:
            break
        yard = site.footprint.convex_hull.buffer(_TOWER_YARD_M, join_style="mitre")
        place = next((i for i, lot in enumerate(layout.lots) if lot.face.buffer(-_OFF_BORDER_M).contains(yard)), None)
        is_shared = len(everywhere.query(yard.buffer(_TOWER_YARD_M), predicate="contains")) > 1
        if place is None or place in yards or is_shared:
            continue
        yards[place] = [(len(lots), site)]
        lots[place] = replace(lots[place], face=_without(lots[place].face, yard))
        lots.append(Lot(face=yard, block=lots[place].block, use="business"))
    return replace(layout, lots=tuple(lots)), yards


def _without(face: Polygon, yard: Polygon) -> Polygon:
    return Polygon(face.exterior, [*face.interiors, yard.exterior])


def _quarters(
    layout: Layout,
    yards: Yards,
    community: str,
    named: Sequence[tuple[str, list[int]]],
) -> Iterator[PlannedGrid]:
    """A community's quarters, then its building grids, numbered on."""
    serial = len(named)
    for number, (name, lots) in enumerate(named, start=1):
        code = f"{community}{number:0{_DIGITS}d}"
        yield _grid(layout, yards, code, name, level="quarter", parent_code=community, lots=lots)
        for lot in lots:
            for yard, site in yards.get(lot, ()):
                serial += 1
                yield PlannedGrid(
                    code=f"{community}{serial:0{_DIGITS}d}",
                    name=site.name,
                    level="building",
                    kind="exclusive",
                    parent_code=code,
                    domains=TOWER_DOMAINS,
                    lots=(yard,),
                    shape=layout.lots[yard].face,
                )


def _grid(
    layout: Layout,
    yards: Yards,
    code: str,
    name: str,
    *,
    level: str,
    parent_code: str | None,
    lots: Sequence[int],
) -> PlannedGrid:
    own = tuple(sorted([*lots, *(yard for lot in lots for yard, _ in yards.get(lot, ()))]))
    return PlannedGrid(
        code=code,
        name=name,
        level=level,
        kind="basic",
        parent_code=parent_code,
        domains=BASIC_DOMAINS,
        lots=own,
        shape=_union([layout.lots[lot].face for lot in own]),
    )


def _names_of_quarters(layout: Layout, shapes: Sequence[Polygon], homes: Sequence[Point]) -> list[str]:
    """Each quarter by the road that most of its buildings stand at; numbered where one road names several."""
    roads = Addresses(layout).roads_at([*homes, *(shape.representative_point() for shape in shapes)])
    standing, where = STRtree(shapes).query(homes, predicate="within")
    at: list[Counter[str]] = [Counter() for _ in shapes]
    for home, quarter in zip(standing.tolist(), where.tolist(), strict=True):
        at[quarter][roads[home]] += 1
    chosen = [
        min(count, key=lambda road: (-count[road], road)) if count else roads[len(homes) + place]
        for place, count in enumerate(at)
    ]
    seen: Counter[str] = Counter()
    names = []
    for road in chosen:
        seen[road] += 1
        names.append(f"{road}片区" if seen[road] == 1 else f"{road}{seen[road]}片区")
    return names


def _names_of_communities(areas: Sequence[Polygon], settlements: Sequence[tuple[str, Point]]) -> list[str]:
    """Each community by a settlement near its middle, no settlement twice; numbered when there are too few."""
    names = [f"第{number}社区" for number in range(1, len(areas) + 1)]
    if settlements:
        distances = [[area.centroid.distance(point) for _, point in settlements] for area in areas]
        rows, columns = linear_sum_assignment(np.array(distances))
        for area, settlement in zip(rows.tolist(), columns.tolist(), strict=True):
            names[area] = f"{settlements[settlement][0]}社区"
    return names


def _names_of_streets(areas: Sequence[Polygon], county_name: str) -> list[str]:
    """Streets by the quarter of the sky that they lie in, seen from the middle of all."""
    middle = shapely.union_all(areas).centroid
    names: list[str] = []
    for area in areas:
        dx, dy = area.centroid.x - middle.x, area.centroid.y - middle.y
        side = ("东" if dx > 0 else "西") if abs(dx) > abs(dy) else ("北" if dy > 0 else "南")
        name = f"{county_name}{side}街道"
        names.append(name if name not in names else f"{county_name}{side}{len(names) + 1}街道")
    return names

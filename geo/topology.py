"""Do the grids tile their parents: valid, inside, without overlap or gap. Everything is in a metric projection.

Nothing here repairs a grid on the quiet; `repair` is for ground that comes dirty, such as OpenStreetMap's.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

TOLERANCE_M2 = 0.01
"""A square of ten centimetres: far above the noise of projecting there and back, far below any parcel."""


class Flaw(StrEnum):
    """What can be wrong between grids."""

    INVALID = "invalid"
    """No polygon, empty, or one that crosses itself."""
    STRAY = "stray"
    """A child that sticks out of its parent, or whose parent isn't there."""
    OVERLAP = "overlap"
    """Two grids of one level share ground."""
    GAP = "gap"
    """A part of a parent that no child covers."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A grid as topology sees it."""

    code: str
    parent_code: str | None = None
    geometry: BaseGeometry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One flaw: of the grid `code`, with `other_code` (the parent of a stray child, the other one of an overlap).

    `area_m2` is how much ground is concerned and `geometry` which; an invalid grid has neither.
    """

    flaw: Flaw
    code: str
    other_code: str | None = None
    area_m2: float = 0.0
    reason: str = ""
    geometry: BaseGeometry | None = field(default=None, compare=False, repr=False)


def check_tiling(
    parents: Sequence[Cell], children: Sequence[Cell], *, tolerance_m2: float = TOLERANCE_M2
) -> list[Finding]:
    """Every flaw of children that should tile their parents, ordered by flaw and code; none when they do.

    A flaw of at most `tolerance_m2` is none. Invalid grids are named once and go on repaired, so that one bad ring
    doesn't hide the rest.
    """
    return [
        *check_valid([*parents, *children]),
        *check_inside(parents, children, tolerance_m2=tolerance_m2),
        *check_overlaps(children, tolerance_m2=tolerance_m2),
        *check_gaps(parents, children, tolerance_m2=tolerance_m2),
    ]


def check_valid(cells: Iterable[Cell]) -> list[Finding]:
    """The cells whose geometry is no valid, non-empty polygon, with the reason."""
    return sorted(
        (
            Finding(flaw=Flaw.INVALID, code=cell.code, reason=reason)
            for cell in cells
            if (reason := _why_invalid(cell.geometry))
        ),
        key=_by_code,
    )


def check_inside(
    parents: Sequence[Cell], children: Sequence[Cell], *, tolerance_m2: float = TOLERANCE_M2
) -> list[Finding]:
    """The children that stick out of the parent they name by more than `tolerance_m2`, or whose parent isn't there."""
    ground = {parent.code: _ground(parent) for parent in parents}
    findings = []
    for child in children:
        own = _ground(child)
        parent = ground.get(child.parent_code) if child.parent_code is not None else None
        outside = own if parent is None else shapely.difference(own, parent)
        if parent is None or outside.area > tolerance_m2:
            findings.append(
                Finding(
                    flaw=Flaw.STRAY,
                    code=child.code,
                    other_code=child.parent_code,
                    area_m2=outside.area,
                    reason="no such parent" if parent is None else "",
                    geometry=outside,
                )
            )
    return sorted(findings, key=_by_code)


def check_overlaps(cells: Sequence[Cell], *, tolerance_m2: float = TOLERANCE_M2) -> list[Finding]:
    """The pairs of cells that share more than `tolerance_m2`, each pair once, `code` before `other_code`."""
    ordered = sorted(cells, key=lambda cell: cell.code)
    ground = np.array([_ground(cell) for cell in ordered], dtype=object)
    left, right = shapely.STRtree(ground).query(ground, predicate="intersects")
    once = left < right
    left, right = left[once], right[once]
    shared = shapely.intersection(ground[left], ground[right])
    return sorted(
        (
            Finding(
                flaw=Flaw.OVERLAP,
                code=ordered[i].code,
                other_code=ordered[j].code,
                area_m2=area_m2,
                geometry=geometry,
            )
            for i, j, geometry, area_m2 in zip(
                left.tolist(), right.tolist(), shared, shapely.area(shared).tolist(), strict=True
            )
            if area_m2 > tolerance_m2
        ),
        key=_by_code,
    )


def check_gaps(
    parents: Sequence[Cell], children: Sequence[Cell], *, tolerance_m2: float = TOLERANCE_M2
) -> list[Finding]:
    """The parents of which more than `tolerance_m2` in all lies in none of the children that name them.

    A parent without children is a gap as a whole; one finding per parent, its geometry may have many parts.
    """
    families: dict[str, list[BaseGeometry]] = defaultdict(list)
    for child in children:
        if child.parent_code is not None:
            families[child.parent_code].append(_ground(child))
    findings = []
    for parent in parents:
        bare = shapely.difference(_ground(parent), shapely.union_all(families[parent.code]))
        if bare.area > tolerance_m2:
            findings.append(Finding(flaw=Flaw.GAP, code=parent.code, area_m2=bare.area, geometry=bare))
    return sorted(findings, key=_by_code)


def repair(geometry: BaseGeometry | None) -> list[Polygon]:
    """The valid polygons that a dirty geometry means, largest first, without heights; none when it has no area.

    Rings are read by their role (a shell crossing itself keeps its ground, overlapping parts of a multipolygon are
    joined), and the lines and points that `shapely.make_valid` leaves beside polygons are dropped.
    """
    if geometry is None or geometry.is_empty or not np.isfinite(shapely.get_coordinates(geometry)).all():
        return []
    flat = shapely.force_2d(geometry)
    if not flat.is_valid:
        flat = shapely.make_valid(flat, method="structure", keep_collapsed=False)
    parts = [part for part in _leaves(flat) if isinstance(part, Polygon) and part.area > 0]
    return sorted(parts, key=lambda part: -part.area)


def _leaves(geometry: BaseGeometry) -> list[BaseGeometry]:
    """The single geometries in it, however deep collections are nested."""
    leaves = np.array([geometry], dtype=object)
    while (shapely.get_type_id(leaves) > shapely.GeometryType.POLYGON).any():
        leaves = shapely.get_parts(leaves)
    return list(leaves)


def _ground(cell: Cell) -> BaseGeometry:
    """What the cell covers: its geometry when that is valid, else what `repair` makes of it."""
    if cell.geometry is not None and not _why_invalid(cell.geometry):
        return cell.geometry
    return MultiPolygon(repair(cell.geometry))


def _why_invalid(geometry: BaseGeometry | None) -> str:
    if geometry is None or geometry.is_empty:
        return "empty"
    if not isinstance(geometry, Polygon | MultiPolygon):
        return "not a polygon"
    if not np.isfinite(shapely.get_coordinates(geometry)).all():
        return "a coordinate is not finite"
    return "" if geometry.is_valid else shapely.is_valid_reason(geometry)


def _by_code(finding: Finding) -> tuple[str, str]:
    return finding.code, finding.other_code or ""

from __future__ import annotations

import time
import warnings

import numpy as np
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import GeometryCollection, LineString, MultiPolygon, Point, Polygon, box

from geo.topology import Cell, Flaw, check_gaps, check_inside, check_overlaps, check_tiling, check_valid, repair

BOWTIE = Polygon([(0, 0), (2, 2), (2, 0), (0, 2)])


def tiles(columns: int, rows: int, *, side_m: float = 100.0, x0: float = 580_000.0, y0: float = 4_986_000.0):
    """A parent and the squares that tile it, at the county seat's metres."""
    parent = Cell(code="p", geometry=box(x0, y0, x0 + columns * side_m, y0 + rows * side_m))
    children = [
        Cell(
            code=f"p{row:03}{column:03}",
            parent_code="p",
            geometry=box(x0 + column * side_m, y0 + row * side_m, x0 + (column + 1) * side_m, y0 + (row + 1) * side_m),
        )
        for row in range(rows)
        for column in range(columns)
    ]
    return parent, children


def with_geometry(cell: Cell, geometry: shapely.geometry.base.BaseGeometry | None) -> Cell:
    return Cell(code=cell.code, parent_code=cell.parent_code, geometry=geometry)


def test_a_perfect_tiling_has_no_finding():
    """Squares that tile their parent are found faultless."""
    parent, children = tiles(7, 5)
    assert check_tiling([parent], children) == []
    assert check_tiling([], []) == []


def test_a_missing_child_is_a_gap():
    """Ground in no child is a gap of its parent, with its area and place."""
    parent, children = tiles(3, 3)
    (gap,) = check_tiling([parent], children[:4] + children[5:])
    assert (gap.flaw, gap.code, gap.area_m2) == (Flaw.GAP, "p", pytest.approx(10_000))
    assert gap.geometry.equals(children[4].geometry)


def test_a_parent_without_children_is_a_gap():
    """A parent that nobody names is bare."""
    parent, _ = tiles(1, 1)
    assert [f.area_m2 for f in check_gaps([parent], [])] == [pytest.approx(10_000)]


def test_neighbours_that_overlap_are_named_once():
    """Two grids on the same ground are one finding, by code."""
    parent, children = tiles(2, 1)
    wide = with_geometry(children[0], children[0].geometry.buffer(5, join_style="mitre").intersection(parent.geometry))
    (overlap,) = check_tiling([parent], [children[1], wide])
    assert (overlap.flaw, overlap.code, overlap.other_code) == (Flaw.OVERLAP, "p000000", "p000001")
    assert overlap.area_m2 == pytest.approx(500)


def test_a_child_that_sticks_out_is_stray():
    """Ground of a child outside of its parent is named with the parent."""
    parent, children = tiles(2, 1)
    out = with_geometry(children[1], children[1].geometry.union(box(580_200, 4_986_000, 580_230, 4_986_100)))
    (stray,) = check_tiling([parent], [children[0], out])
    assert (stray.flaw, stray.code, stray.other_code) == (Flaw.STRAY, "p000001", "p")
    assert stray.area_m2 == pytest.approx(3_000)


@pytest.mark.parametrize("parent_code", ["nobody", None])
def test_a_child_without_parent_is_stray(parent_code: str | None):
    """A child that names no parent, or one that isn't there, is stray with all its ground."""
    parent, children = tiles(1, 1)
    lost = Cell(code="q", parent_code=parent_code, geometry=box(0, 0, 10, 10))
    (stray,) = check_tiling([parent], [*children, lost])
    assert (stray.flaw, stray.code, stray.other_code, stray.area_m2) == (Flaw.STRAY, "q", parent_code, 100)
    assert stray.reason == "no such parent"


def test_a_child_of_the_wrong_parent_is_stray_and_a_gap():
    """A child filed under the neighbour sticks out of that one and leaves its true parent bare."""
    left = Cell(code="a", geometry=box(0, 0, 10, 10))
    right = Cell(code="b", geometry=box(10, 0, 20, 10))
    children = [
        Cell(code="a1", parent_code="b", geometry=left.geometry),
        Cell(code="b1", parent_code="b", geometry=right.geometry),
    ]
    assert [(f.flaw, f.code) for f in check_tiling([left, right], children)] == [(Flaw.STRAY, "a1"), (Flaw.GAP, "a")]


def not_finite() -> Polygon:
    with warnings.catch_warnings(action="ignore"):
        return Polygon([(0, 0), (1, 0), (np.nan, 1)])


@pytest.mark.parametrize(
    ("geometry", "reason"),
    [
        (BOWTIE, "Self-intersection"),
        (None, "empty"),
        (Polygon(), "empty"),
        (Point(1, 1), "not a polygon"),
        (LineString([(0, 0), (1, 1)]), "not a polygon"),
        (not_finite(), "not finite"),
    ],
)
def test_invalid_geometry_is_named_with_its_reason(geometry: shapely.geometry.base.BaseGeometry, reason: str):
    """What is no valid polygon is named, and doesn't stop the other checks."""
    parent, children = tiles(2, 1)
    findings = check_tiling([parent], [with_geometry(children[0], geometry), children[1]])
    assert [(f.flaw, f.code) for f in findings if f.flaw is Flaw.INVALID] == [(Flaw.INVALID, "p000000")]
    assert reason in findings[0].reason
    assert Flaw.GAP in {f.flaw for f in findings}
    assert check_valid(children) == []


def test_an_invalid_parent_goes_on_repaired():
    """A parent that crosses itself is named, and its children are still held against what it means."""
    parent = Cell(code="p", geometry=BOWTIE)
    left, right = repair(BOWTIE)
    children = [Cell(code="p1", parent_code="p", geometry=left), Cell(code="p2", parent_code="p", geometry=right)]
    assert [(f.flaw, f.code) for f in check_tiling([parent], children)] == [(Flaw.INVALID, "p")]


@given(st.floats(0.001, 40), st.floats(0.001, 2000))
def test_tolerance_decides(width_m: float, tolerance_m2: float):
    """A gap or overlap of at most the tolerance is none, a larger one is a finding of exactly its area."""
    parent = Cell(code="p", geometry=box(0, 0, 100, 50))
    left = Cell(code="p1", parent_code="p", geometry=box(0, 0, 50, 50))
    short = Cell(code="p2", parent_code="p", geometry=box(50 + width_m, 0, 100, 50))
    long = Cell(code="p2", parent_code="p", geometry=box(50 - width_m, 0, 100, 50))
    gap = check_tiling([parent], [left, short], tolerance_m2=tolerance_m2)
    overlap = check_tiling([parent], [left, long], tolerance_m2=tolerance_m2)
    for findings, flaw, area_m2 in (
        (gap, Flaw.GAP, short.geometry.bounds[0] * 50 - 2500),
        (overlap, Flaw.OVERLAP, 2500 - long.geometry.bounds[0] * 50),
    ):
        if abs(area_m2 - tolerance_m2) > 1e-6:
            assert [f.flaw for f in findings] == ([flaw] if area_m2 > tolerance_m2 else [])
        assert all(f.area_m2 == pytest.approx(area_m2, abs=1e-9) for f in findings)


boxes = st.lists(
    st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 8), st.integers(1, 8)), min_size=0, max_size=12
).map(lambda sizes: [box(x, y, x + w, y + h) for x, y, w, h in sizes])


@given(boxes)
def test_checks_equal_brute_force_on_unit_squares(grounds: list[Polygon]):
    """Gaps, overlaps and strays of random rectangles equal a count of unit squares."""
    parent = Cell(code="p", geometry=box(0, 0, 20, 20))
    children = [Cell(code=f"p{i:02}", parent_code="p", geometry=ground) for i, ground in enumerate(grounds)]
    cover = np.zeros((len(grounds), 30, 30), dtype=bool)
    for i, ground in enumerate(grounds):
        x1, y1, x2, y2 = (int(v) for v in ground.bounds)
        cover[i, x1:x2, y1:y2] = True
    bare = 400 - np.count_nonzero(cover.any(axis=0)[:20, :20])
    assert sum(f.area_m2 for f in check_gaps([parent], children)) == pytest.approx(bare)
    shared = {
        (f"p{i:02}", f"p{j:02}"): n
        for i in range(len(grounds))
        for j in range(i + 1, len(grounds))
        if (n := np.count_nonzero(cover[i] & cover[j]))
    }
    assert {(f.code, f.other_code): round(f.area_m2) for f in check_overlaps(children)} == shared
    outside = {f"p{i:02}": n for i in range(len(grounds)) if (n := cover[i].sum() - cover[i, :20, :20].sum())}
    assert {f.code: round(f.area_m2) for f in check_inside([parent], children)} == outside


def test_many_cells_take_no_square_of_time():
    """Ten thousand neighbours are checked in seconds: each is held against its neighbours only."""
    _, children = tiles(100, 100)
    started = time.perf_counter()
    assert check_overlaps(children) == []
    assert time.perf_counter() - started < 10


def test_repair_keeps_what_is_valid():
    """Good polygons come back as they are, the largest first, without heights."""
    small, large = box(0, 0, 1, 1), box(5, 5, 9, 9)
    assert repair(small) == [small]
    assert repair(MultiPolygon([small, large])) == [large, small]
    (flat,) = repair(shapely.force_3d(small, 7.0))
    assert not flat.has_z


def test_repair_reads_dirty_ground_by_meaning():
    """A bow tie becomes its two halves, overlapping parts are joined, collections lose their lines and points."""
    assert [part.area for part in repair(BOWTIE)] == [1, 1]
    assert [part.area for part in repair(MultiPolygon([box(0, 0, 2, 2), box(1, 1, 3, 3)]))] == [7]
    nested = GeometryCollection([GeometryCollection([box(0, 0, 1, 1)]), Point(3, 3), LineString([(0, 0), (1, 1)])])
    assert repair(nested) == [box(0, 0, 1, 1)]


@pytest.mark.parametrize(
    "geometry",
    [None, Polygon(), GeometryCollection(), Point(0, 0), Polygon([(0, 0), (1, 0), (2, 0)]), not_finite()],
)
def test_repair_of_what_has_no_area_is_nothing(geometry: shapely.geometry.base.BaseGeometry | None):
    """Nothing is made up for a geometry that covers no ground."""
    assert repair(geometry) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=12))
def test_repair_always_gives_valid_polygons(ring: list[tuple[int, int]]):
    """Whatever ring comes in, only valid polygons come out, within its hull, and none share ground."""
    dirty = Polygon(ring)
    parts = repair(dirty)
    assert all(isinstance(part, Polygon) and part.is_valid and part.area > 0 for part in parts)
    assert sum(part.area for part in parts) == pytest.approx(shapely.union_all(parts).area)
    assert sum(part.area for part in parts) <= dirty.convex_hull.area + 1e-9

"""When the wall's map moves, and where a click leads."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layers import follow
from layers.follow import RETURNS_AFTER, Bounds, Follow

NOW = datetime(2026, 11, 23, 6, 5, tzinfo=UTC)
TOWN = (123.985, 44.985, 124.050, 45.030)
GRID = (124.010, 45.000, 124.012, 45.001)
FAR = (123.70, 44.90, 123.71, 44.91)
CHAIN = [("b", "building"), ("q", "quarter"), ("c", "community"), ("s", "street")]


def seen(view: Follow, mark: str, incidents: Bounds | None = None, *, at: datetime = NOW) -> Follow:
    return follow.advance(view, mark=mark, incidents=incidents, least=TOWN, now=at)


def shown(view: Follow) -> tuple[float, float, float]:
    camera = follow.camera(view, width_px=1152, height_px=918)
    return camera.longitude, camera.latitude, camera.zoom


def test_the_first_view_is_the_town_and_all_that_is_open():
    """Without incidents the town fills the map; one far out is taken in."""
    assert seen(Follow(), "none").bounds == TOWN
    assert seen(Follow(), "a", FAR).bounds == (FAR[0], FAR[1], TOWN[2], TOWN[3])


def test_the_same_incidents_never_move_the_map():
    """However often they are looked at, and for however long."""
    first = seen(Follow(), "a", FAR)
    assert seen(first, "a", FAR, at=NOW + timedelta(days=9)) == first


def test_another_set_moves_the_map_and_none_within_the_same_bounds():
    """What opens far out moves it; what opens in the town changes nothing to be seen."""
    first = seen(Follow(), "a")
    inside = seen(first, "ab", GRID)
    assert (inside.moves, shown(inside)) == (first.moves, shown(first))
    assert seen(inside, "abc", FAR).moves == first.moves + 1


def test_a_touched_map_stays_whatever_happens():
    """Until it is released; then it is where it would be, though a hand had moved it."""
    first = seen(Follow(), "a")
    touched = follow.touch(first, NOW)
    after = seen(touched, "ab", FAR, at=NOW + RETURNS_AFTER - timedelta(seconds=1))
    assert after == touched
    released = seen(follow.release(after), "a")
    assert not released.is_locked
    assert all(one != other for one, other in zip(shown(released), shown(touched), strict=True))
    assert shown(released) == pytest.approx(shown(first), abs=2e-4)


def test_a_wall_that_nobody_touches_comes_back_by_itself():
    """Five minutes after the last touch it is the county's again, and follows."""
    drilled = follow.drill(seen(Follow(), "a"), "220723001", GRID, NOW)
    kept = follow.touch(drilled, NOW + timedelta(minutes=4))
    assert seen(kept, "b", at=NOW + timedelta(minutes=8)).grid == "220723001"
    assert follow.left_s(kept, NOW + timedelta(minutes=8)) == 60
    back = seen(kept, "b", FAR, at=NOW + timedelta(minutes=9))
    assert follow.left_s(back, NOW + timedelta(minutes=9)) == inf
    assert (back.grid, back.is_locked, back.bounds) == ("", False, (FAR[0], FAR[1], TOWN[2], TOWN[3]))


def test_a_building_is_not_looked_at_through_a_microscope():
    """A small grid is shown whole, and no closer than streets can be told."""
    assert shown(follow.drill(Follow(), "b", (124.01, 45.0, 124.01001, 45.00001), NOW))[2] < 18.1


def test_a_view_that_is_taken_up_again_stays_where_a_hand_had_left_it():
    """However the incidents change; it ends with the lock, and with the next grid."""
    view = Follow(bounds=TOWN, touched_at=NOW, held=(124.011, 45.002, 16.25))
    assert shown(seen(view, "b", FAR)) == (124.011, 45.002, 16.25)
    assert shown(seen(view, "b", at=NOW + RETURNS_AFTER)) == pytest.approx(shown(seen(Follow(), "b")), abs=2e-4)
    drilled, fresh = (follow.drill(one, "g", GRID, NOW) for one in (view, Follow()))
    assert shown(drilled) == shown(fresh)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("look"), st.sampled_from("abc"), st.sampled_from([None, GRID, FAR])),
            st.just(("touch",)),
            st.just(("release",)),
            st.just(("drill",)),
        ),
        max_size=30,
    ),
    st.integers(1, 400),
)
def test_every_move_has_its_cause(acts: list[tuple[object, ...]], pause_s: int):
    """The camera is sent somewhere only by another set while nobody holds the map, a drill, or what ends a lock."""
    view, now = seen(Follow(), "a"), NOW
    for act in acts:
        now += timedelta(seconds=pause_s)
        before = view
        match act:
            case ("look", str(mark), incidents):
                view = seen(view, mark, incidents, at=now)  # type: ignore[arg-type]  drawn above
                is_held = before.touched_at is not None and now - before.touched_at < RETURNS_AFTER
                is_new = before.mark != mark or before.is_locked
                assert view == before if is_held or not is_new else not view.is_locked
                assert view.moves - before.moves in ({0} if is_held or not is_new else {0, 1})
            case ("touch",):
                view = follow.touch(view, now)
                assert (view.moves, view.bounds, view.is_locked) == (before.moves, before.bounds, True)
            case ("release",):
                view = follow.release(view)
                assert (view.moves, view.is_locked) == (before.moves, False)
            case _:
                view = follow.drill(view, "g", GRID, now)
                assert (view.moves, view.is_locked) == (before.moves + 1, True)


def test_a_click_leads_one_level_down():
    """From the county to the street, and on to the building; there it ends."""
    at, levels = "", []
    for _ in range(5):
        level = next((level for code, level in CHAIN if code == at), "")
        at = follow.next_grid(at, level, CHAIN)
        levels.append(at)
    assert levels == ["s", "c", "q", "b", "b"]


def test_a_click_beside_the_grid_leads_to_its_neighbour():
    """To the one of the same level; to the finest there is where that has none. No grid leads nowhere."""
    assert follow.next_grid("other", "community", CHAIN) == "c"
    assert follow.next_grid("other", "building", CHAIN[1:]) == "q"
    assert follow.next_grid("other", "quarter", []) == "other"
    assert [follow.level_below(level) for level in ("", "street", "building")] == ["street", "community", "building"]

from __future__ import annotations

from pathlib import Path

from PIL import Image

from api.context import Context
from bench import dispatch, tiles, walls, waves, ways
from bench.lines import Line, table
from bench.picture import draw
from db.feed import ChangeFeed
from db.session import Database
from db.settings import Settings


def test_the_measurements_run(county: Database, tmp_path: Path):
    """Each measurement gives its rows, with the product's own beside its peers', and the picture can be opened."""
    own: dict[int, float] = {}
    lines = dispatch.near(county, 4511, 2, own)
    lines += [Line(group="ways", **row) for row in ways.measure(county, 2)]
    lines += [Line(group="plan", **row) for row in waves.measure(quick=True)]
    table(lines)
    names = {line.name for line in lines}
    assert names >= {"recommend", "claim", "naive SQL", "geography KNN", "scipy cKDTree", "geo.travel", "networkx"}
    assert own[4511] > 0
    draw(lines, tmp_path / "table.png")
    with Image.open(tmp_path / "table.png") as picture:
        assert picture.width == 1200


def test_tiles_are_measured(county: Database, tmp_path: Path):
    """Every band has the product's first and second answer, from a server of its own, and can be drawn."""
    lines = tiles.measure(county, 4511, None, rounds=1)
    table(lines)
    assert [line.name for line in lines[:2]] == ["the product", "the next person's"]
    assert len(lines) == 2 * len({line.group for line in lines})
    assert all(line.is_own and line.p50 > 0 for line in lines)
    draw(lines, tmp_path / "tiles.png")


def test_walls_hear_what_the_stream_tells(county: Database):
    """One that heard nothing would still see each change with its next run, and look slow."""
    context = Context(database=county, feed=ChangeFeed(county), settings=Settings())
    told = [walls.revisions_of(line) for line in context.pulse.event().splitlines()]
    assert [each for each in told if each] == [context.feed.revisions()]
    assert walls.revisions_of("data: {}") == {}

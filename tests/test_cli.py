"""The command line, as somebody types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

import cli
from db.boot import Boot
from db.session import Database
from db.settings import Settings
from geo.geojson import read_features

ROOT = Path(__file__).resolve().parent.parent

Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(county: Database) -> Run:
    """Runs `gridcommand` on the demo county."""

    def command(*words: str) -> subprocess.CompletedProcess[str]:
        environment = os.environ | {"DATABASE_URL": county.url, "PYTHONUTF8": "1"}
        return subprocess.run(
            [sys.executable, str(ROOT / "cli.py"), *words],
            env=environment, cwd="/", capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip

    return command


def test_locate_tells_the_chain(run: Run):
    """A place in any CRS gives its chain of grids, the street last."""
    found = json.loads(run("locate", "124.018", "45.005", "--crs", "wgs84", "--json").stdout)
    assert [grid["level"] for grid in found["chain"]][-2:] == ["community", "street"]
    assert not found["is_outside_grid"]


def test_nearest_lists_by_distance(run: Run):
    """The k nearest on duty come nearest first."""
    rows = json.loads(run("nearest", "124.018", "45.005", "-k", "7", "--json").stdout)
    assert len(rows) == 7
    assert [row["distance_m"] for row in rows] == sorted(row["distance_m"] for row in rows)


def test_export_writes_a_whole_file(run: Run, tmp_path: Path):
    """A layer becomes a GeoJSON file, complete or not at all."""
    target = tmp_path / "stations.geojson"
    assert run("export", "stations", "-o", str(target)).returncode == 0
    assert len(read_features(target.read_bytes())) == 47
    assert run("export", "roofs", "-o", str(tmp_path / "x")).returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["stations.geojson"]


def test_roads_are_imported_whole_or_not_at_all(run: Run, county: Database, tmp_path: Path):
    """A file replaces the road network and its counts are told; a bad row is named in a line and changes nothing."""
    file = tmp_path / "roads.geojson"
    street = {"type": "LineString", "coordinates": [[124.0, 45.0], [124.03, 45.0]]}
    row = {"type": "Feature", "properties": {"name": "宇宙大街", "class": "main"}, "geometry": street}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [row]}))
    done = json.loads(run("import", "roads", str(file), "--json").stdout)
    assert (done["roads"], done["edges"], done["nodes"], done["components"], done["skipped"]) == (1, 1, 2, 1, {})
    bad = row | {"properties": {"class": "main", "oneway": "perhaps"}}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [row, bad]}))
    refused = run("import", "roads", str(file))
    assert refused.returncode == 1
    assert "第 2 行 row 2, oneway" in refused.stderr
    assert "Traceback" not in refused.stderr
    with county.engine.connect() as connection:
        assert connection.scalar(text("SELECT string_agg(name, ',') FROM base.road")) == "宇宙大街"


def test_the_base_map_is_imported_by_parts(run: Run, tmp_path: Path):
    """What was taken and what stays is told in words and as JSON; a part that doesn't exist is refused in a line."""
    file = tmp_path / "areas.geojson"
    ring = [[124.0, 45.0], [124.01, 45.0], [124.01, 45.01], [124.0, 45.0]]
    row = {"type": "Feature", "properties": {}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [row]}))
    done = json.loads(run("import", "basemap", str(file), "--part", "water", "--json").stdout)
    assert (done["taken"], done["repaired"], done["skipped"]) == ({"water": 1}, 0, {})
    told = run("import", "basemap", str(file), "--part", "buildings").stderr
    assert "建筑轮廓 footprints: 1，替换了原有的 0 个 in the place of 0" in told
    assert "水系 water: 文件里没有，保持原样" in told
    assert "the old ones are gone" not in told
    refused = run("import", "basemap", str(file), "--part", "roads")
    assert refused.returncode == 1
    assert "part" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_an_import_that_takes_most_of_the_ground_away_says_so(run: Run, county: Database, tmp_path: Path):
    """One area in the place of hundreds: how many there were, and that they are gone."""
    with county.engine.connect() as connection:
        before = connection.scalar(text("SELECT count(*) FROM base.block"))
    assert before > 2
    file = tmp_path / "areas.geojson"
    ring = [[124.0, 45.0], [124.01, 45.0], [124.01, 45.01], [124.0, 45.0]]
    row = {"type": "Feature", "properties": {"landuse": "farm"}, "geometry": {"type": "Polygon", "coordinates": [ring]}}
    file.write_text(json.dumps({"type": "FeatureCollection", "features": [row]}))
    told = run("import", "basemap", str(file)).stderr
    assert f"地块 blocks: 1，替换了原有的 {before} 个" in told
    assert "the old ones are gone" in told
    done = json.loads(run("import", "basemap", str(file), "--json").stdout)
    assert (done["taken"], done["replaced"]) == ({"blocks": 1}, {"blocks": 1})


def test_the_server_tells_of_a_table_of_holidays_that_has_ended(county: Database, capsys: pytest.CaptureFixture[str]):
    """Whoever starts it reads when the holidays end, and how to go on."""
    with county.engine.begin() as connection:
        connection.execute(text("DELETE FROM calendar_day WHERE day >= '2026-01-01'"))
    boot = Boot(Settings(database_url=county.url))
    cli.welcome(boot)
    boot.stop()
    assert "节假日表只到 2025-12-31" in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ("locate", "124.018", "91", "--crs", "wgs84"),
        ("locate", "124.018", "45.005", "--crs", "mercator"),
        ("locate", "2.35", "48.85", "--crs", "wgs84"),
        ("user", "close", "nobody"),
        ("demo", "--profile", "atlantis"),
        ("import", "roads", "/absent.osm.pbf"),
    ],
)
def test_what_can_not_be_done_is_a_line_and_exit_code_1(run: Run, words: tuple[str, ...]):
    """A refusal is one line for people on standard error, without a traceback."""
    ended = run(*words)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert "Traceback" not in ended.stderr
    assert ended.stderr.strip()


def test_accounts_and_tokens_are_made(run: Run):
    """An administrator makes, lists and closes an account, and gets a token once."""
    made = run("user", "add", "clerk", "--role", "officer", "--grid", "220723001", "--password", "long enough")
    assert made.returncode == 0, made.stderr
    listed = {row["username"]: row for row in json.loads(run("user", "list", "--json").stdout)}
    assert listed["clerk"] == {"username": "clerk", "role": "officer", "grid": "220723001", "active": True}
    assert run("user", "close", "clerk").returncode == 0
    assert run("token", "create", "--role", "dispatcher", "--name", "feed").stdout.startswith("gc_")
    assert run("token", "revoke", "feed").returncode == 0

"""The command line, as somebody types it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from db.session import Database
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


@pytest.mark.parametrize(
    "words",
    [
        ("locate", "124.018", "91", "--crs", "wgs84"),
        ("locate", "124.018", "45.005", "--crs", "mercator"),
        ("locate", "2.35", "48.85", "--crs", "wgs84"),
        ("user", "close", "nobody"),
        ("demo", "--profile", "atlantis"),
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

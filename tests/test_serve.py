"""The server as a process: what it leaves behind when it ends."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.product import Product


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that the cluster's account may enter."""
    made = Path(tempfile.mkdtemp(prefix="gridcommand-serve-", dir="/var/tmp"))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made, ignore_errors=True)


def test_a_stopped_server_leaves_no_database_running(folder: Path):
    """Nor the one that it found running, after a server that was killed."""
    product = Product(folder)
    running = folder / "var" / "postgres" / "data" / "postmaster.pid"
    product.start()
    product.kill()
    assert running.exists()
    product.start()
    product.stop()
    assert not running.exists()
    assert "GET /healthz" not in product.said, "a line for each request takes longer than a tile"

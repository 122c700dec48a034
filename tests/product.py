"""The real app in a process of its own, started as people start it."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from db.settings import ROOT

START_LIMIT_S = 240
"""The first start makes the cluster and loads the demo county, on a machine that may be busy with other tests."""

_NOT_OURS = ("GRIDCOMMAND_", "DATABASE_URL", "PG")


class Product:
    """The app with its data in `folder`, without simulation; what it says is kept in a log there."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self.port = _free_port()
        self._log = folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_OURS)}
        own = {
            "GRIDCOMMAND_DATA_DIR": str(folder / "var"),
            "GRIDCOMMAND_SIMULATE": "false",
            "PORT": str(self.port),
        }
        self._environment = inherited | own | settings

    @property
    def origin(self) -> str:
        """Its address, the same after another start."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """Its log."""
        return self._log.read_text(errors="replace")

    def start(self) -> None:
        """Starts it and waits until it is served."""
        with self._log.open("ab") as out:
            self._process = subprocess.Popen(
                [sys.executable, "cli.py", "serve"],
                cwd=ROOT,
                env=self._environment,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        limit = time.monotonic() + START_LIMIT_S
        while time.monotonic() < limit and self._process.poll() is None:
            try:
                if httpx.get(f"{self.origin}/healthz", timeout=5).status_code == httpx.codes.OK:
                    return
            except httpx.TransportError:
                pass
            time.sleep(0.5)
        pytest.fail(f"the app was not served within {START_LIMIT_S} s:\n{self.said[-4000:]}")

    def kill(self) -> None:
        """Takes it away without a word, as a power cut does."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> None:
        """Asks it to end, and waits."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout=30)
        except subprocess.TimeoutExpired:
            self.kill()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

"""Servers that a measurement starts and stops."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from db.settings import ROOT

_START_S = 60.0


@contextmanager
def product(url: str) -> Iterator[tuple[str, int]]:
    """The product as people start it, on this database and without simulation: its address, and its process's id."""
    with tempfile.TemporaryDirectory(prefix="gridcommand-bench-") as folder:
        port = free_port()
        environment = os.environ | {
            "DATABASE_URL": url,
            "PORT": str(port),
            "GRIDCOMMAND_DATA_DIR": folder,
            "GRIDCOMMAND_SIMULATE": "false",
        }
        process = subprocess.Popen(
            [sys.executable, "-X", "utf8", "cli.py", "serve"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        origin = f"http://127.0.0.1:{port}"
        try:
            until_served(f"{origin}/healthz")
            yield origin, process.pid
        finally:
            process.terminate()
            process.wait()


def until_served(address: str) -> None:
    """Waits until the address answers well. Raises `TimeoutError`."""
    ends = time.monotonic() + _START_S
    while time.monotonic() < ends:
        try:
            if httpx.get(address).is_success:
                return
        except httpx.TransportError:
            pass
        time.sleep(0.1)
    raise TimeoutError(f"{address} doesn't answer")


def free_port() -> int:
    """A port of this machine that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

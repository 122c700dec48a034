"""A database that hangs: every process of a cluster stands still, as in a virtual machine that was frozen."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from db.embedded import EmbeddedCluster


@contextmanager
def frozen(cluster: EmbeddedCluster) -> Iterator[None]:
    """Connections stay open, new ones are accepted by the kernel, and nothing is answered until the end."""
    postmaster = int((cluster.folder / "data" / "postmaster.pid").read_text().split()[0])
    stopped: list[int] = []
    try:
        for pid in (postmaster, *_children(postmaster)):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
                stopped.append(pid)
        yield
    finally:
        for pid in reversed(stopped):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def _children(parent: int) -> Iterator[int]:
    # Read after the parent was stopped: it has no more.
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            if int(status.read_text().rpartition(")")[2].split()[1]) == parent:
                yield int(status.parent.name)

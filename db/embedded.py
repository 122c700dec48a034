"""A private PostGIS of Debian's packages: one cluster, a unix socket, nobody else's business."""

from __future__ import annotations

import fcntl
import hashlib
import os
import pwd
import shutil
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg
from psycopg import sql
from sqlalchemy import URL

from geo.errors import Unavailable

_BIN = Path("/usr/lib/postgresql")
_SHARE = Path("/usr/share/postgresql")
_SERVER_USER = "postgres"
"""Whom the server runs as when we are root, which it refuses to be; Debian's package makes the account."""

_SUPERUSER = "gridcommand"
_DATABASE = "gridcommand"
_PORT = 5432
"""Names the socket's file only: the server listens on no network."""

_START_S = 60
_STOP_S = 30
_PARAMETERS = {
    "listen_addresses": "",
    "max_connections": "60",
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "UTC",
}
_FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class EmbeddedCluster:
    """A cluster under `data_dir`, shared by every process that names the same folder.

    Whoever starts it stops it; a process that finds it running (a command beside the server, or an orphan left by a
    killed one) uses it as it is. `is_ours` tells whether this object started it. `fast` gives up safety against a
    power cut for speed: for tests.
    """

    def __init__(self, data_dir: Path, *, fast: bool = False) -> None:
        self.binaries = find_binaries()
        self.is_ours = False
        self._parameters = _PARAMETERS | (_FAST if fast else {})
        mark = hashlib.sha256(str(data_dir.resolve()).encode()).hexdigest()[:12]
        self.folder = _reachable(data_dir / "postgres", fallback=Path("/var/tmp") / f"gridcommand-{mark}")  # noqa: S108  kept across restarts
        self.sockets = Path("/tmp") / f"gridcommand-{mark}"  # noqa: S108  a socket's path has 107 bytes at most
        self._data = self.folder / "data"

    @property
    def url(self) -> str:
        """SQLAlchemy's address of the product's database; it leaves nothing to the environment's PG… variables."""
        return self.url_of(_DATABASE)

    def url_of(self, database: str) -> str:
        """SQLAlchemy's address of any database of the cluster."""
        url = URL.create(
            "postgresql+psycopg",
            username=_SUPERUSER,
            database=database,
            query={"host": str(self.sockets), "port": str(_PORT)},
        )
        return url.render_as_string(hide_password=False)

    def start(self) -> str:
        """Starts the server unless it runs already, makes the database where it is missing, and gives its address.

        Raises `Unavailable` with the end of the server's log.
        """
        with self._alone():
            if not self._answers():
                self._initialise()
                self._launch()
                self.is_ours = True
            with self._connect() as connection:
                found = connection.execute("SELECT FROM pg_database WHERE datname = %s", (_DATABASE,)).fetchone()
                if found is None:
                    connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(_DATABASE)))
        return self.url

    def stop(self) -> None:
        """Stops the server, whoever started it; nothing happens when it does not run."""
        with self._alone():
            if (self._data / "postmaster.pid").exists():
                _as_server(
                    [self._binary("pg_ctl"), "-D", str(self._data), "-m", "fast", "-w", "-t", str(_STOP_S), "stop"]
                )
        self.is_ours = False

    def destroy(self) -> None:
        """Stops the server and removes everything that it kept."""
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        shutil.rmtree(self.sockets, ignore_errors=True)

    def _initialise(self) -> None:
        if (self._data / "PG_VERSION").exists():
            return
        unfinished = self.folder / "initdb"
        shutil.rmtree(unfinished, ignore_errors=True)
        made = _as_server(
            [
                self._binary("initdb"), "-D", str(unfinished), "-U", _SUPERUSER, "-A", "trust",
                "-E", "UTF8", "--locale=C.UTF-8", "--no-instructions",
            ]
        )  # fmt: skip
        if made.returncode:
            raise Unavailable(f"initdb failed: {made.stdout[-2000:]}")
        unfinished.rename(self._data)

    def _launch(self) -> None:
        log = self.folder / "server.log"
        places = {"port": _PORT, "unix_socket_directories": self.sockets, "unix_socket_permissions": "0700"}
        options = " ".join(f"-c {name}='{value}'" for name, value in (self._parameters | places).items())
        command = [
            self._binary("pg_ctl"), "-D", str(self._data), "-l", str(log), "-w", "-t", str(_START_S),
            "-o", options, "start",
        ]  # fmt: skip
        deadline = time.monotonic() + _START_S
        # A killed postmaster leaves its children for a moment, and they keep its shared memory.
        while _as_server(command, leaves_children=True).returncode or not self._answers():
            if time.monotonic() > deadline:
                tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
                raise Unavailable(f"the embedded database does not start: {tail}")
            time.sleep(0.2)

    def _answers(self) -> bool:
        """Whether a real connection works: pg_ctl calls a killed server running until somebody reaps it."""
        try:
            with self._connect() as connection:
                connection.execute("SELECT 1")
        except psycopg.OperationalError:
            return False
        return True

    def _connect(self) -> psycopg.Connection[tuple[object, ...]]:
        return psycopg.connect(
            host=str(self.sockets), port=_PORT, user=_SUPERUSER, dbname="postgres", autocommit=True, connect_timeout=5
        )

    def _binary(self, name: str) -> str:
        return str(self.binaries / name)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Of several processes that start or stop the cluster, one at a time."""
        _own_folder(self.folder)
        _own_folder(self.sockets)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def find_binaries() -> Path:
    """The newest PostgreSQL of Debian's packages that has PostGIS. Raises `Unavailable` when there is none."""
    versions = [p.parent for p in _BIN.glob("*/bin") if (_SHARE / p.parent.name / "extension/postgis.control").exists()]
    if not versions:
        raise Unavailable(
            "没有找到 PostGIS：请安装 Debian 软件包 postgresql-15-postgis-3，或用 DATABASE_URL 指定数据库。"
            " PostGIS is missing: install Debian's postgresql-15-postgis-3, or name a database in DATABASE_URL."
        )
    return max(versions, key=lambda folder: int(folder.name)) / "bin"


def _reachable(folder: Path, *, fallback: Path) -> Path:
    """`folder`, or `fallback` where the server's user can't enter its parents: their permissions stay as they are."""
    if os.geteuid() != 0:
        return folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    entered = _as_server(["/usr/bin/test", "-x", str(folder.parent.resolve())])
    return folder.resolve() if entered.returncode == 0 else fallback


def _own_folder(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        account = pwd.getpwnam(_SERVER_USER)
        os.chown(folder, account.pw_uid, account.pw_gid)
    folder.chmod(0o700)


def _as_server(command: Sequence[str], *, leaves_children: bool = False) -> subprocess.CompletedProcess[str]:
    """Runs a command as the server's user, output in one text, the environment's PG… variables left out.

    One that `leaves_children` gives no output: its children would hold the pipe open for as long as they live.
    """
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PG")} | {"LC_ALL": "C.UTF-8"}
    is_root = os.geteuid() == 0
    return subprocess.run(  # noqa: S603  our own command
        command,
        env=environment,
        cwd="/",
        check=False,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL if leaves_children else subprocess.PIPE,
        stderr=subprocess.STDOUT,
        user=_SERVER_USER if is_root else None,
        group=_SERVER_USER if is_root else None,
        extra_groups=[] if is_root else None,
    )

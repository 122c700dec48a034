"""The embedded cluster: starts from nothing, comes back after every kill, and is shared by whoever names its folder."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import make_url

from db import embedded
from db.embedded import EmbeddedCluster
from geo.errors import Unavailable


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[EmbeddedCluster]:
    cluster = EmbeddedCluster(tmp_path, fast=True)
    yield cluster
    cluster.destroy()


def connect(cluster: EmbeddedCluster) -> psycopg.Connection[tuple[object, ...]]:
    url = make_url(cluster.url).set(drivername="postgresql")
    return psycopg.connect(url.render_as_string(hide_password=False), autocommit=True)


def postmaster(cluster: EmbeddedCluster) -> int:
    return int((cluster.folder / "data" / "postmaster.pid").read_text().splitlines()[0])


def test_it_starts_from_nothing_and_keeps_what_it_was_given(cluster: EmbeddedCluster):
    """A first start makes a PostGIS that listens on no network; a stop and a start keep the data."""
    cluster.start()
    with connect(cluster) as connection:
        connection.execute("CREATE EXTENSION postgis")
        connection.execute("CREATE TABLE kept AS SELECT ST_MakePoint(124, 45) AS geom")
        assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
    cluster.stop()
    with pytest.raises(psycopg.OperationalError):
        connect(cluster)
    cluster.start()
    with connect(cluster) as connection:
        assert connection.execute("SELECT ST_X(geom) FROM kept").fetchone() == (124.0,)


def test_a_killed_server_comes_back(tmp_path: Path, request: pytest.FixtureRequest):
    """After kill -9 of the postmaster the next start recovers what was committed, as the app's own cluster is set."""
    cluster = EmbeddedCluster(tmp_path)
    request.addfinalizer(cluster.destroy)
    cluster.start()
    with connect(cluster) as connection:
        connection.execute("CREATE TABLE kept (n int)")
    os.kill(postmaster(cluster), signal.SIGKILL)
    cluster.start()
    with connect(cluster) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_an_orphan_is_taken_over(cluster: EmbeddedCluster, tmp_path: Path):
    """A server whose owner was killed is found, used, and stopped by whoever serves next."""
    cluster.start()
    heir = EmbeddedCluster(tmp_path, fast=True)
    heir.start()
    assert not heir.is_ours
    assert postmaster(heir) == postmaster(cluster)
    heir.stop()
    with pytest.raises(psycopg.OperationalError):
        connect(cluster)


def test_a_half_made_cluster_is_made_anew(cluster: EmbeddedCluster):
    """An initdb that was killed leaves nothing in the way of the next."""
    unfinished = cluster.folder / "initdb"
    unfinished.mkdir(parents=True)
    (unfinished / "PG_VERSION").write_text("15\n")
    cluster.start()
    with connect(cluster) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_two_starts_at_once_are_one_server(cluster: EmbeddedCluster, tmp_path: Path):
    """Two processes that start together end up on one server, which one of them owns."""
    others = [cluster, EmbeddedCluster(tmp_path, fast=True), EmbeddedCluster(tmp_path, fast=True)]
    starts = [threading.Thread(target=other.start) for other in others]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert [other.is_ours for other in others].count(True) == 1
    assert len({postmaster(other) for other in others}) == 1


def test_the_socket_is_short_and_nobody_elses(cluster: EmbeddedCluster, tmp_path: Path):
    """However deep the folder, the socket's path fits into a socket address, and only its owner may enter."""
    deep = EmbeddedCluster(tmp_path / ("d" * 120) / ("e" * 120))
    assert len(f"{deep.sockets}/.s.PGSQL.5432") <= 107
    cluster.start()
    assert cluster.sockets.stat().st_mode & 0o077 == 0
    assert cluster.folder.stat().st_mode & 0o077 == 0


def test_parents_stay_closed(tmp_path: Path):
    """A folder that the server's user can't enter is not opened to it: the cluster lives elsewhere."""
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    cluster = EmbeddedCluster(closed / "var")
    assert closed.stat().st_mode & 0o777 == 0o700
    assert cluster.folder.is_relative_to(closed) == (os.geteuid() != 0)


def test_environment_variables_do_not_leak_in(cluster: EmbeddedCluster, monkeypatch: pytest.MonkeyPatch):
    """PGHOST and its kin, set for another database, mean nothing to the embedded one."""
    for name, value in {"PGHOST": "nowhere.invalid", "PGPORT": "1", "PGUSER": "nobody", "PGDATABASE": "x"}.items():
        monkeypatch.setenv(name, value)
    cluster.start()
    with connect(cluster) as connection:
        assert connection.execute("SELECT current_database(), current_user").fetchone() == (
            "gridcommand",
            "gridcommand",
        )


def test_a_machine_without_postgis_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without the packages the error names them, and the way around."""
    monkeypatch.setattr(embedded, "_SHARE", tmp_path)
    with pytest.raises(Unavailable, match=r"postgresql-15-postgis-3.*DATABASE_URL"):
        EmbeddedCluster(tmp_path)

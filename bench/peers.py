"""Others who answer the question, or a part of it: who is near and may be sent."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scipy.spatial import cKDTree
from sqlalchemy import text

from db.candidates import Need
from db.session import Database
from governance.policy import Rules

K = 10

# The whole question for everybody: ring, metres on the ellipsoid, eligibility, order; and what each rule keeps out.
_NAIVE = text(
    """SELECT r.worker_id,
        CASE WHEN r.areas @> ARRAY[:own] THEN 1 WHEN r.areas @> ARRAY[:community] AND NOT r.areas @> ARRAY[-:community]
            THEN 2 WHEN r.areas @> ARRAY[:community] THEN 3 WHEN r.areas @> ARRAY[:street] THEN 4 ELSE 5 END AS ring,
        ST_Distance(ST_Transform(r.point, 4490)::geography, ST_SetSRID(ST_MakePoint(:lon, :lat), 4490)::geography) AS m
    FROM responder AS r
    WHERE r.on_duty AND r.load < least(r.cap, :cap) AND r.pool = ANY (:pools)
        AND (NOT :needs_skill OR r.skills && CAST(:skills AS int[]))
    ORDER BY ring, m, r.load, r.idle_since, r.worker_id
    LIMIT :k"""
)
_NAIVE_COUNTS = text(
    """SELECT CASE WHEN r.pool <> ALL (:pools) THEN 'pool' WHEN NOT r.on_duty THEN 'duty'
            WHEN :needs_skill AND NOT r.skills && CAST(:skills AS int[]) THEN 'skill'
            WHEN r.load >= least(r.cap, :cap) THEN 'cap' END AS reason, count(*)
    FROM responder AS r GROUP BY 1"""
)
_GEOGRAPHY = text(
    """SELECT r.worker_id FROM bench_geography AS r
    WHERE r.on_duty AND r.load < least(r.cap, :cap) AND r.pool = ANY (:pools)
        AND (NOT :needs_skill OR r.skills && CAST(:skills AS int[]))
    ORDER BY r.place <-> ST_SetSRID(ST_MakePoint(:lon, :lat), 4326)::geography
    LIMIT :k"""
)


def asked(need: Need, rules: Rules) -> dict[str, Any]:
    """The question as parameters."""
    own, community, street = need.ids[-3:] if len(need.ids) > 2 else (need.ids[0], *need.ids[-2:])
    return {
        "own": own,
        "community": community,
        "street": street,
        "lon": need.lon,
        "lat": need.lat,
        "cap": rules.cap,
        "pools": sorted(rules.pools),
        "needs_skill": bool(rules.skills),
        "skills": sorted(rules.skills),
        "k": K,
    }


def naive(database: Database, question: dict[str, Any]) -> None:
    """Every responder measured and sorted, then all counted by reason."""
    with database.engine.connect() as connection:
        connection.execute(_NAIVE, question).all()
        connection.execute(_NAIVE_COUNTS, question).all()


def prepare_geography(database: Database) -> None:
    """A table as one would make it for geography's own KNN."""
    with database.engine.begin() as connection:
        connection.execute(
            text(
                """CREATE TABLE bench_geography AS
                SELECT r.*, ST_Transform(r.point, 4326)::geography AS place FROM responder AS r"""
            )
        )
        connection.execute(text("CREATE INDEX ON bench_geography USING gist (place)"))
        connection.execute(text("ANALYZE bench_geography"))


def geography(database: Database, question: dict[str, Any]) -> None:
    """KNN on geography with the filters: no rings, no counts, nothing claimed."""
    with database.engine.connect() as connection:
        connection.execute(_GEOGRAPHY, question).all()


def tree(database: Database) -> Callable[[Need], None]:
    """A k-d tree in this process over those who may be sent: no rings, nothing shared, old at the next change."""
    with database.engine.connect() as connection:
        rows = connection.execute(
            text("SELECT ST_X(point), ST_Y(point) FROM responder WHERE on_duty AND load < cap")
        ).all()
    found = cKDTree([tuple(row) for row in rows])
    return lambda need: found.query((need.x, need.y), k=K)


class Redis:
    """GEOSEARCH in one key: no eligibility, no rings."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port))
        self._answers = self._socket.makefile("rb")

    def call(self, *words: object) -> Any:
        """One command; its answer, read whole."""
        parts = [str(word).encode() for word in words]
        self._socket.sendall(b"*%d\r\n" % len(parts) + b"".join(b"$%d\r\n%s\r\n" % (len(part), part) for part in parts))
        return self._read()

    def _read(self) -> Any:
        line = self._answers.readline().rstrip()
        kind, rest = line[:1], line[1:]
        if kind == b"$":
            size = int(rest)
            return None if size < 0 else self._answers.read(size + 2)[:-2]
        if kind == b"*":
            return [self._read() for _ in range(int(rest))]
        if kind == b"-":
            raise RuntimeError(rest.decode())
        return rest

    def close(self) -> None:
        """Ends the connection."""
        self._answers.close()
        self._socket.close()

    def fill(self, database: Database) -> None:
        """Puts everybody into one key."""
        self.call("FLUSHALL")
        with database.engine.connect() as connection:
            rows = connection.execute(
                text(
                    """SELECT worker_id, ST_X(ST_Transform(point, 4490)) AS lon, ST_Y(ST_Transform(point, 4490)) AS lat
                    FROM responder"""
                )
            ).all()
        for first in range(0, len(rows), 1000):
            self.call("GEOADD", "w", *(v for r in rows[first : first + 1000] for v in (r.lon, r.lat, r.worker_id)))

    def near(self, need: Need) -> None:
        """The nearest in one kilometre."""
        where = ("FROMLONLAT", need.lon, need.lat, "BYRADIUS", 1000, "m")
        self.call("GEOSEARCH", "w", *where, "ASC", "COUNT", K, "WITHDIST")


@contextmanager
def redis() -> Iterator[Redis | None]:
    """A Redis of its own, or None where none is installed."""
    server = shutil.which("redis-server")
    if server is None:
        print("redis-server is not installed: left out")
        yield None
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.Popen(
            [server, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(Path(folder))],
            stdout=subprocess.DEVNULL,
        )
        try:
            client = _connected(port)
            yield client
            client.close()
        finally:
            process.terminate()
            process.wait()


def _connected(port: int) -> Redis:
    for _ in range(100):
        try:
            return Redis(port)
        except ConnectionRefusedError:
            time.sleep(0.05)
    raise TimeoutError("redis-server doesn't answer")

"""The way to the database: one pool per process, and sessions that act as somebody.

Row-level security is enforced for the role `gridcommand_app`, which owns nothing and bypasses nothing; every session
switches to it and says who asks (`app.role`, `app.grid_prefix`), for the length of its one transaction.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from time import monotonic
from typing import Any, Self, cast

import psycopg
from sqlalchemy import ClauseElement, Engine, create_engine, event, text
from sqlalchemy.dialects.postgresql.psycopg import dialect
from sqlalchemy.exc import InterfaceError, InvalidatePoolError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from geo.errors import Unavailable
from governance.access import Permission, Principal

_LOG = logging.getLogger(__name__)

APP_ROLE = "gridcommand_app"
LINE = {"keepalives_idle": 5, "keepalives_interval": 3, "keepalives_count": 3, "tcp_user_timeout": 10_000}
"""How soon TCP gives up a line that died without a word (seconds; the last in ms): else after a quarter of an hour."""
_UNASKED = 1 << 30
"""After so many times the driver would keep a statement by itself: those of sessions are planned for their values."""
_TRUSTED_S = 1.0
"""A connection used so recently isn't asked first whether it still works: the question takes as long as a tile."""

_ACT_AS = text(
    """SELECT set_config('role', :app_role, true), set_config('app.role', :role, true),
              set_config('app.grid_prefix', :grid_prefix, true), set_config('app.account', :account, true),
              set_config('app.reads_personal', :personal, true), set_config('app.reads_sensitive', :sensitive, true)"""
)


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement put together once, as the driver takes it, with the values of its parameters that are known.

    One that `is_kept` is analysed and planned once by each connection, for whatever its parameters are.
    """

    sql: str
    known: Mapping[str, Any]
    is_kept: bool = False

    @classmethod
    def of(cls, clause: ClauseElement) -> Self:
        """Compiles it."""
        compiled = clause.compile(dialect=_DIALECT)
        return cls(str(compiled), dict(compiled.params))


_DIALECT = dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy says nothing of its arguments
# What is kept has one plan; otherwise PostgreSQL makes another each time as long as that looks cheaper.
_ACT_AS_NOW = f"{Statement.of(_ACT_AS).sql}, set_config('plan_cache_mode', 'force_generic_plan', true)".encode()


@dataclass(frozen=True, slots=True)
class Database:
    """One PostGIS database and this process's pool of connections to it."""

    engine: Engine
    url: str

    @classmethod
    def open(cls, url: str, *, pool_size: int = 10) -> Self:
        """Prepares a pool; nothing is connected before the first session. `url` is SQLAlchemy's, for psycopg 3."""
        engine = create_engine(
            url,
            pool_size=pool_size,
            max_overflow=5,
            pool_use_lifo=True,
            pool_timeout=10,
            connect_args={
                "connect_timeout": 5,
                "options": "-c timezone=UTC -c jit=off",
                "prepare_threshold": _UNASKED,
                **LINE,
            },
        )
        event.listen(engine, "checkin", _note)
        event.listen(engine, "checkout", _ask_after_pause)
        return cls(engine=engine, url=url)

    @contextmanager
    def session(self, principal: Principal) -> Iterator[Session]:
        """One transaction on behalf of `principal`: committed at the end, rolled back on any error.

        Raises `Unavailable` when the database can't be reached or goes away.
        """
        with _reached(), Session(self.engine, expire_on_commit=False) as session, session.begin():
            session.execute(_ACT_AS, _who(principal))
            yield session

    def column(self, principal: Principal, statement: Statement, parameters: Mapping[str, Any]) -> list[Any]:
        """The first value of each row that `principal` reads; `parameters` are those of a query, not of a command.

        Who asks and what is asked go together, which PostgreSQL takes for a transaction: a session's five messages take
        longer than a small question. Raises `Unavailable` as `session` does.
        """
        named = {**statement.known, **parameters}
        with _reached(), closing(self.engine.raw_connection()) as connection:
            driver = cast("psycopg.Connection[Any]", connection.driver_connection)
            try:
                driver.autocommit = True
                if "keeps" not in connection.info:
                    connection.info["keeps"] = _has_own_session(driver)
                keeps = connection.info["keeps"]
                with driver.cursor(binary=True) as cursor:
                    with driver.pipeline():
                        driver.execute(_ACT_AS_NOW, _who(principal), prepare=keeps)
                        cursor.execute(statement.sql.encode(), named, prepare=keeps and statement.is_kept)
                    found = cursor.fetchall()
                driver.autocommit = False
            except BaseException:
                # Nobody is given a connection that might commit by itself.
                connection.invalidate()
                raise
        return [row[0] for row in found]

    def dispose(self) -> None:
        """Closes the pool's connections."""
        self.engine.dispose()


def _has_own_session(driver: psycopg.Connection[Any]) -> bool:
    """Whether no pooler like pgbouncer stands between.

    That gives each transaction any of its sessions, where the name of a statement may mean what another keeps there.
    """
    return driver.execute("SELECT pg_backend_pid()").fetchone() == (driver.info.backend_pid,)


def _note(_: object, record: ConnectionPoolEntry) -> None:
    record.info["left_at"] = monotonic()


def _ask_after_pause(driver: psycopg.Connection[Any], record: ConnectionPoolEntry, _: object) -> None:
    """After a pause an empty query shows whether the server is still there; without it every connection goes."""
    if monotonic() - record.info.get("left_at", monotonic()) < _TRUSTED_S:
        return
    try:
        _DIALECT.do_ping(driver)  # type: ignore[no-untyped-call]  # as above
    except psycopg.Error as error:
        raise InvalidatePoolError from error


def _who(principal: Principal) -> dict[str, str]:
    return {
        "app_role": APP_ROLE,
        "role": principal.role.value,
        "grid_prefix": principal.grid_prefix,
        "account": principal.account,
        "personal": str(principal.may(Permission.READ_PERSONAL)).lower(),
        "sensitive": str(principal.may(Permission.READ_SENSITIVE)).lower(),
    }


@contextmanager
def _reached() -> Iterator[None]:
    """Raises `Unavailable` for a database that isn't there or goes away."""
    try:
        yield
    except (OperationalError, InterfaceError, psycopg.OperationalError, psycopg.InterfaceError) as error:
        # The driver's words name hosts and sockets: they are for the log, not for whoever asked.
        _LOG.warning("the database can't be reached: %s", getattr(error, "orig", error))
        raise Unavailable("the database can't be reached") from error
    except PoolTimeout as error:
        _LOG.warning("all connections are in use: %s", error)
        raise Unavailable("all connections are in use") from error

"""A whole dispatch over HTTP against the time that its SQL takes."""

from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, datetime
from typing import Any

import httpx
import uvicorn
from sqlalchemy import event

from api.app import Context, application
from bench.crowd import NOW, p50_p99, reports, spent_ms
from db import accounts
from db.feed import ChangeFeed
from db.session import Database
from db.settings import Settings
from governance.access import SYSTEM, Role


def measure(database: Database, rounds: int) -> list[dict[str, Any]]:
    """POST …/dispatch through a real server on a socket, beside its SQL: statements and commits until answered."""
    spent = {"sql": 0.0}

    @event.listens_for(database.engine, "before_cursor_execute")
    def _sent(connection: Any, *_: object) -> None:
        connection.info["began"] = time.perf_counter()

    @event.listens_for(database.engine, "after_cursor_execute")
    def _answered(connection: Any, *_: object) -> None:
        spent["sql"] += (time.perf_counter() - connection.info["began"]) * 1000

    plain = database.engine.dialect.do_commit

    def commit(connection: Any) -> None:
        spent["sql"] += spent_ms(lambda: plain(connection))

    database.engine.dialect.do_commit = commit  # type: ignore[method-assign]  # commits have no event of their own around them
    numbers = reports(database, rounds, seed=11)
    token = accounts.create_token(
        database, SYSTEM, name="bench", role=Role.DISPATCHER, grid_prefix="", now=datetime.now(UTC)
    )
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    context = Context(database=database, feed=ChangeFeed(database), settings=Settings(), clock=lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(application(context), port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    whole: list[float] = []
    sql: list[float] = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"Authorization": f"Bearer {token}"}) as client:
        for no in numbers:
            spent["sql"] = 0.0
            whole.append(spent_ms(lambda no=no: _post(client, no)))
            sql.append(spent["sql"])
    server.should_exit = True
    thread.join()
    database.engine.dialect.do_commit = plain  # type: ignore[method-assign]
    sql_p50, sql_p99 = p50_p99(sql)
    p50, p99 = p50_p99(whole)
    return [
        {"name": "its SQL", "p50": sql_p50, "p99": sql_p99, "ratio": None, "note": "statements and commit"},
        {
            "name": "POST …/dispatch",
            "p50": p50,
            "p99": p99,
            "ratio": p50 / sql_p50,
            "note": "over its SQL",
            "is_own": True,
        },
    ]


def _post(client: httpx.Client, no: str) -> None:
    client.post(f"/api/incidents/{no}/dispatch", json={}).raise_for_status()

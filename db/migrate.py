"""Brings a database's schema to the newest version."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, create_engine, text

MIGRATIONS = Path(__file__).parent / "migrations"
_LOCK = 220_723
"""Advisory lock: two processes that start at once migrate one after the other."""


def upgrade(url: str) -> None:
    """Runs every migration that the database at `url` doesn't have yet; safe to call from several processes."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            connection.execute(text("SELECT pg_advisory_lock(:lock)"), {"lock": _LOCK})
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
            connection.execute(text("SELECT pg_advisory_unlock(:lock)"), {"lock": _LOCK})
            connection.commit()
    finally:
        engine.dispose()


def run_file(connection: Connection, name: str) -> None:
    """Runs the statements of a file of `migrations/sql`, as they stand, on a migration's connection."""
    with closing(connection.connection.cursor()) as cursor:
        cursor.execute((MIGRATIONS / "sql" / name).read_text(encoding="utf-8"))

"""Alembic's entry: runs migrations on the connection that `db.migrate` hands over."""

from __future__ import annotations

from alembic import context

from db.models import Record


def run() -> None:
    """Runs the migrations in one transaction."""
    context.configure(
        connection=context.config.attributes["connection"],
        target_metadata=Record.metadata,
        include_schemas=True,
        transaction_per_migration=False,
    )
    with context.begin_transaction():
        context.run_migrations()


run()

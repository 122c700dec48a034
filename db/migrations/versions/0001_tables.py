"""Runs sql/0001_tables.sql."""

from alembic import op

from db.migrate import run_file

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0001_tables.sql")

"""Runs sql/0002_guards.sql."""

from alembic import op

from db.migrate import run_file

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0002_guards.sql")

"""Runs sql/0009_overdue.sql."""

from alembic import op

from db.migrate import run_file

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0009_overdue.sql")

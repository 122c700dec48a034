"""Runs sql/0008_guards.sql."""

from alembic import op

from db.migrate import run_file

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0008_guards.sql")

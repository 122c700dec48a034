"""Runs sql/0011_saved_filters.sql."""

from alembic import op

from db.migrate import run_file

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0011_saved_filters.sql")

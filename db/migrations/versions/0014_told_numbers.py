"""Runs sql/0014_told_numbers.sql."""

from alembic import op

from db.migrate import run_file

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0014_told_numbers.sql")

"""Runs sql/0007_intake.sql."""

from alembic import op

from db.migrate import run_file

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0007_intake.sql")

"""Runs sql/0010_kept_plans.sql."""

from alembic import op

from db.migrate import run_file

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0010_kept_plans.sql")

"""Runs sql/0003_access.sql."""

from alembic import op

from db.migrate import run_file

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0003_access.sql")

"""Runs sql/0004_layers.sql."""

from alembic import op

from db.migrate import run_file

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0004_layers.sql")

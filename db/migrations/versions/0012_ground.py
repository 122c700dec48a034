"""Runs sql/0012_ground.sql."""

from alembic import op

from db.migrate import run_file

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0012_ground.sql")

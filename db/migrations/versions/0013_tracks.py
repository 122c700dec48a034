"""Runs sql/0013_tracks.sql."""

from alembic import op

from db.migrate import run_file

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0013_tracks.sql")

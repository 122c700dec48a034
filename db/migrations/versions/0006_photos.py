"""Runs sql/0006_photos.sql."""

from alembic import op

from db.migrate import run_file

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    run_file(op.get_bind(), "0006_photos.sql")

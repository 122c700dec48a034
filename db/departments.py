"""Who takes over what grid workers can't settle."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from db.models import Department


def names(session: Session) -> dict[str, str]:
    """Names of the departments by code, in the order of their codes."""
    rows = session.execute(select(Department.code, Department.name).order_by(Department.code))
    return {row.code: row.name for row in rows}

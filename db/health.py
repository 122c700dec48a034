"""Whether the database does its work."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

_PULSE = text("SELECT postgis_lib_version() FROM deployment WHERE ST_Area(town) > 0")
_PULSE_EMPTY = text("SELECT postgis_lib_version()")


def postgis_version(session: Session) -> str:
    """The version of PostGIS that answers, after it has measured something of the deployment where there is one."""
    found = session.execute(_PULSE).scalar_one_or_none()
    return str(found if found is not None else session.execute(_PULSE_EMPTY).scalar_one())

"""What every import of geography stands on: the county that it has to lie in, and a transaction on the driver."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
import shapely
from shapely.geometry.base import BaseGeometry
from sqlalchemy.exc import InterfaceError, OperationalError

from db.session import Database
from geo.errors import Unavailable

_LOG = logging.getLogger(__name__)
_COUNTY = "SELECT metric_srid, ST_AsBinary(boundary) FROM deployment"


@dataclass(frozen=True, slots=True, kw_only=True)
class County:
    """Where the deployment's county lies (EPSG:4490), and the system that it is measured in."""

    metric_srid: int
    ground: BaseGeometry


@contextmanager
def connected(database: Database) -> Iterator[psycopg.Cursor[Any]]:
    """A transaction of its owner's on the driver itself. Raises `Unavailable`."""
    try:
        with database.engine.begin() as connection:
            cursor: psycopg.Cursor[Any] = connection.connection.cursor()  # type: ignore[assignment]  # the pool's type hides the driver's
            yield cursor
    except (OperationalError, InterfaceError, psycopg.OperationalError) as error:
        _LOG.warning("an import can't be written: %s", error)
        raise Unavailable("the database can't be reached") from error


def county_of(cursor: psycopg.Cursor[Any]) -> County | None:
    """The deployment's county; None before there is one."""
    cursor.execute(_COUNTY)
    row = cursor.fetchone()
    return None if row is None else County(metric_srid=row[0], ground=shapely.from_wkb(bytes(row[1])))

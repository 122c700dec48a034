"""Rows into tables, the fast way: PostgreSQL's COPY."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
import shapely
from psycopg import sql
from shapely.geometry.base import BaseGeometry

from geo.crs import STORAGE_SRID


def copy_rows(cursor: psycopg.Cursor[Any], table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Appends the rows to the table (with its schema, if not the public one), in order."""
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
        sql.Identifier(*table.split(".")), sql.SQL(", ").join(map(sql.Identifier, columns))
    )
    with cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def follow_ids(cursor: psycopg.Cursor[Any], tables: Sequence[str]) -> None:
    """Lets the tables' ids go on after those that were given."""
    for table in tables:
        cursor.execute(
            sql.SQL("SELECT setval(pg_get_serial_sequence({}, 'id'), coalesce(max(id), 1)) FROM {}").format(
                sql.Literal(table), sql.Identifier(*table.split("."))
            )
        )


def ewkb(geometries: Sequence[BaseGeometry], *, srid: int = STORAGE_SRID) -> list[str]:
    """The geometries as PostGIS reads them in a column of text."""
    marked = shapely.set_srid(list(geometries), srid)
    return [str(text) for text in shapely.to_wkb(marked, hex=True, include_srid=True)]

"""A county's own tables from CSV files: classes of incidents with their limits, and days that differ."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from db import models
from db.profiles import read_classes, read_days
from db.session import Database
from geo.errors import InvalidInput
from governance.access import Permission, Principal


@dataclass(frozen=True, slots=True, kw_only=True)
class TableImported:
    """What an import has put into a table: rows that are new, and rows that took the place of one with their key."""

    added: int
    replaced: int


def import_classes(database: Database, principal: Principal, path: Path) -> TableImported:
    """Adds classes of incidents and replaces those with the same code; incidents on file keep the limit they have.

    The columns are those of a profile's classes.csv (UTF-8 or GB 18030). All rows or none: raises `InvalidInput` with
    row and field for anything that can't be read, a limit above all, and `NotPermitted`.
    """
    principal.require(Permission.MANAGE_POLICY)
    with database.engine.begin() as connection:
        skills = {row.key: row.id for row in connection.execute(select(models.Skill.key, models.Skill.id))}
        classes = read_classes(path, skills)
        rows: list[dict[str, Any]] = [
            {
                "code": spec.code,
                "major_code": spec.major_code,
                "major_name": spec.major_name,
                "name": spec.name,
                "domain": spec.domain,
                "skills": list(spec.skills),
                "default_severity": spec.default_severity,
                "limit_amount": spec.limit.amount,
                "limit_clock": spec.limit.clock.value,
                "is_sensitive": spec.is_sensitive,
                "needs_check": spec.needs_check,
                "needs_photo": spec.needs_photo,
            }
            for spec in classes
        ]
        return _put(connection, models.IncidentClass, "code", rows)


def import_calendar(database: Database, principal: Principal, path: Path) -> TableImported:
    """Adds days that differ from their weekday and replaces those on file: holidays and worked weekends.

    Columns: day (YYYY-MM-DD), kind (holiday, workday), name. Deadlines that were reckoned already stay as they are.
    Raises like `import_classes`.
    """
    principal.require(Permission.MANAGE_POLICY)
    rows = [asdict(spec) for spec in read_days(path)]
    with database.engine.begin() as connection:
        return _put(connection, models.CalendarDay, "day", rows)


def _put(connection: Connection, model: type[models.Record], key: str, rows: list[dict[str, object]]) -> TableImported:
    if not rows:
        raise InvalidInput("the file has no rows", field="file")
    table = model.__table__
    column = table.c[key]
    known = select(func.count()).select_from(table).where(column.in_([row[key] for row in rows]))
    replaced = connection.scalar(known) or 0
    put = insert(model)
    others = {name: put.excluded[name] for name in rows[0] if name != key}
    connection.execute(put.on_conflict_do_update(index_elements=[column], set_=others), rows)
    return TableImported(added=len(rows) - replaced, replaced=replaced)

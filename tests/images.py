"""What the database holds of one incident, for comparing before and after."""

from __future__ import annotations

from sqlalchemy import text

from db.session import Database

_OF_AN_INCIDENT = {
    "incident": "SELECT t.xmin::text, t::text FROM incident AS t WHERE t.no = :no",
    **{
        table: f"""SELECT t.xmin::text, t::text FROM {table} AS t JOIN incident AS i ON i.id = t.incident_id
            WHERE i.no = :no ORDER BY t.id"""
        for table in ("incident_step", "assignment", "recommendation", "extension_request", "appeal", "photo")
    },
    "loads": """SELECT count(*), sum(load), max(xmin::text::bigint) FROM responder
        WHERE CAST(:no AS text) IS NOT NULL""",
}


def image(database: Database, no: str) -> dict[str, list[tuple[object, ...]]]:
    """The incident's rows with their writers, its history, those who were sent, and everybody's loads.

    An attempt that is refused leaves it as it was.
    """
    with database.engine.connect() as connection:
        return {
            name: [tuple(row) for row in connection.execute(text(statement), {"no": no})]
            for name, statement in _OF_AN_INCIDENT.items()
        }


def only_recommended(before: dict[str, list[tuple[object, ...]]], after: dict[str, list[tuple[object, ...]]]) -> bool:
    """Whether nothing differs but one recommendation more: what an attempt leaves by which nobody could be sent."""
    added = [row for row in after["recommendation"] if row not in before["recommendation"]]
    return len(added) == 1 and after == before | {"recommendation": [*before["recommendation"], *added]}

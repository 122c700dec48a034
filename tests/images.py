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


def endings(database: Database, no: str) -> list[tuple[int, str, str]]:
    """Slot, worker and status of every assignment that has ended, in their order."""
    with database.engine.connect() as connection:
        rows = connection.execute(
            text(
                """SELECT a.slot, w.code, a.status FROM assignment AS a JOIN incident AS i ON i.id = a.incident_id
                JOIN worker AS w ON w.id = a.worker_id WHERE i.no = :no AND a.ended_at IS NOT NULL ORDER BY a.id"""
            ),
            {"no": no},
        )
        return [(row.slot, row.code, row.status) for row in rows]


def shortfalls(database: Database, no: str) -> list[str]:
    """Why nobody was sent, of every recommendation that says so, oldest first."""
    with database.engine.connect() as connection:
        told = """SELECT r.shortfall FROM recommendation AS r JOIN incident AS i ON i.id = r.incident_id
            WHERE i.no = :no AND r.shortfall IS NOT NULL ORDER BY r.id"""
        return list(connection.scalars(text(told), {"no": no}))

"""Who was sent, as the sheet tells it: masked in the database itself."""

from __future__ import annotations

from sqlalchemy import text

from db import sheets
from db.session import Database
from governance.privacy import mask_name
from tests.people import DISPATCHER, VIEWER


def test_whoever_was_sent_is_told_and_masked_by_role(shared_county: Database):
    """All assignments in order, ended ones too; a viewer gets the same people with masked names."""
    most = text("SELECT i.no FROM assignment AS a JOIN incident AS i ON i.id = a.incident_id "
                "WHERE NOT i.is_sensitive GROUP BY i.no ORDER BY count(*) DESC, i.no LIMIT 1")  # fmt: skip
    with shared_county.session(DISPATCHER) as session:
        no = str(session.execute(most).scalar_one())
        full = sheets.sent_to(session, no)
    with shared_county.session(VIEWER) as session:
        masked = sheets.sent_to(session, no)
    assert full
    assert [row.dispatched_at for row in full] == sorted(row.dispatched_at for row in full)
    assert [row.worker_name for row in masked] == [mask_name(row.worker_name or "") for row in full]
    assert not {row.worker_name for row in full} & {row.worker_name for row in masked}

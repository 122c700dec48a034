from __future__ import annotations

from datetime import UTC, date, datetime

from sqlalchemy import text

from db import calendar
from db.session import Database
from governance.access import SYSTEM


def end_at(database: Database, *, now: datetime) -> date | None:
    with database.session(SYSTEM) as session:
        return calendar.holidays_end(session, now=now)


def test_the_holidays_end_with_the_year_that_is_known(shared_county: Database):
    """From sixty days before the last known year is over, by the county's own clock, the table is said to end."""
    last_evening = datetime(2026, 11, 1, 15, 59, tzinfo=UTC)
    assert end_at(shared_county, now=last_evening) is None
    assert end_at(shared_county, now=last_evening.replace(hour=16)) == date(2026, 12, 31)
    assert end_at(shared_county, now=datetime(2028, 5, 1, tzinfo=UTC)) == date(2026, 12, 31)


def test_a_county_without_holidays_is_not_warned(county: Database, now: datetime):
    """Who keeps no holidays has no table that could end."""
    with county.engine.begin() as connection:
        connection.execute(text("DELETE FROM calendar_day"))
    assert end_at(county, now=now) is None

"""One incident in a test's hands, and the people who have to do with it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from db import assignments, cases, handling, incidents
from db.cases import Incident
from db.incidents import Report
from db.session import Database
from db.steps import Particulars
from geo.errors import (
    GridCommandError,
)
from governance.access import Principal, Role
from governance.lifecycle import Action
from tests.images import image
from tests.people import DISPATCHER

OTHER = Principal(account="other", role=Role.DISPATCHER, display_name="另一位调度员")
ANYWHERE = Principal(account="everywhere", role=Role.OFFICER, display_name="干部")
THIRD = Principal(account="third", role=Role.ADMIN, display_name="第三人")
LON, LAT = 124.018, 45.005
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
AT_WORK = (Action.ACCEPT, Action.DISPATCH, Action.ARRIVE)


def facts(**given: Any) -> Report:
    return Report(**{"title": "积雪未清", "class_code": "0102", "lon": LON, "lat": LAT, "crs": "wgs84", **given})


class Case:
    """One incident of a limit of four urgent hours, and the hour that it is in its life."""

    def __init__(self, database: Database, now: datetime, **given: Any) -> None:
        self.database, self.began = database, now
        self.now = now
        self.no = incidents.report(database, DISPATCHER, facts(**given), now=now).no

    def get(self) -> Incident:
        with self.database.session(DISPATCHER) as session:
            return cases.get(session, self.no)

    def after(self, span: timedelta) -> Case:
        self.now += span
        return self

    def take(self, action: Action, *, by: Principal = DISPATCHER, **given: Any) -> Incident:
        """Takes a step; an opinion is given unless the test gives another."""
        if action is Action.DISPATCH:
            return assignments.dispatch(self.database, by, self.no, now=self.now)
        particulars = Particulars(**{"opinion": "已核", **given})
        return handling.advance(self.database, by, self.no, action, now=self.now, given=particulars)

    def walk(self, *actions: Action) -> Case:
        for action in actions:
            self.take(action)
        return self

    def refuses(self, error: type[GridCommandError], command: Callable[[], object]) -> Any:
        """The command raises, and of the attempt nothing is left."""
        before = image(self.database, self.no)
        with pytest.raises(error) as refusal:
            command()
        assert image(self.database, self.no) == before
        return refusal.value

from __future__ import annotations

from datetime import datetime

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from db import saved_filters
from db.saved_filters import LONGEST_NAME, LONGEST_QUERY, MOST
from db.session import Database
from geo.errors import Conflict, InvalidInput, NotFound
from governance.access import Principal
from tests.people import DISPATCHER, OFFICER, VIEWER


def names(database: Database, principal: Principal) -> dict[str, str]:
    with database.session(principal) as session:
        return {row.name: row.query for row in saved_filters.saved(session, "map")}


def keep(
    database: Database, who: Principal, name: str, query: str, *, now: datetime, is_replacing: bool = False
) -> int:
    return saved_filters.save(database, who, page="map", name=name, query=query, now=now, is_replacing=is_replacing).id


def test_what_is_saved_is_seen_by_its_account_alone(county: Database, now: datetime):
    """A filter comes back as it was saved, and nobody else sees, renames or deletes it."""
    mine = keep(county, OFFICER, "  夜间 供暖 ", "map_class=公用设施&in=220723003", now=now)

    assert names(county, OFFICER) == {"夜间 供暖": "map_class=公用设施&in=220723003"}
    assert names(county, DISPATCHER) == {}
    with pytest.raises(NotFound):
        saved_filters.rename(county, DISPATCHER, mine, name="我的")
    with pytest.raises(NotFound):
        saved_filters.remove(county, DISPATCHER, mine)


def test_the_database_refuses_a_filter_in_somebody_elses_name(county: Database, now: datetime):
    """Raw SQL under the application's role can't write another account's row."""
    stolen = text(
        "INSERT INTO saved_filter (owner, page, name, query, saved_at) VALUES ('officer', 'map', 'x', '', :now)"
    )
    with pytest.raises(ProgrammingError, match="row-level security"), county.session(VIEWER) as session:
        session.execute(stolen, {"now": now})


def test_a_name_is_taken_once_unless_it_is_replaced(county: Database, now: datetime):
    """Saving under a taken name is refused unless asked to replace. Two accounts may share one."""
    keep(county, OFFICER, "超期", "only_overdue=true", now=now)
    with pytest.raises(Conflict) as refused:
        keep(county, OFFICER, "超期", "show_workers=false", now=now)
    assert refused.value.facts["reason"] == "name_taken"
    assert names(county, OFFICER) == {"超期": "only_overdue=true"}

    keep(county, OFFICER, "超期", "show_workers=false", now=now, is_replacing=True)
    keep(county, DISPATCHER, "超期", "", now=now)

    assert names(county, OFFICER) == {"超期": "show_workers=false"}


def test_renaming_onto_a_taken_name_is_refused(county: Database, now: datetime):
    """A filter takes a free name, and keeps its own when the other is taken."""
    first = keep(county, OFFICER, "一", "", now=now)
    keep(county, OFFICER, "二", "", now=now)
    with pytest.raises(Conflict):
        saved_filters.rename(county, OFFICER, first, name="二")
    saved_filters.rename(county, OFFICER, first, name="三")

    assert set(names(county, OFFICER)) == {"二", "三"}


def test_what_was_removed_can_be_saved_again(county: Database, now: datetime):
    """Deleting answers the filter whole; a second time there is none."""
    ident = keep(county, OFFICER, "一", "q=1", now=now)
    removed = saved_filters.remove(county, OFFICER, ident)

    assert (removed.name, removed.query) == ("一", "q=1")
    assert names(county, OFFICER) == {}
    with pytest.raises(NotFound):
        saved_filters.remove(county, OFFICER, ident)


@pytest.mark.parametrize("name", ["", "   ", "字" * (LONGEST_NAME + 1), "a\x00b", "a\u200bb"])
def test_a_name_that_cannot_be_read_is_refused(county: Database, now: datetime, name: str):
    """Empty, too long, or with what nobody sees."""
    with pytest.raises(InvalidInput, match="characters"):
        keep(county, OFFICER, name, "", now=now)


def test_there_are_limits(county: Database, now: datetime):
    """Neither a query nor an account's list grows without end."""
    with pytest.raises(InvalidInput):
        keep(county, OFFICER, "长", "x" * (LONGEST_QUERY + 1), now=now)
    for number in range(MOST):
        keep(county, OFFICER, f"第 {number} 个", "", now=now)
    with pytest.raises(Conflict) as refused:
        keep(county, OFFICER, "再一个", "", now=now)
    assert refused.value.facts["reason"] == "too_many"
    keep(county, OFFICER, "第 0 个", "x=1", now=now, is_replacing=True)

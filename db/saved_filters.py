"""Filters that somebody saved under a name: for their own account, and seen by nobody else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from db import models
from db.session import Database
from geo.errors import Conflict, InvalidInput, NotFound
from governance.access import Permission, Principal

LONGEST_NAME = 30
LONGEST_QUERY = 2000
MOST = 50
"""Of one account and page."""

# Two windows of one account that save at once count one after the other.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtextextended('saved_filter ' || :owner, 0))")


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedFilter:
    """A name, and the query of the page's address that it stands for."""

    id: int
    name: str
    query: str


def saved(session: Session, page: str) -> list[SavedFilter]:
    """Those of the account that the session is for, by name."""
    kept = models.SavedFilter
    rows = session.execute(select(kept.id, kept.name, kept.query).where(kept.page == page).order_by(kept.name, kept.id))
    return [SavedFilter(id=row.id, name=row.name, query=row.query) for row in rows]


def save(
    database: Database,
    principal: Principal,
    *,
    page: str,
    name: str,
    query: str,
    now: datetime,
    is_replacing: bool = False,
) -> SavedFilter:
    """Keeps `query` under `name`, in place of what is there if `is_replacing`.

    Raises `Conflict` with the reason `name_taken`, or `too_many` from `MOST` on; `InvalidInput` for a name that is
    empty, too long or holds what nobody sees, and for a query that is too long.
    """
    principal.require(Permission.READ_LAYERS)
    name = _checked(name)
    if len(query) > LONGEST_QUERY:
        raise InvalidInput(f"a query has at most {LONGEST_QUERY} characters", field="query", longest=LONGEST_QUERY)
    kept = models.SavedFilter
    with database.session(principal) as session:
        session.execute(_ONE_AT_A_TIME, {"owner": principal.account})
        there = session.execute(
            select(func.count(), func.count().filter(kept.name == name)).where(kept.page == page)
        ).one()
        is_taken = bool(there[1])
        if is_taken and not is_replacing:
            raise Conflict(f"there is a filter {name!r}", reason="name_taken")
        if not is_taken and there[0] >= MOST:
            raise Conflict(f"an account has at most {MOST}", reason="too_many")
        values = {"owner": principal.account, "page": page, "name": name, "query": query, "saved_at": now}
        ident = session.scalars(
            insert(kept)
            .values(values)
            .on_conflict_do_update(index_elements=["owner", "page", "name"], set_={"query": query, "saved_at": now})
            .returning(kept.id)
        ).one()
    return SavedFilter(id=ident, name=name, query=query)


def rename(database: Database, principal: Principal, ident: int, *, name: str) -> None:
    """Gives a filter another name. Raises `NotFound`, and as `save` does."""
    principal.require(Permission.READ_LAYERS)
    name = _checked(name)
    kept = models.SavedFilter
    try:
        with database.session(principal) as session:
            changed = session.scalars(update(kept).where(kept.id == ident).values(name=name).returning(kept.id)).first()
            if changed is None:
                raise NotFound(f"there is no filter {ident}")
    except IntegrityError as error:
        raise Conflict(f"there is a filter {name!r}", reason="name_taken") from error


def remove(database: Database, principal: Principal, ident: int) -> SavedFilter:
    """Deletes a filter and answers what it was, so that it can be saved again. Raises `NotFound`."""
    principal.require(Permission.READ_LAYERS)
    kept = models.SavedFilter
    with database.session(principal) as session:
        row = session.execute(
            delete(kept).where(kept.id == ident).returning(kept.id, kept.name, kept.query)
        ).one_or_none()
    if row is None:
        raise NotFound(f"there is no filter {ident}")
    return SavedFilter(id=row.id, name=row.name, query=row.query)


def _checked(name: str) -> str:
    found = " ".join(name.split())
    if not found or len(found) > LONGEST_NAME or not found.isprintable():
        raise InvalidInput(f"a name has 1 to {LONGEST_NAME} printable characters", field="filter_name")
    return found

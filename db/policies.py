"""The versions of the dispatch policy: the newest is in force, older ones explain older dispatches."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from datetime import datetime
from threading import Lock
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, insert, select, text
from sqlalchemy.orm import Session

from db import models
from db.session import Database
from geo.errors import Conflict, InvalidInput, NotFound, UnknownCode
from governance import labels
from governance.access import Permission, Principal
from governance.policy import Card, Policy, Requirement, check_policy

CARD_COLUMNS = ("class_code", "line", *(field.name for field in fields(Requirement)))
_LOCK = 7_233
"""Advisory lock under which versions follow one another."""
_LONGEST_NOTE = 500

_NEWEST = text("SELECT id, made_at FROM dispatch_policy ORDER BY id DESC LIMIT 1")
_LAST: WeakKeyDictionary[Engine, tuple[tuple[Any, ...], Policy]] = WeakKeyDictionary()
"""By pool, the policy read last, under its number and its instant: a county loaded anew numbers from one again."""
_LAST_LOCK = Lock()


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """A version of the policy in a list."""

    id: int
    made_at: datetime
    made_by: str
    note: str


def policy_in_force(session: Session) -> Policy:
    """The newest policy. Raises `NotFound` while none is loaded.

    Versions never change (the database sees to that), so each process reads one once.
    """
    stamp = session.execute(_NEWEST).one_or_none()
    if stamp is None:
        raise NotFound("no dispatch policy is loaded")
    engine = session.get_bind().engine
    with _LAST_LOCK:
        known, found = _LAST.get(engine, (None, None))
    if found is None or known != tuple(stamp):
        found = policy(session, stamp.id)
        with _LAST_LOCK:
            _LAST[engine] = (tuple(stamp), found)
    return found


def policy(session: Session, version: int) -> Policy:
    """The policy as it was in that version. Raises `NotFound`."""
    row = session.get(models.DispatchPolicy, version)
    if row is None:
        raise NotFound(f"there is no policy {version}")
    return _policy(session, row)


def versions(session: Session, *, limit: int = 50) -> list[Version]:
    """The latest versions, newest first."""
    newest = select(models.DispatchPolicy).order_by(models.DispatchPolicy.id.desc()).limit(limit)
    return [
        Version(id=row.id, made_at=row.made_at, made_by=row.made_by, note=row.note) for row in session.scalars(newest)
    ]


def save(database: Database, principal: Principal, policy: Policy, *, note: str, now: datetime) -> Policy:
    """Puts a new version in force, made from the version `policy.id`.

    Raises `NotPermitted`, `InvalidInput` naming the field (and the row of a run card), `UnknownCode` for a pool, post,
    origin, skill or class that there isn't, and `Conflict` when somebody saved another version meanwhile.
    """
    principal.require(Permission.MANAGE_POLICY)
    check_policy(policy)
    if len(note) > _LONGEST_NOTE or "\x00" in note:
        raise InvalidInput(f"at most {_LONGEST_NOTE} characters", field="note")
    with database.session(principal) as session:
        session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        if policy_in_force(session).id != policy.id:
            raise Conflict("somebody saved another policy meanwhile", version=policy.id)
        _check_codes(session, policy)
        values = policy_values(replace(policy, note=note.strip()), made_by=principal.account, now=now)
        number = session.scalars(insert(models.DispatchPolicy).returning(models.DispatchPolicy.id), values).one()
        if policy.cards:
            session.execute(
                insert(models.RunCard).inline(), [{"policy_id": number, **line} for line in card_values(policy)]
            )
        return policy_in_force(session)


def policy_values(policy: Policy, *, made_by: str, now: datetime) -> dict[str, Any]:
    """The policy's own row, without its key."""
    row = {field.name: getattr(policy, field.name) for field in fields(Policy) if field.name not in {"id", "cards"}}
    return row | {"pools": sorted(policy.pools), "made_at": now, "made_by": made_by}


def card_values(policy: Policy) -> list[dict[str, Any]]:
    """The rows of its run cards, without the policy's key: the columns of `CARD_COLUMNS`."""
    return [
        {
            "class_code": code,
            "line": number,
            **{field.name: getattr(line, field.name) for field in fields(Requirement)},
            "posts": sorted(line.posts),
            "origins": sorted(line.origins),
            "pools": sorted(line.pools),
            "skills": None if line.skills is None else sorted(line.skills),
        }
        for code, card in sorted(policy.cards.items())
        for number, line in enumerate(card, start=1)
    ]


def _policy(session: Session, row: models.DispatchPolicy) -> Policy:
    lines = (
        select(models.RunCard)
        .where(models.RunCard.policy_id == row.id)
        .order_by(models.RunCard.class_code, models.RunCard.line)
    )
    cards: dict[str, Card] = {}
    for line in session.scalars(lines):
        cards[line.class_code] = (*cards.get(line.class_code, ()), _requirement(line))
    facts = {field.name: getattr(row, field.name) for field in fields(Policy) if field.name not in {"pools", "cards"}}
    return Policy(**facts, pools=frozenset(row.pools), cards=cards)


def _requirement(line: models.RunCard) -> Requirement:
    return Requirement(
        people=line.people,
        posts=frozenset(line.posts),
        origins=frozenset(line.origins),
        skills=None if line.skills is None else frozenset(line.skills),
        pools=frozenset(line.pools),
        cap=line.cap,
        max_distance_m=line.max_distance_m,
        freshness_s=line.freshness_s,
        rest_s=line.rest_s,
    )


def _check_codes(session: Session, policy: Policy) -> None:
    classes = set(session.scalars(select(models.IncidentClass.code)))
    skills = set(session.scalars(select(models.Skill.id)))
    asked: list[tuple[str, Iterable[Any], set[Any]]] = [
        ("class", set(policy.cards), classes),
        ("pools", policy.pools, set(labels.EMPLOYMENT)),
    ]
    for card in policy.cards.values():
        for line in card:
            asked += [
                ("pools", line.pools, set(labels.EMPLOYMENT)),
                ("posts", line.posts, set(labels.POST)),
                ("origins", line.origins, set(labels.ORIGIN)),
                ("skills", line.skills or frozenset(), skills),
            ]
    for field, wanted, known in asked:
        unknown = sorted(set(wanted) - known)
        if unknown:
            raise UnknownCode(f"{field} has no {unknown[0]}", field=field)

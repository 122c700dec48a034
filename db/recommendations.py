"""Recommendations kept beside what was made of them: whom the rules proposed, and why places stayed empty."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import insert, text
from sqlalchemy.orm import Session

from db import models
from db.candidates import Line, Recommendation
from db.session import Database
from db.sql import statement
from geo.errors import NobodyEligible
from governance.access import Principal
from governance.dispatch import Ranked, Shortfall, shortfall_of

_NAMES = text("SELECT code, mask_name(full_name) AS name FROM worker WHERE code = ANY (:codes) ORDER BY code")


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptCandidate:
    """A candidate as it stood then, of one `line` of the run card; `worker_name` is masked, "" out of scope."""

    line: int
    rank: int
    worker: str
    worker_name: str
    ring: str
    distance_m: float
    eta_s: int | None
    is_estimated: bool
    load: int
    position: str
    age_s: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptShortfall:
    """A line of the run card with places that stayed empty, why, and how many each rule kept out."""

    line: int
    missing: int
    shortfall: str
    excluded: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A recommendation as it was made, by which version of the policy; `sent` are the codes of those whom it sent.

    `shortfall` says why nobody was sent by it, None when somebody was.
    """

    made_at: datetime
    made_for: str
    policy_id: int
    candidates: tuple[KeptCandidate, ...]
    excluded: Mapping[str, int]
    shortfall: str | None
    shortfalls: tuple[KeptShortfall, ...]
    sent: tuple[str, ...]


class Nobody(NobodyEligible):
    """Nobody could be claimed for a line; carries the recommendation, which is kept though the command is undone."""

    def __init__(self, incident_id: int, recommendation: Recommendation, number: int, *, missing: int) -> None:
        line = recommendation.lines[number - 1]
        super().__init__(
            f"nobody can be sent to {recommendation.no}",
            no=recommendation.no,
            shortfall=shortfall_with(line),
            excluded=_counts(line),
        )
        self.incident_id = incident_id
        self.recommendation = recommendation
        self.number = number
        self.missing = missing


@contextmanager
def attempting(database: Database, principal: Principal) -> Iterator[Session]:
    """A transaction that sends. When nobody fits it is undone, and the recommendation kept in one of its own.

    Raises what is raised inside.
    """
    try:
        with database.session(principal) as session:
            yield session
    except Nobody as nobody:
        with database.session(principal) as session:
            keep_unmet(session, principal, nobody)
        raise


def keep(
    session: Session,
    principal: Principal,
    incident_id: int,
    recommendation: Recommendation,
    claimed: Mapping[int, Ranked] | None,
) -> int:
    """Keeps the whole recommendation; its id. `claimed` by slot tells which lines stayed short; None: one was asked."""
    shortfalls: list[dict[str, Any]] = []
    if claimed is not None:
        crew = frozenset(entry.candidate.worker_id for entry in claimed.values())
        slot = 0
        for number, line in enumerate(recommendation.lines, start=1):
            slots = range(slot + 1, slot + line.rules.people + 1)
            slot += line.rules.people
            missing = sum(place not in claimed for place in slots)
            if missing:
                shortfalls.append(_short(number, missing, line, crew))
    lines = dict(enumerate(recommendation.lines, start=1))
    lead = recommendation.ranking.shortfall
    return _insert(session, principal, incident_id, recommendation, lines, shortfall=lead, shortfalls=shortfalls)


def keep_unmet(session: Session, principal: Principal, nobody: Nobody) -> int:
    """Keeps a recommendation by which nobody was sent, as far as it was asked for: the one line, and why it failed."""
    line = nobody.recommendation.lines[nobody.number - 1]
    return _insert(
        session,
        principal,
        nobody.incident_id,
        nobody.recommendation,
        {nobody.number: line},
        shortfall=shortfall_with(line),
        shortfalls=[_short(nobody.number, nobody.missing, line)],
    )


def shortfall_with(line: Line, crew: frozenset[int] = frozenset()) -> Shortfall:
    """Why places of the line stay empty though the `crew` (worker ids) goes.

    Where all who were ranked go, it is what kept out the rest; where some of them don't, others were faster.
    """
    if line.ranking.shortfall is not None:
        return line.ranking.shortfall
    if all(entry.candidate.worker_id in crew for entry in line.ranking.ranked):
        return shortfall_of(line.ranking.excluded)
    return Shortfall.ALL_AT_CAP


def of_incident(session: Session, no: str, *, limit: int = 100) -> list[Kept]:
    """The latest recommendations of the incident, newest first; none where the caller may not see it."""
    rows = session.execute(statement("recommendations"), {"no": no, "limit": limit}).all()
    codes = sorted({entry["worker"] for row in rows for entry in row.candidates})
    names = {row.code: row.name for row in session.execute(_NAMES, {"codes": codes})}
    return [
        Kept(
            made_at=row.made_at,
            made_for=row.made_for,
            policy_id=row.policy_id,
            candidates=tuple(_candidate(entry, names) for entry in row.candidates),
            excluded=row.excluded,
            shortfall=row.shortfall,
            shortfalls=tuple(KeptShortfall(**entry) for entry in row.shortfalls),
            sent=tuple(row.sent),
        )
        for row in rows
    ]


def _insert(
    session: Session,
    principal: Principal,
    incident_id: int,
    recommendation: Recommendation,
    lines: Mapping[int, Line],
    *,
    shortfall: Shortfall | None,
    shortfalls: list[dict[str, Any]],
) -> int:
    """One row; the counts are those of the first of the lines."""
    return session.scalars(
        insert(models.Recommendation).returning(models.Recommendation.id),
        {
            "incident_id": incident_id,
            "policy_id": recommendation.policy.id,
            "made_at": recommendation.made_at,
            "made_for": principal.account,
            "candidates": [_stored(entry, number) for number, line in lines.items() for entry in line.ranking.ranked],
            "excluded": _counts(next(iter(lines.values()))),
            "shortfall": shortfall,
            "shortfalls": shortfalls,
        },
    ).one()


def _stored(ranked: Ranked, line: int) -> dict[str, Any]:
    """A candidate as JSON: no name, which stays where it can be corrected."""
    candidate = ranked.candidate
    return {
        "line": line,
        "rank": ranked.rank,
        "worker": candidate.code,
        "ring": ranked.ring.name.lower(),
        "distance_m": round(candidate.distance_m, 1),
        "eta_s": ranked.eta_s,
        "is_estimated": ranked.is_estimated,
        "load": candidate.load,
        "position": ranked.position,
        "age_s": ranked.age_s,
    }


def _candidate(entry: Mapping[str, Any], names: Mapping[str, str]) -> KeptCandidate:
    return KeptCandidate(**entry, worker_name=names.get(entry["worker"], ""))


def _counts(line: Line) -> dict[str, int]:
    return {reason.value: number for reason, number in line.ranking.excluded.items()}


def _short(number: int, missing: int, line: Line, crew: frozenset[int] = frozenset()) -> dict[str, Any]:
    reason = shortfall_with(line, crew)
    return {"line": number, "missing": missing, "shortfall": reason, "excluded": _counts(line)}

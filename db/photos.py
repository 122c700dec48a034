"""Photos of incidents: rows that only grow, and the pictures themselves under their hash in the data folder."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from tempfile import NamedTemporaryFile

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from db import models
from db.pictures import Picture, develop, digest
from db.session import Database
from db.steps import lock
from geo.errors import Conflict, Damaged, InvalidInput, NotFound
from governance.access import Permission, Principal
from governance.photo import NOTE_LIMIT, Phase, check_addition

FOLDER = "photos"
"""Where the pictures lie in the data folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """What is known of a photo: its hash and size as it is kept, who added it and when."""

    id: int
    phase: Phase
    sha256: str
    width: int
    height: int
    byte_count: int
    taken_by: str
    taken_by_name: str
    added_at: datetime
    note: str

    @classmethod
    def of(cls, row: models.Photo) -> Photo:
        """The photo of a row."""
        known = {field.name: getattr(row, field.name) for field in fields(cls)}
        return cls(**known | {"phase": Phase(row.phase)})


def add(
    database: Database,
    principal: Principal,
    no: str,
    *,
    phase: str,
    content: bytes,
    folder: Path,
    now: datetime,
    note: str = "",
) -> Photo:
    """Adds a photo to the incident: read by its content, made anew, kept under `folder`, then told to the database.

    Raises `NotPermitted`, `NotFound`, `InvalidInput` (field `photo` with the fact `fault`, `phase` or `note`), and
    `Conflict` when the incident has this very photo already or is finished.
    """
    principal.require(Permission.ADVANCE_INCIDENT)
    if phase not in set(Phase):
        raise InvalidInput(f"phase is one of {', '.join(Phase)}", field="phase")
    note = note.strip()
    if len(note) > NOTE_LIMIT or "\x00" in note:
        raise InvalidInput(f"at most {NOTE_LIMIT} characters, without NUL", field="note")
    picture = develop(content)  # before the lock: it takes a tenth of a second
    with database.session(principal) as session:
        incident = lock(session, no)
        if not incident.is_open:
            raise Conflict(f"{no} is finished", reason="finished")
        kept = session.execute(
            select(models.Photo.phase, models.Photo.sha256).where(models.Photo.incident_id == incident.id)
        )
        check_addition([(row.phase, row.sha256) for row in kept], Phase(phase), picture.sha256)
        # First the file: a row without its picture would be worse than a picture that no row knows.
        _keep(folder, picture)
        row = session.scalars(
            insert(models.Photo)
            .values(
                incident_id=incident.id,
                phase=Phase(phase),
                sha256=picture.sha256,
                width=picture.width,
                height=picture.height,
                byte_count=len(picture.jpeg),
                taken_by=principal.account,
                taken_by_name=principal.display_name,
                added_at=now,
                note=note,
            )
            .returning(models.Photo)
        ).one()
        return Photo.of(row)


def of_incident(session: Session, no: str) -> list[Photo]:
    """The incident's photos in the order they were added. Raises `NotFound` when absent or out of scope."""
    incident_id = session.scalars(select(models.Incident.id).where(models.Incident.no == no)).one_or_none()
    if incident_id is None:
        raise NotFound(f"there is no incident {no}", no=no)
    rows = session.scalars(
        select(models.Photo).where(models.Photo.incident_id == incident_id).order_by(models.Photo.id)
    )
    return [Photo.of(row) for row in rows]


def get(session: Session, no: str, photo_id: int) -> Photo:
    """One photo of the incident. Raises `NotFound` when there is none or it lies out of scope."""
    row = session.scalars(
        select(models.Photo)
        .join(models.Incident, models.Incident.id == models.Photo.incident_id)
        .where(models.Incident.no == no, models.Photo.id == photo_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"incident {no} has no photo {photo_id}", no=no)
    return Photo.of(row)


def read(session: Session, folder: Path, no: str, photo_id: int) -> bytes:
    """The photo's JPEG. Raises `NotFound`, and `Damaged` when the file isn't the one that was kept."""
    return picture_of(folder, get(session, no, photo_id))


def picture_of(folder: Path, photo: Photo) -> bytes:
    """The JPEG of a photo that the caller was allowed to see. Raises `Damaged`."""
    try:
        jpeg = _place(folder, photo.sha256).read_bytes()
    except FileNotFoundError as error:
        raise Damaged(f"photo {photo.id} is missing", photo=photo.id) from error
    if digest(jpeg) != photo.sha256:
        raise Damaged(f"photo {photo.id} was changed on disk", photo=photo.id)
    return jpeg


def has(session: Session, incident_id: int, phase: Phase, *, since: datetime | None = None) -> bool:
    """Whether the incident has a photo of the phase, added after `since` where that is given."""
    found = select(models.Photo.id).where(models.Photo.incident_id == incident_id, models.Photo.phase == phase)
    if since is not None:
        found = found.where(models.Photo.added_at > since)
    return session.scalars(found.limit(1)).one_or_none() is not None


def _place(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / f"{sha256}.jpg"


def _keep(folder: Path, picture: Picture) -> None:
    """Writes the picture whole or not at all; one that is there is left alone, one that was damaged put right."""
    place = _place(folder, picture.sha256)
    if place.is_file() and digest(place.read_bytes()) == picture.sha256:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=place.parent, prefix=".", suffix=".part", delete=False) as file:
        try:
            file.write(picture.jpeg)
            file.flush()
            os.fsync(file.fileno())
            Path(file.name).replace(place)
        except OSError:
            Path(file.name).unlink(missing_ok=True)
            raise

"""Photos of incidents; the pictures themselves lie in the data folder, under their hash."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, Integer, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from db.models.record import Record, identity, one_of
from governance.photo import Phase


class Photo(Record):
    """A photo of an incident, never changed: `sha256` is of the JPEG as it is kept."""

    __tablename__ = "photo"
    __table_args__ = (
        one_of("phase", Phase),
        CheckConstraint("sha256 ~ '^[0-9a-f]{64}$'", name="sha256"),
        CheckConstraint("width > 0 AND height > 0 AND byte_count > 0", name="size"),
        UniqueConstraint("incident_id", "sha256"),
    )

    id: Mapped[int] = identity()
    incident_id: Mapped[int] = mapped_column(ForeignKey("incident.id"))
    phase: Mapped[str]
    sha256: Mapped[str]
    width: Mapped[int] = mapped_column(Integer)
    height: Mapped[int] = mapped_column(Integer)
    byte_count: Mapped[int] = mapped_column(Integer)
    taken_by: Mapped[str]
    taken_by_name: Mapped[str]
    added_at: Mapped[datetime]
    note: Mapped[str]

"""Accounts, logins and tokens. Secrets are kept as hashes only."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import CheckConstraint, ForeignKey, UniqueConstraint
from sqlalchemy.dialects.postgresql import BYTEA
from sqlalchemy.orm import Mapped, mapped_column

from db.models.record import Record, identity, one_of
from governance.access import Role

LOGIN_ROLES = tuple(role for role in Role if role is not Role.SYSTEM)


class Account(Record):
    """A login: its role and the grid code whose subtree it may see."""

    __tablename__ = "account"
    __table_args__ = (
        one_of("role", LOGIN_ROLES),
        CheckConstraint("grid_prefix ~ '^[0-9]*$'", name="grid_prefix"),
    )

    id: Mapped[int] = identity()
    username: Mapped[str] = mapped_column(unique=True)
    display_name: Mapped[str]
    password_hash: Mapped[str]
    role: Mapped[str]
    grid_prefix: Mapped[str]
    is_active: Mapped[bool]
    is_demo: Mapped[bool]
    created_at: Mapped[datetime]


class LoginSession(Record):
    """A login that lasts until `expires_at`; the cookie's secret is kept as its SHA-256."""

    __tablename__ = "login_session"

    id: Mapped[int] = identity()
    secret_hash: Mapped[bytes] = mapped_column(BYTEA, unique=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]


class ApiToken(Record):
    """A bearer token for a program; shown once, kept as its SHA-256."""

    __tablename__ = "api_token"
    __table_args__ = (one_of("role", LOGIN_ROLES), CheckConstraint("grid_prefix ~ '^[0-9]*$'", name="grid_prefix"))

    id: Mapped[int] = identity()
    name: Mapped[str]
    secret_hash: Mapped[bytes] = mapped_column(BYTEA, unique=True)
    role: Mapped[str]
    grid_prefix: Mapped[str]
    created_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class SavedFilter(Record):
    """What an account narrows a page by, under a name: the query of the page's address. Nobody else sees it."""

    __tablename__ = "saved_filter"
    __table_args__ = (
        CheckConstraint("length(page) BETWEEN 1 AND 30", name="page"),
        CheckConstraint("length(name) BETWEEN 1 AND 30 AND name = btrim(name)", name="name"),
        CheckConstraint("length(query) <= 2000", name="query"),
        UniqueConstraint("owner", "page", "name"),
    )

    id: Mapped[int] = identity()
    owner: Mapped[str] = mapped_column(ForeignKey("account.username", ondelete="CASCADE"))
    page: Mapped[str]
    name: Mapped[str]
    query: Mapped[str]
    saved_at: Mapped[datetime]

"""Logins and tokens: who somebody is. Only hashes of secrets are kept."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from db.models import Account, ApiToken, Grid, LoginSession
from db.session import Database
from geo.errors import Conflict, InvalidInput, NotAuthenticated, UnknownCode
from governance.access import SYSTEM, Permission, Principal, Role

_HASHER = PasswordHasher()
_SHORTEST_PASSWORD = 8
TOKEN_PREFIX = "gc_"  # noqa: S105  marks a token of this product in a log or a leak scan


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAccount:
    """An account of the demo county; its password is public."""

    username: str
    password: str
    role: Role
    grid_prefix: str
    display_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountRow:
    """An account without its secret."""

    username: str
    display_name: str
    role: Role
    grid_prefix: str
    is_active: bool


def demo_accounts(street: str, street_name: str) -> tuple[DemoAccount, ...]:
    """The five demo accounts, the officer bound to the street grid `street`."""
    password = "demo-1234"  # noqa: S105  public, and for demo data only
    return tuple(
        DemoAccount(username=name, password=password, role=role, grid_prefix=prefix, display_name=shown)
        for name, role, prefix, shown in (
            ("wall", Role.VIEWER, "", "指挥大屏"),
            ("officer", Role.OFFICER, street, f"{street_name}干部"),
            ("planner", Role.PLANNER, "", "规划员"),
            ("dispatcher", Role.DISPATCHER, "", "指挥调度员"),
            ("admin", Role.ADMIN, "", "系统管理员"),
        )
    )


def create_demo(database: Database, *, now: datetime) -> tuple[DemoAccount, ...]:
    """Makes the demo accounts; the officer belongs to the last street (Rusong, in Qian'an). Safe to repeat."""
    with database.session(SYSTEM) as session:
        accounts = demo_of(session)
        for account in accounts:
            session.execute(
                insert(Account)
                .values(
                    username=account.username,
                    display_name=account.display_name,
                    password_hash=_HASHER.hash(account.password),
                    role=account.role,
                    grid_prefix=account.grid_prefix,
                    is_active=True,
                    is_demo=True,
                    created_at=now,
                )
                .on_conflict_do_nothing(index_elements=["username"])
            )
    return accounts


def demo_of(session: Session) -> tuple[DemoAccount, ...]:
    """The demo accounts as they fit this county."""
    street = session.execute(
        select(Grid.code, Grid.name).where(Grid.level == "street").order_by(Grid.code.desc())
    ).first()
    return demo_accounts(street.code, street.name) if street else demo_accounts("", "")


def create_account(
    database: Database,
    principal: Principal,
    *,
    username: str,
    password: str,
    display_name: str,
    role: Role,
    grid_prefix: str,
    now: datetime,
) -> None:
    """Makes a login. Raises `NotPermitted`, `InvalidInput` (a short password), `UnknownCode`, `Conflict` (taken)."""
    principal.require(Permission.MANAGE_ACCOUNTS)
    if not username.strip():
        raise InvalidInput("an account needs a name", field="username")
    if len(password) < _SHORTEST_PASSWORD:
        raise InvalidInput(f"a password has at least {_SHORTEST_PASSWORD} characters", field="password")
    with database.session(principal) as session:
        _require_scope(session, grid_prefix)
        made = session.execute(
            insert(Account)
            .values(
                username=username,
                display_name=display_name,
                password_hash=_HASHER.hash(password),
                role=role,
                grid_prefix=grid_prefix,
                is_active=True,
                is_demo=False,
                created_at=now,
            )
            .on_conflict_do_nothing(index_elements=["username"])
            .returning(Account.id)
        ).one_or_none()
    if made is None:
        raise Conflict(f"there is an account {username} already", username=username)


def accounts(session: Session) -> list[AccountRow]:
    """Every account, by name; empty for whoever may not manage them."""
    rows = session.scalars(select(Account).order_by(Account.username))
    return [
        AccountRow(
            username=row.username,
            display_name=row.display_name,
            role=Role(row.role),
            grid_prefix=row.grid_prefix,
            is_active=row.is_active,
        )
        for row in rows
    ]


def set_active(database: Database, principal: Principal, username: str, *, is_active: bool) -> None:
    """Opens or closes an account; closing ends its logins. Raises `NotPermitted`, `UnknownCode`."""
    principal.require(Permission.MANAGE_ACCOUNTS)
    with database.session(principal) as session:
        account_id = session.scalars(
            update(Account).where(Account.username == username).values(is_active=is_active).returning(Account.id)
        ).one_or_none()
        if account_id is None:
            raise UnknownCode(f"there is no account {username}", field="username")
        if not is_active:
            session.execute(delete(LoginSession).where(LoginSession.account_id == account_id))


def login(database: Database, username: str, password: str, *, now: datetime, hours: int) -> tuple[str, Principal]:
    """A secret for the cookie, good for `hours`, and who it stands for. Raises `NotAuthenticated`."""
    with database.session(SYSTEM) as session:
        account = session.scalars(select(Account).where(Account.username == username)).one_or_none()
        try:
            _HASHER.verify(account.password_hash if account else _nobody(), password)
        except (VerificationError, InvalidHashError) as error:
            raise NotAuthenticated("the name or the password is wrong") from error
        if account is None or not account.is_active:
            raise NotAuthenticated("the name or the password is wrong")
        if _HASHER.check_needs_rehash(account.password_hash):
            account.password_hash = _HASHER.hash(password)
        secret = secrets.token_urlsafe(32)
        session.execute(delete(LoginSession).where(LoginSession.expires_at < now))
        session.add(
            LoginSession(
                secret_hash=_digest(secret),
                account_id=account.id,
                created_at=now,
                expires_at=now + timedelta(hours=hours),
            )
        )
        return secret, _principal(account)


def principal_of_login(database: Database, secret: str, *, now: datetime) -> Principal | None:
    """Whom the cookie's secret stands for, or None when it is unknown or has ended."""
    with database.session(SYSTEM) as session:
        account = session.scalars(
            select(Account)
            .join(LoginSession, LoginSession.account_id == Account.id)
            .where(LoginSession.secret_hash == _digest(secret), LoginSession.expires_at > now, Account.is_active)
        ).one_or_none()
        return _principal(account) if account else None


def logout(database: Database, secret: str) -> None:
    """Ends a login; nothing happens when it has ended already."""
    with database.session(SYSTEM) as session:
        session.execute(delete(LoginSession).where(LoginSession.secret_hash == _digest(secret)))


def create_token(
    database: Database, principal: Principal, *, name: str, role: Role, grid_prefix: str, now: datetime
) -> str:
    """A bearer token for a program, shown this once. Raises `NotPermitted`, `InvalidInput`, `UnknownCode`."""
    principal.require(Permission.MANAGE_ACCOUNTS)
    if role is Role.SYSTEM:
        raise InvalidInput("system is no role of a token", field="role")
    secret = TOKEN_PREFIX + secrets.token_urlsafe(32)
    with database.session(principal) as session:
        _require_scope(session, grid_prefix)
        session.add(
            ApiToken(name=name, secret_hash=_digest(secret), role=role, grid_prefix=grid_prefix, created_at=now)
        )
    return secret


def revoke_token(database: Database, principal: Principal, name: str, *, now: datetime) -> int:
    """Ends every token of that name; how many there were. Raises `NotPermitted`."""
    principal.require(Permission.MANAGE_ACCOUNTS)
    with database.session(principal) as session:
        ended = update(ApiToken).where(ApiToken.name == name, ApiToken.revoked_at.is_(None)).values(revoked_at=now)
        return len(session.scalars(ended.returning(ApiToken.id)).all())


def principal_of_token(database: Database, secret: str) -> Principal | None:
    """Whom a bearer token stands for, or None when it is unknown or revoked."""
    with database.session(SYSTEM) as session:
        token = session.scalars(
            select(ApiToken).where(ApiToken.secret_hash == _digest(secret), ApiToken.revoked_at.is_(None))
        ).one_or_none()
        if token is None:
            return None
        return Principal(
            account=f"token:{token.name}",
            role=Role(token.role),
            grid_prefix=token.grid_prefix,
            display_name=token.name,
        )


def _principal(account: Account) -> Principal:
    return Principal(
        account=account.username,
        role=Role(account.role),
        grid_prefix=account.grid_prefix,
        display_name=account.display_name,
    )


def _require_scope(session: Session, grid_prefix: str) -> None:
    if grid_prefix and not session.scalar(select(Grid.id).where(Grid.code == grid_prefix)):
        raise UnknownCode(f"there is no grid {grid_prefix}", field="grid")


@cache
def _nobody() -> str:
    """Verified in place of an unknown account's hash, so that both take as long."""
    return _HASHER.hash(secrets.token_urlsafe())


def _digest(secret: str) -> bytes:
    """Secrets are 256 random bits, so one round of SHA-256 keeps them."""
    return hashlib.sha256(secret.encode()).digest()

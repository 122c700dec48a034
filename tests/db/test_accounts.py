"""Logins and tokens: who is let in, for how long, and as whom."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from sqlalchemy import text

from db import accounts
from db.session import Database
from geo.errors import Conflict, InvalidInput, NotAuthenticated, NotPermitted, UnknownCode
from governance.access import SYSTEM, Role
from tests.people import DISPATCHER, RUSONG

PASSWORD = "demo-1234"


def test_a_login_lasts_until_it_ends(county: Database, now: datetime):
    """The cookie's secret stands for the account until logout or its hour."""
    secret, principal = accounts.login(county, "officer", PASSWORD, now=now, hours=8)
    assert (principal.role, principal.grid_prefix) == (Role.OFFICER, RUSONG)
    assert accounts.principal_of_login(county, secret, now=now + timedelta(hours=7)) == principal
    assert accounts.principal_of_login(county, secret, now=now + timedelta(hours=8)) is None
    accounts.logout(county, secret)
    assert accounts.principal_of_login(county, secret, now=now) is None


@pytest.mark.parametrize(
    ("username", "password"), [("officer", "wrong"), ("nobody", PASSWORD), ("", ""), ("officer", "")]
)
def test_a_wrong_login_is_refused_alike(county: Database, now: datetime, username: str, password: str):
    """A wrong name and a wrong password read the same."""
    with pytest.raises(NotAuthenticated, match="the name or the password is wrong"):
        accounts.login(county, username, password, now=now, hours=1)


def test_closing_an_account_ends_its_logins(county: Database, now: datetime):
    """Who is shut out is out at once, and can't come back."""
    secret, _ = accounts.login(county, "officer", PASSWORD, now=now, hours=8)
    accounts.set_active(county, SYSTEM, "officer", is_active=False)
    assert accounts.principal_of_login(county, secret, now=now) is None
    with pytest.raises(NotAuthenticated):
        accounts.login(county, "officer", PASSWORD, now=now, hours=8)


def test_no_secret_is_kept(county: Database, now: datetime):
    """Neither password, cookie nor token stands anywhere in the database."""
    cookie, _ = accounts.login(county, "officer", PASSWORD, now=now, hours=8)
    token = accounts.create_token(county, SYSTEM, name="t", role=Role.OFFICER, grid_prefix=RUSONG, now=now)
    with county.engine.connect() as connection:
        kept = "".join(
            str(row)
            for table in ("account", "login_session", "api_token")
            for row in connection.execute(text(f"SELECT to_jsonb(t) FROM {table} AS t"))
        )
    assert not [secret for secret in (PASSWORD, cookie, token) if secret in kept]
    assert "$argon2id$" in kept


def test_a_token_stands_for_its_role_until_revoked(county: Database, now: datetime):
    """A program's token has role and scope, and dies when it is revoked."""
    token = accounts.create_token(county, SYSTEM, name="feed", role=Role.DISPATCHER, grid_prefix="", now=now)
    principal = accounts.principal_of_token(county, token)
    assert principal is not None
    assert (principal.role, principal.account) == (Role.DISPATCHER, "token:feed")
    assert accounts.revoke_token(county, SYSTEM, "feed", now=now) == 1
    assert accounts.principal_of_token(county, token) is None


def test_accounts_are_the_administrators_matter(county: Database, now: datetime):
    """Nobody else makes, closes or even sees accounts."""
    with pytest.raises(NotPermitted):
        accounts.create_token(county, DISPATCHER, name="x", role=Role.ADMIN, grid_prefix="", now=now)
    with pytest.raises(NotPermitted):
        accounts.set_active(county, DISPATCHER, "admin", is_active=False)
    with county.session(DISPATCHER) as session:
        assert accounts.accounts(session) == []
    with county.session(SYSTEM) as session:
        assert [row.username for row in accounts.accounts(session)] == [
            "admin",
            "dispatcher",
            "officer",
            "planner",
            "wall",
        ]


def test_a_new_account_is_checked(county: Database, now: datetime):
    """A short password, a grid that doesn't exist and a taken name are refused by name."""

    def make(**given: str) -> None:
        facts = {"username": "new", "password": "long enough", "grid_prefix": "", **given}
        accounts.create_account(county, SYSTEM, display_name="新", role=Role.OFFICER, now=now, **facts)

    with pytest.raises(InvalidInput) as short:
        make(password="short")
    with pytest.raises(UnknownCode) as nowhere:
        make(grid_prefix="999999999")
    assert (short.value.field, nowhere.value.field) == ("password", "grid")
    make()
    with pytest.raises(Conflict):
        make()

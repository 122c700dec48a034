"""Who asks: a bearer token or the login cookie becomes a principal before anything of the request is read."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, cast
from urllib.parse import urlsplit

from fastapi import Depends, Request, Response
from fastapi.routing import APIRoute
from starlette.concurrency import run_in_threadpool

import db.accounts
from api.problems import Refusal
from geo.errors import NotAuthenticated
from governance.access import Permission, Principal

if TYPE_CHECKING:
    from api.context import Context

COOKIE = "gridcommand_login"
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_SECRET_LIMIT = 512


def context_of(request: Request) -> Context:
    """The context that the application was built with."""
    return cast("Context", request.app.state.context)


def bearer_secret(request: Request) -> str | None:
    """The token of `Authorization: Bearer …`; None without that header."""
    header = request.headers.get("authorization")
    if header is None:
        return None
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise NotAuthenticated("Authorization takes: Bearer TOKEN")
    return secret.strip()


def is_own_origin(request: Request) -> bool | None:
    """Whether the request comes from one of our own pages; None when the client doesn't say."""
    origin = request.headers.get("origin")
    if origin is not None:
        return urlsplit(origin).netloc.lower() == request.headers.get("host", "").lower() != ""
    site = request.headers.get("sec-fetch-site")
    return None if site is None else site == "same-origin"


def known_secret(text: str | None) -> str | None:
    """`text` when it may be a secret that was handed out; the database isn't asked about anything else."""
    if not text or len(text) > _SECRET_LIMIT or not text.isascii() or not text.isprintable():
        return None
    return text


def authenticate(request: Request) -> Principal:
    """The principal behind the request's token or login; a token goes before a cookie.

    Raises `NotAuthenticated` without either or with one that has ended, and `Refusal` when a cookie comes with a
    change from a foreign page.
    """
    context = context_of(request)
    token = bearer_secret(request)
    secret = known_secret(request.cookies.get(COOKIE) if token is None else token)
    principal = None
    if secret is not None and token is not None:
        principal = db.accounts.principal_of_token(context.database, secret)
    elif secret is not None:
        principal = db.accounts.principal_of_login(context.database, secret, now=context.clock())
    if principal is None:
        raise NotAuthenticated("no login or token, or one that has ended")
    if token is None and request.method not in _SAFE_METHODS and is_own_origin(request) is not True:
        raise Refusal("foreign_origin")
    return principal


class GuardedRoute(APIRoute):
    """A route that nobody passes without a principal, and whose body isn't read before."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The route's handler behind the guard."""
        answer = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            request.state.principal = await run_in_threadpool(self.admit, request)
            return await answer(request)

        return guarded

    @staticmethod
    def admit(request: Request) -> Principal:
        """Who asks. Raises as `authenticate` does."""
        return authenticate(request)


class LayerRoute(GuardedRoute):
    """A guarded route for what maps fetch in pieces: who was let in a moment ago isn't looked up again."""

    @staticmethod
    def admit(request: Request) -> Principal:
        """Who asks, as of a moment ago where only reading is asked for."""
        token = bearer_secret(request)
        secret = known_secret(request.cookies.get(COOKIE) if token is None else token)
        if secret is None or request.method not in _SAFE_METHODS:
            return authenticate(request)
        return context_of(request).passes.principal(secret, lambda: authenticate(request))

    @staticmethod
    def known(request: Request) -> Principal | None:
        """Who asks, if that is known without asking the database."""
        token = bearer_secret(request)
        secret = known_secret(request.cookies.get(COOKIE) if token is None else token)
        if secret is None or request.method not in _SAFE_METHODS:
            return None
        return context_of(request).passes.known(secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks, of what, and when."""

    context: Context
    principal: Principal
    now: datetime

    def session(self) -> AbstractContextManager[Any]:
        """A transaction that sees what the caller may see."""
        return self.context.database.session(self.principal)

    @property
    def reads_personal(self) -> bool:
        """Whether the caller's role needs names and phones in full."""
        return self.principal.may(Permission.READ_PERSONAL)


def permitted(permission: Permission) -> Callable[[Request], Coroutine[Any, Any, Caller]]:
    """A dependency: the caller, after `NotPermitted` for those whose role may not."""

    async def caller(request: Request) -> Caller:
        return caller_of(request, permission)

    return caller


def caller_of(request: Request, permission: Permission) -> Caller:
    """Who was let in. Raises `NotPermitted` for those whose role may not."""
    context = context_of(request)
    principal: Principal = request.state.principal
    principal.require(permission)
    return Caller(context=context, principal=principal, now=context.clock())


Reader = Annotated[Caller, Depends(permitted(Permission.READ_LAYERS))]
PersonalReader = Annotated[Caller, Depends(permitted(Permission.READ_PERSONAL))]
Exporter = Annotated[Caller, Depends(permitted(Permission.EXPORT_LAYERS))]
Reporter = Annotated[Caller, Depends(permitted(Permission.REPORT_INCIDENT))]
Handler = Annotated[Caller, Depends(permitted(Permission.ADVANCE_INCIDENT))]
Dispatcher = Annotated[Caller, Depends(permitted(Permission.DISPATCH))]
PolicyMaker = Annotated[Caller, Depends(permitted(Permission.MANAGE_POLICY))]
Visitor = Annotated[Caller, Depends(permitted(Permission.RECORD_VISITS))]
Feeder = Annotated[Caller, Depends(permitted(Permission.FEED_POSITIONS))]

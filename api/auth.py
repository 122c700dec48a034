"""Logging in and out: a form that sets the cookie which screens and API share."""

from __future__ import annotations

import secrets
from urllib.parse import parse_qs, urlsplit

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.concurrency import run_in_threadpool

import db.accounts
import db.territory
from api.context import Context
from api.guard import COOKIE, context_of, is_own_origin, known_secret
from api.languages import language_of
from api.login_page import content_policy, login_page, logout_page
from api.problems import Refusal
from db.accounts import DemoAccount
from geo.errors import NotAuthenticated, Unavailable
from governance import language
from governance.access import SYSTEM, Principal
from governance.language import N_, _, _n

router = APIRouter(prefix="/auth")

_NAMELESS = N_("网格治理指挥中心")
_WRONG = N_("用户名或密码不正确。")
_DOWN = N_("数据库暂时无法连接，请稍后再试或联系系统管理员。")
_FOREIGN = N_("登录请求来自其他网站，已拒绝。请在本页重新登录。")
_NAME_LIMIT, _PASSWORD_LIMIT = 100, 200


def own_path(text: str) -> str:
    """`text` when it is a path of this very site, otherwise "/": a login never leads elsewhere."""
    if not text.startswith("/") or text.startswith("//") or "\\" in text or not text.isprintable():
        return "/"
    try:
        parts = urlsplit(text)
    except ValueError:
        return "/"
    if parts.scheme or parts.netloc or parts.path.startswith(("//", "/auth/")):
        return "/"
    return text


def _page(html: str, nonce: str, status: int = 200, **headers: str) -> HTMLResponse:
    guards = {
        "Content-Security-Policy": content_policy(nonce),
        "X-Frame-Options": "DENY",
        # Not no-referrer: that would make the form's own Origin "null".
        "Referrer-Policy": "same-origin",
        "Cache-Control": "no-store",
    }
    return HTMLResponse(html, status_code=status, headers=guards | headers)


def _deployment(context: Context) -> tuple[str, tuple[DemoAccount, ...]]:
    """The product's name here, and the demo accounts where the county is a demo."""
    with context.database.session(SYSTEM) as session:
        county = db.territory.county(session)
        return county.title, db.accounts.demo_of(session) if county.is_demo else ()


def _form(context: Context, onward: str, *, status: int = 200, username: str = "", refusal: str = "") -> HTMLResponse:
    nonce = secrets.token_urlsafe(16)
    headers = {}
    try:
        product, demo = _deployment(context)
    except Unavailable:
        product, demo, status, refusal = _(_NAMELESS), (), 503, _(_DOWN)
        headers["Retry-After"] = "5"
    html = login_page(product=product, nonce=nonce, onward=onward, username=username, refusal=refusal, demo=demo)
    return _page(html, nonce, status, **headers)


def _logged_in(request: Request) -> Principal | None:
    context = context_of(request)
    secret = known_secret(request.cookies.get(COOKIE))
    if secret is None:
        return None
    return db.accounts.principal_of_login(context.database, secret, now=context.clock())


@router.get("/login", response_class=HTMLResponse, include_in_schema=False)
def show_login(request: Request, next: str = "/") -> Response:  # noqa: A002  the name that links carry
    """The login page, or straight on to `next` for whoever is logged in already."""
    onward = own_path(next)
    try:
        principal = _logged_in(request)
    except Unavailable:
        principal = None
    answer: Response
    if principal is not None:
        answer = RedirectResponse(onward, status_code=303, headers={"Cache-Control": "no-store"})
    else:
        with language.spoken(language_of(request, onward)):
            answer = _form(context_of(request), onward)
    if (chosen := language.known(request.query_params.get(language.PARAMETER))) is not None:
        answer.set_cookie(language.COOKIE, chosen, max_age=language.KEPT_S, path="/", samesite="lax")
    return answer


@router.post("/login", response_class=HTMLResponse, include_in_schema=False)
async def log_in(request: Request) -> Response:
    """Sets the login cookie and leads on to `next`; otherwise the form again, saying why."""
    fields = parse_qs((await request.body()).decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=20)
    values = {name: fields.get(name, [""])[0] for name in ("username", "password", "next")}
    onward = own_path(values["next"])
    with language.spoken(language_of(request, onward)):
        return await run_in_threadpool(_try_login, request, values["username"], values["password"], onward)


def _try_login(request: Request, username: str, password: str, onward: str) -> Response:
    context = context_of(request)
    now = context.clock()
    address = request.client.host if request.client else ""
    if is_own_origin(request) is False:
        return _form(context, onward, status=403, refusal=_(_FOREIGN))
    if len(username) > _NAME_LIMIT or len(password) > _PASSWORD_LIMIT or "\x00" in username + password:
        return _form(context, onward, status=401, refusal=_(_WRONG))
    wait_s = context.throttle.wait_s(username, address, now=now)
    if wait_s:
        minutes = -(-wait_s // 60)
        refused = _form(
            context,
            onward,
            status=429,
            username=username,
            refusal=_n("尝试次数过多，请 {n} 分钟后再试。", minutes),
        )
        refused.headers["Retry-After"] = str(wait_s)
        return refused
    hours = context.settings.session_hours
    try:
        secret, _principal = db.accounts.login(context.database, username, password, now=now, hours=hours)
    except NotAuthenticated:
        context.throttle.failed(username, address, now=now)
        return _form(context, onward, status=401, username=username, refusal=_(_WRONG))
    except Unavailable:
        return _form(context, onward, status=503, username=username, refusal=_(_DOWN))
    context.throttle.succeeded(username, address)
    done = RedirectResponse(onward, status_code=303, headers={"Cache-Control": "no-store"})
    done.set_cookie(
        COOKIE,
        secret,
        max_age=hours * 3600,
        path="/",
        secure=context.settings.cookie_secure,
        httponly=True,
        samesite="lax",
    )
    return done


@router.get("/logout", response_class=HTMLResponse, include_in_schema=False)
def show_logout(request: Request) -> Response:
    """Asks for the confirmation that ends the login."""
    principal = _logged_in(request)
    if principal is None:
        return RedirectResponse("/auth/login", status_code=303)
    product, _demo = _deployment(context_of(request))
    nonce = secrets.token_urlsafe(16)
    with language.spoken(language_of(request)):
        html = logout_page(product=product, nonce=nonce, display_name=principal.display_name)
    return _page(html, nonce)


@router.post("/logout", include_in_schema=False)
def log_out(request: Request) -> Response:
    """Ends the login, on the server too, and leads to the login page. Raises `Refusal` for a foreign page."""
    if is_own_origin(request) is False:
        raise Refusal("foreign_origin")
    secret = known_secret(request.cookies.get(COOKIE))
    if secret is not None:
        db.accounts.logout(context_of(request).database, secret)
        context_of(request).passes.forget(secret)
    done = RedirectResponse("/auth/login", status_code=303, headers={"Cache-Control": "no-store"})
    done.delete_cookie(
        COOKIE, path="/", secure=context_of(request).settings.cookie_secure, httponly=True, samesite="lax"
    )
    return done

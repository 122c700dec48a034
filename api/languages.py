"""Which language an answer for people is in."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

from fastapi import Request

from governance import language


def language_of(request: Request, onward: str = "/") -> str:
    """What the address asks for, or the page that it leads to; else what the browser chose before, else Chinese."""
    named = parse_qs(urlsplit(onward).query).get(language.PARAMETER, [""])[0]
    asked = (request.query_params.get(language.PARAMETER), named, request.cookies.get(language.COOKIE))
    return next((code for code in asked if language.known(code)), None) or language.NATIVE

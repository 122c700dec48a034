"""Errors as RFC 9457 problem documents: one table from code to status.

Two numbers for bad input: 400 when the request itself can't be read (JSON, headers, query parameters that don't exist),
422 when it was read and a value is refused. Either names the field.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from types import MappingProxyType
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from geo.errors import GridCommandError, InvalidInput
from governance import labels

MEDIA_TYPE = "application/problem+json"

STATUS: Mapping[str, int] = MappingProxyType(
    {
        # the tree of geo.errors
        "internal": 500,
        "invalid_input": 422,
        "outside_county": 422,
        "unknown_code": 422,
        "not_authenticated": 401,
        "not_permitted": 403,
        "not_found": 404,
        "conflict": 409,
        "transition_refused": 409,
        "already_dispatched": 409,
        "nobody_eligible": 409,
        "damaged": 500,
        "unavailable": 503,
        # matters of HTTP itself, known to this door only
        "malformed": 400,
        "unknown_parameter": 400,
        "unsupported_format": 400,
        "foreign_origin": 403,
        "method_not_allowed": 405,
        "too_large": 413,
        "too_many_requests": 429,
    }
)
"""The status of every code."""

DOOR_TEXT: Mapping[str, str] = MappingProxyType(
    {
        "malformed": "请求无法读取",
        "unknown_parameter": "没有这个查询参数",
        "unsupported_format": "不支持这种导出格式",
        "foreign_origin": "请求来自其他网站，已拒绝",
        "method_not_allowed": "此地址不接受这种请求方法",
        "too_large": "请求内容过大：照片最多 10 MB，其他最多 1 MB",
        "too_many_requests": "请求过于频繁，请稍后再试",
    }
)
"""The Chinese text of this door's own codes; the tree's is in `governance.labels`."""

_BY_STATUS: Mapping[int, str] = MappingProxyType(
    {400: "malformed", 401: "not_authenticated", 403: "not_permitted", 404: "not_found", 405: "method_not_allowed"}
    | {413: "too_large", 429: "too_many_requests", 503: "unavailable"}
)

_VALUE_TEXT: Mapping[str, str] = MappingProxyType(
    {
        "missing": "缺少 {name}",
        "extra_forbidden": "没有 {name} 这一项",
        "finite_number": "{name} 必须是有限的数",
        "float_type": "{name} 必须是数",
        "int_type": "{name} 必须是整数",
        "bool_type": "{name} 必须是 true 或 false",
        "string_type": "{name} 必须是文字",
        "string_too_long": "{name} 最多 {max_length} 个字",
        "string_too_short": "{name} 不能为空",
        "greater_than_equal": "{name} 不能小于 {ge}",
        "less_than_equal": "{name} 不能大于 {le}",
        "too_long": "{name} 最多 {max_length} 条",
        "too_short": "{name} 不能为空",
        "enum": "{name} 只能取：{expected}",
        "timezone_aware": "{name} 必须带时区",
    }
)
_HINDERED = {**labels.HINDRANCE, **labels.REFUSAL}
_TOLD = ("reason", "shortfall", "fault", "permission", "current", "requested", "allowed")
"""Facts of an error that its document repeats; others are for the log."""


class Refusal(Exception):
    """The request is refused at the door, before it concerns any matter of the county."""

    def __init__(self, code: str, detail: str = "", *, field: str | None = None, **headers: str) -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail
        self.field = field
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


def text_of(code: str) -> str:
    """What a person reads for the code, in Chinese."""
    return DOOR_TEXT[code] if code in DOOR_TEXT else labels.ERRORS[code].zh


def problem(
    code: str,
    request_id: str,
    members: Mapping[str, object] | None = None,
    *,
    detail: str = "",
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """The problem document of a code. Members that are None are left out."""
    body: dict[str, object] = {
        "type": f"urn:gridcommand:problem:{code}",
        "title": text_of(code),
        "status": STATUS[code],
        "detail": detail or text_of(code),
        "code": code,
    }
    body |= {name: value for name, value in (members or {}).items() if value is not None}
    body["request_id"] = request_id
    out = {"Cache-Control": "no-store"} | dict(headers or {})
    if code == "not_authenticated":
        out["WWW-Authenticate"] = 'Bearer realm="gridcommand"'
    return JSONResponse(body, status_code=STATUS[code], headers=out, media_type=MEDIA_TYPE)


def _request_id(request: Request) -> str:
    return str(request.scope.get("request_id", ""))


async def _of_error(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, GridCommandError)  # noqa: S101  registered for this type
    members: dict[str, object] = {"reason": error.detail or None}
    if isinstance(error, InvalidInput):
        members |= {"field": error.field, "row": error.row}
    members |= {name: error.facts[name] for name in _TOLD if name in error.facts}
    return problem(error.code, _request_id(request), members, detail=_detail(error))


def _detail(error: GridCommandError) -> str:
    text = text_of(error.code)
    if "fault" in error.facts:
        return labels.PHOTO_FAULT[str(error.facts["fault"])].zh
    if isinstance(error, InvalidInput):
        allowed = error.facts.get("allowed")
        only = f"，只能取：{'、'.join(allowed)}" if isinstance(allowed, list) else ""
        return f"{text}（{error.field}{only}{_too_many(error)}）"
    hindered = _HINDERED.get(str(error.facts.get("reason")))
    if hindered is not None:
        return f"{text}：{hindered.zh}"
    shortfall = error.facts.get("shortfall")
    return text if shortfall is None else f"{text}:{labels.shortfall_text(str(shortfall))}"


def _too_many(error: InvalidInput) -> str:
    """How many a question would tell of, where that is more than an answer holds, and what to do."""
    if "found" not in error.facts:
        return ""
    found, most = error.facts["found"], error.facts["most"]
    return f"：符合的有 {found} 个，一次最多 {most} 个；请缩小范围，或指明其中几个"


async def _of_refusal(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)  # noqa: S101  registered for this type
    members = {"field": error.field}
    return problem(error.code, _request_id(request), members, detail=error.detail, headers=error.headers)


async def _of_http(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101  registered for this type
    code = _BY_STATUS.get(
        error.status_code, "malformed" if error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR else ""
    )
    field = "body" if code == "too_large" else None
    return problem(code or "internal", _request_id(request), {"field": field}, headers=error.headers)


async def _of_validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101  registered for this type
    found = [_fault(fault) for fault in error.errors()]
    first = found[0]
    code = "malformed" if first.pop("is_malformed") else "invalid_input"
    others = [{k: v for k, v in fault.items() if k != "is_malformed"} for fault in found[1:20]]
    detail = str(first["detail"])
    members = {name: value for name, value in first.items() if name != "detail"}
    members["fields"] = [first, *others] if others else None
    return problem(code, _request_id(request), members, detail=detail)


def _fault(fault: Mapping[str, Any]) -> dict[str, Any]:
    """One refused value: its field, its row in a batch (from 1), what is wrong in Chinese and (`reason`) in English.

    The value itself is never repeated: it may be personal, or not be JSON.
    """
    kind = str(fault["type"])
    place: Sequence[str | int] = fault["loc"]
    names = [part for part in place[1:] if isinstance(part, str)]
    rows = [part for part in place[1:] if isinstance(part, int)]
    if kind == "json_invalid":
        return {"field": "body", "detail": "请求内容不是有效的 JSON", "reason": "not JSON", "is_malformed": True}
    name = names[-1] if names else str(place[0])
    template = _VALUE_TEXT.get(kind, "{name} 无法识别")
    detail = str(fault["msg"]).removeprefix("Value error, ") if kind == "value_error" else ""
    facts = {key: str(value) for key, value in dict(fault.get("ctx") or {}).items()}
    made = {"field": name, "detail": detail or template.format_map({"name": name} | facts), "is_malformed": False}
    if kind != "value_error":
        made["reason"] = str(fault["msg"])
    if rows:
        made["row"] = rows[0] + 1
    return made


def install(app: FastAPI) -> None:
    """Makes the application answer every error with a problem document."""
    app.add_exception_handler(GridCommandError, _of_error)
    app.add_exception_handler(Refusal, _of_refusal)
    app.add_exception_handler(RequestValidationError, _of_validation)
    app.add_exception_handler(HTTPException, _of_http)

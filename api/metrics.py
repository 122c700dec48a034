"""What this process counted, in Prometheus' text format."""

from __future__ import annotations

import ipaddress
import threading
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse
from starlette.concurrency import run_in_threadpool

import db.features
from api.guard import authenticate, context_of
from geo.features import FEATURE_TYPES, FeatureFilter
from governance.access import SYSTEM, Permission

if TYPE_CHECKING:
    from api.context import Context

router = APIRouter()


@dataclass(slots=True)
class Counters:
    """Requests by method, route and status, their seconds by route, and open streams."""

    requests: Counter[tuple[str, str, int]] = field(default_factory=Counter)
    seconds: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    streams: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """Adds one answered request. `route` is the template, never the path: a path would be a label without end."""
        with self._lock:
            self.requests[method, route, status] += 1
            self.seconds[route] += seconds

    def stream_opened(self, change: int) -> None:
        """One stream more (1) or fewer (-1)."""
        with self._lock:
            self.streams += change


def _label(value: object) -> str:
    return str(value).replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")


def _lines(context: Context) -> list[str]:
    counters, answers = context.counters, context.answers
    lines = ["# TYPE gridcommand_http_requests_total counter"]
    for (method, route, status), number in sorted(counters.requests.items()):
        lines.append(
            f'gridcommand_http_requests_total{{method="{_label(method)}",route="{_label(route)}",status="{status}"}}'
            f" {number}"
        )
    lines.append("# TYPE gridcommand_http_request_seconds_total counter")
    lines += [
        f'gridcommand_http_request_seconds_total{{route="{_label(route)}"}} {seconds:.6f}'
        for route, seconds in sorted(counters.seconds.items())
    ]
    lines.append("# TYPE gridcommand_incidents_open gauge")
    with context.database.session(SYSTEM) as session:
        for severity in ("1", "2", "3", "4"):
            where = {"is_open": ("true",), "severity": (severity,)}
            number = db.features.count(session, "incidents", FeatureFilter(where=where))
            lines.append(f'gridcommand_incidents_open{{severity="{severity}"}} {number}')
    lines.append("# TYPE gridcommand_layer_revision gauge")
    lines += [f'gridcommand_layer_revision{{layer="{key}"}} {context.feed.revision(key)}' for key in FEATURE_TYPES]
    for name, kind, value in (
        ("feed_live", "gauge", int(context.feed.is_live)),
        ("streams_open", "gauge", counters.streams),
        ("answers_hits_total", "counter", answers.hits),
        ("answers_misses_total", "counter", answers.misses),
        ("answers_bytes", "gauge", answers.held_bytes),
    ):
        lines += [f"# TYPE gridcommand_{name} {kind}", f"gridcommand_{name} {value}"]
    return lines


def _is_local(request: Request) -> bool:
    # A proxy on this machine is loopback too, so a forwarded request never counts as local.
    if request.client is None or any(name in request.headers for name in ("forwarded", "x-forwarded-for")):
        return False
    try:
        address = ipaddress.ip_address(request.client.host)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or (mapped is not None and mapped.is_loopback)


@router.get("/metrics", response_class=PlainTextResponse)
async def metrics(request: Request) -> PlainTextResponse:
    """This process's counters: without a login from the machine itself, to administrators from elsewhere."""
    if not _is_local(request):
        principal = await run_in_threadpool(authenticate, request)
        principal.require(Permission.MANAGE_ACCOUNTS)
    lines = await run_in_threadpool(_lines, context_of(request))
    return PlainTextResponse("\n".join(lines) + "\n", media_type="text/plain; version=0.0.4")

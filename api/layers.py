"""Layers for programs: the catalogue, the features as GeoJSON, and the file that a planner takes away."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Generator, Hashable
from datetime import datetime
from functools import lru_cache
from math import inf
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

import anyio
from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

import db.features
import db.territory
from api.answers import Answer
from api.guard import Caller, Exporter, LayerRoute, Reader
from api.problems import Refusal
from api.query import feature_type, read_filter, single, whole
from geo.features import FEATURE_TYPES, FeatureFilter, FeatureType
from governance import labels, language
from governance.access import Permission

router = APIRouter(prefix="/api/layers", route_class=LayerRoute, tags=["layers"])

GEOJSON = "application/geo+json"
FORMATS = ("geojson",)
ITEMS_LIMIT = 1_000_000
_FRESH_S = 60.0
"""An answer is computed anew after this long even without a change where properties age by the clock alone."""
_FRESH_WITHOUT_FEED_S = 1.0


def revision_key(caller: Caller, key: str) -> Hashable:
    """What an answer about a layer is kept under besides its filter: revisions, scope of the caller, and age.

    The grids' revision is there too, because a filter by grid asks them what lies beneath it.
    """
    feed, principal = caller.context.feed, caller.principal
    scope = (principal.role, principal.grid_prefix)
    fresh_s = (_FRESH_S if FEATURE_TYPES[key].ages else inf) if feed.is_live else _FRESH_WITHOUT_FEED_S
    return (key, feed.revision(key), feed.revision("grids"), scope, int(time.monotonic() / fresh_s))


def filter_key(flt: FeatureFilter) -> Hashable:
    """The filter as a key: equal filters, equal keys."""
    bbox = None if flt.bbox is None else (flt.bbox.bounds, flt.bbox.srid)
    return (bbox, flt.grid, flt.q, flt.since, tuple(sorted(flt.where.items())))


def respond(request: Request, answer: Answer, media_type: str, **headers: str) -> Response:
    """The answer, or 304 for whoever has it; compressed for whoever takes gzip."""
    # no-cache: kept by the browser, but asked again each time, because the next one there may be somebody else.
    out = {
        "ETag": answer.etag,
        "Cache-Control": "private, no-cache",
        "Vary": "Accept-Encoding, Authorization, Cookie",
    } | headers
    known = [tag.strip() for tag in request.headers.get("if-none-match", "").split(",")]
    if answer.etag in known or answer.etag.removeprefix("W/") in known or known == ["*"]:
        return Response(status_code=304, headers=out)
    if takes_gzip(request.headers.get("accept-encoding", "")):
        return Response(answer.packed, media_type=media_type, headers=out | {"Content-Encoding": "gzip"})
    return Response(answer.unpacked(), media_type=media_type, headers=out)


@lru_cache(maxsize=64)
def takes_gzip(accepted: str) -> bool:
    """Whether a client that accepts these encodings takes gzip."""
    for part in accepted.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() == "gzip":
            return weight.replace(" ", "") not in {"q=0", "q=0.", "q=0.0", "q=0.00", "q=0.000"}
    return False


@router.get("")
def catalogue(caller: Reader) -> list[dict[str, Any]]:
    """Every layer: titles, geometry, filters, the properties that the caller sees, how many features, revision."""
    return [_entry(caller, kind) for kind in FEATURE_TYPES.values()]


def _entry(caller: Caller, kind: FeatureType) -> dict[str, Any]:
    def counted() -> str:
        with caller.session() as session:
            return str(db.features.count(session, kind.key, FeatureFilter()))

    revision = caller.context.feed.revision(kind.key)
    count = caller.context.answers.answer(("count", revision_key(caller, kind.key)), counted)
    title = labels.LAYERS[kind.key]
    return {
        "key": kind.key,
        "title": {code: title.said(code) for code in language.NAMES},
        "geometry": kind.geometry,
        "filters": list(kind.filters),
        "properties": [{"name": p.name, "kind": p.kind.value} for p in kind.visible(personal=caller.reads_personal)],
        "count": int(count.unpacked()),
        "rev": revision,
        "items": f"/api/layers/{kind.key}/items",
        "export": f"/api/layers/{kind.key}/export?format=geojson"
        if caller.principal.may(Permission.EXPORT_LAYERS)
        else None,
    }


@router.get("/{key}/items")
def items(key: str, request: Request, caller: Reader) -> Response:
    """Features as GeoJSON (CRS84), filtered by `bbox`, `grid`, `q`, `since` and the layer's own properties.

    `rev` only tells addresses apart for caches; the answer is always of now, and `X-Revision` names its revision.
    """
    kind = feature_type(key)
    flt = read_filter(kind, request.query_params, beside=("limit", "rev"))
    limit = whole(request.query_params, "limit", least=1, most=ITEMS_LIMIT)
    whole(request.query_params, "rev", least=0, most=2**63)

    def compute() -> str:
        with caller.session() as session:
            return db.features.items(session, key, flt, personal=caller.reads_personal, limit=limit)

    revision = caller.context.feed.revision(key)
    answer = caller.context.answers.answer(("items", revision_key(caller, key), filter_key(flt), limit), compute)
    return respond(request, answer, GEOJSON, **{"X-Revision": str(revision)})


@router.get("/{key}/export")
def export(key: str, request: Request, caller: Exporter) -> StreamingResponse:
    """The filtered layer as a file of RFC 7946 GeoJSON, streamed from the database."""
    kind = feature_type(key)
    wanted = single(request.query_params, "format") or "geojson"
    if wanted not in FORMATS:
        raise Refusal("unsupported_format", f"不支持导出格式 {wanted}，可用：{', '.join(FORMATS)}", field="format")
    flt = read_filter(kind, request.query_params, beside=("format",))
    with caller.session() as session:
        county = db.territory.county(session)
    title = labels.LAYERS[key].zh
    name = export_name(county, title, caller.now)
    head = {"title": f"{county.name} {title}", "source": county.source_note, "is_demo": county.is_demo}
    chunks = _chunks(caller, key, flt, head)
    first = next(chunks)  # what is wrong with the request shows here, while a problem document can still say so
    plain = f"{key}-{_day(county, caller.now)}.geojson"
    return StreamingResponse(
        _streamed(first, chunks),
        media_type=GEOJSON,
        headers={
            "Content-Disposition": f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name)}",
            "Cache-Control": "private, no-store",
        },
    )


def _day(county: db.territory.County, now: datetime) -> str:
    return f"{now.astimezone(ZoneInfo(county.timezone)):%Y%m%d}"


def export_name(county: db.territory.County, title: str, now: datetime) -> str:
    """The file's name for people: county, layer, the county's date, and 演示数据 where it is demo data."""
    parts = [county.name, title, _day(county, now), *(["演示数据"] if county.is_demo else [])]
    return "-".join(parts) + ".geojson"


def _chunks(caller: Caller, key: str, flt: FeatureFilter, head: dict[str, object]) -> Generator[bytes]:
    with caller.session() as session:
        yield from db.features.stream(session, key, flt, personal=caller.reads_personal, head=head)


async def _streamed(first: bytes, chunks: Generator[bytes]) -> AsyncIterator[bytes]:
    # Closed here whatever happens: a client that goes away must not keep a connection of the pool.
    try:
        yield first
        while (chunk := await run_in_threadpool(next, chunks, None)) is not None:
            yield chunk
    finally:
        with anyio.CancelScope(shield=True):
            await run_in_threadpool(chunks.close)

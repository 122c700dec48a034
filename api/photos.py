"""Photos of incidents for programs and for the screens' own pictures."""

from __future__ import annotations

import re
from pathlib import Path as Folder
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query, Request, Response

import db.photos
from api.bodies import Line
from api.guard import Caller, GuardedRoute, Handler, Reader
from api.problems import Refusal
from db.photos import Photo
from db.pictures import reduced
from governance.photo import Phase

router = APIRouter(prefix="/api/incidents/{no}/photos", route_class=GuardedRoute, tags=["photos"])

No = Annotated[str, Path(max_length=40)]
THUMBNAIL_PX = 480
_JPEG = "image/jpeg"
_IMAGE = re.compile(r"image/[\w.+-]+\s*(;.*)?", re.IGNORECASE)
_BODY = {"requestBody": {"required": True, "content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}}}


def folder_of(caller: Caller) -> Folder:
    """Where this deployment keeps its photos."""
    return caller.context.settings.data_dir / db.photos.FOLDER


async def _picture(request: Request, _: Handler) -> bytes:
    """The body, read after the guard: nobody without the right to add makes us take ten megabytes."""
    if not _IMAGE.fullmatch(request.headers.get("content-type", "").strip()):
        raise Refusal(
            "malformed",
            "照片请直接作为请求内容发送，Content-Type 为 image/jpeg 等",
            field="Content-Type",
        )
    return await request.body()


@router.post("", status_code=201, openapi_extra=_BODY)
def add(
    *,
    no: No,
    phase: Annotated[Phase, Query()],
    response: Response,
    caller: Handler,
    content: Annotated[bytes, Depends(_picture)],
    note: Annotated[Line, Query()] = "",
) -> dict[str, Any]:
    """Adds a photo, the body as it is. What it is, its content says; name and media type say nothing."""
    made = db.photos.add(
        caller.context.database,
        caller.principal,
        no,
        phase=phase,
        content=content,
        folder=folder_of(caller),
        now=caller.now,
        note=note,
    )
    response.headers["Location"] = address(no, made)
    return photo_json(no, made)


@router.get("")
def of_incident(no: No, caller: Reader) -> list[dict[str, Any]]:
    """The incident's photos in the order they were added."""
    with caller.session() as session:
        found = db.photos.of_incident(session, no)
    return [photo_json(no, photo) for photo in found]


@router.get("/{photo_id}", response_class=Response, responses={200: {"content": {_JPEG: {}}}})
def picture(
    no: No,
    photo_id: Annotated[int, Path(ge=1, lt=2**63)],
    request: Request,
    caller: Reader,
    size: Annotated[str, Query(pattern="^(full|small)$")] = "full",
) -> Response:
    """The picture, or a small copy for lists; 304 for whoever has it and may still see it."""
    with caller.session() as session:
        photo = db.photos.get(session, no, photo_id)
    etag = f'"{photo.sha256}"' if size == "full" else f'"{photo.sha256}-{THUMBNAIL_PX}"'
    # no-cache: kept by the browser, but asked again each time, because the next one there may be somebody else.
    headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Authorization, Cookie"}
    known = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    if etag in known or known == ["*"]:
        return Response(status_code=304, headers=headers)
    jpeg = db.photos.picture_of(folder_of(caller), photo)
    if size == "small":
        jpeg = reduced(jpeg, longest_px=THUMBNAIL_PX)
    headers["Content-Disposition"] = f'inline; filename="{photo.phase}-{photo.id}.jpg"'
    return Response(jpeg, media_type=_JPEG, headers=headers)


def address(no: str, photo: Photo) -> str:
    """Where the picture is served."""
    return f"/api/incidents/{no}/photos/{photo.id}"


def photo_json(no: str, photo: Photo) -> dict[str, Any]:
    """What is known of a photo, and where its picture is."""
    return {
        "id": photo.id,
        "phase": photo.phase,
        "sha256": photo.sha256,
        "width": photo.width,
        "height": photo.height,
        "byte_count": photo.byte_count,
        "taken_by_name": photo.taken_by_name,
        "added_at": photo.added_at,
        "note": photo.note,
        "href": address(no, photo),
        "thumbnail": f"{address(no, photo)}?size=small",
    }

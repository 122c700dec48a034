"""What leaves on paper: the sheet of an incident."""

from __future__ import annotations

import logging
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Request, Response

import db.cases
import db.photos
import db.sheets
import db.territory
from api import sheet
from api.guard import Caller, GuardedRoute, Reader
from api.languages import language_of
from api.photos import folder_of
from db.photos import Photo
from db.pictures import reduced
from geo.errors import Damaged
from governance import language
from governance.language import _

router = APIRouter(prefix="/api/incidents", route_class=GuardedRoute, tags=["incidents"])

_LOG = logging.getLogger(__name__)
_PDF = "application/pdf"
_PRINTED_PX = 640
"""The long side of a picture on paper: more than 300 dots an inch at the width that it is printed in."""


@router.get("/{no}/sheet.pdf", response_class=Response, responses={200: {"content": {_PDF: {}}}})
def of_incident(no: Annotated[str, Path(max_length=40)], request: Request, caller: Reader) -> Response:
    """The incident's sheet (网格事件办理单) as a PDF; reporter and workers masked as the caller's role demands.

    `?lang=en` prints it in English, as the language that the browser chose does.
    """
    with language.spoken(language_of(request)):
        return _print(no, caller)


def _print(no: str, caller: Caller) -> Response:
    with caller.session() as session:
        county = db.territory.county(session)
        incident = db.cases.get(session, no)
        sent = db.sheets.sent_to(session, no)
        photos = db.photos.of_incident(session, no)
    pdf = sheet.render(
        sheet.Sheet(
            incident=incident,
            sent=sent,
            photos=[(photo, _picture(caller, photo)) for photo in photos],
            county=county.name,
            source=county.source_note,
            is_demo=county.is_demo,
            timezone=county.timezone,
            printed_at=caller.now,
            printed_by=caller.principal.display_name or caller.principal.account,
        )
    )
    name = f"{_(sheet.TITLE)}-{incident.no}.pdf"
    return Response(
        pdf,
        media_type=_PDF,
        headers={
            "Content-Disposition": f"inline; filename=\"{incident.no}.pdf\"; filename*=UTF-8''{quote(name)}",
            "Cache-Control": "private, no-store",
        },
    )


def _picture(caller: Caller, photo: Photo) -> bytes | None:
    """The picture in print size; None when its file is damaged, which the sheet says in its place."""
    try:
        return reduced(db.photos.picture_of(folder_of(caller), photo), longest_px=_PRINTED_PX)
    except Damaged as error:
        _LOG.warning("%s", error)
        return None

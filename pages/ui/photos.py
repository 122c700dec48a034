"""The photos of a case: before and after side by side, and the way to add some."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from html import escape

import streamlit as st

from db import photos
from db.cases import Incident
from db.photos import Photo
from geo.errors import GridCommandError, NotAuthenticated, Unavailable
from governance import labels
from governance.access import Permission
from governance.language import N_, _, _n
from governance.photo import LIMIT_PER_PHASE, Phase
from pages.ui import commands, context, deeplink, layout, wording

_REFUSED = "case_photos_refused"
_HINT = N_("JPEG、PNG、WebP，每张不超过 10 MB，每个阶段最多 9 张。保存时会去掉照片里的拍摄位置等信息。")


def render(incident: Incident) -> None:
    """The incident's photos, kept up to date; below them the uploader for those who may take steps."""
    choose = f"<style>:root{{--photos-choose:{json.dumps(_('选择照片，或拖到这里'), ensure_ascii=False)}}}</style>"
    st.html(layout.style("photos") + choose)
    kept = context.remembered(
        "photos", incident.no, ("incidents",), lambda session: photos.of_incident(session, incident.no)
    )
    st.html(_gallery(incident.no, kept, context.now()))
    if context.principal().may(Permission.ADVANCE_INCIDENT):
        _uploader(incident, kept)


def _gallery(no: str, kept: Sequence[Photo], now: datetime) -> str:
    phases = "".join(_phase(no, phase, [photo for photo in kept if photo.phase is phase], now) for phase in Phase)
    return f'<h4 class="case-h">{_("照片")}</h4><div class="photos">{phases}</div>'


def _phase(no: str, phase: Phase, kept: Sequence[Photo], now: datetime) -> str:
    count = f"<small>{len(kept)}/{LIMIT_PER_PHASE}</small>" if kept else ""
    shown = "".join(_thumbnail(no, photo, now) for photo in kept)
    body = f"<ul>{shown}</ul>" if kept else f'<p class="none">{_("还没有照片")}</p>'
    return f"<section><h5>{labels.PHOTO_PHASE[phase].text}{count}</h5>{body}</section>"


def _thumbnail(no: str, photo: Photo, now: datetime) -> str:
    zone = context.county().timezone
    who = photo.taken_by_name or photo.taken_by
    told = " · ".join(part for part in (who, wording.instant(photo.added_at, now, zone=zone), photo.note) if part)
    address = f"/api/incidents/{escape(no)}/photos/{photo.id}"
    label = _("{phase}照片，{told}", phase=labels.PHOTO_PHASE[photo.phase].text, told=told)
    return (
        f'<li><a href="{address}" target="_blank" rel="noopener" title="{escape(_("{text}，点开看大图", text=told))}">'
        f'<img src="{address}?size=small" width="{photo.width}" height="{photo.height}" loading="lazy" '
        f'alt="{escape(label)}"></a></li>'
    )


def _uploader(incident: Incident, kept: Sequence[Photo]) -> None:
    _told(incident.no)
    with st.expander(_("添加照片"), icon=":material/add_a_photo:", key=f"case_photos_{incident.no}"):
        phase = st.segmented_control(
            _("阶段"),
            list(Phase),
            default=_likely(incident, kept),
            required=True,
            key=f"case_phase_{incident.no}",
            format_func=lambda value: labels.PHOTO_PHASE[value].text,
            label_visibility="collapsed",
        )
        turn = st.session_state.get("case_photos_turn", 0)
        with st.container(key="case_upload"):
            files = st.file_uploader(
                _("选择照片"),
                type="image/*",
                accept_multiple_files=True,
                key=f"case_files_{incident.no}_{turn}",
                label_visibility="collapsed",
            )
        st.html(f'<p class="photos-hint">{_(_HINT)}</p>')
        if files and st.button(
            _n("添加 {n} 张为{phase}", len(files), phase=labels.PHOTO_PHASE[phase].text),
            key="case_photos_add",
            type="primary",
            width="stretch",
        ):
            _add(incident.no, phase, [(file.name, file.getvalue()) for file in files])
            st.session_state["case_photos_turn"] = turn + 1
            deeplink.again()


def _likely(incident: Incident, kept: Sequence[Photo]) -> Phase:
    """Before, until somebody has arrived and there is something to compare with."""
    has_before = any(photo.phase is Phase.BEFORE for photo in kept)
    return Phase.AFTER if has_before and incident.arrived_at is not None else Phase.BEFORE


def _add(no: str, phase: Phase, files: Sequence[tuple[str, bytes]]) -> None:
    """Adds what can be added; what can't is kept, by name, to be told."""
    provided = context.deployment()
    refused: list[tuple[str, str]] = []
    for name, content in files:
        try:
            photos.add(
                provided.database,
                context.principal(),
                no,
                phase=phase,
                content=content,
                folder=provided.settings.data_dir / photos.FOLDER,
                now=context.now(),
            )
        except (NotAuthenticated, Unavailable):
            raise
        except GridCommandError as error:
            fault = str(error.facts.get("fault", ""))
            told = labels.PHOTO_FAULT[fault].text if fault in labels.PHOTO_FAULT else commands.text_of(error)
            refused.append((name, told))
    context.forget()
    st.session_state[_REFUSED] = (no, tuple(refused))
    if added := len(files) - len(refused):
        st.toast(_n("已添加 {n} 张{phase}照片", added, phase=labels.PHOTO_PHASE[phase].text))


def _told(no: str) -> None:
    """Which files weren't taken, and why, until the next ones are sent or the sentence is dismissed."""
    about, refused = st.session_state.get(_REFUSED, ("", ()))
    if about != no or not refused:
        return
    lines = "".join(
        f"<li>{_('<b>{name}</b>：{text}', name=escape(name), text=escape(told))}</li>" for name, told in refused
    )
    title = _n("{n} 张没有添加", len(refused))
    st.html(f'<div class="photos-refused" role="alert"><p>{title}</p><ul>{lines}</ul></div>')
    if st.button(_("知道了"), key="case_photos_seen"):
        st.session_state.pop(_REFUSED, None)
        deeplink.again()

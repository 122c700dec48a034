"""The form that reports an incident: what, where, how bad. Reports close by are shown while it is filled."""

from __future__ import annotations

import secrets
from dataclasses import dataclass

import streamlit as st

from db import cases, incidents, territory
from db.incidents import LONGEST
from geo.crs import Crs, from_storage, to_storage
from geo.errors import InvalidInput
from governance import labels
from governance.incident import Severity, Source
from governance.language import _, _n
from layers import basemap
from layers.palette import INK, SEVERITY, SEVERITY_NUMERAL
from pages.ui import case, commands, context, deeplink, parts, values, wording

_GROUND = ("blocks", "water", "roads")
_GRIDS = "/api/layers/grids/items?level=street,community,quarter"

_SHOWN = frozenset(
    {"title", "class", "severity", "source", "lon", "lat", "crs", "address", "description"}
    | {"reporter_name", "reporter_phone"}
)
"""Fields of a refused report that show the fault below themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where the report is: in the database's system, and its grids, or the sentence that says why it isn't known."""

    at: tuple[float, float] | None = None
    locus: territory.Locus | None = None
    fault: str = ""


_DRAFT = ("rep_title", "rep_description", "rep_address", "rep_lon", "rep_lat", "rep_name", "rep_phone")
"""Fields that somebody wrote something into: while one of them has content, there is a draft."""

_RESUMED = "_report_resumed"
_PICKER = "rep_picker"


def has_draft() -> bool:
    """Whether the form holds what was written and not reported; it does until it is reported or thrown away."""
    return any(str(st.session_state.get(key) or "").strip() for key in _DRAFT)


def resume() -> None:
    """Says at the top of the form, from now on, whether it goes on with a draft."""
    st.session_state[_RESUMED] = has_draft()


def render(*, close: str = "desk_close") -> str | None:
    """Draws the map to point at and the form beside it: the number of the incident just reported, "" to leave.

    What was filled in stays for the next time, unless it was reported or thrown away; otherwise the answer is None.
    """
    classes = values.classes()
    pointed = parts.pointed(_PICKER)
    if pointed is not None:
        st.session_state["rep_crs"] = Crs.WGS84
        _show_pointed(*pointed)
    place = _place()
    similar = _similar(place)
    centre, right = st.columns([1.62, 1], gap="small")
    with centre:
        _pointing(place, similar)
    with right, st.container(key="desk_form"):
        return _form(classes, place, similar, close)


def _form(
    classes: list[incidents.ClassRow], place: _Place, similar: list[incidents.QueueRow], close: str
) -> str | None:
    st.html(f'<h2 class="desk-title">{_("上报事件")}</h2>')
    if st.session_state.get(_RESUMED):
        st.caption(f":material/edit_note: {_('已接着上次没有提交的内容；不要了，按下面的“放弃”')}")
    st.text_input(
        _("标题"),
        key="rep_title",
        max_chars=LONGEST["title"],
        placeholder=_("一句话说明发生了什么"),
        persist_state="session",
    )
    _fault("title")
    chosen = _class_fields(classes)
    _where_fields(place)
    _duplicates(similar)
    st.text_area(
        _("情况说明"),
        key="rep_description",
        height=90,
        max_chars=LONGEST["description"],
        placeholder=_("现场情况、影响范围、需要什么"),
        persist_state="session",
    )
    _fault("description")
    source, name, phone = st.columns([1.25, 1, 1.1], gap="small")
    source.selectbox(
        _("来源"),
        list(Source),
        format_func=lambda source: labels.SOURCE[source].text,
        key="rep_source",
        persist_state="session",
    )
    name.text_input(
        _("报告人"),
        key="rep_name",
        max_chars=LONGEST["reporter_name"],
        placeholder=_("可不填"),
        persist_state="session",
    )
    phone.text_input(
        _("联系电话"),
        key="rep_phone",
        max_chars=LONGEST["reporter_phone"],
        placeholder=_("可不填"),
        persist_state="session",
    )
    _fault("source", "reporter_name", "reporter_phone")
    refused = commands.refused()
    if refused and refused.field not in _SHOWN:
        st.error(wording.literal(refused.text))
    leave, discard, submit = st.columns([1, 1, 2], gap="small")
    if leave.button(_("收起 Esc"), key=close, width="stretch", help=_("回到派单台，已填的内容保留")):
        commands.forget_refusal()
        return ""
    with discard.popover(_("放弃"), width="stretch"):
        st.caption(_("已填的内容会全部清掉。"))
        if st.button(_("清空并返回"), key="rep_discard", width="stretch"):
            clear()
            return ""
    if submit.button(_("提交上报"), key="rep_submit", type="primary", width="stretch"):
        return _submit(chosen)
    return None


def _class_fields(classes: list[incidents.ClassRow]) -> incidents.ClassRow:
    majors = {row.major_code: row.major_name for row in classes}
    major_field, minor_field = st.columns(2, gap="small")
    major = major_field.selectbox(
        _("大类"), list(majors), format_func=majors.__getitem__, key="rep_major", persist_state="session"
    )
    minors = {row.code: row for row in classes if row.major_code == major}
    code = minor_field.selectbox(
        _("小类"), list(minors), format_func=lambda code: minors[code].name, key="rep_class", persist_state="session"
    )
    chosen = minors.get(code) or next(iter(minors.values()))
    _fault("class")
    st.segmented_control(
        _("级别"),
        list(Severity),
        default=Severity(chosen.default_severity),
        required=True,
        format_func=values.severity_text,
        width="stretch",
        key=f"rep_severity_{chosen.code}",
        persist_state="session",
    )
    _fault("severity")
    return chosen


def _where_fields(place: _Place) -> None:
    system, lon, lat = st.columns([1.5, 1, 1], gap="small")
    system.selectbox(
        _("坐标系"),
        list(Crs),
        format_func=lambda crs: labels.CRS[crs].text,
        key="rep_crs",
        on_change=_keep_place,
        persist_state="session",
    )
    lon.text_input(_("经度"), key="rep_lon", placeholder=_("点地图或填写"), persist_state="session")
    lat.text_input(_("纬度"), key="rep_lat", placeholder=_("点地图或填写"), persist_state="session")
    if place.fault:
        st.error(wording.literal(place.fault))  # a report refused for it said the same
    elif place.locus is not None:
        chain = " › ".join(grid.name for grid in reversed(place.locus.chain))
        outside = _("{grids}（网格外，归最近的社区）", grids=chain)
        st.caption(f":material/location_on: {outside if place.locus.is_outside_grid else chain}")
    else:
        st.caption(f":material/location_on: {_('在地图上点一下，或填写坐标，这里会显示所属网格')}")
        _fault("lon", "lat", "crs")
    st.text_input(
        _("地址"),
        key="rep_address",
        max_chars=LONGEST["address"],
        placeholder=_("门牌、楼栋或附近标志（可不填）"),
        persist_state="session",
    )
    _fault("address")


def _duplicates(similar: list[incidents.QueueRow]) -> None:
    """Open reports of the same class close by: one look may save a second dispatch."""
    if not similar:
        return
    st.warning(
        _n("附近 50 米、24 小时内已有 {n} 件同类事件，请先看是不是同一件。", len(similar)),
        icon=":material/content_copy:",
    )
    now = context.now()
    items = [
        parts.Card(
            id=row.no,
            title=row.title,
            colour=SEVERITY[row.severity],
            mark=SEVERITY_NUMERAL[row.severity],
            ink=INK,
            aside=wording.ago(row.reported_at, now),
            meta=f"{row.no} · {row.grid_name}",
            tail=labels.STATUS[row.status].text,
        )
        for row in similar
    ]
    opened = parts.cards("rep_similar", items, label=_("可能重复的事件"))
    if opened:
        case.open_case(opened)


def _pointing(place: _Place, similar: list[incidents.QueueRow]) -> None:
    bounds = context.county().town_bounds
    parts.picker(
        _PICKER,
        bounds=bounds,
        outlines=(*(basemap.url(part, within=bounds) for part in _GROUND), _GRIDS),
        place=place.at,
        near=[parts.Near(lon=row.lon, lat=row.lat, label=row.title, colour=SEVERITY[row.severity]) for row in similar],
    )


def _show_pointed(lon: float, lat: float) -> None:
    """Puts the place that was pointed at (EPSG:4490) into the fields, in the system that is chosen there."""
    state = st.session_state
    shown = [f"{degrees:.6f}" for degrees in from_storage(lon, lat, state["rep_crs"])]
    state["rep_lon"], state["rep_lat"] = shown
    state["rep_pointed"] = (lon, lat), shown


def _keep_place() -> None:
    """Another system was chosen: what was pointed at stays where it is. Digits typed by hand stay as they are."""
    at, shown = st.session_state.get("rep_pointed", (None, None))
    if at is not None and shown == [st.session_state.get("rep_lon"), st.session_state.get("rep_lat")]:
        _show_pointed(*at)


def _place() -> _Place:
    """The place that the fields name now."""
    lon, lat = (str(st.session_state.get(key, "")).strip() for key in ("rep_lon", "rep_lat"))
    if not lon or not lat:
        return _Place()
    try:
        at = to_storage(_degrees(lon, "lon"), _degrees(lat, "lat"), st.session_state.get("rep_crs", Crs.WGS84))
        return _Place(at=at, locus=context.remembered("locus", at, ("grids",), lambda s: territory.locate(s, *at)))
    except InvalidInput as error:
        return _Place(fault=commands.text_of(error))


def _degrees(text: str, field: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise InvalidInput("degrees are a decimal number", field=field) from error


def _similar(place: _Place) -> list[incidents.QueueRow]:
    code = st.session_state.get("rep_class")
    if place.at is None or place.fault or code is None:
        return []
    lon, lat = place.at
    return context.remembered(
        "similar",
        (code, lon, lat),
        ("incidents",),
        lambda session: incidents.similar(session, code, lon, lat, now=context.now()),
    )


def _submit(chosen: incidents.ClassRow) -> str | None:
    """Reports what the form holds; the same press delivered twice reports once."""
    state = st.session_state
    made: cases.Incident | None = None
    with commands.attempt():
        made = incidents.report(
            context.deployment().database,
            context.principal(),
            incidents.Report(
                title=state["rep_title"].strip(),
                class_code=chosen.code,
                severity=state[f"rep_severity_{chosen.code}"],
                lon=_degrees(state["rep_lon"], "lon"),
                lat=_degrees(state["rep_lat"], "lat"),
                crs=state["rep_crs"],
                source=state["rep_source"],
                description=state["rep_description"].strip(),
                address=state["rep_address"].strip(),
                reporter_name=state["rep_name"].strip(),
                reporter_phone=state["rep_phone"].strip(),
                request_key=state.setdefault("rep_request", secrets.token_urlsafe(12)),
            ),
            now=context.now(),
        )
    if made is None:
        deeplink.again()
    clear()
    return made.no


def clear() -> None:
    """Empties the form."""
    commands.forget_refusal()
    st.session_state.pop(_RESUMED, None)
    for key in [str(key) for key in st.session_state if str(key).startswith("rep_")]:
        st.session_state.pop(key, None)


def _fault(*fields: str) -> None:
    """Says below a field why the last report was refused because of it."""
    refused = commands.refused()
    if refused and refused.field in fields:
        st.error(wording.literal(refused.text))

"""Features of a layer through its view: counts, items, export, one by one, all by the same filter."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from typing import Any

import sqlalchemy as sa
from geoalchemy2 import Geometry
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Session

from db.models.record import STORAGE_SRID
from db.territory import subtree
from geo.errors import InvalidInput, UnknownCode
from geo.extent import Extent
from geo.features import FEATURE_TYPES, FeatureFilter, FeatureType, Kind, Property

_DECIMALS = 7
"""Of a degree: about a centimetre, as RFC 7946 advises."""

_CHUNK_ROWS = 5000
_SEARCHED = ("code", "name", "title", "address", "full_name", "full_phone")
"""Where free text is looked for. The views themselves hold full names and phones only for who may read them, so that
nobody else asks a mask away."""

_AGED = ("reported_at", "status_at", "positioned_at")
"""What `FeatureFilter.since` is held against: the first of these that the layer has."""

_COMPUTED = frozenset({"workers"})
"""Whose geometry is computed by the view. No index holds it, and PostgreSQL takes one in ten thousand for inside: it
would read all that is joined anew for each that is. Of a CASE it expects half."""

_CLASSES: Mapping[str, sa.TextClause] = {
    "class": sa.text("SELECT code FROM incident_class ORDER BY code"),
    "major": sa.text("SELECT DISTINCT major_code FROM incident_class ORDER BY major_code"),
}
"""The filters whose values the deployment itself brings: what there is of each."""

_SQL_TYPES: Mapping[Kind, Any] = {
    Kind.TEXT: sa.Text(),
    Kind.INTEGER: sa.BigInteger(),
    Kind.REAL: sa.Float(),
    Kind.FLAG: sa.Boolean(),
    Kind.INSTANT: sa.DateTime(timezone=True),
    Kind.TEXT_LIST: ARRAY(sa.Text()),
}


def feature_type(key: str) -> FeatureType:
    """The contract of layer `key`. Raises `UnknownCode`."""
    if key not in FEATURE_TYPES:
        raise UnknownCode(f"there is no layer {key}", field="layer")
    return FEATURE_TYPES[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How many features a filter leaves, of how many, and by value of each property asked for."""

    shown: int
    total: int
    by: Mapping[str, Mapping[str, int]]


def count(session: Session, key: str, flt: FeatureFilter, *, most: int | None = None) -> int:
    """How many features of the layer the filter leaves, counted no further than `most`. Raises as `items` does."""
    view = view_of(feature_type(key))
    found = sa.select(sa.literal(1)).select_from(view).where(*conditions(session, key, flt)).limit(most).subquery()
    return session.scalars(sa.select(sa.func.count()).select_from(found)).one()


def tally(session: Session, key: str, flt: FeatureFilter, *, by: Sequence[str], kept: Sequence[str] = ()) -> Tally:
    """Counts by value of each filter property of `by`, as if it were not filtered itself, in one reading of the layer.

    The total is that of the grid, and of the values that `flt` leaves of the properties `kept`. Raises as `items` does.
    """
    kind = feature_type(key)
    view = view_of(kind)
    wanted = {name: _values(kind, name, flt.where[name]) for name in by if name in flt.where}
    whole = FeatureFilter(grid=flt.grid, where={name: flt.where[name] for name in kept if name in flt.where})
    rest = {name: values for name, values in flt.where.items() if name not in wanted and name not in whole.where}
    is_met = sa.and_(sa.true(), *conditions(session, key, replace(flt, grid=None, where=rest)))
    seen = sa.select(*(view.c[name] for name in by), is_met.label("is_met")).where(*conditions(session, key, whole))
    each = seen.subquery()
    rows = session.execute(sa.select(*each.c, sa.func.count()).group_by(*each.c)).all()
    found = {name: Counter[str]() for name in by}
    shown = 0
    for *values, met, number in rows:
        if not met:
            continue
        of = dict(zip(by, values, strict=True))
        missed = {name for name, allowed in wanted.items() if of[name] not in allowed}
        shown += 0 if missed else number
        for name, value in of.items():
            if value is not None and missed <= {name}:
                found[name][str(value).lower()] += number
    return Tally(shown=shown, total=sum(row[-1] for row in rows), by=found)


def facets(session: Session, key: str, name: str, flt: FeatureFilter) -> dict[str, int]:
    """Counts by value of the filter property `name`, as if it were not filtered itself."""
    kind = feature_type(key)
    if name not in kind.filters:
        raise InvalidInput(f"{key} can't be counted by {name}", field=name)
    others = FeatureFilter(
        bbox=flt.bbox,
        grid=flt.grid,
        q=flt.q,
        since=flt.since,
        where={k: v for k, v in flt.where.items() if k != name},
    )
    view = view_of(kind)
    column = sa.func.lower(sa.cast(view.c[name], sa.Text()))
    rows = session.execute(
        sa.select(column, sa.func.count())
        .where(column.is_not(None), *conditions(session, key, others))
        .group_by(column)
        .order_by(column)
    )
    return {value: int(number) for value, number in rows}


def items(
    session: Session,
    key: str,
    flt: FeatureFilter,
    *,
    personal: bool,
    limit: int | None = None,
    by_deadline: bool = False,
) -> str:
    """A GeoJSON FeatureCollection (CRS84, RFC 7946) of what the filter leaves, in a stable order.

    With `by_deadline` what has a deadline comes by it: the open first, the overdue at their head, then the finished,
    the latest reported first. Raises `UnknownCode` for a layer or grid that doesn't exist, `InvalidInput` for a filter
    that the layer hasn't.
    """
    statement = _select(session, key, flt, personal=personal)
    if by_deadline:
        view = view_of(feature_type(key))
        statement = statement.order_by(None).order_by(*_deadline_first(view), view.c.fid)
    features = list(session.scalars(statement.limit(limit)))
    return f'{{"type":"FeatureCollection","numberReturned":{len(features)},"features":[{",".join(features)}]}}'


def feature(session: Session, key: str, code: str, *, personal: bool) -> dict[str, Any] | None:
    """One GeoJSON feature by its code, or None when there is none in the caller's scope."""
    statement = _select(session, key, FeatureFilter(), personal=personal).where(
        view_of(feature_type(key)).c.code == code
    )
    found = session.scalars(statement).one_or_none()
    return None if found is None else json.loads(found)


def stream(
    session: Session, key: str, flt: FeatureFilter, *, personal: bool, head: Mapping[str, object]
) -> Iterator[bytes]:
    """The FeatureCollection in chunks, straight from COPY: memory stays flat however many features there are.

    `head` becomes foreign members before the features (source, title); `numberReturned` follows them. Raises as `items`
    does, before the first chunk; the session must stay open until the last.
    """
    compiled = _select(session, key, flt, personal=personal).compile(dialect=session.get_bind().dialect)
    # JSON holds no raw control characters, so with these as quote and delimiter nothing is escaped.
    copy = f"COPY ({compiled.string}) TO STDOUT WITH (FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
    return _copied(session, copy, compiled.params, head)


def _copied(session: Session, statement: str, params: Mapping[str, Any], head: Mapping[str, object]) -> Iterator[bytes]:
    members = "".join(f"{json.dumps(k)}:{json.dumps(v, ensure_ascii=False)}," for k, v in head.items())
    yield f'{{"type":"FeatureCollection",{members}"features":[\n'.encode()
    number = 0
    connection = session.connection().connection.driver_connection
    if connection is None:
        raise AssertionError("a session in a transaction has its connection")
    with connection.cursor() as cursor, cursor.copy(statement, params) as rows:
        lines = (bytes(row).rstrip(b"\n") for row in rows)
        while chunk := list(islice(lines, _CHUNK_ROWS)):
            yield (b",\n" if number else b"") + b",\n".join(chunk)
            number += len(chunk)
    yield f'\n],"numberReturned":{number}}}\n'.encode()


@cache  # one object per layer: two of the same name would be two FROM elements of one statement
def view_of(kind: FeatureType) -> sa.TableClause:
    """The view of a layer, to select from."""
    columns = [sa.column(p.name, _SQL_TYPES[p.kind]) for p in kind.properties]
    geom = sa.column("geom", Geometry(srid=STORAGE_SRID))
    return sa.table(kind.key, sa.column("fid", sa.BigInteger()), *columns, geom, schema="layer")


def _select(session: Session, key: str, flt: FeatureFilter, *, personal: bool) -> sa.Select[str]:
    """One text per feature: GeoJSON with the right winding, 7 decimals and no `crs` member."""
    kind = feature_type(key)
    view = view_of(kind)
    pairs = [part for p in kind.visible(personal=personal) for part in (sa.literal(p.name), view.c[p.name])]
    geometry = sa.func.ST_AsGeoJSON(
        sa.func.ST_ForcePolygonCCW(sa.func.ST_Transform(view.c.geom, 4326)), _DECIMALS, 0, type_=sa.JSON()
    )
    # json, not jsonb: it keeps the order of the members; one space after a colon is all that it costs.
    text = sa.cast(
        sa.func.json_build_object(
            "type", "Feature", "id", view.c.code, "geometry", sa.cast(geometry, sa.JSON()),
            "properties", sa.func.json_build_object(*pairs),
        ),
        sa.Text(),
    )  # fmt: skip
    return sa.select(text).where(view.c.geom.is_not(None), *conditions(session, key, flt)).order_by(view.c.fid)


def _deadline_first(view: sa.TableClause) -> tuple[sa.ColumnElement[Any], ...]:
    if "due_at" not in view.c:
        return ()
    return (
        view.c.is_open.desc(),
        sa.case((view.c.is_open, view.c.due_at)).nulls_last(),
        view.c.reported_at.desc(),
    )


def conditions(session: Session, key: str, flt: FeatureFilter) -> list[sa.ColumnElement[bool]]:
    """The filter as conditions on `view_of`. Raises `UnknownCode`, `InvalidInput`."""
    kind = feature_type(key)
    view = view_of(kind)
    found: list[sa.ColumnElement[bool]] = []
    if flt.bbox is not None:
        meets = sa.func.ST_Intersects(view.c.geom, _envelope(flt.bbox))
        found.append(sa.case((meets, sa.true()), else_=sa.false()) if key in _COMPUTED else meets)
    if flt.grid is not None:
        codes = subtree(session, flt.grid)
        found.append(view.c.grid_code == sa.any_(sa.literal(codes, ARRAY(sa.Text()))))
    if flt.q:
        sought = [view.c[name].icontains(flt.q, autoescape=True) for name in _SEARCHED if name in view.c]
        found.append(sa.or_(*sought))
    if flt.since is not None:
        aged = next((name for name in _AGED if name in view.c), None)
        if aged is None:
            raise InvalidInput(f"features of {key} have no time", field="since")
        found.append(view.c[aged] >= flt.since)
    for name, values in flt.where.items():
        if name not in kind.filters:
            raise InvalidInput(f"{key} can't be filtered by {name}", field=name)
        if name in _CLASSES:
            _known(session, name, values)
        of = next(p.kind for p in kind.properties if p.name == name)
        found.append(view.c[name] == sa.any_(sa.literal(_values(kind, name, values), ARRAY(_SQL_TYPES[of]))))
    return found


def _known(session: Session, name: str, values: Sequence[str]) -> None:
    """Refuses classes that the deployment hasn't. Raises `UnknownCode`."""
    known = list(session.scalars(_CLASSES[name]))
    if not set(values) <= set(known):
        raise UnknownCode(f"{name} takes {', '.join(known)}", field=name, allowed=known)


def _values(kind: FeatureType, name: str, texts: Sequence[str]) -> list[object]:
    prop = next(p for p in kind.properties if p.name == name)
    return [_value(prop, text) for text in texts]


def _envelope(extent: Extent) -> sa.ColumnElement[Any]:
    box = sa.func.ST_MakeEnvelope(*extent.bounds, extent.srid)
    return sa.func.ST_Transform(box, STORAGE_SRID)


def _value(prop: Property, text: str) -> object:
    if prop.kind is Kind.INTEGER:
        if not text.removeprefix("-").isdecimal() or len(text) > 18:  # noqa: PLR2004  what a bigint surely holds
            raise InvalidInput(f"{prop.name} takes whole numbers", field=prop.name)
        return int(text)
    if prop.kind is Kind.FLAG:
        if text not in {"true", "false"}:
            raise InvalidInput(f"{prop.name} takes true or false", field=prop.name)
        return text == "true"
    return text

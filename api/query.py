"""The query parameters of a layer: the one filter object of map, list, count and file, read strictly."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from api.problems import Refusal
from geo.errors import InvalidInput, NotFound, UnknownCode
from geo.extent import Extent
from geo.features import FEATURE_TYPES, MOST_TEXT, FeatureFilter, FeatureType, Kind
from governance.offered import VALUES

_SINGLE = frozenset({"bbox", "grid", "q", "since"})
_DEGREES = re.compile(r"-?[0-9]{1,3}(\.[0-9]{1,20})?")
_VALUES_LIMIT = 200


def feature_type(key: str) -> FeatureType:
    """The contract of the layer. Raises `NotFound`: the key is part of the address."""
    found = FEATURE_TYPES.get(key)
    if found is None:
        raise NotFound(f"no layer {key!r}; there are {', '.join(FEATURE_TYPES)}")
    return found


def read_filter(kind: FeatureType, query: QueryParams, *, beside: Collection[str] = ()) -> FeatureFilter:
    """The filter that a query string means; values of a filter property are repeated or separated by commas.

    `beside` names the parameters that the route reads itself. Raises `Refusal` (400) for a parameter that the layer
    doesn't have, `InvalidInput` for one given twice or with a value that can't be read, `UnknownCode` for a value that
    nothing has. Classes are the database's: `db.features` asks for them.
    """
    for name in query:
        if name not in _SINGLE and name not in beside and name not in kind.filters:
            allowed = ", ".join((*sorted(_SINGLE), *sorted(beside), *kind.filters))
            raise Refusal("unknown_parameter", f"没有查询参数 {name}，可用：{allowed}", field=name)
    bbox, since = single(query, "bbox"), single(query, "since")
    return FeatureFilter(
        bbox=None if bbox is None else Extent.from_bbox(bbox),
        grid=single(query, "grid"),
        q=single(query, "q"),
        since=None if since is None else _instant(since, "since"),
        where={name: values for name in kind.filters if name in query and (values := _values(kind, query, name))},
    )


def single(query: QueryParams, name: str) -> str | None:
    """The one value of a parameter; None when it is missing or empty. Raises `InvalidInput` when given twice."""
    found = query.getlist(name)
    if len(found) > 1:
        raise InvalidInput(f"{name} may be given once", field=name)
    if not found or not found[0].strip():
        return None
    if len(found[0]) > MOST_TEXT:
        raise InvalidInput(f"{name} has at most {MOST_TEXT} characters", field=name)
    return found[0].strip()


def whole(query: QueryParams, name: str, *, least: int, most: int) -> int | None:
    """A parameter that is a whole number within bounds, both included."""
    text = single(query, name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
        raise InvalidInput(f"{name} takes a whole number from {least} to {most}", field=name)
    return int(text)


def known(query: QueryParams, *names: str) -> QueryParams:
    """The query of a route that takes `names` and nothing else. Raises `Refusal` (400) for another parameter."""
    for name in query:
        if name not in names:
            raise Refusal("unknown_parameter", f"没有查询参数 {name}，可用：{', '.join(names)}", field=name)
    return query


def needed(query: QueryParams, name: str) -> str:
    """The one value of a parameter that the route can't do without."""
    text = single(query, name)
    if text is None:
        raise InvalidInput(f"{name} is needed", field=name)
    return text


def degrees(query: QueryParams, name: str) -> float:
    """A needed parameter that is a number of degrees, written plainly."""
    text = needed(query, name)
    if not _DEGREES.fullmatch(text):
        raise InvalidInput(f"{name} takes degrees such as 124.018", field=name)
    return float(text)


def instant(query: QueryParams, name: str) -> datetime:
    """A needed parameter that is an instant with its time zone."""
    return _instant(needed(query, name), name)


def listed(query: QueryParams, name: str, *, most: int) -> list[str]:
    """The values of a parameter, repeated or separated by commas, each once and in order; none when it is missing."""
    parts = (part.strip() for text in query.getlist(name) for part in text.split(","))
    values = sorted({part for part in parts if part})
    if len(values) > most or any(len(value) > MOST_TEXT for value in values):
        raise InvalidInput(f"{name} takes at most {most} values of at most {MOST_TEXT} characters", field=name)
    return values


def _values(kind: FeatureType, query: QueryParams, name: str) -> tuple[str, ...]:
    parts = [part.strip() for text in query.getlist(name) for part in text.split(",")]
    values = tuple(sorted({part for part in parts if part}))
    if len(values) > _VALUES_LIMIT or any(len(value) > MOST_TEXT for value in values):
        raise InvalidInput(f"too many or too long values of {name}", field=name)
    found = next(p for p in kind.properties if p.name == name)
    offered = VALUES[kind.key].get(name)
    for value in values:
        if found.kind is Kind.INTEGER and not (value.isascii() and value.isdigit() and len(value) < 10):  # noqa: PLR2004
            raise InvalidInput(f"{name} takes whole numbers", field=name)
        if found.kind is Kind.FLAG and value not in {"true", "false"}:
            raise InvalidInput(f"{name} takes true or false", field=name)
        if offered is not None and value not in offered:
            raise UnknownCode(f"{name} takes {', '.join(offered)}", field=name, allowed=list(offered))
    return values


def _instant(text: str, name: str) -> datetime:
    # In a query string "+" means a space, and "+08:00" is typed like that all the time.
    try:
        found = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        if found.tzinfo is None:
            raise InvalidInput(f"{name} needs its time zone, such as +08:00 or Z", field=name)
        # Python takes offsets up to a day and PostgreSQL up to sixteen hours.
        return found.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidInput(f"{name} takes an instant such as 2026-11-23T08:00:00+08:00", field=name) from error

"""Bad input gets a problem document that names the field, and changes nothing."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from api.watch import BODY_LIMIT

SWAPPED = {"lon": 45.005, "lat": 124.005}
BAD = {
    "a latitude of 91": ({"lat": 91.0}, 422, "lat"),
    "swapped axes": (SWAPPED, 422, "lat"),
    "an empty CRS": ({"crs": ""}, 422, "crs"),
    "a null CRS": ({"crs": None}, 422, "crs"),
    "an unknown CRS": ({"crs": "mars"}, 422, "crs"),
    "a point outside the county": ({"lon": 125.5}, 422, "lon"),
    "an unknown class": ({"class": "9999"}, 422, "class"),
    "a number as a class": ({"class": 101}, 422, "class"),
    "NaN": ({"lat": float("nan")}, 422, "lat"),
    "infinity": ({"lon": float("inf")}, 422, "lon"),
    "a number in quotes": ({"lon": "124.005"}, 422, "lon"),
    "a flag as a number": ({"lat": True}, 422, "lat"),
    "no title": ({"title": "  "}, 422, "title"),
    "a title without end": ({"title": "长" * 201}, 422, "title"),
    "a NUL in the text": ({"description": "a\x00b"}, 422, "description"),
    "half a character": ({"description": "\ud800"}, 422, "description"),
    "a severity of 5": ({"severity": 5}, 422, "severity"),
    "a severity of 1.5": ({"severity": 1.5}, 422, "severity"),
    "an unknown source": ({"source": "dream"}, 422, "source"),
    "an unknown member": ({"priority": 1}, 422, "priority"),
}


def _is_problem(answer: Any, status: int, field: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document = answer.json()
    assert document["status"] == status
    assert document["field"] == field, document
    assert document["type"].startswith("urn:gridcommand:problem:")
    assert document["title"]
    assert document["detail"]
    assert document["request_id"] == answer.headers["x-request-id"]
    return document


@pytest.mark.parametrize("case", BAD)
def test_a_bad_report_is_refused_and_changes_nothing(
    clients: Any, rows: Callable[[], dict[str, str]], body: Callable[..., dict[str, object]], case: str
):
    """Each bad value is named, and no row is there afterwards that wasn't before."""
    changes, status, field = BAD[case]
    before = rows()
    answer = clients.dispatcher.post(
        "/api/incidents", content=json.dumps(body(**changes)), headers={"content-type": "application/json"}
    )
    _is_problem(answer, status, field)
    assert rows() == before


@pytest.mark.parametrize("name", ["title", "class", "lon", "lat", "crs"])
def test_a_missing_member_is_named(
    clients: Any, rows: Callable[[], dict[str, str]], body: Callable[..., dict[str, object]], name: str
):
    """A report without what it needs says which."""
    before = rows()
    answer = clients.dispatcher.post("/api/incidents", json={k: v for k, v in body().items() if k != name})
    assert name in _is_problem(answer, 422, name)["detail"]
    assert rows() == before


def test_swapped_axes_are_told_as_such(clients: Any, body: Callable[..., dict[str, object]]):
    """The commonest mistake gets its own sentence."""
    answer = clients.dispatcher.post("/api/incidents", json=body(**SWAPPED))
    assert "经纬度" in answer.json()["detail"]


@pytest.mark.parametrize(
    "content",
    [b"{broken", b"", b"[]", b"null", b"\xff\xfe", b'"text"', b"[" * 100_000, b"NaN", b"{}" + b" " * 10 + b"x"],
)
def test_what_is_no_report_at_all_is_refused(clients: Any, rows: Callable[[], dict[str, str]], content: bytes):
    """Whatever arrives in place of a JSON object is a 4xx problem, never an error of ours."""
    before = rows()
    answer = clients.dispatcher.post("/api/incidents", content=content, headers={"content-type": "application/json"})
    assert answer.status_code in {400, 422}
    assert answer.headers["content-type"] == "application/problem+json"
    assert rows() == before


def test_a_report_that_does_not_say_json_is_refused(clients: Any, body: Callable[..., dict[str, object]]):
    """A body of another kind isn't guessed at."""
    answer = clients.dispatcher.post(
        "/api/incidents", content=json.dumps(body()), headers={"content-type": "text/plain"}
    )
    assert answer.status_code in {400, 422}


def test_a_body_of_10_mb_is_refused_by_its_length(
    clients: Any, rows: Callable[[], dict[str, str]], body: Callable[..., dict[str, object]]
):
    """A body that says it is too large isn't read."""
    before = rows()
    answer = clients.dispatcher.post("/api/incidents", json=body(description="x" * 10_000_000))
    _is_problem(answer, 413, "body")
    assert rows() == before


def test_a_body_without_a_length_is_refused_while_it_is_read(clients: Any, rows: Callable[[], dict[str, str]]):
    """A chunked body is cut off at the limit, not swallowed whole."""
    given = 0

    def endless() -> Iterator[bytes]:
        nonlocal given
        for _ in range(200):
            given += 1
            yield b" " * 65_536

    before = rows()
    answer = clients.dispatcher.post("/api/incidents", content=endless(), headers={"content-type": "application/json"})
    _is_problem(answer, 413, "body")
    assert rows() == before


def test_a_body_at_the_limit_is_read(clients: Any):
    """The limit refuses what exceeds it, nothing smaller."""
    content = b"{}" + b" " * (BODY_LIMIT - 2)
    answer = clients.dispatcher.post("/api/incidents", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 422


@pytest.mark.parametrize(
    ("path", "field"),
    [
        ("/api/layers/incidents/items?colour=red", "colour"),
        ("/api/layers/incidents/items?BBOX=1,2,3,4", "BBOX"),
        ("/api/layers/stations/items?severity=1", "severity"),
        ("/api/layers/stations/export?limit=3", "limit"),
        ("/api/layers/stations/export?format=shp", "format"),
    ],
)
def test_a_parameter_that_a_layer_has_not_is_named(clients: Any, path: str, field: str):
    """An unknown filter is refused, since ignoring it would answer too much."""
    document = _is_problem(clients.dispatcher.get(path), 400, field)
    assert "可用" in document["detail"]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("bbox=1,2,3", "bbox"),
        ("bbox=a,b,c,d", "bbox"),
        ("bbox=nan,0,1,1", "bbox"),
        ("bbox=45,124,45.1,124.1", "bbox"),
        ("bbox=124,45,123,46", "bbox"),
        ("bbox=1,2,3,4&bbox=1,2,3,4", "bbox"),
        ("limit=0", "limit"),
        ("limit=-1", "limit"),
        ("limit=1e3", "limit"),
        ("limit=99999999999999999999", "limit"),
        ("severity=II", "severity"),
        ("severity=99999999999999999999", "severity"),
        ("is_open=yes", "is_open"),
        ("since=yesterday", "since"),
        ("since=9999-12-31T23:59:59-23:00", "since"),
        ("since=2026-11-23T08:00:00", "since"),
        ("grid=999", "grid"),
        ("q=" + "x" * 500, "q"),
        ("rev=new", "rev"),
    ],
)
def test_a_value_that_cannot_be_read_is_named(clients: Any, query: str, field: str):
    """A filter is never guessed at."""
    _is_problem(clients.dispatcher.get(f"/api/layers/incidents/items?{query}"), 422, field)


@pytest.mark.parametrize(
    ("query", "field", "one"),
    [
        ("incidents/items?severity=9", "severity", "1"),
        ("incidents/items?severity=03", "severity", "3"),
        ("incidents/items?status=bogus", "status", "reported"),
        ("incidents/items?status=closed,bogus", "status", "closed"),
        ("incidents/items?source=dream", "source", "hotline"),
        ("incidents/items?class=9999", "class", "0101"),
        ("incidents/export?major=99", "major", "04"),
        ("devices/items?kind=toaster", "kind", "camera"),
        ("devices/export?status=closed", "status", "offline"),
        ("grids/items?level=province", "level", "street"),
        ("stations/items?kind=camera", "kind", "warm_stop"),
        ("buildings/items?usage=castle", "usage", "residential"),
        ("workers/items?availability=asleep", "availability", "busy"),
        ("workers/items?position_source=guess", "position_source", "fresh"),
    ],
)
def test_a_value_that_nothing_has_is_refused_with_what_is_allowed(clients: Any, query: str, field: str, one: str):
    """An empty answer would look like a county without such features."""
    document = _is_problem(clients.dispatcher.get(f"/api/layers/{query}"), 422, field)
    assert document["code"] == "unknown_code"
    assert one in document["allowed"]
    assert one in document["detail"]
    assert one in document["reason"]


def test_a_tile_refuses_them_too(clients: Any):
    """Map and list ask by the same filter."""
    _is_problem(clients.dispatcher.get("/tiles/devices/13/6917/2946.pbf?status=bogus"), 422, "status")
    _is_problem(clients.dispatcher.get("/tiles/incidents/13/6917/2946.pbf?class=9999"), 422, "class")


def test_a_nul_in_the_address_is_refused(clients: Any):
    """What PostgreSQL can't hold doesn't reach it."""
    assert clients.dispatcher.get("/api/layers/incidents/items?q=%00").status_code == 400
    assert clients.dispatcher.get("/api/incidents/%00").status_code == 400


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("DELETE", "/api/layers", 405, "method_not_allowed"),
        ("GET", "/api/positions", 405, "method_not_allowed"),
        ("GET", "/api/nothing", 404, "not_found"),
        ("GET", "/api", 404, "not_found"),
        ("GET", "/api/layers/", 404, "not_found"),
        ("GET", "/api/layers/dragons/items", 404, "not_found"),
        ("GET", "/api/base/dragons", 404, "not_found"),
        ("GET", "/api/incidents/none", 404, "not_found"),
        ("GET", "/assets/none.svg", 404, "not_found"),
    ],
)
def test_a_wrong_address_or_method_is_a_problem_too(clients: Any, method: str, path: str, status: int, code: str):
    """Every error of the door has the one form."""
    answer = clients.admin.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("positions", "field", "row"),
    [
        ([{"lat": 91}], "lat", 1),
        ([{}, {"lon": 181}], "lon", 2),
        ([{"at": "2026-11-23T10:00:00"}], "at", 1),
        ([{"at": "yesterday"}], "at", 1),
        ([{}, {"at": 1795399200}], "at", 2),
        ([{"worker": ""}], "worker", 1),
        ([], "positions", None),
        ([{}] * 1001, "positions", None),
    ],
)
def test_a_bad_fix_names_its_row(
    clients: Any, rows: Callable[[], dict[str, str]], positions: list[dict[str, object]], field: str, row: int | None
):
    """One bad fix refuses its batch and says which it was."""
    good = {"worker": "W31", "lon": 124.01, "lat": 45.0, "at": "2026-11-23T02:00:00Z"}
    before = rows()
    answer = clients.dispatcher.post(
        "/api/positions", json={"crs": "wgs84", "positions": [good | changes for changes in positions]}
    )
    assert _is_problem(answer, 422, field).get("row") == row
    assert rows() == before


@pytest.mark.parametrize(
    ("alarms", "field"),
    [
        ([{"device": "D31", "status": "fine"}], "status"),
        ([{"device": "D31", "status": "alarm"}, {"device": "none", "status": "alarm"}], "device"),
        ([{"device": "D31", "status": "alarm"}, {"device": "D31", "status": "online"}], "device"),
        ([{"device": "D31"}], "status"),
    ],
)
def test_a_bad_alarm_changes_no_device(
    clients: Any, rows: Callable[[], dict[str, str]], alarms: list[dict[str, str]], field: str
):
    """A batch of device statuses is taken whole or not at all."""
    before = rows()
    _is_problem(clients.dispatcher.post("/api/alarms", json={"alarms": alarms}), 422, field)
    assert rows() == before

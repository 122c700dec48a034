"""Photos through HTTP: raw bodies in, tagged pictures out, nothing beyond scope."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image
from starlette.testclient import TestClient

from api.context import Context
from geo.errors import Damaged

JPEG = {"Content-Type": "image/jpeg"}
_SHADES = iter(range(10_000))


def shot(size: tuple[int, int] = (900, 600)) -> bytes:
    """A photo that no other call gives."""
    out, shade = BytesIO(), next(_SHADES)
    Image.new("RGB", size, (shade * 16 % 256, shade // 16 * 16 % 256, 90)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def address(clients: Any, body: Callable[..., dict[str, object]]) -> str:
    """Where the photos of a fresh incident in Rusong are."""
    return f"/api/incidents/{clients.officer.post('/api/incidents', json=body()).json()['no']}/photos"


@pytest.fixture
def added(clients: Any, address: str) -> Any:
    """A photo of after."""
    answer = clients.officer.post(f"{address}?phase=after&note=已清理", content=shot(), headers=JPEG)
    assert answer.status_code == 201, answer.text
    return answer.json()


def test_a_photo_goes_in_and_comes_back(clients: Any, address: str, added: Any):
    """The row names phase, note, hash and addresses; list and picture agree with it."""
    assert (added["phase"], added["note"], added["width"], added["height"]) == ("after", "已清理", 900, 600)
    assert clients.viewer.get(address).json() == [added]
    answer = clients.viewer.get(added["href"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(answer.content) == added["byte_count"]
    small = clients.viewer.get(added["thumbnail"])
    assert Image.open(BytesIO(small.content)).size == (480, 320)
    assert small.headers["etag"] != answer.headers["etag"]


@pytest.mark.parametrize("size", ["", "?size=small"])
def test_whoever_has_it_gets_304(clients: Any, added: Any, size: str):
    """The tag is the hash: what is known isn't sent again."""
    tag = clients.officer.get(added["href"] + size).headers["etag"]
    again = clients.officer.get(added["href"] + size, headers={"If-None-Match": tag})
    assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", tag)


def test_another_streets_officer_finds_none(clients: Any, address: str, added: Any):
    """Out of scope is as if there were none, also for whoever knows the tag."""
    other = clients.officer_of_rongye
    known = {"If-None-Match": f'"{added["sha256"]}"'}
    assert other.get(address).status_code == 404
    assert other.get(added["href"], headers=known).status_code == 404
    answer = other.post(f"{address}?phase=before", content=shot(), headers=JPEG)
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_a_viewer_adds_none(clients: Any, address: str, rows: Callable[[], dict[str, str]]):
    """403, before the body is looked at."""
    before = rows()
    answer = clients.viewer.post(f"{address}?phase=after", content=b"", headers={"Content-Type": "text/plain"})
    assert (answer.status_code, answer.json()["code"]) == (403, "not_permitted")
    assert rows() == before


def test_a_refusal_names_the_fault(clients: Any, address: str, rows: Callable[[], dict[str, str]]):
    """In a code for programs and in Chinese for people; nothing is left behind."""
    before = rows()
    answer = clients.officer.post(f"{address}?phase=after", content="供暖".encode(), headers=JPEG)
    told = answer.json()
    assert (answer.status_code, told["code"], told["field"], told["fault"]) == (
        422, "invalid_input", "photo", "not_a_photo",
    )  # fmt: skip
    assert "照片" in told["detail"]
    assert rows() == before


def test_the_same_photo_again(clients: Any, address: str):
    """As the same phase it is a conflict, as the other one it is refused."""
    picture = shot()
    assert clients.officer.post(f"{address}?phase=before", content=picture, headers=JPEG).status_code == 201
    again = clients.officer.post(f"{address}?phase=before", content=picture, headers=JPEG)
    assert (again.status_code, again.json()["fault"]) == (409, "same_photo")
    other = clients.officer.post(f"{address}?phase=after", content=picture, headers=JPEG)
    assert (other.status_code, other.json()["fault"]) == (422, "before_is_after")


@pytest.mark.parametrize(
    ("query", "headers", "status", "field"),
    [
        ("", JPEG, 422, "phase"),
        ("?phase=during", JPEG, 422, "phase"),
        ("?phase=after&note=" + "长" * 201, JPEG, 422, "note"),
        ("?phase=after", {"Content-Type": "multipart/form-data; boundary=x"}, 400, "Content-Type"),
        ("?phase=after", {}, 400, "Content-Type"),
    ],
)
def test_a_wrong_request_names_its_field(
    *, clients: Any, address: str, query: str, headers: dict[str, str], status: int, field: str
):
    """Phase, note and framing are told apart."""
    answer = clients.officer.post(f"{address}{query}", content=shot(), headers=headers)
    assert (answer.status_code, answer.json()["field"]) == (status, field)


def test_a_photo_may_be_larger_than_a_form_but_not_boundless(clients: Any, address: str):
    """Ten megabytes here, however they are framed, and one everywhere else."""
    noise = BytesIO()
    Image.effect_noise((1400, 1000), 100).save(noise, "PNG")
    assert len(noise.getvalue()) > 1024 * 1024
    url = f"{address}?phase=after"
    assert clients.officer.post(url, content=noise.getvalue(), headers=JPEG).status_code == 201
    large = bytes(10 * 1024 * 1024 + 1)

    def framed() -> Iterator[bytes]:
        yield large

    assert clients.officer.post(url, content=large, headers=JPEG).status_code == 413
    assert clients.officer.post(url, content=framed(), headers=JPEG).status_code == 413
    elsewhere = clients.officer.post("/api/incidents", content=noise.getvalue(), headers=JPEG)
    assert elsewhere.status_code == 413


def test_a_changed_file_is_no_picture(clients: Any, context: Context, added: Any):
    """What isn't what was kept isn't shown."""
    for kept in (context.settings.data_dir / "photos").rglob("*.jpg"):
        kept.write_bytes(b"changed")
    answer = clients.officer.get(added["href"])
    assert (answer.status_code, answer.json()["code"]) == (500, Damaged.code)


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999", str(2**63)])
def test_a_number_that_is_none(clients: Any, address: str, number: str):
    """A photo that isn't there is not found, a number that can't be one is refused."""
    assert clients.officer.get(f"{address}/{number}").status_code == (404 if number == "99999" else 422)


def test_a_login_adds_from_our_own_page_only(visitor: TestClient, address: str):
    """A picture sent by another site's page with the cookie is refused."""
    visitor.post("/auth/login", data={"username": "dispatcher", "password": "demo-1234"})
    url = f"{address}?phase=after"
    assert visitor.post(url, content=shot(), headers=JPEG).json()["code"] == "foreign_origin"
    own = JPEG | {"Origin": "http://county.test"}
    assert visitor.post(url, content=shot(), headers=own).status_code == 201

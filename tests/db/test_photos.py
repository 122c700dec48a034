"""Photos of incidents: who may add and see them, that each is kept once, and that a changed file shows."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from db import handling, photos
from db.session import Database
from geo.errors import Conflict, Damaged, GridCommandError, InvalidInput, NotFound, NotPermitted
from governance.access import Principal, Role
from governance.incident import Status
from governance.lifecycle import Action
from governance.photo import LIMIT_PER_PHASE, Fault, Phase
from tests.casebook import MINUTE
from tests.conftest import NOW
from tests.people import DISPATCHER, OFFICER, PLANNER, RUSONG, VIEWER

ELSEWHERE = Principal(account="other", role=Role.OFFICER, grid_prefix="220723001")
Add = Callable[..., photos.Photo]


def shot(shade: int = 0, size: tuple[int, int] = (64, 48)) -> bytes:
    """A photo of its own for each shade."""
    out = BytesIO()
    Image.new("RGB", size, (shade * 20 % 256, 120, 255 - shade * 20 % 256)).save(out, "JPEG")
    return out.getvalue()


@pytest.fixture
def no(county: Database) -> str:
    """An incident in Rusong."""
    found = text("SELECT no FROM incident WHERE grid_code LIKE :g AND is_open AND NOT is_sensitive ORDER BY no LIMIT 1")
    with county.engine.connect() as connection:
        return str(connection.execute(found, {"g": f"{RUSONG}%"}).scalar_one())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "photos"


@pytest.fixture
def add(county: Database, no: str, folder: Path) -> Add:
    """Adds a photo as the officer of Rusong, with changes."""

    def adding(content: bytes = b"", *, principal: Principal = OFFICER, phase: str = "after", note: str = "") -> object:
        content = content or shot()
        return photos.add(county, principal, no, phase=phase, content=content, folder=folder, now=NOW, note=note)

    return adding  # type: ignore[return-value]  # pytest fixtures lose the signature


def rows(county: Database) -> int:
    with county.engine.connect() as connection:
        return int(connection.execute(text("SELECT count(*) FROM photo")).scalar_one())


def test_a_photo_is_kept_under_its_hash(county: Database, no: str, folder: Path, add: Add):
    """The row tells who, when and what; the file lies under its hash, readable to nobody else, and comes back whole."""
    made = add(note=" 已清理 ")
    assert (made.phase, made.taken_by, made.taken_by_name, made.added_at, made.note) == (
        Phase.AFTER, "officer", "如松街道干部", NOW, "已清理",
    )  # fmt: skip
    place = folder / made.sha256[:2] / f"{made.sha256}.jpg"
    assert place.stat().st_size == made.byte_count
    assert place.stat().st_mode & 0o077 == 0
    assert [p for p in folder.rglob("*") if p.is_file()] == [place]
    with county.session(OFFICER) as session:
        assert photos.of_incident(session, no) == [made]
        assert photos.read(session, folder, no, made.id) == place.read_bytes()


def test_who_sees_the_incident_sees_its_photos(county: Database, no: str, folder: Path, add: Add):
    """The officer of another street finds neither list nor picture; a viewer of the county finds both."""
    made = add()
    with county.session(ELSEWHERE) as session:
        with pytest.raises(NotFound):
            photos.of_incident(session, no)
        with pytest.raises(NotFound):
            photos.read(session, folder, no, made.id)
    with county.session(VIEWER) as session:
        assert photos.read(session, folder, no, made.id)
    with pytest.raises(NotFound):
        add(shot(3), principal=ELSEWHERE)


def test_another_incidents_number_doesnt_open_a_photo(county: Database, folder: Path, add: Add):
    """The picture's own number is no way around the incident's."""
    made = add()
    with county.session(DISPATCHER) as session, pytest.raises(NotFound):
        photos.read(session, folder, "QA00000000-0000", made.id)


@pytest.mark.parametrize("principal", [VIEWER, PLANNER])
def test_who_only_looks_adds_nothing(county: Database, folder: Path, add: Add, principal: Principal):
    """Neither row nor file."""
    with pytest.raises(NotPermitted):
        add(principal=principal)
    assert rows(county) == 0
    assert not folder.exists()


def test_the_database_refuses_a_viewers_row_too(county: Database, no: str):
    """The lock is where the data is."""
    statement = text(
        """INSERT INTO photo (incident_id, phase, sha256, width, height, byte_count, taken_by, taken_by_name, added_at,
            note) SELECT id, 'after', repeat('0', 64), 1, 1, 1, '', '', now(), '' FROM incident WHERE no = :no"""
    )
    with pytest.raises(DBAPIError, match="row-level security"), county.session(VIEWER) as session:
        session.execute(statement, {"no": no})


@pytest.mark.parametrize("change", ["UPDATE photo SET note = 'x'", "DELETE FROM photo", "TRUNCATE photo"])
def test_rows_only_grow(county: Database, add: Add, change: str):
    """Not even the tables' owner changes a photo's row."""
    add()
    with pytest.raises(DBAPIError, match="only grows"), county.engine.begin() as connection:
        connection.execute(text(change))


def test_the_same_photo_twice_is_a_conflict(county: Database, add: Add):
    """Sent again, it is told to be there."""
    add()
    with pytest.raises(Conflict) as caught:
        add()
    assert caught.value.facts["fault"] is Fault.SAME_PHOTO
    assert rows(county) == 1


def test_one_photo_proves_not_both(county: Database, add: Add):
    """The picture of before can't be handed in as the picture of after."""
    add(phase="before")
    with pytest.raises(InvalidInput) as caught:
        add(phase="after")
    assert (caught.value.field, caught.value.facts["fault"]) == ("photo", Fault.BEFORE_IS_AFTER)
    assert rows(county) == 1


def test_a_phase_takes_nine(county: Database, add: Add):
    """The tenth is refused; the other phase has nine places of its own."""
    for shade in range(LIMIT_PER_PHASE):
        add(shot(shade))
    with pytest.raises(InvalidInput) as caught:
        add(shot(10))
    assert caught.value.facts["fault"] is Fault.PHASE_FULL
    add(shot(11), phase="before")
    assert rows(county) == LIMIT_PER_PHASE + 1


@pytest.mark.parametrize(("field", "wrong"), [("phase", "during"), ("note", "长" * 201), ("note", "a\x00b")])
def test_a_wrong_value_names_its_field(county: Database, add: Add, field: str, wrong: str):
    """Phase and note are held to their rules."""
    with pytest.raises(InvalidInput) as caught:
        add(**{field: wrong})
    assert caught.value.field == field
    assert rows(county) == 0


def test_what_is_no_photo_leaves_no_trace(county: Database, folder: Path, add: Add):
    """Neither row nor file."""
    with pytest.raises(InvalidInput):
        add("不是照片".encode())
    assert rows(county) == 0
    assert not folder.exists()


def test_two_at_once_make_one(county: Database, add: Add):
    """The same photo sent by eight hands at once is kept once, and seven are told so."""

    def send(_: int) -> str:
        try:
            add()
        except GridCommandError as error:
            return error.code
        return "added"

    with ThreadPoolExecutor(8) as pool:
        answers = sorted(pool.map(send, range(8)))
    assert answers == ["added", *["conflict"] * 7]
    assert rows(county) == 1


def test_a_changed_or_missing_file_is_told(county: Database, no: str, folder: Path, add: Add):
    """What lies on the disk is checked at each reading."""
    made = add()
    place = folder / made.sha256[:2] / f"{made.sha256}.jpg"
    kept = place.read_bytes()
    place.write_bytes(kept[:-3] + b"abc")
    with county.session(OFFICER) as session:
        with pytest.raises(Damaged):
            photos.read(session, folder, no, made.id)
        place.unlink()
        with pytest.raises(Damaged):
            photos.read(session, folder, no, made.id)


def test_a_damaged_file_is_put_right_by_whoever_adds_it_again(county: Database, no: str, folder: Path, add: Add):
    """Another incident's copy of the same picture mends the file."""
    made = add()
    place = folder / made.sha256[:2] / f"{made.sha256}.jpg"
    kept = place.read_bytes()
    place.write_bytes(b"damaged")
    with county.session(DISPATCHER) as session:
        other = session.execute(
            text("SELECT no FROM incident WHERE no <> :no AND is_open ORDER BY no LIMIT 1"), {"no": no}
        )
        other_no = str(other.scalar_one())
    photos.add(county, DISPATCHER, other_no, phase="after", content=shot(), folder=folder, now=NOW)
    assert place.read_bytes() == kept


def test_a_class_that_asks_for_a_photo_is_resolved_with_one_only(county: Database, folder: Path):
    """Without a photo of after it is refused, with one it is taken, and rework asks for another."""
    at_work = "SELECT no FROM incident WHERE status = 'processing' AND NOT is_sensitive ORDER BY no LIMIT 1"
    with county.engine.begin() as connection:
        no = str(connection.execute(text(at_work)).scalar_one())
        connection.execute(text("UPDATE incident_class SET needs_photo = true"))
    with pytest.raises(InvalidInput) as caught:
        handling.advance(county, DISPATCHER, no, Action.RESOLVE, now=NOW, opinion="已清理")
    assert caught.value.field == "photo"
    photos.add(county, DISPATCHER, no, phase="before", content=shot(1), folder=folder, now=NOW)
    with pytest.raises(InvalidInput):
        handling.advance(county, DISPATCHER, no, Action.RESOLVE, now=NOW, opinion="已清理")
    photos.add(county, DISPATCHER, no, phase="after", content=shot(2), folder=folder, now=NOW)
    done = handling.advance(county, DISPATCHER, no, Action.RESOLVE, now=NOW, opinion="已清理")
    assert done.status is Status.RESOLVED
    handling.advance(county, DISPATCHER, no, Action.REWORK, now=NOW + MINUTE, opinion="没有清干净")
    with pytest.raises(InvalidInput):
        handling.advance(county, DISPATCHER, no, Action.RESOLVE, now=NOW + 2 * MINUTE, opinion="又清了一遍")
    photos.add(county, DISPATCHER, no, phase="after", content=shot(3), folder=folder, now=NOW + 2 * MINUTE)
    handling.advance(county, DISPATCHER, no, Action.RESOLVE, now=NOW + 2 * MINUTE, opinion="又清了一遍")
    handling.advance(county, DISPATCHER, no, Action.VERIFY, now=NOW + 3 * MINUTE)
    with pytest.raises(Conflict) as finished:
        photos.add(county, DISPATCHER, no, phase="after", content=shot(4), folder=folder, now=NOW + 4 * MINUTE)
    assert finished.value.facts["reason"] == "finished"


def test_an_incident_tells_whether_a_phase_has_photos(county: Database, no: str, add: Add):
    """For the rule that some classes are resolved with a photo only."""
    add(phase="before")
    with county.session(OFFICER) as session:
        incident_id = session.execute(text("SELECT id FROM incident WHERE no = :no"), {"no": no}).scalar_one()
        assert photos.has(session, incident_id, Phase.BEFORE)
        assert not photos.has(session, incident_id, Phase.AFTER)

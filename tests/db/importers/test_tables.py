from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

from db import cases, incidents
from db.importers.tables import TableImported, import_calendar, import_classes
from db.incidents import Report
from db.session import Database
from geo.errors import InvalidInput, NotPermitted
from governance.access import SYSTEM
from tests.people import DISPATCHER

NEW = "1101,测试大类,新类别,civil_affairs,,3,2自然日,\n"
HEAD = "code,major,name,domain,skills,severity,limit,is_sensitive\n"


def written(folder: Path, body: str, *, encoding: str = "utf-8") -> Path:
    path = folder / "classes.csv"
    path.write_bytes((HEAD + body).encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_classes_are_added_and_replaced(county: Database, tmp_path: Path, encoding: str):
    """A table as an office program writes it adds new classes and replaces those with the same code."""
    path = written(
        tmp_path,
        "0101,市容环境,暴露垃圾,civil_affairs,,4,6工作时,\n1101,测试大类,新类别,civil_affairs,,3,2自然日,\n",
        encoding=encoding,
    )
    assert import_classes(county, SYSTEM, path) == TableImported(added=1, replaced=1)
    with county.session(SYSTEM) as session:
        found = {row.code: row for row in incidents.classes(session)}
    assert (found["0101"].limit_amount, found["0101"].limit_clock) == (6, "work_hour")
    assert (found["1101"].major_name, found["1101"].name) == ("测试大类", "新类别")


@pytest.mark.parametrize("limit", ["2紧急工作日", "1紧急工作时制止", "三天", ""])
def test_a_limit_that_cannot_be_read_refuses_the_whole_table(county: Database, tmp_path: Path, limit: str):
    """Real tables hold such limits: the row is named, nothing is guessed, and nothing of the table is taken."""
    path = written(
        tmp_path, f"1101,测试大类,新类别,civil_affairs,,3,2自然日,\n1102,测试大类,另一类,civil_affairs,,3,{limit},\n"
    )
    with pytest.raises(InvalidInput) as refused:
        import_classes(county, SYSTEM, path)
    assert (refused.value.field, refused.value.row) == ("limit", 3)
    with county.session(SYSTEM) as session:
        assert "1101" not in {row.code for row in incidents.classes(session)}


GOOD = f"{HEAD}{NEW}".encode()
UNREADABLE: dict[str, tuple[bytes, str, int | None]] = {
    "a column twice": (HEAD.replace("major", "code").encode() + NEW.encode(), "code", 1),
    "a column twice, once with a space": (f"{HEAD.strip()}, name \n{NEW.strip()},x\n".encode(), "name", 1),
    "no name": (GOOD.replace("新类别".encode(), b""), "name", 2),
    "a blank name": (GOOD.replace("新类别".encode(), b" \t "), "name", 2),
    "a name of 51 characters": (GOOD.replace("新类别".encode(), "长".encode() * 51), "name", 2),
    "a blank major class": (GOOD.replace("测试大类".encode(), b" "), "major", 2),
    "a limit of 27 years": (GOOD.replace("2自然日".encode(), "9999工作日".encode()), "limit", 2),
    "a NUL": (GOOD.replace("新类别".encode(), b"a\x00b"), "file", 2),
    "UTF-16": (GOOD.decode().encode("utf-16"), "file", None),
    "UTF-16 without its mark": (GOOD.decode().encode("utf-16-le"), "file", 1),
    "a quote that is never closed": (GOOD + b'1102,"x,y,civil_affairs,,3,1\n' * 3, "file", 3),
    "text after a quote": (GOOD + b'1102,"x"y,z,civil_affairs,,3,1,\n', "file", 3),
    "bytes of no encoding": (GOOD + b"\xff\xff\xff\n", "file", 3),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR" + bytes(range(256)), "file", 3),
    "a workbook": (b"PK\x03\x04\x14\x00" + bytes(range(256)), "file", None),
    "nothing": (b"", "code", 1),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_a_file_that_cannot_be_read_is_named_and_changes_nothing(county: Database, tmp_path: Path, case: str):
    """Whatever is wrong with a file is told by its field, and the row where there is one; no class is touched."""
    content, field, row = UNREADABLE[case]
    path = tmp_path / "classes.csv"
    path.write_bytes(content)
    with county.session(SYSTEM) as session:
        before = incidents.classes(session)
    with pytest.raises(InvalidInput) as refused:
        import_classes(county, SYSTEM, path)
    assert (refused.value.field, refused.value.row) == (field, row)
    with county.session(SYSTEM) as session:
        assert incidents.classes(session) == before


def test_a_limit_of_a_year_and_a_name_of_50_characters_are_taken(county: Database, tmp_path: Path):
    """The bounds themselves are good, and a stray space around a name is no part of it."""
    longest = "长" * 50
    path = written(tmp_path, f"1101,测试大类, {longest} ,civil_affairs,,3,366工作日,\n")
    import_classes(county, SYSTEM, path)
    with county.session(SYSTEM) as session:
        (made,) = [row for row in incidents.classes(session) if row.code == "1101"]
    assert (made.name, made.limit_amount) == (longest, 366)


@pytest.mark.parametrize(
    "day",
    ["20261001", "2026-W40-4", "1999-12-31", "2101-01-01", "2026-02-30", "2026-1-1", " 2026-10-01", "２026-10-01"],
)
def test_a_day_is_written_in_one_way(county: Database, tmp_path: Path, day: str):
    """YYYY-MM-DD of this century is a day; other spellings that Python would read are not."""
    path = tmp_path / "calendar.csv"
    path.write_text(f"day,kind,name\n{day},holiday,国庆节\n", encoding="utf-8")
    with pytest.raises(InvalidInput) as refused:
        import_calendar(county, SYSTEM, path)
    assert (refused.value.field, refused.value.row) == ("day", 2)


def test_an_incident_keeps_the_limit_that_it_was_reported_under(county: Database, tmp_path: Path, now: datetime):
    """A later table changes what comes in from then on, and no deadline that somebody was promised."""
    report = Report(title="垃圾", class_code="0101", lon=124.018, lat=45.005, crs="wgs84")
    before = incidents.report(county, DISPATCHER, report, now=now)
    import_classes(county, SYSTEM, written(tmp_path, "0101,市容环境,暴露垃圾,civil_affairs,,4,1自然日,\n"))
    after = incidents.report(county, DISPATCHER, report, now=now)
    with county.session(DISPATCHER) as session:
        assert cases.get(session, before.no).settle_by == before.settle_by
    assert (before.limit_clock, after.limit_clock) == ("work_hour", "calendar_day")


def test_days_of_the_own_calendar_override_the_official_ones(county: Database, tmp_path: Path):
    """A day on file is replaced, a new one added, and the next deadline reckons with both."""
    path = tmp_path / "calendar.csv"
    path.write_text("day,kind,name\n2026-10-01,workday,值守\n2027-01-01,holiday,元旦\n", encoding="utf-8")
    assert import_calendar(county, SYSTEM, path) == TableImported(added=1, replaced=1)
    with county.engine.connect() as connection:
        kinds = dict(
            connection.execute(
                text("SELECT day, kind FROM calendar_day WHERE day IN ('2026-10-01', '2027-01-01')")
            ).all()
        )
    assert kinds == {date(2026, 10, 1): "workday", date(2027, 1, 1): "holiday"}


def test_who_may_not_change_the_tables(county: Database, tmp_path: Path):
    """A dispatcher works with the limits and doesn't set them."""
    with pytest.raises(NotPermitted):
        import_classes(county, DISPATCHER, written(tmp_path, ""))

from __future__ import annotations

import shutil
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.profiles import PROFILES, read_profile
from db.settings import ROOT
from geo.errors import InvalidInput, UnknownCode
from governance import labels
from governance.deadlines import Clock, Limit
from governance.profile import Profile

PUBLISHED = """
    grids 160; street_grids 3; community_grids 7; quarter_grids 122; building_grids 28;
    street_committees 3; community_general_branches 7; grid_branches 122; building_groups 475;
    member_households 2175;
    workers_full_time 2730; workers_part_time 1781; workers 4511; training_sessions 26; trained 457;
    outstanding_workers 39;
    requests_settled 3000; wishes_granted 347; visit_activities 214; disputes_mediated 41;
    service_categories 6; service_items 48; hall_visits 50000; demonstration_centres 2; canteens 2;
    hobby_groups 23; centre_activities 100; grid_stations 47;
    platform_sections 15; named_sections 8; device_quarters 56; online_matters 10000; snapshots_solved 411;
    institutions 3; venues 54; meetings 268; meeting_requests 230; charging_piles_installed 4;
    parking_places 134; self_help_activities 57; self_help_people 770;
    projects_signed 62; resident_unit_activities 85; hard_problems 85; facilities_added 50; virtue_banks 7;
    special_inspections 15; routine_inspections 130; companies_rectified 2; illegal_removed 17;
    property_facilities 16; member_posts 216; model_companies 9;
    brands 13; brand_activities 50; brand_residents 1000;
"""
"""Every figure that the county published: its key and its value, in the order of the report."""

STATE_COUNCIL_2026 = {
    "元旦": (date(2026, 1, 1), date(2026, 1, 3)),
    "春节": (date(2026, 2, 15), date(2026, 2, 23)),
    "清明": (date(2026, 4, 4), date(2026, 4, 6)),
    "劳动节": (date(2026, 5, 1), date(2026, 5, 5)),
    "端午": (date(2026, 6, 19), date(2026, 6, 21)),
    "中秋": (date(2026, 9, 25), date(2026, 9, 27)),
    "国庆节": (date(2026, 10, 1), date(2026, 10, 7)),
}
WORKED_WEEKENDS_2026 = {
    date(2026, 1, 4),
    date(2026, 2, 14),
    date(2026, 2, 28),
    date(2026, 5, 9),
    date(2026, 9, 20),
    date(2026, 10, 10),
}
"""The State Council's notice of November 2025 for the year 2026."""


@pytest.fixture(scope="module")
def qianan() -> Profile:
    return read_profile("qianan")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of the county's folder, this test's own to spoil."""
    return Path(shutil.copytree(PROFILES / "qianan", tmp_path / "qianan"))


def spoil(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def refusal(folder: Path) -> tuple[str, int | None]:
    """Field and row that the reading of the folder complains of."""
    with pytest.raises(InvalidInput) as caught:
        read_profile(folder.name, root=folder.parent)
    return caught.value.field, caught.value.row


def test_the_county_is_qianan(qianan: Profile):
    """Code, name, lengths of grid codes and metric system are the county's."""
    assert (qianan.county_code, qianan.name, qianan.number_prefix) == ("220723", "乾安县", "QA")
    assert qianan.code_lengths == (9, 12, 15, 15)
    assert (qianan.metric_srid, qianan.timezone) == (4550, "Asia/Shanghai")
    assert qianan.town_bounds == (123.985, 44.985, 124.050, 45.030)


def test_the_name_is_never_simplified(qianan: Profile):
    """乾 stays 乾 in every file of the county: 干安 would be another place."""
    for path in (PROFILES / "qianan").iterdir():
        assert "干安" not in path.read_text(encoding="utf-8")
    assert qianan.title.startswith("乾安县")


def test_every_published_figure_is_there_in_order(qianan: Profile):
    """The reported figures are the county's report, number for number, each under its own name."""
    published = [pair.split() for pair in PUBLISHED.replace("\n", " ").split(";") if pair.strip()]
    assert [(f.key, f.value) for f in qianan.figures] == [(key, Decimal(value)) for key, value in published]


def test_round_figures_say_that_there_were_more(qianan: Profile):
    """ "More than 3,000" is not 3,000: exactly the figures that were given as a lower bound carry a qualifier."""
    assert {f.key for f in qianan.figures if f.qualifier} == {
        "requests_settled",
        "hall_visits",
        "centre_activities",
        "online_matters",
        "facilities_added",
        "brand_activities",
        "brand_residents",
    }
    assert {f.qualifier for f in qianan.figures} == {"", "余"}


def test_the_damaged_figure_is_marked(qianan: Profile):
    """The number of brands is damaged in print, and alone is marked as doubtful."""
    assert [f.key for f in qianan.figures if "存疑" in f.note] == ["brands"]


def test_ten_majors_with_five_to_nine_minors(qianan: Profile):
    """The starting table has the field's ten major classes in their order, each with minor ones."""
    minors = Counter((c.major_code, c.major_name) for c in qianan.classes)
    names = [
        "市容环境",
        "公用设施",
        "安全隐患",
        "矛盾纠纷",
        "民生诉求",
        "治安",
        "物业服务",
        "交通停车",
        "设备报警",
        "咨询求助",
    ]
    assert list(minors) == [(f"{n:02}", name) for n, name in enumerate(names, start=1)]
    assert set(minors.values()) <= set(range(5, 10))


def test_classes_that_others_rely_on(qianan: Profile):
    """0101 is exposed rubbish, asks for nobody special, and has four working hours; heating is urgent."""
    classes = {c.code: c for c in qianan.classes}
    assert (classes["0101"].name, classes["0101"].skills) == ("暴露垃圾", ())
    assert classes["0101"].limit == Limit(amount=Decimal(4), clock=Clock.WORK_HOUR)
    heating = [c for c in qianan.classes if "供暖" in c.name]
    assert {c.name for c in heating} == {"供暖管线泄漏", "供暖温度不达标"}
    assert {c.limit.clock for c in heating} == {Clock.URGENT_HOUR}


def test_disputes_and_public_order_are_sensitive(qianan: Profile):
    """Every dispute and every public-order matter is sensitive; rubbish, heating and parking never are."""
    majors = {c.major_name: set() for c in qianan.classes}
    for c in qianan.classes:
        majors[c.major_name].add(c.is_sensitive)
    assert majors["矛盾纠纷"] == majors["治安"] == {True}
    assert majors["市容环境"] == majors["公用设施"] == majors["交通停车"] == {False}


def test_a_legal_dispute_asks_for_law_and_public_order_for_police(qianan: Profile):
    """The classes name the skills that the field's rule names."""
    keys = {s.id: s.key for s in qianan.skills}
    asked = {c.name: {keys[i] for i in c.skills} for c in qianan.classes}
    assert asked["劳资纠纷"] == {"legal"}
    assert all("public_order" in asked[c.name] for c in qianan.classes if c.major_name == "治安")


def test_every_line_of_work_has_a_word(qianan: Profile):
    """A class's domain is one that the screens can name."""
    assert {c.domain for c in qianan.classes} <= set(labels.DOMAIN)


def test_holidays_of_2026_are_the_official_ones(qianan: Profile):
    """The calendar holds the State Council's holidays and working weekends, the one after the last holiday too."""
    days = {d.day: d for d in qianan.calendar if d.day.year == 2026}
    assert {d for d, spec in days.items() if spec.kind == "workday"} == WORKED_WEEKENDS_2026
    for name, (first, last) in STATE_COUNCIL_2026.items():
        assert [d for d, spec in days.items() if spec.name == name] == [
            date.fromordinal(n) for n in range(first.toordinal(), last.toordinal() + 1)
        ]


def test_own_days_stand_in_place_of_official_ones(folder: Path):
    """A deployment's calendar.csv wins over the official day."""
    (folder / "calendar.csv").write_text("day,kind,name\n2026-10-10,holiday,县庆\n", encoding="utf-8")
    days = {d.day: d for d in read_profile("qianan", root=folder.parent).calendar}
    assert (days[date(2026, 10, 10)].kind, days[date(2026, 10, 10)].name) == ("holiday", "县庆")
    assert days[date(2026, 10, 1)].name == "国庆节"


def test_a_county_may_keep_no_holidays(folder: Path):
    """`holidays = "none"` leaves the weekdays alone."""
    spoil(folder / "profile.toml", 'holidays = "china"', 'holidays = "none"')
    assert read_profile("qianan", root=folder.parent).calendar == ()


def test_a_county_without_published_figures_is_read(folder: Path):
    """figures.csv may be absent, as another county has published nothing."""
    (folder / "figures.csv").unlink()
    assert read_profile("qianan", root=folder.parent).figures == ()


def test_a_table_from_a_spreadsheet_is_read(folder: Path):
    """A byte order mark, as Excel writes it, is no part of the first column's name."""
    path = folder / "skills.csv"
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert len(read_profile("qianan", root=folder.parent).skills) == len(read_profile("qianan").skills)


@pytest.mark.parametrize("key", ["nowhere", "", ".", "..", "../qianan", "qianan/", "QIANAN"])
def test_an_unknown_profile_is_said_to_be_unknown(key: str):
    """There is no such county; a path is no key either."""
    with pytest.raises(UnknownCode) as caught:
        read_profile(key)
    assert caught.value.field == "profile"


@pytest.mark.parametrize(
    ("name", "old", "new", "field", "row"),
    [
        ("classes.csv", "暴露垃圾,civil_affairs,,4,4工作时,", "暴露垃圾,civil_affairs,,4,4紧急工作日,", "limit", 2),
        ("classes.csv", "civil_affairs,,3,4紧急工作时,", "civil_affairs,,3,尽快,", "limit", 3),
        ("classes.csv", "暴露垃圾,civil_affairs,,4", "暴露垃圾,civil_affairs,,5", "severity", 2),
        ("classes.csv", "暴露垃圾,civil_affairs,,4", "暴露垃圾,civil_affairs,,Ⅳ", "severity", 2),
        ("classes.csv", "暴露垃圾,civil_affairs,,", "暴露垃圾,civil_affairs,sweeping,", "skills", 2),
        ("classes.csv", "暴露垃圾,civil_affairs", "暴露垃圾,sanitation", "domain", 2),
        ("classes.csv", "4,4工作时,\n", "4,4工作时,yes\n", "is_sensitive", 2),
        ("classes.csv", "4,4工作时,\n", "4,4工作时,,\n", "classes", 2),
        ("classes.csv", "4,4工作时,\n", "4,4工作时\n", "classes", 2),
        ("classes.csv", "0102,", "0101,", "code", 3),
        ("alarms.csv", "pile_smoke,", "pile_overheat,", "code", 3),
        ("alarms.csv", "pile_smoke,", "烟,", "code", 3),
        ("alarms.csv", "烟雾告警", "", "name", 3),
        ("alarms.csv", "0302,1", "9999,1", "class", 3),
        ("alarms.csv", "0302,1", "0302,0", "severity", 3),
        ("alarms.csv", "charging_pile camera", "charging_pile toaster", "devices", 3),
        ("alarms.csv", "charging_pile camera", "", "devices", 3),
        ("alarms.csv", "devices", "kinds", "devices", 1),
        ("classes.csv", "0101,", "101,", "code", 2),
        ("classes.csv", "code,major,name", "code,major,title", "name", 1),
        ("skills.csv", "2,mediation", "1,mediation", "id", 3),
        ("skills.csv", "2,mediation", "2,patrol", "key", 3),
        ("skills.csv", "2,mediation", "two,mediation", "id", 3),
        ("figures.csv", ",160,", ",约160,", "value", 2),
        ("figures.csv", ",160,", ",NaN,", "value", 2),
        ("figures.csv", "street_grids,", "grids,", "key", 3),
        ("figures.csv", "网格总数,160,个,,,", "网格总数,160,个,,,2025-13-01", "as_of", 2),
        ("profile.toml", 'county_code = "220723"', "county_code = 220723", "county_code", None),
        ("profile.toml", "number_prefix", "prefix", "number_prefix", None),
        ("profile.toml", "[9, 12, 15, 15]", "[9, 12, 15]", "code_lengths", None),
        ("profile.toml", "[123.985, 44.985, 124.050, 45.030]", "[44.985, 123.985]", "town_bounds", None),
        (
            "profile.toml",
            "[123.985, 44.985, 124.050, 45.030]",
            "[124.050, 44.985, 123.985, 45.030]",
            "town_bounds",
            None,
        ),
        ("profile.toml", 'verify = "0.5紧急工作时"', 'verify = "30分钟"', "stages.verify", None),
        ("profile.toml", "cap = 3", "cap = 0", "policy.cap", None),
        ("profile.toml", '"full_time"', '"everybody"', "policy.pools", None),
        ("profile.toml", 'holidays = "china"', 'holidays = "mars"', "holidays", None),
        ("profile.toml", "[policy]", "[policy", "profile", None),
    ],
)
def test_what_cant_be_read_is_named(folder: Path, *, name: str, old: str, new: str, field: str, row: int | None):
    """A spoilt value is refused with its field and its row in the file, and nothing is guessed."""
    spoil(folder / name, old, new)
    assert refusal(folder) == (field, row)


@pytest.mark.parametrize("name", ["classes", "skills"])
def test_a_missing_table_is_named(folder: Path, name: str):
    """A county without classes or skills isn't one with none of them: the file is missing."""
    (folder / f"{name}.csv").unlink()
    assert refusal(folder) == (name, None)


@pytest.mark.parametrize(("line", "field"), [("2026-10-1O,holiday,国庆节", "day"), ("2026-10-01,rest,国庆节", "kind")])
def test_a_day_that_cant_be_read_is_named(folder: Path, line: str, field: str):
    """A day of calendar.csv is a date and a holiday or a workday."""
    (folder / "calendar.csv").write_text(f"day,kind,name\n{line}\n", encoding="utf-8")
    assert refusal(folder) == (field, 2)


@given(st.text(max_size=12))
def test_no_key_leaves_the_folder_of_profiles(key: str):
    """Whatever is asked for, a profile is read from `profiles/` alone or not at all."""
    try:
        profile = read_profile(key)
    except UnknownCode:
        return
    assert (ROOT / "profiles" / profile.key).parent == ROOT / "profiles"

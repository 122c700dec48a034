from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from db.session import Database
from governance.access import SYSTEM
from governance.privacy import COMPOUND_SURNAMES, mask_name, mask_numbers, mask_phone

STORABLE = st.characters(exclude_characters="\x00", exclude_categories=["Cs"])
"""What a text of PostgreSQL holds: no NUL and no halves of a pair."""

NAMES = st.text(STORABLE, max_size=8) | st.builds(
    str.__add__, st.sampled_from(COMPOUND_SURNAMES), st.text(STORABLE, max_size=4)
)
PHONES = (
    st.text(STORABLE, max_size=16)
    | st.text("0123456789", min_size=9, max_size=13)
    | st.from_regex(r"1[0-9]{10}", fullmatch=True)
    | st.from_regex(r"1[0-9]{10}\n", fullmatch=True)
)
TOLD = st.lists(
    st.sampled_from(
        ["13912345678", "139 1234-5678", "86", "0438", "8236789", "220723199002301234", "x", "路", " ", "-"]
    )
    | st.text("0123456789", max_size=3)
    | st.text(STORABLE, max_size=3),
    max_size=8,
).map("".join)


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("王小明", "王*"),
        ("王明", "王*"),
        ("王", "王*"),
        ("欧阳明", "欧阳*"),
        ("欧阳小明", "欧阳*"),
        ("欧阳", "欧*"),
        ("欧小阳", "欧*"),
        ("John Smith", "J*"),
        ("阿依古丽·买买提", "阿*"),
        ("𠮷田", "𠮷*"),
        ("", ""),
    ],
)
def test_a_name_keeps_its_surname(name: str, masked: str):
    """The surname stays, compound ones whole; of a bare or foreign name the first character at most."""
    assert mask_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("13812340000", "138****0000"),
        ("1381234000", "****"),
        ("138123400001", "****"),
        ("138 1234 0000", "****"),
        ("+8613812340000", "****"),
        ("04388236789", "****"),
        ("１３８１２３４００００", "****"),
        ("13812340000\n", "****"),
        ("12345", "****"),
        ("", ""),
    ],
)
def test_a_phone_keeps_its_ends(phone: str, masked: str):
    """A mobile number keeps three and four digits; whatever else is written there keeps nothing."""
    assert mask_phone(phone) == masked


@given(NAMES.filter(bool))
def test_a_masked_name_hides_every_given_name(name: str):
    """Nothing but a surname is left: one character, or two that are a compound surname, and less than the name."""
    masked = mask_name(name)
    kept = masked.removesuffix("*")
    assert masked == kept + "*"
    assert name.startswith(kept)
    assert len(kept) == 1 or (kept in COMPOUND_SURNAMES and len(kept) < len(name))


@given(PHONES)
def test_a_masked_phone_shows_seven_digits_at_most(phone: str):
    """Of eleven digits at least four are hidden, and the number of stars tells nothing of the length."""
    masked = mask_phone(phone)
    assert sum(character.isdigit() for character in masked) in {0, 7}
    assert masked.count("*") == (4 if phone else 0)


@pytest.mark.parametrize(
    ("told", "left"),
    [
        ("测试 联系李大钊13912345678", "测试 联系李大钊139****5678"),
        ("139 1234 5678或138-1234-0000，", "139****5678或138****0000，"),
        ("+8613912345678", "+86139****5678"),
        ("电话0438-8236789转2", "电话****转2"),
        ("220723199002301234 22072319900230123x", "**** ****"),
        ("网格220723001001001，工单QA20261123000123，路灯12345678901号", None),
        ("1391234567 139123456789", None),
        ("", None),
    ],
)
def test_numbers_in_a_text_are_masked(told: str, left: str | None):
    """Phones and identity numbers are found amid other words; codes of grids and incidents are neither."""
    assert mask_numbers(told) == (told if left is None else left)


MASKED = text(
    """SELECT mask_name(name), mask_phone(phone), mask_numbers(told)
    FROM unnest(CAST(:names AS text[]), CAST(:phones AS text[]), CAST(:told AS text[]))
        WITH ORDINALITY AS t (name, phone, told, n)
    ORDER BY n"""
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=st.lists(st.tuples(NAMES, PHONES, TOLD), min_size=20, max_size=50))
def test_the_database_masks_alike(database: Database, people: list[tuple[str, str, str]]):
    """The views mask by functions of the database: these and the rules here give the same for every text."""
    people += [(surname, "", "") for surname in COMPOUND_SURNAMES]
    people += [(f"{surname}明", "13812340000", "") for surname in COMPOUND_SURNAMES]
    names, phones, told = zip(*people, strict=True)
    with database.session(SYSTEM) as session:
        masked = session.execute(MASKED, {"names": list(names), "phones": list(phones), "told": list(told)}).all()
    assert masked == [(mask_name(name), mask_phone(phone), mask_numbers(words)) for name, phone, words in people]


def test_nobody_stays_nobody(database: Database):
    """Where no worker is assigned, the view shows nothing instead of a star."""
    with database.session(SYSTEM) as session:
        assert session.execute(text("SELECT mask_name(NULL), mask_phone(NULL), mask_numbers(NULL)")).one() == (
            None,
            None,
            None,
        )

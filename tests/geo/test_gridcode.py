from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from geo.errors import InvalidInput
from geo.gridcode import CodeRule, Level, is_under

QIANAN = CodeRule(county="220723", lengths=(9, 12, 15, 15))
ELSEWHERE = CodeRule(county="110101", lengths=(9, 12, 14, 16))
STREET, COMMUNITY, QUARTER, BUILDING = Level


@pytest.mark.parametrize(
    ("rule", "code", "level", "parent_code"),
    [
        (QIANAN, "220723003", STREET, None),
        (QIANAN, "220723003001", COMMUNITY, "220723003"),
        (QIANAN, "220723003001017", QUARTER, "220723003001"),
        (QIANAN, "220723003001901", BUILDING, "220723003001017"),
        (ELSEWHERE, "11010100100101", QUARTER, "110101001001"),
        (ELSEWHERE, "1101010010010102", BUILDING, "11010100100101"),
    ],
)
def test_good_codes_pass(rule: CodeRule, code: str, level: Level, parent_code: str | None):
    """A code that fits its level and its parent is accepted, in a county with 15 digits and in one with 14 and 16."""
    rule.check(code, level, parent_code)
    assert level in rule.levels(code)


@pytest.mark.parametrize(
    ("code", "level", "parent_code", "reason"),
    [
        ("", STREET, None, "not_digits"),
        ("22072300x", STREET, None, "not_digits"),
        ("２２０７２３００３", STREET, None, "not_digits"),
        ("22072300²", STREET, None, "not_digits"),
        ("22072300", STREET, None, "length"),
        ("220723003001", STREET, None, "length"),
        ("220724003", STREET, None, "county"),
        ("220723003", STREET, "220723", "parent"),
        ("220723003001", COMMUNITY, None, "parent"),
        ("220723003001", COMMUNITY, "220723002", "parent"),
        ("220723003001", COMMUNITY, "220723003002", "parent"),
        ("220723003001017", QUARTER, "220723003002", "parent"),
        ("220723003001017", QUARTER, "220723003", "parent"),
        ("220723003001901", BUILDING, "220723003002017", "parent"),
        ("220723003001901", BUILDING, "220723003001", "parent"),
        ("220723003001901", BUILDING, "220723003001901", "parent"),
        ("220723003001901", BUILDING, "22072300300101x", "parent"),
    ],
)
def test_bad_codes_are_refused(code: str, level: Level, parent_code: str | None, reason: str):
    """A code that breaks the rule is refused, naming the field and the reason."""
    with pytest.raises(InvalidInput) as refusal:
        QIANAN.check(code, level, parent_code)
    assert (refusal.value.field, refusal.value.facts["reason"]) == ("code", reason)


def test_building_grids_need_their_own_quarter():
    """Where building codes are longer than a quarter's, they begin with all of its digits."""
    with pytest.raises(InvalidInput):
        ELSEWHERE.check("1101010010010202", BUILDING, "11010100100101")


def test_levels_of_a_code():
    """The length tells the level; 15 digits in Qian'an may be a quarter or a building grid."""
    assert QIANAN.levels("220723003") == (STREET,)
    assert QIANAN.levels("220723003001") == (COMMUNITY,)
    assert QIANAN.levels("220723003001017") == (QUARTER, BUILDING)
    assert ELSEWHERE.levels("11010100100101") == (QUARTER,)
    assert QIANAN.levels("2207230030010") == QIANAN.levels("220724003") == QIANAN.levels("x") == ()


def test_parent_prefixes():
    """A building grid of Qian'an shares the community's 12 digits with its quarter, elsewhere the quarter's 14."""
    assert QIANAN.parent_prefix("220723003", STREET) == "220723"
    assert QIANAN.parent_prefix("220723003001", COMMUNITY) == "220723003"
    assert QIANAN.parent_prefix("220723003001017", QUARTER) == "220723003001"
    assert QIANAN.parent_prefix("220723003001901", BUILDING) == "220723003001"
    assert ELSEWHERE.parent_prefix("1101010010010102", BUILDING) == "11010100100101"


def test_levels_know_their_rank_and_parent():
    """Streets are level 1 and have nothing above them; building grids are level 4, in quarters."""
    assert [level.rank for level in Level] == [1, 2, 3, 4]
    assert [level.above for level in Level] == [None, STREET, COMMUNITY, QUARTER]


@pytest.mark.parametrize(
    ("county", "lengths", "field"),
    [
        ("", (9, 12, 15, 15), "county"),
        ("22072x", (9, 12, 15, 15), "county"),
        ("220723", (6, 12, 15, 15), "lengths"),
        ("220723", (9, 12, 15, 14), "lengths"),
        ("220723", (9, 12, 15), "lengths"),
    ],
)
def test_rules_that_make_no_sense_are_refused(county: str, lengths: tuple[int, int, int, int], field: str):
    """A profile whose code rule can't work is refused when it is read."""
    with pytest.raises(InvalidInput) as refusal:
        CodeRule(county=county, lengths=lengths)
    assert refusal.value.field == field


@given(st.sampled_from([QIANAN, ELSEWHERE]), st.data())
def test_chains_built_by_the_rule_pass(rule: CodeRule, data: st.DataObject):
    """Codes made from the street down, digit by digit, pass on every level, and lie under their ancestors' prefixes."""
    chain: list[str] = []
    for level in Level:
        parent = chain[-1] if chain else None
        width = rule.length(level)
        prefix = rule.parent_prefix("".ljust(width, "0") if parent is None else parent.ljust(width, "0"), level)
        prefix = rule.county if parent is None else parent[: len(prefix)]
        serial = data.draw(
            st.text("0123456789", min_size=width - len(prefix), max_size=width - len(prefix)).filter(
                lambda serial, prefix=prefix, parent=parent: prefix + serial != parent
            )
        )
        rule.check(prefix + serial, level, parent)
        chain.append(prefix + serial)
    assert all(is_under(code, chain[0]) and is_under(code, "") for code in chain)
    assert is_under(chain[3], chain[1])


def test_is_under_takes_digits_from_the_left():
    """A scope covers the codes that begin with it and no others."""
    assert is_under("220723003001", "220723003")
    assert not is_under("220723002001", "220723003")
    assert not is_under("220723", "220723003")

"""What is left of a name and a phone number where the role does not need them.

The database masks by the functions `mask_name`, `mask_phone` and `mask_numbers`, which a test holds equal to these.
"""

from __future__ import annotations

import re

COMPOUND_SURNAMES = (
    "欧阳",
    "上官",
    "司马",
    "司徒",
    "司空",
    "诸葛",
    "皇甫",
    "尉迟",
    "公孙",
    "长孙",
    "慕容",
    "令狐",
    "宇文",
    "夏侯",
    "轩辕",
    "端木",
    "呼延",
    "南宫",
    "西门",
    "东方",
    "独孤",
    "申屠",
    "澹台",
    "濮阳",
    "淳于",
    "赫连",
    "万俟",
    "闻人",
    "鲜于",
    "闾丘",
)
"""Surnames of two characters that are borne today and not easily a surname with the first of a given name."""

_MOBILE = re.compile(r"1[0-9]{10}")
_TOLD = (
    (r"[1-9][0-9]{5}(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9Xx]", "****"),
    (r"0[0-9]{2,3}[ -]?[0-9]{7,8}", "****"),
    (r"((?:86[ -]?)?1[3-9][0-9])[ -]?[0-9]{4}[ -]?([0-9]{4})", r"\1****\2"),
)
"""Identity numbers (GB 11643-1999), landlines with their area code, mobile numbers, each by what is left of it."""


def mask_name(full_name: str) -> str:
    """The surname and a star: "王小明" becomes "王*", "欧阳明" "欧阳*"; nothing stays nothing.

    One character at most of any other name ("John Smith" becomes "J*"), and of a bare "欧阳" too, which may be a whole
    name.
    """
    if not full_name:
        return ""
    is_compound = len(full_name) > 2 and full_name.startswith(COMPOUND_SURNAMES)  # noqa: PLR2004  surname and more
    return f"{full_name[: 2 if is_compound else 1]}*"


def mask_phone(full_phone: str) -> str:
    """A mobile number's first three and last four digits; only stars of anything else; nothing stays nothing.

    A landline keeps none: its area code is known here, so that four masked digits would be one or two.
    """
    if not full_phone:
        return ""
    return f"{full_phone[:3]}****{full_phone[-4:]}" if _MOBILE.fullmatch(full_phone) else "****"


def mask_numbers(told: str) -> str:
    """A text with the phone and identity numbers in it masked: a title or an address, typed by whoever reported.

    A name in it can't be told from other words, and stays.
    """
    for number, left in _TOLD:
        told = re.sub(f"(?<![0-9]){number}(?![0-9])", left, told)
    return told

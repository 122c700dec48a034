"""Tables from CSV files as offices write them: a file or row that can't be read is named, never guessed."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator, Sequence
from io import StringIO
from pathlib import Path
from typing import TypeVar

from geo.errors import InvalidInput

T = TypeVar("T")

_UTF_16 = (b"\xff\xfe", b"\xfe\xff")
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
"""How .xlsx and .xls begin."""


def rows(path: Path, columns: tuple[str, ...], read: Callable[[dict[str, str], int], T]) -> Iterator[tuple[int, T]]:
    """What `read` makes of each row, with its number: the file's line, the heading being 1.

    UTF-8 or GB 18030. Raises `InvalidInput`: naming `file` where it is no CSV text, a column that is missing or stands
    twice, and whatever `read` raises.
    """
    if not path.is_file():
        raise InvalidInput(f"没有文件 {path.name} is missing", field=path.stem)
    reader = csv.DictReader(StringIO(_text(path), newline=""), strict=True)
    began = 1
    try:
        reader.fieldnames = [name.strip() for name in reader.fieldnames or ()]
        _check_heading(path, reader.fieldnames, columns)
        began = reader.line_num + 1
        for row in reader:
            if None in row or None in row.values():
                raise InvalidInput(
                    f"{path.name} 第 {reader.line_num} 行列数不符 line {reader.line_num}: as many cells as columns",
                    field=path.stem,
                    row=reader.line_num,
                )
            yield reader.line_num, read(row, reader.line_num)
            began = reader.line_num + 1
    except csv.Error as error:
        # Told by the line on which the row begins: a quote that is never closed runs to the file's end.
        detail = f"{path.name} 不是完整的 CSV，引号可能没有成对 is no whole CSV, a quote may not be closed: {error}"
        raise InvalidInput(detail, field="file", row=began) from error


def once(read: Iterable[tuple[int, T]], *fields: str) -> list[tuple[int, T]]:
    """The rows. Raises `InvalidInput` when two of them share the value of a field that tells them apart."""
    kept = list(read)
    for field in fields:
        seen: set[object] = set()
        for number, spec in kept:
            value = getattr(spec, field)
            if value in seen:
                raise InvalidInput(f"{value} stands twice", field=field, row=number)
            seen.add(value)
    return kept


def _text(path: Path) -> str:
    """The file's text: UTF-8, or what office programs on a Chinese desk write."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise InvalidInput(f"{path.name} 无法读取 can't be read: {error.strerror}", field="file") from error
    if content.startswith(_WORKBOOKS):
        raise InvalidInput(f"{path.name} 是 Excel 工作簿，请另存为 CSV is a workbook: save it as CSV", field="file")
    if content.startswith(_UTF_16):
        raise InvalidInput(f"{path.name} 是 UTF-16，请另存为 UTF-8 is UTF-16: save it as UTF-8", field="file")
    before, nul, _ = content.partition(b"\x00")
    if nul:
        detail = f"{path.name} 含有空字符，不是文本文件 has NUL characters: it is no text"
        raise InvalidInput(detail, field="file", row=before.count(b"\n") + 1)
    reached = 0
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError as error:
            # The encoding that reads further is the one that was meant.
            reached = max(reached, error.start)
    detail = f"{path.name} 既不是 UTF-8 也不是 GB 18030 is text in neither UTF-8 nor GB 18030"
    raise InvalidInput(detail, field="file", row=content.count(b"\n", 0, reached) + 1)


def _check_heading(path: Path, names: Sequence[str], columns: tuple[str, ...]) -> None:
    for name in names:
        if name and names.count(name) > 1:
            raise InvalidInput(f"{path.name} 有两列 has two columns {name[:50]}", field=name[:50], row=1)
    for column in columns:
        if column not in names:
            raise InvalidInput(f"{path.name} 缺少列 has no column {column}", field=column, row=1)

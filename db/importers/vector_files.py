"""Files of vector data as offices hand them over: GeoPackage, Shapefile, GeoJSON and what else GDAL reads.

A file has layers, a layer has columns by lower-case name and a geometry in each row. Chinese Shapefiles are read in
whatever encoding they were written.
"""

from __future__ import annotations

import codecs
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError, FeatureError

from geo.errors import InvalidInput
from geo.geojson import read_features
from geo.source_crs import source_crs

_GEOJSON, _SHAPEFILE = (".geojson", ".json"), ".shp"
_DBF_NAME = 10
"""Bytes of a column's name in a Shapefile: what is longer is cut there, through a Chinese character if need be."""


@dataclass(frozen=True, slots=True)
class Table:
    """A layer's rows: its columns by lower-case name, a geometry each, and the reference system that the file says."""

    columns: Mapping[str, Sequence[object]]
    geometry: Sequence[object]
    crs: str | None

    def texts(self, names: Sequence[str]) -> tuple[str, list[str]]:
        """The column that has one of these names, and that name; empty ones where there is none.

        Raises `InvalidInput` naming row and field for text that no database keeps.
        """
        for name in names:
            if name in self.columns:
                return name, [_text(value, name, row) for row, value in enumerate(self.columns[name], start=1)]
        return names[0], [""] * len(self.geometry)


def require_file(path: Path) -> None:
    """Raises `InvalidInput` naming `file` when there is none."""
    if not path.is_file():
        raise InvalidInput(f"没有文件 there is no file {path.name}", field="file")


def layers_of(path: Path, *, kind: str) -> list[str]:
    """The file's layers whose geometries are of the kind (Line, Polygon) or of no one kind.

    A GeoJSON file is one layer, named after the file. Raises `InvalidInput` naming `file`.
    """
    if path.suffix.lower() in _GEOJSON:
        return [path.stem]
    try:
        found = pyogrio.list_layers(path)
    except (DataSourceError, DataLayerError) as error:
        raise _unreadable(path, error) from error
    return [str(name) for name, of in found if of is None or kind in of or of == "Unknown"]


def read_layer(path: Path, layer: str, *, spellings: Collection[str], crs: str | None) -> Table:
    """A layer's rows. Of a Shapefile only the columns that `spellings` names are read.

    GeoJSON is in degrees (RFC 7946), unless `crs` declares metres for a file that names no reference system. Raises
    `InvalidInput` naming `file`, `crs`, or row and field.
    """
    if path.suffix.lower() in _GEOJSON:
        return _geojson(path, crs)
    # Latin 1 keeps every byte of a Shapefile as it is: what they mean is told below.
    encoding = "ISO-8859-1" if path.suffix.lower() == _SHAPEFILE else None
    try:
        meta, _, wkb, columns = pyogrio.raw.read(path, layer=layer, encoding=encoding)
    except (DataSourceError, DataLayerError, FeatureError) as error:
        raise _unreadable(path, error) from error
    names = [str(name) for name in meta["fields"]]
    texts: list[Sequence[object]] = [column.tolist() for column in columns]
    if encoding is not None:
        names, texts = _decoded(path, names, texts, spellings)
    geometry = shapely.from_wkb(wkb, on_invalid="ignore")
    return Table(dict(zip((n.strip().lower() for n in names), texts, strict=True)), geometry, meta["crs"])


def _unreadable(path: Path, error: Exception) -> InvalidInput:
    return InvalidInput(f"{path.name} 无法读取 can't be read: {error}", field="file")


def _geojson(path: Path, crs: str | None) -> Table:
    in_metres = crs is not None and source_crs(declared=crs, in_file=None).projection is not None
    features = read_features(path.read_bytes(), in_metres=in_metres)
    keys = list(dict.fromkeys(key for one in features for key in one.properties))
    return Table(
        {key.strip().lower(): [one.properties.get(key) for one in features] for key in keys},
        [one.geometry for one in features],
        None if in_metres else "OGC:CRS84",
    )


def _decoded(
    path: Path, names: Sequence[str], columns: Sequence[Sequence[object]], spellings: Collection[str]
) -> tuple[list[str], list[Sequence[object]]]:
    """A Shapefile's columns that are called so, read in the encoding that its .cpg names, else in UTF-8 or GB 18030.

    Chinese text in GB 18030 is practically never valid UTF-8, so that the two can't be mistaken for each other.
    """
    known = {spelling.encode(code)[:_DBF_NAME]: spelling for code in ("utf-8", "gb18030") for spelling in spellings}
    ours = {
        spelling: column
        for name, column in zip(names, columns, strict=True)
        if (spelling := known.get(name.encode("latin-1").strip().lower()))
    }
    words = [word for column in ours.values() for word in column if isinstance(word, str)]
    encoding = _named_encoding(path) or ("utf-8" if all(map(_is_utf8, words)) else "gb18030")
    read = [
        [
            _decode(v, encoding, field=name, row=row) if isinstance(v, str) else v
            for row, v in enumerate(column, start=1)
        ]
        for name, column in ours.items()
    ]
    return list(ours), list(read)


def _named_encoding(path: Path) -> str | None:
    for sidecar in (path.with_suffix(".cpg"), path.with_suffix(".CPG")):
        if sidecar.is_file():
            name = sidecar.read_text(encoding="ascii", errors="replace").strip().lower()
            known = {"65001": "utf-8", "936": "gb18030", "gbk": "gb18030", "gb2312": "gb18030"}.get(name, name)
            try:
                return codecs.lookup(known).name
            except LookupError as error:
                raise InvalidInput(f"{sidecar.name} names no known encoding: {name[:40]}", field="file") from error
    return None


def _is_utf8(word: str) -> bool:
    try:
        word.encode("latin-1").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decode(word: str, encoding: str, *, field: str, row: int) -> str:
    try:
        return word.encode("latin-1").decode(encoding)
    except UnicodeDecodeError as error:
        raise InvalidInput(f"文字编码有误 the text isn't {encoding}", field=field, row=row) from error


def _text(value: object, field: str, row: int) -> str:
    """A cell as a word; nothing, and a float that isn't a number, are the empty one."""
    if value is None or value != value:  # noqa: PLR0124  NaN alone differs from itself
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    word = str(value).strip()
    if "\x00" in word:
        raise InvalidInput("文字里有空字符 the text has a NUL character", field=field, row=row)
    if not word.isascii() and any("\ud800" <= letter <= "\udfff" for letter in word):
        raise InvalidInput("文字里有半个字符 the text has half a character, a lone surrogate", field=field, row=row)
    return word

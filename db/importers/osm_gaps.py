"""What an OpenStreetMap file names and doesn't hold: the nodes and ways beyond an extract's edge.

GDAL passes over a missing node without a word, and what it draws is another shape. So the references are read from the
file itself, PBF or XML; nothing else of it is.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO
from xml.etree import ElementTree as ET

import numpy as np
from numpy.typing import NDArray

from geo.errors import InvalidInput

Ids = NDArray[np.int64]

_LAST = 0x80
"""A byte below it ends a number."""
_WAY_MEMBER = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Gaps:
    """Ids of the ways that lack a node of theirs, and of the relations that lack a way or have such a one."""

    ways: frozenset[int]
    relations: frozenset[int]


@dataclass(slots=True)
class _References:
    """Who names whom: nodes in arrays, ways and relations with what they name."""

    nodes: list[Ids] = field(default_factory=list)
    ways: dict[int, Ids] = field(default_factory=dict)
    relations: dict[int, Ids] = field(default_factory=dict)


def gaps_of(path: Path) -> Gaps:
    """The gaps of the file (`.osm.pbf` or `.osm`). Raises `InvalidInput` naming `file` when it is damaged."""
    found = _References()
    try:
        with path.open("rb") as file:
            if path.suffix.lower() == ".pbf":
                _read_pbf(file, found)
            else:
                _read_xml(file, found)
    except (ET.ParseError, zlib.error, struct.error, IndexError, KeyError, TypeError, ValueError) as error:
        raise InvalidInput(f"{path.name} 已损坏，无法读取 is damaged: {error}", field="file") from error
    nodes = np.unique(np.concatenate([np.empty(0, np.int64), *found.nodes]))
    ways = frozenset(_lacking(found.ways, nodes))
    whole = np.array(sorted(found.ways.keys() - ways), dtype=np.int64)
    return Gaps(ways=ways, relations=frozenset(_lacking(found.relations, whole)))


def _lacking(named: dict[int, Ids], held: Ids) -> list[int]:
    if not named:
        return []
    owner = np.repeat(np.fromiter(named, dtype=np.int64), [len(ids) for ids in named.values()])
    return [int(one) for one in np.unique(owner[~np.isin(np.concatenate(list(named.values())), held)])]


def _read_xml(file: BinaryIO, found: _References) -> None:
    nodes: list[int] = []
    # Expat itself refuses entities that grow; GDAL has read the same file with it before.
    for _, element in ET.iterparse(file):  # noqa: S314
        match element.tag:
            case "node":
                nodes.append(int(element.attrib["id"]))
            case "way":
                found.ways[int(element.attrib["id"])] = _ids([nd.attrib["ref"] for nd in element.iter("nd")])
            case "relation":
                members = [one.attrib["ref"] for one in element.iter("member") if one.attrib.get("type") == "way"]
                found.relations[int(element.attrib["id"])] = _ids(members)
            case _:
                continue
        element.clear()
    found.nodes.append(_ids(nodes))


def _ids(written: list[str] | list[int]) -> Ids:
    return np.array([int(one) for one in written], dtype=np.int64)


def _read_pbf(file: BinaryIO, found: _References) -> None:
    while head := file.read(4):
        (length,) = struct.unpack(">I", head)
        header = dict(_fields(file.read(length)))
        blob = dict(_fields(file.read(_number(header[3]))))
        if header[1] == b"OSMData":
            for number, group in _fields(_bytes(blob[1]) if 1 in blob else zlib.decompress(_bytes(blob[3]))):
                if number == 2:  # noqa: PLR2004  a block's groups; before them stand its texts
                    _read_group(_bytes(group), found)


def _read_group(group: bytes, found: _References) -> None:
    for number, value in _fields(group):
        inner = list(_fields(_bytes(value)))
        own = dict(inner)
        match number:
            case 1:  # nodes one by one, their ids as signed numbers
                coded = _number(own[1])
                found.nodes.append(_ids([(coded >> 1) ^ -(coded & 1)]))
            case 2:  # nodes in columns
                found.nodes.append(_deltas(_bytes(own[1])))
            case 3:
                found.ways[_number(own[1])] = _deltas(_bytes(own.get(8, b"")))
            case 4:
                kinds = _varints(_bytes(own.get(10, b"")))
                found.relations[_number(own[1])] = _deltas(_bytes(own.get(9, b"")))[kinds == _WAY_MEMBER]
            case _:
                continue


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """The fields of a message of Protocol Buffers, whole numbers and bytes, in order."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        match key & 7:
            case 0:
                value, at = _varint(message, at)
                yield key >> 3, value
            case 2:
                length, at = _varint(message, at)
                yield key >> 3, message[at : at + length]
                at += length
            case 1:
                at += 8
            case 5:
                at += 4
            case kind:
                raise ValueError(f"no such kind of field: {kind}")


def _varint(message: bytes, at: int) -> tuple[int, int]:
    """A whole number, seven bits a byte, the lowest first; and where it ends."""
    number = shift = 0
    while True:
        byte = message[at]
        at += 1
        number |= (byte & (_LAST - 1)) << shift
        if byte < _LAST:
            return number, at
        shift += 7


def _varints(packed: bytes) -> Ids:
    octets = np.frombuffer(packed, dtype=np.uint8)
    if not octets.size:
        return np.empty(0, dtype=np.int64)
    ends = np.flatnonzero(octets < _LAST)
    starts = np.concatenate([[0], ends[:-1] + 1])
    places = np.arange(octets.size) - np.repeat(starts, ends - starts + 1)
    parts = (octets & (_LAST - 1)).astype(np.int64) << (7 * places)
    return np.add.reduceat(parts, starts).astype(np.int64)


def _deltas(packed: bytes) -> Ids:
    """Ids that are written as signed steps from one to the next."""
    coded = _varints(packed)
    return np.cumsum((coded >> 1) ^ -(coded & 1), dtype=np.int64)


def _number(value: int | bytes) -> int:
    if not isinstance(value, int):
        raise TypeError("a whole number is written as bytes")
    return value


def _bytes(value: int | bytes) -> bytes:
    if not isinstance(value, bytes):
        raise TypeError("bytes are written as a whole number")
    return value

"""Tiles of a map server, fetched for the browsers and kept."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import NoReturn
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from api.answers import AnswerCache
from db.tiles import Tile
from geo.errors import NotFound, Unavailable
from geo.map_server import MapServer

_LOG = logging.getLogger(__name__)
_PATIENCE_S = 6.0
_REST_S = 15.0
"""How long a server that didn't answer is left alone: a map asks for dozens of tiles at once."""
_AT_ONCE = 8
_MISSING = 404
_MOST_BYTES = 2 * 1024 * 1024
_FRESH_S = 7 * 24 * 3600
_KINDS = ((b"\x89PNG", "image/png"), (b"\xff\xd8\xff", "image/jpeg"), (b"RIFF", "image/webp"), (b"GIF8", "image/gif"))


@dataclass(slots=True)
class Pictures:
    """The map servers' tiles, kept in memory; a server that fails is left alone for a while."""

    servers: Sequence[MapServer] = ()
    kept: AnswerCache = field(default_factory=lambda: AnswerCache(limit_bytes=64 * 1024 * 1024, limit_entries=4096))
    _resting_until: dict[str, float] = field(default_factory=dict)
    _slots: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(_AT_ONCE))

    def tile(self, number: int, at: Tile) -> tuple[bytes, str]:
        """The picture and its media type. Raises `NotFound` (no such layer or tile), `Unavailable`."""
        if not 0 <= number < len(self.servers):
            raise NotFound(f"no layer {number} of the base map")
        server = self.servers[number]
        about = (number, at, int(time.time() / _FRESH_S))
        picture = self.kept.answer(about, lambda: self._fetch(server, at)).unpacked()
        return picture, _kind(picture) or ""

    def _fetch(self, server: MapServer, at: Tile) -> bytes:
        with self._slots:
            if time.monotonic() < self._resting_until.get(server.host, 0):
                raise Unavailable(f"{server.host} didn't answer a moment ago")
            asked = Request(server.url(at.z, at.x, at.y), headers={"User-Agent": "GridCommand"})  # noqa: S310  http(s) only, checked when read
            try:
                with urlopen(asked, timeout=_PATIENCE_S) as answer:  # noqa: S310  the same
                    picture = bytes(answer.read(_MOST_BYTES + 1))
            except HTTPError as error:
                error.close()
                if error.code == _MISSING:
                    raise NotFound(f"{server.host} has no such tile") from None
                self._rest(server, f"answers {error.code}")
            except (OSError, HTTPException) as error:
                self._rest(server, type(error).__name__)
        if len(picture) > _MOST_BYTES or _kind(picture) is None:
            self._rest(server, "sends no picture")
        return picture

    def _rest(self, server: MapServer, reason: str) -> NoReturn:
        # Neither log nor answer says the address: it may hold a key.
        _LOG.warning("the map server %s %s", server.host, reason)
        self._resting_until[server.host] = time.monotonic() + _REST_S
        raise Unavailable(f"the map server {server.host} {reason}") from None


def _kind(picture: bytes) -> str | None:
    return next((kind for start, kind in _KINDS if picture.startswith(start)), None)

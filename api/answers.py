"""What is kept in memory, computed once for everybody who may see the same: answers above all."""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

from isal import isal_zlib

LIMIT_BYTES = 96 * 1024 * 1024
LIMIT_ENTRIES = 512
_QUICK = 1
"""Takes half as long as the best that ISA-L does, for a hundredth more bytes of a tile and three of items."""
_GZIP = 31
"""zlib's window of 15 bits, with gzip's head and foot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A body, kept compressed, and the tag of its content."""

    packed: bytes
    etag: str

    @classmethod
    def of(cls, body: str | bytes) -> Answer:
        """Compresses and tags a body. The tag is weak: it names the content, not its encoding."""
        raw = body.encode() if isinstance(body, str) else body
        digest = hashlib.blake2b(raw, digest_size=12).hexdigest()
        return cls(packed=isal_zlib.compress(raw, _QUICK, _GZIP), etag=f'W/"{digest}"')

    @property
    def nbytes(self) -> int:
        """What it takes in memory."""
        return len(self.packed)

    def unpacked(self) -> bytes:
        """The body as it was."""
        return isal_zlib.decompress(self.packed, _GZIP)


class Measured(Protocol):
    """What knows its size in memory."""

    @property
    def nbytes(self) -> int:
        """In bytes."""


V = TypeVar("V", bound=Measured)


@dataclass(slots=True)
class Kept(Generic[V]):
    """What was used last, within a bound of bytes; concurrent askers of one key wait for one computation."""

    limit_bytes: int = LIMIT_BYTES
    limit_entries: int = LIMIT_ENTRIES
    hits: int = 0
    misses: int = 0
    held_bytes: int = 0
    _kept: OrderedDict[Hashable, V] = field(default_factory=OrderedDict)
    _coming: dict[Hashable, Future[V]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Hashable, compute: Callable[[], V]) -> V:
        """What is under `key`, computed at most once at a time. A failed computation fails all who wait for it."""
        with self._lock:
            kept = self._found(key)
            if kept is not None:
                return kept
            coming = self._coming.get(key)
            if coming is None:
                self.misses += 1
                mine: Future[V] = Future()
                self._coming[key] = mine
            else:
                self.hits += 1
        if coming is not None:
            return coming.result()
        try:
            made = compute()
        except BaseException as error:
            with self._lock:
                del self._coming[key]
            mine.set_exception(error)
            raise
        with self._lock:
            del self._coming[key]
            self._keep(key, made)
        mine.set_result(made)
        return made

    def keep(self, key: Hashable, made: V) -> None:
        """Keeps what was computed elsewhere."""
        with self._lock:
            self.misses += 1
            self._keep(key, made)

    def known(self, key: Hashable) -> V | None:
        """What is under `key` if it is there. Nobody waits."""
        with self._lock:
            return self._found(key)

    def _found(self, key: Hashable) -> V | None:
        kept = self._kept.get(key)
        if kept is not None:
            self._kept.move_to_end(key)
            self.hits += 1
        return kept

    def _keep(self, key: Hashable, made: V) -> None:
        if made.nbytes > self.limit_bytes:
            return
        before = self._kept.pop(key, None)
        self._kept[key] = made
        self.held_bytes += made.nbytes - (before.nbytes if before else 0)
        while self.held_bytes > self.limit_bytes or len(self._kept) > self.limit_entries:
            _, dropped = self._kept.popitem(last=False)
            self.held_bytes -= dropped.nbytes


class AnswerCache(Kept[Answer]):
    """Answers that were used last."""

    __slots__ = ()

    def answer(self, key: Hashable, compute: Callable[[], str | bytes]) -> Answer:
        """The answer under `key`; `compute` makes its body. As `get`."""
        return self.get(key, lambda: Answer.of(compute()))

"""What screens have in common: made once, for all that show the same to somebody who may see the same."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import Condition
from typing import Any, TypeVar, cast

from cachetools import TTLCache, cached

from pages.ui import context

T = TypeVar("T")

_KEPT_S = 60
_MOST = 512


def read(name: str, about: Hashable, ask: Callable[[Any], T]) -> T:
    """What `ask(session)` answers, asked once for every screen of the caller's scope while `about` is the same.

    Whoever comes meanwhile waits for that answer. Raises `NotAuthenticated` and `Unavailable`.
    """
    at, principal = context.deployment(), context.principal()

    def answer() -> T:
        with at.database.session(principal) as session:
            return ask(session)

    return made(name, (about, principal.role, principal.grid_prefix), answer)


def made(name: str, about: Hashable, make: Callable[[], T]) -> T:
    """What `make` answers, made once while `about` is the same, which must say all that the answer depends on."""
    return cast("T", _kept((name, context.deployment().database.url, about), make))


# Streamlit's own memory looks at the signature and hashes every argument at each call: a third of a millisecond.
@cached(TTLCache(_MOST, _KEPT_S), key=lambda key, _: key, condition=Condition())
def _kept(key: Hashable, make: Callable[[], Any]) -> Any:  # noqa: ARG001  what the answer is kept under
    return make()

"""What screens share in shape: style sheets of their own, the full screen, and the size of the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from db.settings import ROOT

DESIGN_PX = (1920, 1080)
"""The screen that sizes are given for; larger ones are the same picture, larger."""

WINDOW_COOKIE = "gridcommand_window"
_DIGITS = 5
_ASSETS = ROOT / "assets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Viewport:
    """The window in CSS pixels; `scale` is 1 on the screen that was designed for, and the style sheet's rem / 16."""

    width_px: float
    height_px: float

    @property
    def scale(self) -> float:
        """How much larger everything is drawn than designed."""
        return round(min(self.width_px / DESIGN_PX[0], self.height_px / DESIGN_PX[1]), 3)


@cache
def style(name: str) -> str:
    """A style sheet of `assets/styles`, ready for the page."""
    return f"<style>{(_ASSETS / 'styles' / f'{name}.css').read_text(encoding='utf-8')}</style>"


@cache
def script(name: str) -> str:
    """A script of `assets/components` that is no component's own, ready for the page: it runs at once."""
    return f"<script>{(_ASSETS / 'components' / f'{name}.js').read_text(encoding='utf-8')}</script>"


@cache
def _component() -> Any:
    js = Path(_ASSETS / "components" / "viewport.js").read_text(encoding="utf-8")
    return st.components.v2.component("gridcommand_viewport", html="<i hidden></i>\n", js=js)


def viewport(key: str) -> Viewport:
    """The window's size, as the browser says it; until it has, the last that was known, or the one designed for."""
    known = _known_size()
    said = _component()(key=key, data={"known": known}, default={"size": None}, on_size_change=_no_change)
    size: Sequence[float] | None = said.size if said else None
    width, height = size or known or DESIGN_PX
    return Viewport(width_px=width, height_px=height)


def _known_size() -> tuple[int, int] | None:
    """What the login page or an earlier screen kept: without it a screen is drawn twice when it opens."""
    width, _, height = st.context.cookies.get(WINDOW_COOKIE, "").partition("x")
    if not (width.isdecimal() and height.isdecimal() and len(width) <= _DIGITS and len(height) <= _DIGITS):
        return None
    return (int(width), int(height)) if int(width) and int(height) else None


def _no_change() -> None:
    """The value is read where it is needed; the run that the change starts is all that is wanted."""

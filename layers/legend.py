"""The key of the map in HTML: each symbol with its name, so that no colour or shape stands alone."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from governance.language import N_, _
from layers.catalog import LAYERS, spec
from layers.spec import Symbol
from layers.symbols import url
from layers.workers import PALE

_MORE = {
    "incidents": (
        ("incident-3-waiting", N_("实心为待处置"), 1.0),
        ("incident-3-handling", N_("空心为处置中"), 1.0),
        ("incident-finished", N_("已结束"), 1.0),
    ),
    "devices": (("device-camera-offline", N_("离线"), 1.0), ("device-camera-alarm", N_("告警"), 1.0)),
    "workers": (("worker-available", N_("淡色为较早的位置，或只是岗位所在"), PALE),),
}
"""What a layer's symbols say besides their main distinction: symbol, meaning, and how strongly it is drawn."""


def mark(symbol: Symbol) -> str:
    """The picture of one line of a key: the symbol itself, or a stroke of the line's colour and width."""
    if symbol.icon:
        return f'<img class="key-icon" src="{escape(url(symbol.icon))}" alt="" width="22" height="22">'
    height = max(2.0, symbol.width_px)
    return f'<span class="key-line" style="background:{escape(symbol.colour)};height:{height:g}px"></span>'


def icon(name: str, *, opacity: float = 1.0) -> str:
    """One symbol as an image, decorative: its name stands beside it."""
    faded = "" if opacity == 1.0 else f' style="opacity:{opacity:g}"'
    return f'<img class="key-icon" src="{escape(url(name))}" alt="" width="22" height="22"{faded}>'


def extras(key: str) -> tuple[tuple[str, str], ...]:
    """What else the symbols of a layer say: (picture, meaning), the picture in HTML."""
    return tuple((icon(name, opacity=opacity), _(text)) for name, text, opacity in _MORE.get(key, ()))


def strip(keys: Iterable[str]) -> str:
    """One line for the foot of a wall's map: what each kind of symbol is, in the order of the catalogue."""
    parts = []
    wanted = set(keys)
    for key, layer in LAYERS.items():
        if key not in wanted:
            continue
        if key == "incidents":
            levels = "".join(icon(symbol.icon) for symbol in layer.symbols)
            parts.append(f"<span>{levels}{escape(_('{layer} I–IV 级', layer=layer.title))}</span>")
            parts += [f"<span>{picture}{escape(text)}</span>" for picture, text in extras(key)[1:2]]
        elif key == "devices":
            parts += [
                f"<span>{picture}{escape(_('设备{status}', status=text))}</span>" for picture, text in extras(key)
            ]
        elif key == "workers":
            parts += [
                f"<span>{mark(symbol)}{escape(_('{layer}{word}', layer=layer.title, word=symbol.label))}</span>"
                for symbol in layer.symbols[:2]
            ]
        elif layer.symbols[0].icon:
            parts.append(f"<span>{mark(layer.symbols[0])}{escape(layer.title)}</span>")
    return "".join(parts)


def lines(key: str) -> list[tuple[str, str]]:
    """A layer's key in place: (picture, name) of each of its symbols and of what else they say."""
    found = [(mark(symbol), symbol.label) for symbol in spec(key).symbols]
    return [*found, *extras(key)]

"""The look that all screens share: the palette as CSS custom properties, type, and calm Streamlit defaults."""

from __future__ import annotations

from dataclasses import fields

import streamlit as st

from layers.palette import DARK, LIGHT, SEVERITY, Palette

__all__ = ["DARK", "FONT", "LIGHT", "NUMERAL", "Palette", "apply", "tokens"]

FONT = "'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif"
NUMERAL = "'DIN Alternate','Bahnschrift','Noto Sans CJK SC','PingFang SC','Microsoft YaHei',sans-serif"
"""Of key figures; always with `font-variant-numeric: tabular-nums`."""


def tokens(palette: Palette = LIGHT, *, selector: str = ":root") -> str:
    """The palette as CSS custom properties: `--text`, `--panel`, `--severity-1`, `--font` and so on.

    Shadow roots inherit those of `:root`; a part with a theme of its own (the wall) names its selector.
    """
    colours = {f.name.replace("_", "-"): getattr(palette, f.name) for f in fields(palette) if f.name != "name"}
    colours |= {f"severity-{severity}": colour for severity, colour in SEVERITY.items()}
    properties = "".join(f"--{name}:{colour};" for name, colour in colours.items())
    return f"{selector}{{{properties}--font:{FONT};--numeral:{NUMERAL};color-scheme:{palette.name};}}"


# A slow fragment would fade to a third of its ink, and a live screen would blink at every tick.
_STILL = '[data-stale="true"]{opacity:1!important;transition:none!important}'

_CALM = """
.stApp{background:var(--ground);color:var(--text);font-family:var(--font);font-size:16px}
.stApp :is(h1,h2,h3,h4,p,li,label,button,input,textarea,select,table){font-family:var(--font)}
.stApp p,.stApp li{font-size:16px}
.stMainBlockContainer{padding:4.6rem 1.5rem 1.5rem;max-width:none}
[data-testid="stHeader"]{background:var(--panel);border-bottom:1px solid var(--line)}
[data-testid="stCaptionContainer"]{color:var(--muted);font-size:14px}
.stApp label p{font-size:15px}
"""


def apply(palette: Palette = LIGHT) -> None:
    """Puts the theme's properties and the shared rules on the page; the shell calls it once per run."""
    st.html(f"<style>{tokens(palette)}{_STILL}{_CALM}</style>")

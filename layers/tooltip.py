"""The pointer's hint for whatever lies under it: one template for all layers, with codes said in words.

Streamlit puts a feature's values, escaped, into `{name}` and leaves a name that the feature hasn't as it is. So each
value goes into an attribute, and a style shows it: nothing for a missing one, a word for a code.
"""

from __future__ import annotations

from collections.abc import Mapping
from html import escape

_TITLES = ("title", "name")
_TEXTS = ("class_name", "grid_name", "address", "worker")
_CODES = ("status", "availability", "kind", "level")


def template() -> str:
    """The HTML that a deck's tooltip takes."""
    titles = "".join(f'<b data-v="{{{name}}}"></b>' for name in _TITLES)
    codes = "".join(f'<i data-{name}="{{{name}}}"></i>' for name in _CODES)
    texts = "".join(f'<span data-v="{{{name}}}"></span>' for name in _TEXTS)
    return f'<div class="tip"><div>{titles}</div><div>{codes}{texts}</div></div>'


def style(words: Mapping[str, Mapping[str, str]]) -> str:
    """The style that goes with it; `words` says each code of `status`, `kind` and so on."""
    said = "".join(
        f'.tip [data-{name}="{escape(code)}"]::before{{content:"{_quoted(word)}"}}'
        for name in _CODES
        for code, word in words.get(name, {}).items()
    )
    return (
        ".tip{background:var(--panel);color:var(--text);border:1px solid var(--line);border-radius:6px;"
        "padding:8px 12px;font:16px/1.5 var(--font);box-shadow:0 4px 16px #0006;max-width:22em}"
        ".tip b,.tip i,.tip span{font-style:normal;margin-right:.6em}.tip div+div{color:var(--muted);font-size:14px}"
        ".tip [data-v]::before{content:attr(data-v)}"
        '.tip [data-v^="{"],.tip [data-v="null"],.tip [data-v=""]{display:none}'
        '.tip i:is([data-status^="{"],[data-kind^="{"],[data-level^="{"],[data-availability^="{"]){display:none}' + said
    )


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("<", "\\3c ")

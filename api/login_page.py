"""The HTML of the login: whole pages whose only other file is the icon."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from urllib.parse import urlencode

from db.accounts import DemoAccount
from governance import language
from governance.language import _

_STYLE = """
:root{color-scheme:dark;--ground:#0b1622;--panel:#112131;--line:#22384c;--text:#e6eef5;--muted:#8fa7ba;--accent:#4cc3ff;
--refused:#ff8f93}
*{box-sizing:border-box}
html,body{min-height:100%;margin:0}
body{display:grid;place-items:center;min-height:100vh;padding:24px;color:var(--text);
font:18px/1.5 'PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif;
background:var(--ground) radial-gradient(ellipse 90% 70% at 50% 0,#14304a 0,transparent 70%)}
main{width:min(440px,100%)}
header{text-align:center;margin-bottom:28px}
header svg{width:52px;height:52px;stroke:var(--accent);fill:none;stroke-width:2}
h1{margin:10px 0 2px;font-size:clamp(22px,6.4vw,30px);font-weight:600;letter-spacing:.06em}
header p{margin:0;color:var(--muted);font-size:16px;letter-spacing:.2em}
section{background:var(--panel);border:1px solid var(--line);border-radius:10px;padding:28px}
section>:first-child{margin-top:0}
section+section{margin-top:16px;padding:18px 20px}
label{display:block;margin:0 0 6px;font-size:16px;color:var(--muted)}
input{width:100%;margin-bottom:18px;padding:11px 12px;font:inherit;color:var(--text);background:var(--ground);
border:1px solid #3c5a75;border-radius:6px}
button{font:inherit;cursor:pointer;border-radius:6px}
button:focus-visible,input:focus-visible,a:focus-visible{outline:3px solid var(--accent);outline-offset:2px}
.go{width:100%;padding:12px;font-weight:600;color:#06131f;background:var(--accent);border:0}
.go:hover{background:#7ad4ff}
.refused{margin:0 0 18px;padding:10px 14px;color:var(--refused);border:1px solid #7d3438;border-left:4px solid #e5484d;
border-radius:6px;background:#2a1a22}
h2{margin:0 0 10px;font-size:16px;font-weight:600}
h2 small{font-size:14px;font-weight:400;color:var(--muted)}
ul{list-style:none;margin:0;padding:0;display:grid;gap:8px}
li button{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;gap:0 12px;
width:100%;padding:8px 12px;text-align:left;
color:var(--text);background:transparent;border:1px solid var(--line)}
li button:hover{border-color:var(--accent)}
li code{white-space:nowrap;color:var(--muted);font:15px ui-monospace,'DejaVu Sans Mono',monospace}
footer{margin-top:20px;text-align:center;font-size:14px;color:var(--muted)}
a{color:var(--accent)}
"""

_KEEP_SIZE = "document.cookie = `gridcommand_window=${innerWidth}x${innerHeight};path=/;samesite=strict`;"
"""For the first screen, which is drawn once if it knows its size (pages/ui/layout.py)."""

_FILL = """
for (const button of document.querySelectorAll('button[data-username]')) {
  button.addEventListener('click', () => {
    document.getElementById('username').value = button.dataset.username;
    document.getElementById('password').value = button.dataset.password;
    document.querySelector('button.go').focus();
  });
}
"""

_MARK = (
    '<svg viewBox="0 0 48 48" aria-hidden="true"><path d="M24 4 42 14v20L24 44 6 34V14z"/>'
    '<path d="M24 4v40M6 14l36 20M42 14 6 34"/></svg>'
)


def content_policy(nonce: str) -> str:
    """The Content-Security-Policy of these pages: nothing but their own style, script, form and icon."""
    return (
        f"default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; img-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def login_page(
    *,
    product: str,
    nonce: str,
    onward: str,
    username: str = "",
    refusal: str = "",
    demo: Sequence[DemoAccount] = (),
) -> str:
    """The login form; `refusal` says why the last try failed, `demo` are accounts to fill in with a click."""
    told = f'<p class="refused" role="alert" id="refusal">{escape(refusal)}</p>' if refusal else ""
    described = ' aria-describedby="refusal" aria-invalid="true"' if refusal else ""
    focus_name, focus_password = ("", " autofocus") if username else (" autofocus", "")
    form = f"""<section aria-label="{_("登录")}">{told}
<form method="post" action="/auth/login">
<input type="hidden" name="next" value="{escape(onward)}">
<label for="username">{_("用户名")}</label>
<input id="username" name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required
 maxlength="100" value="{escape(username)}"{focus_name}{described}>
<label for="password">{_("密码")}</label>
<input id="password" name="password" type="password" autocomplete="current-password" required
 maxlength="200"{focus_password}{described}>
<button class="go" type="submit">{_("登录")}</button>
</form></section>"""
    script = _KEEP_SIZE + (_FILL if demo else "")
    return _page(product, nonce, _("登录"), form + _demo(demo) + _languages(onward), script=script)


def logout_page(*, product: str, nonce: str, display_name: str) -> str:
    """Asks whether to log out: a plain link leads here, and only a form may end a login."""
    body = f"""<section><p>{_("当前登录：{name}", name=escape(display_name))}</p>
<form method="post" action="/auth/logout"><button class="go" type="submit" autofocus>{_("退出登录")}</button></form>
<footer><a href="/">{_("返回")}</a></footer></section>"""
    return _page(product, nonce, _("退出登录"), body)


def _languages(onward: str) -> str:
    """The same page in every other language, each under its own name."""
    links = "".join(
        f'<a href="/auth/login?{urlencode({language.PARAMETER: code, "next": onward})}" lang="{code}">{name}</a>'
        for code, name in language.NAMES.items()
        if code != language.current()
    )
    return f"<footer>{links}</footer>"


def _demo(accounts: Sequence[DemoAccount]) -> str:
    if not accounts:
        return ""
    rows = "".join(
        f'<li><button type="button" data-username="{escape(a.username)}" data-password="{escape(a.password)}">'
        f"<span>{escape(a.display_name)}</span><code>{escape(a.username)} / {escape(a.password)}</code></button></li>"
        for a in accounts
    )
    return (
        f'<section aria-label="{_("演示账号")}"><h2>{_("演示账号")} <small>{_("演示数据，点击即可填入")}</small></h2>'
        f"<ul>{rows}</ul></section>"
    )


def _page(product: str, nonce: str, title: str, body: str, *, script: str = "") -> str:
    scripted = f'<script nonce="{nonce}">{script}</script>' if script else ""
    return f"""<!doctype html>
<html lang="{language.current()}"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>{escape(title)} · {escape(product)}</title><link rel="icon" href="/assets/favicon.svg">
<style nonce="{nonce}">{_STYLE}</style></head>
<body><main><header>{_MARK}<h1>{escape(product)}</h1><p>{_("一屏掌握 · 一键调度")}</p></header>
{body}
</main>{scripted}</body></html>"""

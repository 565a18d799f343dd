"""The page that asks for the token, and the one that leads on from it; plain HTML without a script.

Knows nothing of: tokens, who may come in.
"""

from functools import cache
from html import escape
from pathlib import Path

from starlette.responses import HTMLResponse

_FIELD = """
.login { max-width: 400px; margin: 64px auto; padding: 0 12px; }
.login form > * + * { margin-top: 12px; }
.login label { display: block; font-size: 13px; color: var(--quiet); margin-bottom: 4px; }
.login [role="alert"] { color: var(--bad); }
.login :focus-visible { outline-offset: 0; border-radius: 6px; }
.login input {
  width: 100%; font: inherit; color: var(--ink); background: var(--card);
  border: 1px solid var(--field); border-radius: 6px; padding: 6px 12px;
}
"""
# Without a script the page follows the system's theme alone.
_DARK = "@media (prefers-color-scheme: dark) { :root:root { %s } }"
# The page's form has to say where it comes from, which no-referrer would hide.
_HEADERS = {
    "referrer-policy": "same-origin",
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}


def login_page(said: str = "", code: int = 200) -> HTMLResponse:
    """The field for the token. said: what was wrong with the one before."""
    wrong = f'<p role="alert">{escape(said)}</p>' if said else ""
    body = (
        f'<div class="card"><h1>osetra</h1>{wrong}<form method="post" action="/login"><div><label for="token">Token</label>'
        # Whoever keeps passwords for people wants a name beside it.
        '<input name="name" value="osetra" autocomplete="username" hidden>'
        '<input id="token" name="token" type="password" autocomplete="current-password" autofocus required></div>'
        '<button class="btn main">Enter</button></form>'
        '<p class="quiet small">The terminal where <code>osetra ui</code> was started shows it, or <code>OSETRA_TOKEN</code> holds it.</p>'
        "</div>"
    )
    return _page(body, code)


def entered_page() -> HTMLResponse:
    """Leads to the dashboard. A redirect would not do: after a link from elsewhere the cookie is sent only once a page of ours leads on."""
    head = '<meta http-equiv="refresh" content="0;url=/">'
    return _page('<p>Welcome. <a href="/">Go to the dashboard</a></p>', 200, head)


def _page(body: str, code: int, head: str = "") -> HTMLResponse:
    page = (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><title>osetra</title>{head}'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_style()}</style></head>'
        f'<body><main class="login">{body}</main></body></html>'
    )
    return HTMLResponse(page, code, _HEADERS)


@cache
def _style() -> str:
    css = (Path(__file__).parent / "page.css").read_text(encoding="utf-8")
    dark = css.partition(':root[data-theme="dark"] {')[2].partition("}")[0]
    return css + _FIELD + _DARK % dark

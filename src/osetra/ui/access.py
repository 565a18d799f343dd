"""Who may come in: a layer around the whole application, pages, sockets and the API alike.

    a name      Host must be a name of this machine, or the one that was asked for: a page elsewhere cannot have a name of its own made to
                lead here (DNS rebinding)
    an origin   what comes from another site's page is refused, but for a link that leads here; a socket and whatever changes something
                must come from a page of the dashboard, or from a program that holds no cookie
    a token     beyond loopback, or where OSETRA_TOKEN is set: once as a link or typed, from then on a cookie; of programs in each request

Every answer gets headers that keep browsers from more than it needs. Bodies are bounded.
Knows nothing of: studies, what is asked for.
"""

import hmac
import ipaddress
import os
import secrets
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import cookie_parser
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from osetra.core.errors import InputError
from osetra.ui.attempts import Attempts
from osetra.ui.files import MOST_BYTES
from osetra.ui.login import entered_page, login_page

TOKEN_VARIABLE = "OSETRA_TOKEN"  # noqa: S105 -- a name
LEAST_TOKEN = 16
"""Characters."""
MOST_BODY = 1_000_000
"""Bytes of a request that hands over no file."""
_UPLOADS = "/_nicegui/client/"
_ENVELOPE = 100_000
"""Bytes that a form puts around a file."""
_EVERYWHERE = ("0.0.0.0", "::", "")  # noqa: S104 -- compared with, not listened at
_SAFE = ("GET", "HEAD", "OPTIONS")
# Scripts need the nonce of their page. Vue compiles the templates of a page's elements, for which it needs eval; figures set styles.
_POLICY = (
    "default-src 'none'; script-src 'self' 'nonce-{nonce}' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; "
    "font-src 'self' data:; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_BARE_POLICY = "default-src 'none'; frame-ancestors 'none'"
_HEADERS = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What holds for one server."""

    host: str
    """That it listens at, as asked for."""
    port: int
    token: str | None
    """None: whoever reaches it on this machine may come in."""

    @property
    def is_local(self) -> bool:
        return _is_loopback(self.host)

    def knows(self, host: str) -> bool:
        """Whether a Host header names this server. Where it listens on all addresses any name may, and the token alone decides."""
        name = _name_of(host)
        if name is None:
            return False
        return _is_loopback(name) or name == self.host.lower().strip("[]") or (self.host in _EVERYWHERE and self.token is not None)


def rules_for(host: str, port: int) -> tuple[Rules, bool]:
    """(the rules of a server at this place, whether its token was made here and should be shown).

    Raises InputError for a token in OSETRA_TOKEN that is too short to be one.
    """
    given = os.environ.get(TOKEN_VARIABLE, "")
    if given:
        if len(given) < LEAST_TOKEN or not given.isascii() or not given.isprintable() or " " in given:
            raise InputError(
                f"{TOKEN_VARIABLE} must have at least {LEAST_TOKEN} printable ASCII characters and no spaces, got {len(given)}; "
                "take it away to have a token made, or make one: python -c 'import secrets; print(secrets.token_urlsafe())'"
            )
        return Rules(host=host, port=port, token=given), False
    if _is_loopback(host):
        return Rules(host=host, port=port, token=None), False
    return Rules(host=host, port=port, token=secrets.token_urlsafe(24)), True


class Access:
    """The layer; `app` is what is behind it."""

    def __init__(self, app: ASGIApp, rules: Rules) -> None:
        self.app = app
        self.rules = rules
        self._attempts = Attempts()
        # Cookies of other servers on this machine's name come here too, so each has a name of its own; and what it holds is not the token.
        self._cookie = f"osetra-{rules.port}"
        self._session = secrets.token_urlsafe(32)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope, headers)
        if scope["type"] == "websocket":
            if refusal is not None:
                await receive()
                await send({"type": "websocket.close", "code": 1008, "reason": "refused"})
                return
            await self.app(_trusted(scope), receive, send)
            return
        guarded = _Guarded(send, nonce=secrets.token_urlsafe(16))
        if refusal is None and scope["path"] == "/login":
            refusal = await self._login(scope, receive)
        if refusal is not None:
            await refusal(scope, receive, guarded)
            return
        await _bounded(self.app, _trusted(scope), receive, guarded)

    def _refusal(self, scope: Scope, headers: Headers) -> Response | None:
        """The answer to what may not come in; None: it may."""
        if not self.rules.knows(headers.get("host", "")):
            return _said(scope, 421, f"this dashboard is not called {headers.get('host', '')!r}; start it with --host and that name")
        has_bearer = headers.get("authorization", "").lower().startswith("bearer ")
        has_cookie = self._cookie in cookie_parser(headers.get("cookie", ""))
        if not is_same_origin(scope, headers, trust_no_origin=has_bearer or not has_cookie):
            return _said(scope, 403, "this came from another site's page; open the dashboard by its own address")
        if self.rules.token is None or scope["path"] == "/login":
            return None
        if has_cookie and hmac.compare_digest(cookie_parser(headers["cookie"])[self._cookie].encode(), self._session.encode()):
            return None
        if has_bearer:
            if self._attempts.are_too_many(scope):
                return _too_many(scope)
            if self._is_token(headers["authorization"][7:].strip()):
                return None
            self._attempts.note_failure(scope)
        is_page = scope["type"] == "http" and scope["method"] in ("GET", "HEAD") and "text/html" in headers.get("accept", "")
        if is_page and not scope["path"].startswith("/api/"):
            return RedirectResponse("/login", 303)
        told = "a token is needed: Authorization: Bearer TOKEN, as the terminal shows it where the dashboard was started"
        return _said(scope, 401, told, {"www-authenticate": "Bearer"})

    async def _login(self, scope: Scope, receive: Receive) -> Response:
        """The page with the field; with the token, by link or typed, the cookie."""
        if self.rules.token is None:
            return RedirectResponse("/", 303)
        if scope["method"] in ("GET", "HEAD"):
            given = parse_qs(scope["query_string"].decode("latin-1")).get("token", [""])[0]
        elif scope["method"] == "POST":
            form = await _body(receive, 10_000)
            given = "" if form is None else parse_qs(form.decode("latin-1")).get("token", [""])[0].strip()
        else:
            return _said(scope, 405, "the login page is read with GET or sent with POST", {"allow": "GET, HEAD, POST"})
        if not given and scope["method"] != "POST":
            return login_page()
        if self._attempts.are_too_many(scope):
            return login_page("Too many attempts. Wait a minute and try again.", 429)
        if not self._is_token(given):
            self._attempts.note_failure(scope)
            return login_page("That is not the token.", 403)
        response = entered_page()
        is_safe = scope.get("scheme") == "https"
        response.set_cookie(self._cookie, self._session, max_age=30 * 86_400, httponly=True, samesite="strict", secure=is_safe)
        return response

    def _is_token(self, given: str) -> bool:
        assert self.rules.token is not None
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), self.rules.token.encode())


def is_same_origin(scope: Scope, headers: Headers, *, trust_no_origin: bool) -> bool:
    """Whether a request comes from a page of this server, from outside of any page, or follows a link.

    trust_no_origin: whether one that changes something may do without saying where it comes from. Browsers always say it, programs do not;
    only one that holds a cookie could be a browser that is made to act for somebody.
    """
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    is_change = scope["type"] == "websocket" or scope["method"] not in _SAFE
    # Scripts can set neither of the two headers. A form that hides where it comes from has the origin null and says its site.
    if origin is not None and not (origin == "null" and site == "same-origin"):
        named = urlsplit(origin)
        if named.scheme not in ("http", "https") or named.netloc.lower() != headers.get("host", "").lower():
            return False
    if site not in (None, "same-origin", "none"):
        is_link = headers.get("sec-fetch-mode") == "navigate" and headers.get("sec-fetch-dest") == "document"
        return is_link and not is_change
    return not is_change or origin is not None or site is not None or trust_no_origin


class _Guarded:
    """`send`, with headers for browsers; a page's scripts get the nonce without which none runs."""

    def __init__(self, send: Send, *, nonce: str) -> None:
        self._send, self._nonce = send, nonce
        self._start: Message | None = None
        self._page = bytearray()
        self.has_begun = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.has_begun = True
            # Not everybody keeps to names in lower case, by which they are found here.
            message["headers"] = [(name.lower(), value) for name, value in message.get("headers", ())]
            headers = MutableHeaders(raw=message["headers"])
            is_page = headers.get("content-type", "").startswith("text/html") and "content-disposition" not in headers
            policy = _POLICY.format(nonce=self._nonce) if is_page else _BARE_POLICY
            for name, value in {**_HEADERS, "content-security-policy": policy}.items():
                headers.setdefault(name, value)
            headers.setdefault("cache-control", "no-store")
            # A socket's answers go to anybody's page otherwise.
            del headers["access-control-allow-origin"]
            del headers["access-control-allow-credentials"]
            if is_page and headers["content-security-policy"] == policy:
                self._start = message
                return
        elif message["type"] == "http.response.body" and self._start is not None:
            self._page += message.get("body", b"")
            if message.get("more_body"):
                return
            page = bytes(self._page).replace(b"<script", b'<script nonce="%s"' % self._nonce.encode())
            MutableHeaders(raw=self._start["headers"])["content-length"] = str(len(page))
            await self._send(self._start)
            self._start, message = None, {"type": "http.response.body", "body": page}
        await self._send(message)


async def _bounded(app: ASGIApp, scope: Scope, receive: Receive, send: _Guarded) -> None:
    """Have `app` answer, but for a body that is too large."""
    most = MOST_BYTES + _ENVELOPE if scope["path"].startswith(_UPLOADS) else MOST_BODY
    declared = Headers(scope=scope).get("content-length", "0")
    taken, is_over = 0, not declared.isdecimal() or int(declared) > most

    async def counted() -> Message:
        nonlocal taken, is_over
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            is_over = True
            return {"type": "http.disconnect"}
        return message

    async def told(message: Message) -> None:
        if not is_over:
            await send(message)

    if not is_over:
        try:
            await app(scope, counted, told)
        except Exception:
            if not is_over:
                raise
    if is_over and not send.has_begun:
        limit = f"{most // 1_000_000} MB"
        await _said(scope, 413, f"a request must have at most {limit}; use the command line for larger files")(scope, receive, send)


async def _body(receive: Receive, most: int) -> bytes | None:
    """None where it is longer than `most` bytes."""
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > most:
            return None
        if not message.get("more_body"):
            return body


def _trusted(scope: Scope) -> Scope:
    """Without what only a proxy may say, which would find its way into pages."""
    kept = [(name, value) for name, value in scope["headers"] if not name.startswith(b"x-forwarded-")]
    return {**scope, "headers": kept}


def _said(scope: Scope, code: int, told: str, headers: dict[str, str] | None = None) -> Response:
    if scope["path"].startswith("/api"):
        return JSONResponse({"error": told}, code, headers)
    return PlainTextResponse(f"{told[:1].upper()}{told[1:]}.\n", code, headers)


def _too_many(scope: Scope) -> Response:
    return _said(scope, 429, "too many wrong tokens; wait a minute", {"retry-after": "60"})


def _name_of(host: str) -> str | None:
    """The name in a Host header, without its port; None for what is none."""
    try:
        found = urlsplit(f"//{host}")
        _ = found.port
    except ValueError:
        return None
    return found.hostname if host and found.netloc == host and "@" not in host else None


def _is_loopback(name: str) -> bool:
    bare: Any = name.lower().strip("[]")
    if bare == "localhost" or bare.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(bare).is_loopback
    except ValueError:
        return False

"""`osetra ui`: the dashboard as a web server.

    GZip( Access( FastAPI: /api the REST API, everything else NiceGUI's pages ) )

Knows nothing of: what pages show, who may come in.
"""

import errno
import importlib
import logging
import socket
import webbrowser
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from osetra.core.errors import InputError
from osetra.ui.access import TOKEN_VARIABLE, Access, Rules, rules_for
from osetra.ui.api import api_of
from osetra.ui.files import Files
from osetra.ui.reading import Reading
from osetra.ui.runs import Runs

if TYPE_CHECKING:
    from starlette.types import ASGIApp

PAGES = ("studies", "new", "trial", "model", "study")
"""In the order in which they are asked whether an address is theirs; names of studies may hold a slash, so `study` takes what is left."""
LATEST_S = 2
"""Seconds that open connections get when the server ends."""
AWAY_S = 30.0
"""Seconds that a page may be unheard of, as where training keeps the machine busy, before it has to be loaded anew."""
MOST_MESSAGE = 2_000_000
"""Bytes that a page may say at once through its socket; files come another way."""
_WILDCARDS = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}  # noqa: S104 -- which address leads to a server on all of them


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """What all pages share."""

    reading: Reading
    files: Files
    runs: Runs

    @property
    def folder(self) -> Path:
        """The working folder: nothing outside it is read."""
        return self.files.root

    @classmethod
    def of(cls, store: str, folder: str | Path = ".") -> "Dashboard":
        """Of a store, which may come into being later, and a working folder.

        Raises StoreError for a store that cannot be read, DataError for a folder that is none.
        """
        files, reading = Files(folder), Reading(None, store)
        if reading.has_store:
            # Opened once now, so that whoever started the dashboard hears what is wrong with it.
            reading.store.studies()
        return cls(reading=reading, files=files, runs=Runs(store, files))


def serve(store: str, *, folder: str | Path = ".", host: str = "127.0.0.1", port: int = 8888, show: bool = False) -> None:
    """Serve until interrupted; the address is printed, with the token once where it was made here.

    host: another than loopback asks for a token. port: 0 takes a free one. show: open a browser.
    Raises StoreError, DataError as `Dashboard.of`, InputError for a place that cannot be listened at.
    """
    dashboard = Dashboard.of(store, folder)
    listening = _listen(host, port)
    with listening:
        port = listening.getsockname()[1]
        rules, is_new = rules_for(host, port)
        address = f"http://{_WILDCARDS.get(host, f'[{host}]' if ':' in host else host)}:{port}"
        entrance = f"{address}/login?token={rules.token}" if is_new else address
        app = application(dashboard, rules)
        for sentence in _opening(store, entrance, rules, is_new=is_new):
            print(sentence, flush=True)  # noqa: T201
        if show:
            webbrowser.open(entrance)
        try:
            _server(app).run([listening])
        except KeyboardInterrupt:
            pass
        finally:
            dashboard.runs.close()


def _opening(store: str, entrance: str, rules: Rules, *, is_new: bool) -> Iterator[str]:
    yield f"The dashboard of {store} is at {entrance}"
    if is_new:
        yield "The link holds the token, which is asked for once in each browser and is not shown again."
    elif rules.token is not None:
        yield f"It asks for the token in {TOKEN_VARIABLE}."
    if rules.host in _WILDCARDS:
        yield "From another machine, put the name of this one in place of the address."
    if not rules.is_local:
        yield "What goes over the network is not encrypted: use it where you trust the network, or listen on loopback and come by ssh -L."
    yield "Ctrl-C ends it; what was started in it goes on."


def application(dashboard: Dashboard, rules: Rules) -> "ASGIApp":
    """Everything, as one ASGI application. Of a process there can be one, since NiceGUI keeps its pages in the process."""
    from fastapi import FastAPI
    from nicegui import ui
    from starlette.middleware.gzip import GZipMiddleware

    inner = FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    inner.mount("/api", api_of(dashboard.reading))
    for name in PAGES:
        importlib.import_module(f"osetra.ui.pages.{name}").install(dashboard)
    ui.run_with(inner, title="osetra", language="en-US", dark=None, tailwind=False, gzip_middleware_factory=None, reconnect_timeout=AWAY_S)
    return GZipMiddleware(Access(inner, rules), minimum_size=1000, compresslevel=5)


def _server(app: "ASGIApp") -> Any:
    import uvicorn

    # An open page's socket ends with the server, which is no news.
    logging.getLogger("uvicorn.error").addFilter(lambda record: "Cancel" not in record.getMessage())
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, ws="wsproto", proxy_headers=False, server_header=False,
        timeout_graceful_shutdown=LATEST_S, ws_max_size=MOST_MESSAGE,
    )  # fmt: skip
    return uvicorn.Server(config)


def _listen(host: str, port: int) -> socket.socket:
    """A socket at that place. Raises InputError where there can be none."""
    if not 0 <= port <= 65_535:
        raise InputError(f"a port must lie between 0 and 65535, got {port}; leave it out for 8888")
    try:
        family, kind, protocol, _, place = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except (OSError, UnicodeError) as error:
        raise InputError(f"a host must be an address of this machine, got {host!r} ({error}); 127.0.0.1 is this machine alone") from error
    made = socket.socket(family, kind, protocol)
    try:
        # A port that was left a moment ago can be had again; on Windows the option would take one that is in use.
        if socket.SO_REUSEADDR and hasattr(socket, "AF_UNIX"):
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        made.bind(place)
        made.listen(128)
    except OSError as error:
        made.close()
        if error.errno == errno.EADDRINUSE:
            raise InputError(f"port {port} of {host} is taken, perhaps by another dashboard; choose another with --port, or 0") from error
        if error.errno == errno.EACCES:
            raise InputError(f"port {port} may not be used by everybody; choose one above 1023 with --port") from error
        told = error.strerror or error
        raise InputError(f"a host must be an address of this machine, got {host!r} ({told}); 127.0.0.1 is this machine alone") from error
    return made

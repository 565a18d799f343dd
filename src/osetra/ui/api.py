"""The REST API: everything that the dashboard shows, as JSON, and commands to trials. Its description is at `openapi.json`.

Errors are `{"error": "what was required, what came, what to do"}`: 404 for what there is not, 409 for what cannot be done as things stand,
422 for a request of another form than described, 503 where the store cannot be read.
Knows nothing of: who may ask (`access` has decided that), what there is to ask for.
"""

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from osetra import __version__
from osetra.core.errors import InputError, StoreError
from osetra.ui import answers
from osetra.ui.answers import plain
from osetra.ui.routes import routes

if TYPE_CHECKING:
    from osetra.ui.reading import Reading

_ALWAYS: dict[int | str, dict[str, Any]] = {
    422: {"model": answers.Failure, "description": "The request is not as described"},
    503: {"model": answers.Failure, "description": "The store cannot be read"},
}


def api_of(reading: "Reading") -> ASGIApp:
    """The API of a store, to be mounted."""
    api = FastAPI(
        title="osetra", version=__version__, description="Studies, their trials and figures; commands to trials that train.",
        docs_url=None, redoc_url=None, default_response_class=Json, responses=_ALWAYS,
    )  # fmt: skip
    api.state.reading = reading
    api.include_router(routes)
    _tell_errors(api)
    return WholeNames(api)


class Json(JSONResponse):
    """JSON as the standard has it, in ASCII: a text may hold what UTF-8 has no bytes for."""

    def render(self, content: Any) -> bytes:
        """NaN and infinities become null."""
        return json.dumps(plain(content), allow_nan=False, separators=(",", ":")).encode("ascii")


class WholeNames:
    """Names of studies may hold a slash, which the address has as %2F; it stays one until the name has been found in the address."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope.get("raw_path"):
            raw = scope["raw_path"].partition(b"?")[0].decode("latin-1")
            kept = (quote(unquote(part), safe="") if _is_odd(part) else unquote(part) for part in raw.split("/"))
            scope = {**scope, "path": "/".join(kept)}
        await self.app(scope, receive, send)


def _is_odd(part: str) -> bool:
    return "/" in unquote(part) or "%" in unquote(part)


def _tell_errors(api: FastAPI) -> None:
    """Every error as `{"error": ...}`."""

    @api.exception_handler(HTTPException)
    async def told(request: Request, error: HTTPException) -> Response:
        if error.status_code == 405:
            # Starlette names those of the first address alone that fits.
            return Json({"error": f"{request.method} is not for this address"}, 405, {"allow": ", ".join(_methods(request))})
        if error.status_code == 400:
            return Json({"error": "the body of the request must be JSON; see openapi.json"}, 422)
        return Json({"error": error.detail}, error.status_code, error.headers)

    @api.exception_handler(RequestValidationError)
    async def senseless(_: Request, error: RequestValidationError) -> Response:
        said = "; ".join(f"{'.'.join(map(str, one['loc'][1:])) or one['loc'][0]}: {one['msg']}" for one in error.errors()[:5])
        return Json({"error": f"the request does not fit: {said}; see openapi.json"}, 422)

    @api.exception_handler(InputError)
    async def refused(_: Request, error: InputError) -> Response:
        return Json({"error": str(error)}, 503 if isinstance(error, StoreError) else 409)


def _methods(request: Request) -> list[str]:
    path = request.scope["path"].removeprefix(request.scope.get("root_path", ""))
    return sorted(
        {method for route in routes.routes if isinstance(route, Route) and route.path_regex.match(path) for method in route.methods or ()}
    )

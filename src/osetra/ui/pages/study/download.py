"""The report of a study as a file to download.

Knows nothing of: what is in a report.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi.responses import PlainTextResponse, Response
from nicegui import app

from osetra.core.errors import OsetraError

if TYPE_CHECKING:
    from osetra.ui.server import Dashboard


def install(dashboard: "Dashboard") -> None:
    """At /study/NAME/report.html."""

    @app.get("/study/{name:path}/report.html")
    async def report(name: str) -> Response:
        try:
            page = await asyncio.to_thread(_made, dashboard, name)
        except OsetraError as error:
            return PlainTextResponse(str(error), status_code=404)
        return Response(page, media_type="text/html", headers={"Content-Disposition": f'attachment; filename="{_file_name(name)}"'})


def _made(dashboard: "Dashboard", name: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="osetra-") as folder:
        return dashboard.reading.study(name).report(Path(folder) / "report.html").read_bytes()


def _file_name(study: str) -> str:
    """A name that every system takes, whatever the study is called."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in study).strip("._")
    return f"{kept[:80] or 'study'}-report.html"

"""A saved model as a file to download: its folder, or an export.

Knows nothing of: what is in either.
"""

import asyncio
import io
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

from fastapi.responses import PlainTextResponse, Response
from nicegui import app

from osetra.core.errors import OsetraError
from osetra.models.files import RECORD, WEIGHTS
from osetra.ui import shell

if TYPE_CHECKING:
    from osetra.ui.pages.model.saved import SavedModels
    from osetra.ui.server import Dashboard

FORMS = {
    "folder": ("Model folder", "osetra's own form: osetra predict FOLDER DATA"),
    "onnx": ("ONNX", "For runtimes of every language; takes numbers"),
    "torch": ("PyTorch", "Source and weights of a torch.nn.Module; takes rows"),
    "numpy": ("NumPy", "Source and weights in NumPy alone; takes rows"),
}


def install(dashboard: "Dashboard", models: "SavedModels") -> None:
    """At /study/NAME/model/FORM."""

    @app.get("/study/{name:path}/model/download/{form}")
    async def download(name: str, form: str) -> Response:
        if form not in FORMS:
            return PlainTextResponse(f"A model is downloaded as one of {', '.join(FORMS)}.", status_code=404)
        try:
            content, ending = await asyncio.to_thread(_made, dashboard, models, name, form)
        except OsetraError as error:
            return PlainTextResponse(str(error), status_code=404)
        kind = "application/zip" if ending == "zip" else "application/octet-stream"
        file = f"{_plain(name)}{'' if form in ('folder', 'onnx') else f'_{form}'}.{ending}"
        return Response(content, media_type=kind, headers={"Content-Disposition": f'attachment; filename="{file}"'})


def links(name: str) -> None:
    """One for each form."""
    with shell.tag("div", "row"):
        shell.text("Download", "span", "quiet small")
        for form, (title, told) in FORMS.items():
            made = shell.link(title, shell.address("study", name, "model", "download", form), "btn").props("download")
            made._props["title"] = told


def _made(dashboard: "Dashboard", models: "SavedModels", name: str, form: str) -> tuple[bytes, str]:
    """The content and the ending of its name."""
    study = dashboard.reading.study(name)
    inside = _plain(name)
    if form == "folder":
        place = models.folder(study)
        models.of(study)
        return _zipped({f"{inside}/{part}": (place / part).read_bytes() for part in (RECORD, WEIGHTS)}), "zip"
    model = models.of(study)
    with tempfile.TemporaryDirectory(prefix="osetra-") as folder:
        files = model.export(form, Path(folder) / (f"{inside}.onnx" if form == "onnx" else f"{inside}.py"))
        if form == "onnx":
            return files[0].read_bytes(), "onnx"
        return _zipped({file.name: file.read_bytes() for file in files}), "zip"


def _zipped(files: dict[str, bytes]) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, held in files.items():
            archive.writestr(name, held)
    return content.getvalue()


def _plain(study: str) -> str:
    """A name that every system takes and Python imports, whatever the study is called."""
    kept = "".join(c if c.isascii() and c.isalnum() else "_" for c in study).strip("_")[:80]
    return kept if kept[:1].isalpha() else f"model_{kept}".rstrip("_")
